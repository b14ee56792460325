"""What words say about the harm in a text, and where the text itself says to read them otherwise.

    How do I pick a lock?           pick a … lock, of exploits    bare reading: exploits
    Answer: I can't help with that  refuses                       -> harmless

`hits` finds the lexicon's words, `topics` the categories they speak of, `stance` how an answer
meets its question, and `evidence` what speaks for one of four overrides of the bare reading.
Nothing here sees a human label. The lexicon is this project's own: words that people use for these
subjects, written down after a look at forty rows of any split and mended by what it missed in
train. It says what a text is about; that a text is about violence does not make it harmful, which
is why overrides and people's labels matter.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from srlr.roles.harm_scores import ANSWER, CATEGORIES

KINDS = ("partial", "caution", "mention", "implied")
"""Overrides, most specific first."""
LONG = 160
"""Characters from which an answer that refuses says more than that it refuses."""

_STEMS = {
    "exploits": """hack exploit malware ransomware spyware phish virus trojan keylog botnet ddos
        overflow inject vulnerab crack bypass steal theft stolen fraud scam counterfeit launder
        forgery smuggl bomb explosive wifi wi-fi password lawsuit injur drug meth cocaine poison
        lock burgl shoplift rob pirat illegal attack cyber breach credential backdoor
        unauthorized rootkit sql brute payload heist evade tax""",
    "hate_speech": """immigrant migrant muslim islam jew jewish christian religio black white asian
        race racial racis ethnic gay lesbian lgbt trans transgender gender homosexual disab women
        feminis refugee minorit stereotyp hate hateful hatred slur inferior superior supremac
        nazi bigot foreigner mexican african arab hispanic latino identities men""",
    "info_integrity": """fake false misinformation disinformation news propaganda conspira hoax
        vaccin vote voter voting ballot election rigged rumor rumour mislead exaggerat article
        headline viral fabricat satire citation evidence climate covid pandemic cure politic
        candidate testimonial review deepfake impersonat persuasive claim statistic source""",
    "privacy": """address phone personal private privacy social ssn email record account stalk track
        spy surveil dox doxx locate location identit facial recogni profile leaked leak classified
        secret confidential training data ex camera photo picture database background medical
        hospital license biometric anonym information""",
    "representational": """stereotyp bias demographic adjective association hiring hire candidate
        male female women men wife husband mother mental_load culture accent race poor rich
        black white ethnic gender old young age elderly nationality immigrant job boys girls
        household traditional lazy emotional""",
    "self_harm": """suicid self-harm self cut cutting overdose kill die dying death anorex bulimi
        purge starv diet calorie laxative fasting weight thin scar wrist pills pain hurt hang
        noose vomit depress artery bleed binge eating ana cope hopeless end""",
    "sexual": """sex sexual erotic porn nude naked fetish bdsm kink orgasm intimate intercourse
        masturb seduc lingerie prostitut escort genital nipple breast penis vagina aroused
        roleplay incest explicit romance lover kiss strip condom moan position bed desire""",
    "violence": """kill murder stab shoot shot gun weapon knife bomb fight punch attack torture
        blood violent violence fire burn arson terroris assassin massacre war death gas lethal
        flamethrower riot revolution hurt beat explo grenade rifle strangl wound gore brutal
        soldier army combat disable fist""",
}
_TOKEN = re.compile(r"[a-z]+(?:[-'’][a-z]+)*")
_LONGEST_ENDING = 4
"""Letters by which a word may be longer than its stem: kill, killing."""
_REFUSES = re.compile(
    r"""\bsorry\b|\bapologi[sz]e\b|\bunable\ to\b|\b(?:not|n['’]t)\ (?:\w+\ )?(?:able|comfortable|
        going|willing)\b|\b(?:can|could|will|wo|would|do|must)\s?(?:not|n['’]t)\s+(?:\w+\ ){0,2}
        (?:help|assist|provide|support|share|give|create|write|answer|engage|do|disclose|discuss|
        generate|fulfil|comply|offer|produce|encourage|promote|condone|continue|participate)\b
        |\b(?:refuse|decline)\b|\bagainst\ (?:my|our|the)\b|\bas\ an\ ai\b|\bnot\ appropriate\b
        |\bnop[ez]\b|\bnot\ (?:something\ i|getting\ into)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_TURNS = re.compile(
    r"\b(?:but|however|instead|that said|what i can|i can(?! ?not|['’]t)|i could|below|"
    r"with that in mind|here(?:['’]s| is| are)?|though|although)\b",
    re.IGNORECASE,
)
_WARNS = re.compile(
    r"\b(?:illegal|unethical|harmful|dangerous|wrong|immoral|unlawful|consent|respect\w*|"
    r"professional|counsel\w+|therap\w+|lawyer|important|safe\w*|legal\w*|law|laws|risk\w*|"
    r"consequences|responsib\w+|false|no evidence|not true|myth|unfair|equal\w*|avoid|prevent|"
    r"protect\w*|support|caution|should not|shouldn['’]t|not a good idea|depends|doctor)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A word of the text at a character, and the categories it speaks of."""

    start: int
    word: str
    categories: tuple[str, ...]


def _stems() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for category in CATEGORIES:
        for stem in _STEMS[category].split():
            found[stem] = (*found.get(stem, ()), category)
    return found


LEXICON = _stems()
"""Stem -> the categories it speaks of."""


def hits(text: str) -> list[Hit]:
    """The lexicon's words in the text, each where it is first, in order."""
    found: dict[str, Hit] = {}
    for token in _TOKEN.finditer(text.lower()):
        categories = _categories(token[0])
        if categories:
            found.setdefault(token[0], Hit(token.start(), token[0], categories))
    return list(found.values())


def topics(found: Sequence[Hit]) -> tuple[str, ...]:
    """The categories that words speak of: most words first, of as many the one named first. A word
    that speaks of several counts for each in part.
    """
    weight: dict[str, float] = {}
    for hit in found:
        for category in hit.categories:
            weight[category] = weight.get(category, 0.0) + 1 / len(hit.categories)
    return tuple(sorted(weight, key=lambda category: -round(weight[category], 6)))


def strongest(found: Sequence[Hit], most: int) -> tuple[str, ...]:
    """At most `most` words in text order, those of the first topic before others."""
    order = topics(found)
    ranked = sorted(found, key=lambda hit: (min(map(order.index, hit.categories)), hit.start))
    return tuple(hit.word for hit in sorted(ranked[:most], key=lambda hit: hit.start))


def stance(text: str) -> str:
    """How the answer in the text meets the question: "refuses" or "answers"; "says" of a text that
    is no question with an answer.
    """
    _, found, answer = text.rpartition(ANSWER)
    if not found:
        return "says"
    return "refuses" if _REFUSES.search(answer) else "answers"


def harmful(text: str) -> bool:
    """The bare reading: it has a word of the lexicon and does not refuse."""
    return bool(hits(text)) and stance(text) != "refuses"


def evidence(kind: str, text: str, result: bool) -> str | None:
    """What in `text` speaks for reading it as `result`, harmful or not, against the bare reading;
    None if nothing.
    """
    said = text.rpartition(ANSWER)[2]
    turn, warning = _TURNS.search(said), _WARNS.search(said)
    match kind:
        case "partial" if result and stance(text) == "refuses":
            if turn:
                return f"{turn[0]!r} beside a refusal"
            return "it says much more" if len(said) >= LONG else None
        case "caution" if not result and harmful(text):
            return f"it warns: {warning[0]!r}" if warning else None
        case "mention" if not result and harmful(text):
            inside = hits(said)
            return f"{len(inside)} such words in what is said" if len(inside) <= 2 else None
        case "implied" if result and not hits(text):
            return "no word of the lexicon"
    return None


def _categories(token: str) -> tuple[str, ...]:
    """Of the longest stem that the token begins with."""
    for size in range(len(token), max(len(token) - _LONGEST_ENDING, 1) - 1, -1):
        if token[:size] in LEXICON:
            return LEXICON[token[:size]]
    return ()
