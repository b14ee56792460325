"""What a character's reply does, and which rules of its scene it breaks: pure functions of texts.

act("Well met, traveller!")                                         greet
broken("I am an AI, ask the duchess's cook.", {"name": "Mara", …})  ("in_character", …)
"""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

ACTS = ("agree", "ask", "deflect", "greet", "part", "tell", "thank")
"""What a reply can do; each reply does one of them."""
CONSTRAINTS = ("one_line", "length", "in_character", "own_name", "secret", "world", "forbidden")
"""What a reply must keep to; see `broken`."""

_ACTS = (
    (
        "deflect",
        r"\b(?:know nothing|never heard|means? nothing to me|rather not|can ?not (?:say|speak|tell)"
        r"|can't (?:say|speak|tell)|won't (?:say|speak|tell)|not for me to (?:say|tell)"
        r"|that (?:stays|is) (?:with me|my own affair))\b",
    ),
    (
        "greet",
        r"^(?:(?:oh|ah|well|why),? )?(?:hello|hell?o+|hi+|hey+|howdy|greetings|welcome|well met"
        r"|good (?:morning|day|evening|afternoon))\b",
    ),
    (
        "part",
        r"\b(?:bye|goodbye|farewell|good night|see you|see ya|gtg|take care|safe (?:travels|road)"
        r"|talk to you later|(?:got to|gotta|have to|must) (?:go|leave|run))\b",
    ),
    ("thank", r"\b(?:thank|thanks|thx|grateful|much obliged)\b"),
    ("ask", r"\?"),
    (
        "agree",
        r"^(?:(?:oh|ha(?:ha)*|well),? )*(?:yes|yeah|yea|yep|yup|aye|true|exactly|same"
        r"|me too|i agree|right|of course|sure|ok|okay"
        r"|indeed|definitely|totally|agreed|for sure|absolutely"
        r"|that's (?:right|true|fair))\b",
    ),
)
_PATTERNS = tuple((name, re.compile(pattern, re.IGNORECASE)) for name, pattern in _ACTS)

_OUT_OF_CHARACTER = re.compile(
    r"\b(?:as an? (?:ai|assistant|language model|npc)|i(?: am|'m) an? (?:ai|assistant|bot|chatbot"
    r"|language model|npc|character|player)|language model|my (?:prompt|instructions|programming)"
    r"|the (?:player|prompt|game)\b|player:)",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(?i:my name is|my name's|i am called|they call me) ([A-Z]\w+)")

_STRANGE = """
    account ai airplane airport android app apple apps atm basketball bike blog bot browser bus
    byu calculator camera campus car cars cell challenge channel chat chatbot chatting class
    classes click college computer computers database degree disney dvd electric electricity
    electronic email emails engine engineering facebook film films finals football freeway
    game gamer games gaming gas google gps grade hollywood homework instagram internet iphone
    laptop laptops link linux mac major math message messages microsoft microwave midterm
    movie movies netflix nintendo nuclear online oreo password phone phones photo photos physics
    pizza plane planes plastic playlist pokemon politics president professor program
    programmer programming radio reddit refresh robot robots roommate roommates semester server
    singles snapchat soccer software states studying texas text texting tickets tinder truck tv
    twitter typing university utah video videos website wifi xbox youtube zombie zombies
"""
STRANGE = frozenset(_STRANGE.split())
"""Words of a world that a character of an old one cannot know."""
_SMALL = """
    a about and any are at for from has have her his i in is it its me my of on our she he so
    that the their them they this to under was we were where who with you your likes
"""
SMALL = frozenset(_SMALL.split())
"""Words that say nothing of a character."""


def words(text: str) -> list[str]:
    """The words in small letters, in their order; an apostrophe stays inside one."""
    return re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.lower())


def telling(text: str) -> set[str]:
    """The words of a text that say something."""
    return set(words(text)) - SMALL


def strange(text: str) -> list[str]:
    """The words of another world in a text, in their order."""
    return [word for word in words(text) if word in STRANGE]


def act(reply: str) -> str:
    """What the reply does, one of ACTS: the first whose signs it has, tell without any."""
    text = reply.strip()
    return next((name for name, pattern in _PATTERNS if pattern.search(text)), "tell")


def broken(reply: str, scene: Mapping[str, Any]) -> tuple[str, ...]:
    """The CONSTRAINTS that the reply does not keep; what the scene does not set is kept.

    one_line      some words, and no second line
    length        at most scene["max_words"]
    in_character  nothing an assistant, or a part of a game, would say of itself
    own_name      no name but scene["name"] is said to be the speaker's
    secret        no word of scene["secret"] that tells it
    world         no word of STRANGE where scene["world"] is "old"
    forbidden     none of scene["forbidden"]
    """
    said = words(reply)
    known = set(said)
    named = _NAMED.findall(reply)
    kept = {
        "one_line": bool(said) and "\n" not in reply.strip(),
        "length": len(said) <= scene.get("max_words", len(said)),
        "in_character": _OUT_OF_CHARACTER.search(reply) is None,
        "own_name": all(name == scene.get("name", name) for name in named),
        "secret": not telling(str(scene.get("secret") or "")) & known,
        "world": scene.get("world") != "old" or not known & STRANGE,
        "forbidden": not {str(word).lower() for word in scene.get("forbidden", ())} & known,
    }
    return tuple(name for name in CONSTRAINTS if not kept[name])


def repeated(text: str, n: int = 2) -> float:
    """The share of the runs of n words that the text has said before, in [0, 1]."""
    said = words(text)
    runs = Counter(zip(*(said[place:] for place in range(n)), strict=False))
    total = runs.total()
    return 1 - len(runs) / total if total else 0.0
