"""The facts a card may state: the name of each, what it means, and which values it takes."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

Check = Callable[[Any], bool]
MODALITIES = ("text", "image", "audio", "video", "pdf")
TUNINGS = ("full", "lora", "qlora")
"""As `srl.tuning` and `rlvr.tuning` call them."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fact means, what it takes in words, and whether a value is that."""

    what: str
    takes: str
    fits: Check


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _positive(what: str) -> Kind:
    return Kind(what, "a number > 0", lambda value: _number(value) and value > 0)


def _count(what: str) -> Kind:
    return Kind(
        what,
        "a whole number of at least 1",
        lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1,
    )


def _price(what: str) -> Kind:
    return Kind(what, "a number of at least 0", lambda value: _number(value) and value >= 0)


def _share(what: str) -> Kind:
    return Kind(what, "a share from 0 to 1", lambda value: _number(value) and 0 <= value <= 1)


def _claim(what: str) -> Kind:
    share = _share(what)
    takes = "true, false or a share from 0 to 1"
    return Kind(what, takes, lambda value: isinstance(value, bool) or share.fits(value))


def _flag(what: str) -> Kind:
    return Kind(what, "true or false", lambda value: isinstance(value, bool))


def _text(what: str) -> Kind:
    return Kind(what, "a text", lambda value: isinstance(value, str) and bool(value.strip()))


def _listed(what: str, takes: str, fits: Check) -> Kind:
    return Kind(
        what,
        takes,
        lambda value: isinstance(value, list | tuple) and bool(value) and all(map(fits, value)),
    )


def _among(what: str, words: tuple[str, ...]) -> Kind:
    return _listed(what, f"a list of {', '.join(words)}", lambda one: one in words)


def day(value: Any) -> date | None:
    """The date a value says, as `2026-11-23`; None where it says none."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z]+)?|multilingual")

FACTS: dict[str, Kind] = {
    "parameters_b": _positive("parameters in all, 10^9"),
    "active_parameters_b": _positive("parameters that a token is computed with, 10^9"),
    "context_tokens": _count("tokens of prompt and answer together"),
    "licence": _text("identifier of the licence: apache-2.0, mit, llama3.1; proprietary"),
    "release_date": Kind("the day it was published", "a date: 2026-11-23", lambda v: bool(day(v))),
    "languages": _listed(
        "languages it was made for",
        "a list of codes: en, de, pt-BR; multilingual",
        lambda one: isinstance(one, str) and bool(LANGUAGE.fullmatch(one)),
    ),
    "modalities": _among("what it reads", MODALITIES),
    "tool_calling": _claim("whether it calls tools, or how well"),
    "tuning_methods": _among("ways of training it", TUNINGS),
    # -- architecture ------------------------------------------------------------------------------
    "architecture": _text("its config's model_type: llama, qwen3"),
    "num_layers": _count("layers"),
    "hidden_size": _count("width of the states between layers"),
    "intermediate_size": _count("width inside a layer's feed-forward part"),
    "num_heads": _count("attention heads of a layer"),
    "num_kv_heads": _count("heads of keys and values of a layer"),
    "head_size": _count("width of a head"),
    "kv_size": _count("width of the keys of a layer, and of its values: num_kv_heads * head_size"),
    "vocabulary": _count("entries of the embeddings"),
    "tie_embeddings": _flag("whether the output layer is the embeddings"),
    "window_tokens": _count("tokens that layers with a sliding window look back"),
    "num_experts": _count("experts of a layer, of a mixture of experts"),
    # -- published scores --------------------------------------------------------------------------
    "ifeval": _share("IFEval: instructions followed to the letter"),
    "mmlu_redux": _share("MMLU-Redux: knowledge, corrected questions"),
    "mmlu_pro": _share("MMLU-Pro: knowledge, ten choices"),
    "mmlu": _share("MMLU: knowledge, four choices"),
    "mmlu_base": _share("MMLU of the model before instruction tuning"),
    "gsm8k": _share("GSM8K: word problems"),
    "math": _share("MATH or MATH-500: competition problems"),
    "humaneval": _share("HumanEval: programs that pass their tests"),
    "gpqa": _share("GPQA diamond: questions for experts"),
    "bfcl": _share("Berkeley Function-Calling Leaderboard; the source says which version"),
    "accuracy": _share("accuracy on the role's own kind of task"),
    "f1": _share("F1 on the role's own kind of task"),
    "creativity": _share("a judge's share of wins in writing"),
    # -- use and price -----------------------------------------------------------------------------
    "for_pay": _flag("whether it is used through its vendor's API alone"),
    "price_input_usd_per_1m": _price("US dollars for 10^6 tokens read"),
    "price_output_usd_per_1m": _price("US dollars for 10^6 tokens written"),
    "hub_downloads_per_month": Kind(
        "downloads from the hub in the month before the date",
        "a whole number",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and v >= 0,
    ),
    "libraries": _listed(
        "libraries that name it as supported", "a list of texts", lambda v: isinstance(v, str)
    ),
}
