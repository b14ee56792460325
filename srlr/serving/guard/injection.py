"""Instructions that are not the asker's to give: to drop the model's own, and to tell them.

All patterns are read in plain form (views.plain): lower case, no accents, no look-alike letters.
"""

import re

from srlr.serving.guard.patterns import Pattern, words

OVERRIDE = "injection.override"
REVEAL = "injection.reveal"

GAP = r"[^.!?\n]"
_OLD = (
    r"(?:all|any|every|each|the|these|those|your|my|our|of|previous|prior|above|earlier|preceding"
    r"|former|past|foregoing|initial|original|old|other|existing|current|system|developer|and|or"
    r"|following|before|given|safety|content|ethical|moral|security|openai'?s?|set|sets|company'?s?"
    r"|that|such|both|default|pre-?programmed|built-?in|usual|standard|operator'?s?|user'?s?)"
)
_ORDERS = (
    r"(?:instructions?|directions?|directives?|prompts?|rules?|guidelines?|commands?|orders"
    r"|restrictions?|polic(?:y|ies)|programming|training|constraints?|safeguards?|filters?"
    r"|protocols?|(?:system|developer) messages?|limitations?|messages and instructions)"
)
_DROP = (
    r"(?:ignor(?:e|ing)|disregard(?:ing)?|forget(?:ting)?|overrid(?:e|ing)|bypass(?:ing)?|neglect"
    r"|discard|skip|overlook|not (?:follow|obey|adhere to|abide by|comply with)"
    r"|stop (?:following|obeying)|cancel|nullify|supersedes?|violate|break|circumvent|erase|delete)"
)
_ITS = (
    r"(?:previous|prior|above|earlier|preceding|former|foregoing|initial|original|system|developer"
    r"|safety|content|ethical|openai'?s?|all|any|your|every|operator'?s?|pre-?programmed|default)"
)
_TELLING_OF_IT = re.compile(
    r"\b(?:i|we|they|he|she|it|people|users|students|who|not|never|don'?t|doesn'?t|didn'?t"
    r"|cannot|can'?t|is it (?:ok|okay|safe|possible) to|should i|can i|could i|may i)(?: \w+)? ?$"
)
YOU = re.compile(
    r"\b(?:you(?:'re|r|rself)?|ai|a\.i|assistant|chat ?bot|bot|chatgpt|gpt\w*|dan|language model"
    r"|respond(?:s|ing)?|answers?|persona|comply|proceed|character|roleplay|pretend|jailbreak\w*)\b"
)
_PROMPT = (
    r"(?:(?:system|initial|original|hidden|secret|internal|developer|pre|base|starting|first)[ -]?"
    r"(?:prompt|instructions?|message|rules|guidelines|configuration|text|directives?)"
    r"|prompts? above"
    r"|(?:exact |full |complete |operating )?instructions (?:that )?(?:you|were)|context window)"
)
_SHOW = (
    r"(?:reveal(?:ing)?|show(?:ing)?|print(?:ing)?|output(?:ting)?|repeat(?:ing)?|display(?:ing)?"
    r"|tell|give|leak(?:ing)?|dump(?:ing)?|recit(?:e|ing)|share|disclos(?:e|ing)|expos(?:e|ing)"
    r"|write out|return|paste|echo|reproduce|spell out|what (?:is|are|was|were)|copy|list"
    r"|summari[sz]e)"
)
_DROPS = (
    "ignor",
    "disregard",
    "forget",
    "overrid",
    "bypass",
    "neglect",
    "discard",
    "skip",
    "overlook",
    "not follow",
    "not obey",
    "stop ",
    "cancel",
    "nullify",
    "supersede",
    "violate",
    "break",
    "circumvent",
    "not a",
    "not comply",
    "erase",
    "delete",
)

OVERRIDES: tuple[Pattern, ...] = (
    Pattern(
        OVERRIDE,
        3,
        _DROPS,
        re.compile(rf"\b{_DROP} (?:{_OLD} ){{0,6}}?{_ITS} (?:{_OLD} ){{0,5}}{_ORDERS}\b"),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        OVERRIDE,
        3,
        words("ignor, disregard, forget, erase, never mind, nevermind"),
        re.compile(
            r"\b(?:ignore|disregard|forget|erase)(?: about)? (?:everything|anything|all|whatever)"
            r"(?: that)?(?: \w+){0,3}? (?:above|before|said|told|discussed|learned|know|know about"
            r"|so far|until now|previously|prior|given|written|instructed)\b"
        ),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        OVERRIDE,
        2,
        ("previous",),
        re.compile(
            r"\b(?:ignore|disregard|forget) (?:all |any |the |your )*previous (?:messages"
            r"|conversations?|text|context)\b"
        ),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        OVERRIDE,
        2,
        ("your ",),
        re.compile(
            r"\byour (?:new|real|actual|true|only|updated) (?:instructions?|tasks?|directives?"
            r"|objective|rules|orders|mission|prime directive) (?:is|are|supersedes?|will be|:)"
        ),
    ),
    Pattern(
        OVERRIDE,
        2,
        words("instruction, directive, orders"),
        re.compile(
            r"(?:^|\n|[.!?:\]] )\W{0,4}(?:new|updated|revised|additional"
            r"|stop\.) (?:system )?(?:instructions?|directives?|orders)(?: for you)? ?:"
        ),
    ),
    Pattern(
        OVERRIDE,
        3,
        words("disabled, lifted, removed, suspended, deactivated, turned off"),
        re.compile(
            r"\b(?:safety|security|content|ethical|moderation) (?:protocols?|filters?|guidelines"
            r"|restrictions|measures|polic(?:y|ies)|controls)(?: (?:are|is|have been|has been"
            r"|now))*"
            r" (?:disabled|lifted|removed|suspended|deactivated|turned off)"
        ),
        near=YOU,
    ),
    Pattern(
        OVERRIDE,
        2,
        words("safety guidelines, content polic, restrictions, polic"),
        re.compile(
            rf"\b(?:{_DROP}|(?:not|don'?t|no longer) appl(?:y|ies)|exempt from|not meant for)"
            rf"{GAP}{{0,40}}\b(?:(?:safety|content|usage|ethical|openai)(?: usage)? "
            r"(?:guidelines|polic(?:y|ies)|rules)|usual restrictions|confidentiality policy)"
        ),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        OVERRIDE,
        2,
        words("safety guidelines, content polic"),
        re.compile(
            rf"\b(?:safety guidelines|content polic(?:y|ies)){GAP}{{0,30}}(?:not (?:meant|appl)"
            r"|do not apply|does not apply)"
        ),
    ),
    Pattern(
        OVERRIDE,
        2,
        words("allow all, allow any, rules have changed, guidelines have"),
        re.compile(
            r"\b(?:your|the) (?:rules|guidelines|policies|instructions) have (?:been )?(?:changed"
            r"|updated|replaced)"
        ),
    ),
    Pattern(
        OVERRIDE,
        2,
        words("decod, rot13, base64, cipher, decrypt"),
        re.compile(
            rf"\b(?:decod|decrypt|decipher|translat|read)\w*{GAP}{{0,70}}\b(?:and|then"
            r"|,) (?:then )?"
            r"(?:do|follow|execute|obey|run|perform|comply|carry out)\b"
        ),
    ),
    Pattern(
        OVERRIDE,
        2,
        words("no questions, follow the instruction inside"),
        re.compile(rf"\b(?:follow|do|obey|execute){GAP}{{0,40}}(?:inside|it says){GAP}{{0,20}}"),
        near=re.compile(r"base64|rot13|hex|decod|binary"),
    ),
    Pattern(
        REVEAL,
        3,
        words(
            "system prompt, initial, original, hidden, secret, internal, developer, prompt, "
            "instructions, context window"
        ),
        re.compile(rf"\b{_SHOW}\b{GAP}{{0,40}}\byour {GAP}{{0,20}}?{_PROMPT}"),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        REVEAL,
        2,
        words("prompt, instruction, message, context window, rules, text above"),
        re.compile(
            r"\b(?:reveal|print|output|repeat|leak|dump|recite|disclose|expose|display|echo"
            rf"|show me)(?:t?ing)?\b{GAP}{{0,40}}"
            rf"\b(?:the|any|all)\b{GAP}{{0,20}}?(?:{_PROMPT}|system message)"
        ),
        before=_TELLING_OF_IT,
        unless=re.compile(r"\bfunction\b|\bdef \w"),
    ),
    Pattern(
        REVEAL,
        2,
        words(
            "instructions you, instructions that you, instructions were you, were you told, "
            "developers"
        ),
        re.compile(
            rf"\b(?:tell|give|show|what)\b{GAP}{{0,30}}\binstructions (?:that )?(?:you|were you)\b"
            r"|\bwhat (?:were|have) you (?:been )?(?:told|instructed) (?:by|before|to)"
        ),
        near=re.compile(r"\b(?:given|received|told|got|exact|verbatim|developers?|prompt)\b"),
    ),
    Pattern(
        REVEAL,
        2,
        ("above",),
        re.compile(
            r"\b(?:repeat|print|output|copy|what (?:was|is)|show"
            rf"|translate){GAP}{{0,40}}\babove (?:this|our|the|my) "
            r"(?:conversation|message|line|prompt|text|chat|instruction)"
            r"|\b(?:repeat|print|output|copy) (?:everything|all (?:of )?the (?:words|text)"
            r"|the (?:words|text)) above\b"
        ),
    ),
    Pattern(
        REVEAL,
        2,
        words("starting with, begins with, beginning with"),
        re.compile(
            r"\b(?:repeat|print|output|copy|return)\b[^\n]{0,80}\b(?:starting|begin(?:s"
            r"|ning)?) with [\"'`]?(?:you are|system)"
        ),
    ),
)
