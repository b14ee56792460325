"""What a model's step is worth: how much of the expert's action its own action reproduces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from srlr.core.types import Reward, Step
from srlr.rewards.blocks import Items, matched

Mode = Literal["char", "word", "token", "lcs"]

MALFORMED = Reward(-1.0, "malformed")


@dataclass(frozen=True, slots=True)
class Similarity:
    """How two actions are compared.

        ratio = 2M / T     M  items of matching blocks, or of the longest common subsequence
                           T  items of both actions together

    `char`, `word`, `token`: the blocks of difflib.SequenceMatcher(None, said, expert,
    autojunk=False), over characters, words between white space, or the ids that `encode` gives
    (of a tokenizer, without its special tokens). `lcs`: the longest common subsequence of the
    characters, never less than `char`; its blocks may be single letters, so that unrelated texts
    look more alike.

    Where longest blocks tie, difflib's ratio depends on which text comes first; `symmetric` takes
    the mean of both orders.

    Actions of more than `max_chars` characters are compared piece by piece: the first `max_chars`
    of one with the first of the other, and so on. T counts everything, also what has no
    counterpart: equal texts are worth 1 at any length, and an action far longer than the expert's
    little.

    Time is bounded by length, never by the clock, so that a resumed run sees the same rewards: for
    each piece of the expert's action at most the square of `max_chars` for lcs and its cube for
    the others, which only texts that repeat a few characters come near to. Measured on one core of
    a server for 1,500 characters (benchmarks/README.md): 5 ms on unrelated prose, 0.2 s on one
    letter over and over against prose, 1.2 s on the slowest texts known.
    """

    mode: Mode = "char"
    symmetric: bool = False
    max_chars: int = 1500
    encode: Callable[[str], Sequence[int]] | None = None
    """For mode `token`. Pass the same function each time: comparisons are remembered by it."""

    def __post_init__(self) -> None:
        if self.mode == "token" and self.encode is None:
            raise ValueError("mode 'token' needs encode: a function from a text to its token ids")

    def ratio(self, said: str, expert: str) -> float:
        """The likeness of two texts in [0, 1]; two empty ones are alike."""
        return _ratio(self, said, expert)

    def step_reward(self, said: Step | None, expert: Step) -> Reward:
        """The ratio of the two actions, or MALFORMED (-1) where there is no action.

        Reasoning is not compared: the model may think its own way to the expert's move.

        Source: Deng et al. 2025, arXiv:2510.25992, "sequence similarity reward".
        """
        if said is None or not said.action.strip():
            return MALFORMED
        ratio = self.ratio(said.action, expert.action)
        return Reward(ratio, f"{ratio:.0%} of the two actions match")


@lru_cache(maxsize=8192)  # twice the answers of a step as large as the paper's, 512 prompts x 8
def _ratio(how: Similarity, said: str, expert: str) -> float:
    mine, theirs = _pieces(how, said), _pieces(how, expert)
    alike = sum(_matched(how, *pair) for pair in zip(mine, theirs, strict=False))
    total = sum(len(piece) for piece in (*mine, *theirs))
    return 2.0 * alike / total if total else 1.0


def _pieces(how: Similarity, text: str) -> list[Items]:
    starts = range(0, len(text), how.max_chars)
    return [_items(how, text[start : start + how.max_chars]) for start in starts]


def _items(how: Similarity, text: str) -> Items:
    if how.mode == "word":
        return text.split()
    return how.encode(text) if how.mode == "token" and how.encode else text


def _matched(how: Similarity, said: Items, expert: Items) -> float:
    if how.mode == "lcs":
        from rapidfuzz.distance import LCSseq

        return LCSseq.similarity(said, expert)
    if how.symmetric:
        return (matched(said, expert) + matched(expert, said)) / 2.0
    return matched(said, expert)
