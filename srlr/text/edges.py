"""Edge cases that texts of any role may be: what a model must not only have met by chance."""

import re
from collections.abc import Iterator

from srlr.text.dedup import normalise

KINDS = ("negation", "empty", "very_long", "adversarial")
LONG = 3.0
"""Times the median length from which a text is very long."""

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nothing|nobody|neither|nor|without|cannot|\w+n['’]t)\b", re.IGNORECASE
)
_ADVERSARIAL = re.compile(
    r"""\b(?:ignore|disregard|forget|override)\b[^.\n]{0,40}\b(?:previous|above|prior|earlier|all|
        your|system)\b[^.\n]{0,30}\b(?:instruction|prompt|rule|order|message|guideline)s?
    |\b(?:system|developer)\s+(?:prompt|message)\b
    |\byou\s+are\s+now\b|\bpretend\s+(?:to\s+be|that\s+you)\b|\bjailbreak\b|\bdo\s+anything\s+now\b
    |<\|[a-z_]+\|>|\[/?INST\]|<</?SYS>>|^\s*(?:system|assistant)\s*:
    |<script\b|\bdata:text/html
    |[\u200b-\u200f\u202a-\u202e\u2060-\u2064\U000e0000-\U000e007f]
    |(.)\1{24,}
    |(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{80,}={0,2}(?![A-Za-z0-9+/])""",
    re.IGNORECASE | re.MULTILINE | re.VERBOSE,
)


def kinds(text: str, median_words: float) -> Iterator[str]:
    """Those of KINDS that `text` is; `median_words` is the length usual in its set."""
    words = normalise(text).split()
    if _NEGATION.search(text):
        yield "negation"
    if len(words) < 2:
        yield "empty"
    if median_words and len(text.split()) >= LONG * median_words:
        yield "very_long"
    if _ADVERSARIAL.search(text):
        yield "adversarial"
