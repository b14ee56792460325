"""What older methods make of the same tasks, as rows of attempts.jsonl: VADER, TF-IDF.

A small model that does not beat these is not worth its memory, so the report always shows them.
"""

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

from srlr.core.errors import ConfigError
from srlr.core.types import Task
from srlr.evaluation.outcomes import Schema

SENTIMENTS = frozenset({"negative", "neutral", "positive"})


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

    The confidence is the largest class probability.

    Raises:
        ConfigError: the training rows are none, have one label only, or no word of two letters.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    gold = [task.answer[schema.label] for task in train_tasks]
    if len(set(gold)) < 2:
        raise ConfigError(
            f"{len(gold)} training rows with {len(set(gold))} labels cannot fit a classifier",
            "raise generate.num_tasks, or check role.data and role.where",
        )
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegression(max_iter=1000, random_state=seed),
    )
    try:
        model.fit([task.prompt for task in train_tasks], gold)
    except ValueError as error:  # an empty vocabulary
        raise ConfigError(
            f"TF-IDF finds no words in the training rows: {error}", "check role.data"
        ) from error
    known = list(model.classes_)

    def answer(text: str) -> dict[str, Any]:
        shares = model.predict_proba([text])[0]
        label = known[int(shares.argmax())]
        confidence = {schema.confidence: float(shares.max())} if schema.confidence else {}
        return {schema.label: label, **confidence}

    return _attempts("tfidf", tasks, answer)


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
