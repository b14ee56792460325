"""A made-up run that looks like a real one: 400 labelled sentences, five models, two curves."""

import math
import random
from typing import Any

import pytest

from srlr.core.profile import RoleProfile
from srlr.core.settings import Hardware, ModelCard, Settings, Tier
from srlr.evaluation.outcomes import Schema
from srlr.evaluation.value import Extras

LABELS = ("negative", "neutral", "positive")
SKILL = {"baseline": 0.46, "srl": 0.72, "rlvr": 0.755, "vader": 0.55, "tfidf": 0.60}
SUBJECTS = ("The battery", "This camera", "Their support", "The second speaker", "Setup")
VERBS = ("lasts far longer than I hoped", "was not what the box promised", "arrived on a Tuesday")


def make_attempt(task: str, gold: str, said: str | None, **more: Any) -> dict[str, Any]:
    """A row with sensible values for all that a test does not care about."""
    confidence = more.pop("confidence", 0.8)
    return {
        "model": "srl",
        "task": task,
        "prompt": "It works.",
        "text": said,
        "answer": None if said is None else {"label": said, "confidence": confidence},
        "gold": {"label": gold},
        "meta": {},
        "valid": said is not None,
        "latency_s": 0.1,
        "tokens": 10,
        **more,
    }


def make_attempts(tasks: int = 400, seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    rows = []
    for n in range(tasks):
        gold = draw.choices(LABELS, (3, 2, 4))[0]
        negated = draw.random() < 0.25
        luck = draw.random()
        prompt = f"{draw.choice(SUBJECTS)} {draw.choice(VERBS)}"
        prompt += ", and I have tried four others before it" * draw.randrange(3) + "."
        meta = {"domain": draw.choice(("reviews", "tweets", "news")), "negation": negated}
        for model, skill in SKILL.items():
            rows.append(_answered(draw, model, skill - 0.2 * negated, luck, n, gold, prompt, meta))
    return rows


def _answered(draw, model, skill, luck, n, gold, prompt, meta):
    right = 0.5 * luck + 0.5 * draw.random() < skill
    said: str | None = gold if right else draw.choice([x for x in LABELS if x != gold])
    if model == "baseline" and draw.random() < 0.12:
        said = None
    confidence = round(min(1.0, max(0.34, draw.gauss(0.85 if right else 0.68, 0.12))), 2)
    answer = {"label": said, "confidence": confidence}
    if model == "vader":
        del answer["confidence"]
    steps = f"keywords: lasts longer, promised\npolarity: {said}\nanswer: {said} {confidence}"
    return make_attempt(
        f"review-{n:04d}",
        gold,
        said,
        model=model,
        prompt=prompt,
        text=None if model in ("vader", "tfidf") else steps if said else "I think that <b>it",
        answer=None if said is None else answer,
        meta=meta,
        valid=said is not None and (model != "baseline" or draw.random() < 0.5),
        latency_s=abs(draw.gauss(0.21, 0.04)),
        tokens=draw.randrange(24, 48),
    )


def make_metrics(seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for step in range(95):
        srl = {"loss": 0.4 + 2.1 * math.exp(-step / 18) + draw.gauss(0, 0.04), "beta": 0.1}
        srl |= {"kl": 0.09 * (1 - math.exp(-step / 30)) + abs(draw.gauss(0, 0.004)), "lr": 1e-4}
        if step % 10 == 0:
            f1 = 0.41 + 0.31 * (1 - math.exp(-step / 22)) + draw.gauss(0, 0.01)
            srl |= {"dev_macro_f1": f1, "dev_accuracy": f1 + 0.015, "dev_validity": 0.99}
        rows.append({"stage": "srl", "step": step, **srl})
    for step in range(60):
        reward = 0.62 + 0.1 * (1 - math.exp(-step / 25)) + draw.gauss(0, 0.025)
        rlvr = {"loss": draw.gauss(0.0, 0.02), "kl": step * 9e-4, "beta": 0.1 + step * 1e-3}
        rlvr |= {"reward": reward, "reward_label": reward + 0.05, "reward_confidence": 0.55}
        rlvr |= {"kept_share": 0.54 - step * 2e-3, "entropy": 0.9 - step * 4e-3}
        if step % 10 == 0:
            f1 = 0.718 + 0.06 * (1 - math.exp(-step / 25)) + draw.gauss(0, 0.006)
            rlvr |= {"dev_macro_f1": f1, "dev_accuracy": f1 + 0.012, "dev_validity": 0.995}
        rows.append({"stage": "rlvr", "step": step, **rlvr})
    return rows


def make_settings(**evaluate: Any) -> Settings:
    return Settings(
        role=RoleProfile(
            name="sentiment",
            family="classification",
            description="What a sentence feels.",
            data="vader",
            labels=LABELS,
            confidence="confidence",
        ),
        tier=Tier(name="gold", parameters_min_b=3, parameters_max_b=8),
        hardware=Hardware(name="cpu"),
        model=ModelCard(name="smollm2-135m-instruct", source="smollm2-135m-instruct"),
        evaluate={"bootstrap_samples": 400, **evaluate},
    )


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema("label", LABELS, "confidence")


@pytest.fixture(scope="session")
def attempts() -> list[dict[str, Any]]:
    return make_attempts()


@pytest.fixture(scope="session")
def metrics_rows() -> list[dict[str, Any]]:
    return make_metrics()


@pytest.fixture(scope="session")
def decision() -> dict[str, Any]:
    return {"model_selection": {"selected_model": "smollm2-135m-instruct", "stand_in_for": "gold"}}


@pytest.fixture(scope="session")
def extras() -> Extras:
    return Extras(
        run="2026-11-22T14-03-05_a1b2c3",
        seed=7,
        created="2026-11-22T14:17:40+00:00",
        machine="2 cores, 15 GB, no GPU",
        rows={"srl": 600, "rlvr": 600, "dev": 128, "test": 400},
        results={"srl": {"best_step": 90}, "rlvr": {"best_step": 50}},
        shots=3,
        seconds={"generate": 21, "srl": 243, "rlvr": 402, "evaluate": 61},
    )


@pytest.fixture(scope="session")
def settings() -> Settings:
    return make_settings()


@pytest.fixture(scope="session")
def new_attempt():
    """The function `make_attempt`: (task, gold, said, **more) → a row."""
    return make_attempt


@pytest.fixture(scope="session")
def new_settings():
    """The function `make_settings`: (**evaluate) → Settings."""
    return make_settings


@pytest.fixture(scope="session")
def report(attempts, settings, decision, metrics_rows, extras):
    from srlr.evaluation.report import build

    return build(attempts, settings, decision, metrics_rows, extras)


@pytest.fixture
def built(attempts, settings, decision, metrics_rows, extras):
    """build with everything of the made-up run, some of it replaced; `built.extras` are its own."""
    from srlr.evaluation.report import build

    def call(**other):
        given = {
            "attempts": attempts,
            "settings": settings,
            "decision": decision,
            "metrics_rows": metrics_rows,
            "extras": extras,
            **other,
        }
        return build(**given)

    call.extras = extras
    return call
