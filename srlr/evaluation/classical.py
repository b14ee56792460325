"""What older methods make of the same tasks, as rows of attempts.jsonl: VADER, TF-IDF.

A small model that does not beat these is not worth its memory, so the report always shows them.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from srlr.core.errors import ConfigError
from srlr.core.types import Task
from srlr.evaluation import flags
from srlr.evaluation.outcomes import Schema

SENTIMENTS = frozenset({"negative", "neutral", "positive"})
Likeliest = Callable[[str], tuple[Any, float]]
"""A text's likeliest label, and its share in [0, 1]."""


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
    except ValueError as error:  # an empty vocabulary
        raise ConfigError(
            f"TF-IDF finds no words in the training rows: {error}", "check role.data"
        ) from error

    def answer(text: str) -> dict[str, Any]:
        label, share = likeliest(text)
        return {schema.label: label, **({schema.confidence: share} if schema.confidence else {})}

    return _attempts("tfidf", tasks, answer)


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

    def likeliest(text: str) -> tuple[Any, float]:
        shares = model.predict_proba([text])[0]
        return known[int(shares.argmax())], float(shares.max())

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

    def likeliest(text: str) -> tuple[Any, float]:
        anything, sure = whether(text)
        if not anything:
            return nothing, sure
        label, share = which(text)
        return label, sure * share

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
