"""What older methods make of the same tasks, as rows of attempts.jsonl: VADER, TF-IDF.

Of findings (a line and what is wrong with it) each line is classified by itself.

A small model that does not beat these is not worth its memory, so the report always shows them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

from srlr.core.errors import ConfigError
from srlr.core.profile import RoleProfile
from srlr.core.types import Task
from srlr.evaluation import flags
from srlr.evaluation.outcomes import Schema

SENTIMENTS = frozenset({"negative", "neutral", "positive"})
NO_FINDING = "none"
Likeliest = Callable[[Sequence[str]], list[tuple[Any, float]]]
"""Each text's likeliest label, and its share in [0, 1]."""


def applies_tfidf(profile: RoleProfile) -> bool:
    """A role that classifies, or that analyses and comes to one of a few labels."""
    return profile.family == "classification" or (
        profile.family == "expert_analysis" and len(profile.labels) > 1
    )


def applies_vader(schema: Schema) -> bool:
    """VADER knows exactly three labels; it is no comparison for a role with others."""
    return frozenset(schema.labels) == SENTIMENTS


def vader(tasks: Sequence[Task], schema: Schema) -> list[dict[str, Any]]:
    """VADER's rules: positive from a compound score of 0.05, negative from −0.05, else neutral.

    Its answers carry no confidence.

    Raises:
        ConfigError: the role's labels are not negative, neutral, positive.

    Source: Hutto & Gilbert 2014; thresholds: vaderSentiment 3.3.2, README, "About the Scoring".
    """
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    if not applies_vader(schema):
        raise ConfigError(
            f"VADER answers negative, neutral or positive; the role has {', '.join(schema.labels)}",
            "leave this comparison out",
        )
    analyzer = SentimentIntensityAnalyzer()

    def answer(text: str) -> dict[str, Any]:
        compound = analyzer.polarity_scores(text)["compound"]
        label = "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
        return {schema.label: label}

    return _attempts("vader", tasks, answer)


def tfidf(
    train_tasks: Sequence[Task], tasks: Sequence[Task], schema: Schema, seed: int
) -> list[dict[str, Any]]:
    """Logistic regression on sublinear TF-IDF of words and word pairs.

    The confidence is the largest class probability. Where most labels are kinds of one thing and
    one says that there is nothing ("none"), whether there is anything is decided first, with both
    weighed alike, and then which: with few rows of each kind "none" would always be the likeliest.
    Where answers have findings, those are said of texts whose label is not "safe".

    Raises:
        ConfigError: the training rows are none, have one label only, or no word of two letters.
    """
    gold = [task.answer[schema.label] for task in train_tasks]
    if len(set(gold)) < 2:
        raise ConfigError(
            f"{len(gold)} training rows with {len(set(gold))} labels cannot fit a classifier",
            "raise generate.num_tasks, or check role.data and role.where",
        )
    prompts = [task.prompt for task in train_tasks]
    try:
        likeliest = _two_steps(prompts, gold, seed) or _one_step(prompts, gold, seed)
        found_in = _by_line(train_tasks, seed)
    except ValueError as error:  # an empty vocabulary
        raise ConfigError(
            f"TF-IDF finds no words in the training rows: {error}", "check role.data"
        ) from error

    def answer(text: str) -> dict[str, Any]:
        ((label, share),) = likeliest([text])
        said = {schema.label: label, **({schema.confidence: share} if schema.confidence else {})}
        if found_in is not None:
            said["findings"] = [] if label in flags.NOTHING else found_in(text)
        return said

    return _attempts("tfidf", tasks, answer)


def _by_line(
    train_tasks: Sequence[Task], seed: int
) -> Callable[[str], list[dict[str, Any]]] | None:
    """The findings of a text: on each line that looks like one, or on the likeliest, the likeliest
    CWE in its usual severity. None where the training rows have no findings.
    """
    lines: list[tuple[str, str]] = []
    severities: dict[str, Counter[str]] = {}
    for task in train_tasks:
        known = {one["line"]: one for one in task.answer.get("findings") or ()}
        for number, line in enumerate(task.prompt.split("\n"), 1):
            one: Mapping[str, Any] = known.get(number, {})
            lines.append((line, str(one.get("cwe", NO_FINDING))))
            if one:
                severities.setdefault(lines[-1][1], Counter())[one["severity"]] += 1
    if not severities or all(cwe != NO_FINDING for _, cwe in lines):
        return None
    whether = _one_step([line for line, _ in lines], [cwe != NO_FINDING for _, cwe in lines], seed)
    which = _which([one for one in lines if one[1] != NO_FINDING], seed)

    def findings(text: str) -> list[dict[str, Any]]:
        asked = text.split("\n")
        weak = [share if found else 1 - share for found, share in whether(asked)]
        places = [n for n, share in enumerate(weak) if share > 0.5] or [weak.index(max(weak))]
        return [
            {"cwe": int(cwe), "line": n + 1, "severity": severities[cwe].most_common(1)[0][0]}
            for n, (cwe, _) in zip(places, which([asked[n] for n in places]), strict=True)
        ]

    return findings


def _which(lines: Sequence[tuple[str, str]], seed: int) -> Likeliest:
    """The label of each line; where they all have one, that."""
    labels = [label for _, label in lines]
    if len(set(labels)) == 1:
        return lambda texts: [(labels[0], 1.0) for _ in texts]
    return _one_step([line for line, _ in lines], labels, seed)


def _one_step(prompts: Sequence[str], gold: Sequence[Any], seed: int, **how: Any) -> Likeliest:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(max_iter=1000, random_state=seed, **how),
    )
    model.fit(prompts, gold)
    known = list(model.classes_)

    def likeliest(texts: Sequence[str]) -> list[tuple[Any, float]]:
        shares_NK = model.predict_proba(texts)
        return [(known[int(shares.argmax())], float(shares.max())) for shares in shares_NK]

    return likeliest


def _two_steps(prompts: Sequence[str], gold: Sequence[Any], seed: int) -> Likeliest | None:
    """None where no label says that there is nothing, or one alone that there is something."""
    nothing = next((label for label in gold if label in flags.NOTHING), None)
    if nothing is None or len(set(gold)) < 3:
        return None
    some = [(text, label) for text, label in zip(prompts, gold, strict=True) if label != nothing]
    whether = _one_step(
        prompts, [label != nothing for label in gold], seed, class_weight="balanced"
    )
    which = _one_step([text for text, _ in some], [label for _, label in some], seed)

    def likeliest(texts: Sequence[str]) -> list[tuple[Any, float]]:
        both = zip(whether(texts), which(texts), strict=True)
        return [
            (label, sure * share) if anything else (nothing, sure)
            for (anything, sure), (label, share) in both
        ]

    return likeliest


def _attempts(
    model: str, tasks: Sequence[Task], answer: Callable[[str], dict[str, Any]]
) -> list[dict[str, Any]]:
    rows = []
    for task in tasks:
        start = perf_counter()
        said = answer(task.prompt)
        rows.append(
            {
                "model": model,
                "task": task.id,
                "prompt": task.prompt,
                "text": None,
                "answer": said,
                "gold": dict(task.answer),
                "meta": dict(task.meta),
                "valid": True,
                "latency_s": perf_counter() - start,
                "tokens": 0,
            }
        )
    return rows
