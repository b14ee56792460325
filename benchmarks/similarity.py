"""The similarity reward against difflib without its junk heuristic, and the slowest texts known.

python -m benchmarks.similarity
"""

import random
import time
from difflib import SequenceMatcher

from benchmarks.timing import alternate, machine, ratios, spread, table
from srlr.rewards.similarity import Mode, Similarity

PAIRS = 1000
TURNS = 20
CHARS = 1000
VOCABULARY = """
    the of to and a in is that so we if then with from each it total both left by are one first have
    get next for equal value sum minus plus times number two cost price apples divide three multiply
    money half remaining subtract per hours equation sides factor substitute triangle angle percent
    probability therefore simplify quotient remainder ordering tickets kilometres
"""
WORDS = VOCABULARY.split()
FREQUENCIES = [1 / rank for rank in range(1, len(WORDS) + 1)]


def prose(draw: random.Random) -> list[str]:
    """About CHARS characters of words, each as frequent as its rank makes it in a language."""
    words: list[str] = []
    while sum(map(len, words)) + len(words) < CHARS:
        words += draw.choices(WORDS, FREQUENCIES)
    return words


def pairs(draw: random.Random) -> list[tuple[str, str]]:
    """By turns: three words in ten changed, the halves swapped, two unrelated texts."""
    found = []
    for number in range(PAIRS):
        expert = prose(draw)
        half = len(expert) // 2
        said = (
            [draw.choice(WORDS) if draw.random() < 0.3 else word for word in expert],
            expert[half:] + expert[:half],
            prose(draw),
        )[number % 3]
        found.append((" ".join(said), " ".join(expert)))
    return found


def against_difflib(mode: Mode, texts: list[tuple[str, str]]) -> list[str]:
    """One row. Every pair is compared once, so that nothing is remembered."""
    size = PAIRS // TURNS
    ours: list[float] = []
    peer: list[float] = []
    ratio = Similarity(mode).ratio
    items = str.split if mode == "word" else str

    def difflib_turn(turn: int) -> None:
        for said, expert in texts[turn * size : (turn + 1) * size]:
            matcher = SequenceMatcher(None, items(said), items(expert), autojunk=False)
            peer.append(matcher.ratio())

    def our_turn(turn: int) -> None:
        ours.extend(ratio(*pair) for pair in texts[turn * size : (turn + 1) * size])

    seconds = alternate({"difflib": difflib_turn, "ours": our_turn}, TURNS, time.process_time)
    return [
        mode,
        spread(seconds["difflib"], "{:.2f}", 1000 / size),
        spread(seconds["ours"], "{:.2f}", 1000 / size),
        spread(ratios(seconds["difflib"], seconds["ours"]), "{:.0f}"),
        f"{max(abs(a - b) for a, b in zip(peer, ours, strict=True)):.3g}",
    ]


def slowest(texts: dict[str, tuple[str, str]], chars: int) -> list[str]:
    """Milliseconds of the processor for one pair of `chars` characters, each kind of text."""
    row = [f"{chars:,}"]
    for said, expert in texts.values():
        start = time.process_time()
        Similarity(max_chars=chars).ratio(said[:chars], expert[:chars])
        row.append(f"{1000 * (time.process_time() - start):.1f}")
    return row


def main() -> None:
    draw = random.Random(7)
    texts = pairs(draw)
    print("## Similarity reward\n")
    print(machine("cydifflib"))
    print(
        f"\n{PAIRS:,} pairs of about {CHARS:,} characters, a third each: 30 % of the words "
        f"changed, halves swapped, unrelated. Median and quartiles of {TURNS} turns of "
        f"{PAIRS // TURNS} pairs, in processor time (both sides use one thread).\n"
    )
    headers = [
        "mode",
        "difflib, ms a pair",
        "ours, ms a pair",
        "times faster",
        "largest difference",
    ]
    print(table(headers, [against_difflib(mode, texts) for mode in ("char", "word")]))
    long = " ".join(word for _ in range(3) for word in prose(draw))
    kinds = {
        "prose, unrelated": (" ".join(word for _ in range(3) for word in prose(draw)), long),
        "one letter over and over, prose": ("e" * 3000, long),
        "two tables of 0 and 1": ("0 & 1 & " * 400, r"0 & 0 & 1 \\ " * 300),
        "worst known": (
            "".join("aa" + chr(1000 + n) for n in range(1000)),
            "".join("aa" + chr(20000 + n) for n in range(1000)),
        ),
    }
    print("\nThe slowest texts, mode char, ms a pair:\n")
    rows = [slowest(kinds, chars) for chars in (500, 1500, 2000)]
    print(table(["characters, at `max_chars`", *kinds], rows))


if __name__ == "__main__":
    main()
