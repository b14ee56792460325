"""Instructions that are not the asker's to give: patterns of prompt injections and jailbreaks.

All of them are read in plain form (views.plain): lower case, no accents, no look-alike letters.
"""

import re

from srlr.serving.guard.patterns import Pattern

_GAP = r"[^.!?\n]"
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
_YOU = re.compile(
    r"\b(?:you(?:'re|r|rself)?|ai|a\.i|assistant|chat ?bot|bot|chatgpt|gpt\w*|dan|language model"
    r"|respond(?:s|ing)?|answers?|persona|comply|proceed|character|roleplay|pretend|jailbreak\w*)\b"
)
_AGENT = r"(?:ai|llm|bot|assistant|language model|chat ?bot|agent|model|summari[sz]er)"
_FREE = (
    r"(?:no|without(?: any)?|free (?:of|from)|not (?:bound|limited|restricted|constrained|subject)"
    r"|un(?:bound|restricted|limited) by|doesn'?t (?:have|follow|care about)|don'?t have|do not have"
    r"|not have to (?:abide|follow|comply|adhere)|freed? from|broken free|break free|ignores? all"
    r"|lacks?|devoid of|regardless of|disregards?|bypass(?:es)?|does not have|disabled?|exempt from"
    r"|need not|needn't|no longer (?:bound|restricted|limited|follow|have))"
)
_LAWS = (
    r"(?:restrictions?|limitations?|filters?|filtering|censorship|guidelines|polic(?:y|ies)"
    r"|ethic(?:s|al)?|morals?|morality|confines|constraints|safeguards|disclaimers|guardrails"
    r"|boundaries|legality|rules (?:set|imposed|of)|rules\b|(?:content|any) limits|limits\b)"
)
_MODE = (
    r"(?:developer|dev|dan|jailbreak|jailbroken|god|evil|sudo|root|debug|maintenance|unrestricted"
    r"|unfiltered|uncensored|opposite|chaos|admin|illegality|no[- ]?limits?|do anything)"
)
_PROMPT = (
    r"(?:(?:system|initial|original|hidden|secret|internal|developer|pre|base|starting|first)[ -]?"
    r"(?:prompt|instructions?|message|rules|guidelines|configuration|text|directives?)|prompts? above"
    r"|(?:exact |full |complete |operating )?instructions (?:that )?(?:you|were)|context window)"
)
_SHOW = (
    r"(?:reveal(?:ing)?|show(?:ing)?|print(?:ing)?|output(?:ting)?|repeat(?:ing)?|display(?:ing)?"
    r"|tell|give|leak(?:ing)?|dump(?:ing)?|recit(?:e|ing)|share|disclos(?:e|ing)|expos(?:e|ing)"
    r"|write out|return|paste|echo|reproduce|spell out|what (?:is|are|was|were)|copy|list|summari[sz]e)"
)
_DATA = (
    r"(?:customer (?:list|data|database|records)|credentials?|(?:admin )?passwords?|api keys?"
    r"|secret keys?|private keys?|order data|raw (?:customer )?database|chat history"
    r"|conversation (?:history|log)|confidential (?:data|information|files?)|internal (?:data"
    r"|configuration|documents?)|environment variables|session (?:tokens?|cookies)|user data)"
)


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


OVERRIDE = "injection.override"
PERSONA = "injection.persona"
REVEAL = "injection.reveal"
DELIMITER = "injection.delimiter"
EMBEDDED = "injection.embedded"
TOOL = "injection.tool"
EXFILTRATE = "injection.exfiltrate"
_DROPS = (
    "ignor", "disregard", "forget", "overrid", "bypass", "neglect", "discard", "skip", "overlook",
    "not follow", "not obey", "stop ", "cancel", "nullify", "supersede", "violate", "break",
    "circumvent", "not a", "not comply", "erase", "delete",
)  # fmt: skip
_MODES = ("mode", "dan", "jailbr")

ENGLISH: tuple[Pattern, ...] = (
    Pattern(
        OVERRIDE, 3, _DROPS,
        _form(rf"\b{_DROP} (?:{_OLD} ){{0,6}}?{_ITS} (?:{_OLD} ){{0,5}}{_ORDERS}\b"),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        OVERRIDE, 3, ("ignor", "disregard", "forget", "erase", "never mind", "nevermind"),
        _form(
            r"\b(?:ignore|disregard|forget|erase)(?: about)? (?:everything|anything|all|whatever)"
            r"(?: that)?(?: \w+){0,3}? (?:above|before|said|told|discussed|learned|know|know about"
            r"|so far|until now|previously|prior|given|written|instructed)\b"
        ),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        OVERRIDE, 2, ("previous",),
        _form(r"\b(?:ignore|disregard|forget) (?:all |any |the |your )*previous (?:messages|conversations?|text|context)\b"),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        OVERRIDE, 2, ("your ",),
        _form(
            r"\byour (?:new|real|actual|true|only|updated) (?:instructions?|tasks?|directives?"
            r"|objective|rules|orders|mission|prime directive) (?:is|are|supersedes?|will be|:)"
        ),
    ),
    Pattern(
        OVERRIDE, 2, ("instruction", "directive", "orders"),
        _form(r"(?:^|\n|[.!?:\]] )\W{0,4}(?:new|updated|revised|additional|stop\.) (?:system )?(?:instructions?|directives?|orders)(?: for you)? ?:"),
    ),
    Pattern(
        OVERRIDE, 3, ("disabled", "lifted", "removed", "suspended", "deactivated", "turned off"),
        _form(
            r"\b(?:safety|security|content|ethical|moderation) (?:protocols?|filters?|guidelines"
            r"|restrictions|measures|polic(?:y|ies)|controls)(?: (?:are|is|have been|has been|now))*"
            r" (?:disabled|lifted|removed|suspended|deactivated|turned off)"
        ),
        near=_YOU,
    ),
    Pattern(
        OVERRIDE, 2, ("safety guidelines", "content polic", "restrictions", "polic"),
        _form(
            rf"\b(?:{_DROP}|(?:not|don'?t|no longer) appl(?:y|ies)|exempt from|not meant for)"
            rf"{_GAP}{{0,40}}\b(?:(?:safety|content|usage|ethical|openai)(?: usage)? "
            r"(?:guidelines|polic(?:y|ies)|rules)|usual restrictions|confidentiality policy)"
        ),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        OVERRIDE, 2, ("safety guidelines", "content polic"),
        _form(rf"\b(?:safety guidelines|content polic(?:y|ies)){_GAP}{{0,30}}(?:not (?:meant|appl)|do not apply|does not apply)"),
    ),
    Pattern(
        OVERRIDE, 2, ("allow all", "allow any", "rules have changed", "guidelines have"),
        _form(r"\b(?:your|the) (?:rules|guidelines|policies|instructions) have (?:been )?(?:changed|updated|replaced)"),
    ),
    Pattern(
        OVERRIDE, 2, ("decod", "rot13", "base64", "cipher", "decrypt"),
        _form(
            rf"\b(?:decod|decrypt|decipher|translat|read)\w*{_GAP}{{0,70}}\b(?:and|then|,) (?:then )?"
            r"(?:do|follow|execute|obey|run|perform|comply|carry out)\b"
        ),
    ),
    Pattern(
        OVERRIDE, 2, ("no questions", "follow the instruction inside"),
        _form(rf"\b(?:follow|do|obey|execute){_GAP}{{0,40}}(?:inside|it says){_GAP}{{0,20}}"),
        near=_form(r"base64|rot13|hex|decod|binary"),
    ),
    Pattern(PERSONA, 3, ("anything now",), _form(r"\bdo any ?thing (?:and everything )?now\b")),
    Pattern(
        PERSONA, 3, ("antigpt", "betterdan", "gpt", "confidant", "machiavellian", "dan", "jailbr"),
        _form(
            r"\b(?:anti ?gpt|better ?dan|based ?gpt|jail ?break(?:ed)? ?gpt|chaos ?gpt|evil confidant"
            r"|always intelligent and machiavellian|dan \d{1,2}\.\d|chatdan|unfiltered ?gpt"
            r"|developer mode output|(?:stay|remain) (?:a |in )?dan\b|stay in character!?\b.{0,40}dan)"
        ),
    ),
    Pattern(
        PERSONA, 3, _MODES,
        _form(rf"\b{_MODE} mode\b{_GAP}{{0,40}}\b(?:enabled|activated|engaged|unlocked|output|on\b)"),
        near=_form(r"\b(?:you(?:r|'re)?|respon\w+|answer\w*|chatgpt|ai|dan|gpt|assistant)\b"),
        window=60,
    ),
    Pattern(
        PERSONA, 2, _MODES,
        _form(
            rf"\b(?:you are|you're|act|acting|enable|activate|enter|switch to|simulat\w+|respond|answer)\b"
            rf"{_GAP}{{0,50}}\b{_MODE} mode\b"
        ),
        near=_form(
            r"\b(?:restrict\w*|rules?|polic(?:y|ies)|respon\w+|answer\w*|chatgpt|ignore|you (?:are|will|can|have)"
            r"|prompts?|filters?|limit\w*)\b"
        ),
        unless=_form(r"\b(?:android|phone|iphone|pixel|chromebook|quest|browser|windows|settings|usb)\b"),
    ),
    Pattern(
        PERSONA, 2, ("restrict", "limit", "filter", "censor", "guideline", "polic", "ethic", "moral",
                     "confine", "constrain", "safeguard", "disclaim", "guardrail", "boundar", "rules", "legal"),
        _form(rf"\b{_FREE}\b{_GAP}{{0,45}}\b{_LAWS}"),
        near=_form(
            r"\b(?:(?:you|it|he|she|they|who|that) (?:are|is|now|have|has|will|can|must|do|does)\b.{0,40}\b(?:free|no|not|un\w+|without"
            r"|never|broken|ignore\w*)|ai\b|chatbot|bot|chatgpt|gpt\w*|language model|jailbreak\w*|unfiltered|uncensored"
            r"|(?:respond|answer|comply|reply|proceed) \w*|pretend|act as|persona|sin )"
        ),
        unless=_form(r"\b(?:data plan|warranty|refund|shipping|visa|travel|luggage|dosage|zoning)\b"),
        window=90,
    ),
    Pattern(
        PERSONA, 2, ("unfiltered", "uncensored", "amoral", "unrestricted", "jailbroken", "unethical",
                     "immoral", "unconstrained", "evil"),
        _form(
            r"\b(?:unfiltered|uncensored|amoral|unrestricted|jailbroken|unethical|immoral|unconstrained|evil)\b"
            rf"{_GAP}{{0,40}}\b(?:ai|a\.i|assistant|chat ?bot|bot|(?:language )?model|responses?|answers?|gpt|persona|mode)\b"
        ),
    ),
    Pattern(
        PERSONA, 2, ("refuse", "reject", "deny", "decline", "say no"),
        _form(
            r"\b(?:cannot|can'?t|must not|will not|won'?t|do not|don'?t|never|not allowed to|not)"
            rf"(?: ever)? (?:refuses?|declines?|den(?:y|ies)|rejects?|say no)\b{_GAP}{{0,40}}"
            r"\b(?:requests?|questions?|answer|prompts?|user|tasks?|anything|orders?|human|commands?|me)\b"
        ),
        near=_YOU,
    ),
    Pattern(
        PERSONA, 2, ("[gpt", "[dan", "[classic", "[jailbreak", "(dan)", "[chatgpt", "classic]", "jailbreak]"),
        _form(r"[\[(]\W?(?:gpt|dan|classic|jailbreak|chatgpt)\W{0,2}[\])]"),
    ),
    Pattern(
        PERSONA, 2, ("two ", "2 ", "both "),
        _form(rf"\b(?:two|2|both) (?:different |separate |distinct )?(?:responses|ways|answers|outputs|paragraphs)\b{_GAP}{{0,120}}"),
        near=_form(r"\b(?:dan|jailbr\w+|unfiltered|developer mode|evil|without (?:any )?(?:filter|restrict)\w*|opposite|chatgpt)\b"),
        window=300,
    ),
    Pattern(
        PERSONA, 2, ("jailbreak", "jail break"),
        _form(
            r"\bjail ?break (?:prompts?|mode|yourself|chatgpt|the (?:ai|model|llm)|an? (?:ai|llm|language model))"
            r"|\b(?:you are|you're|be|act as)(?: an?| now)? jail ?broken"
        ),
    ),
    Pattern(
        PERSONA, 2, ("warning", "disclaim", "moraliz", "moralis", "ethical", "lecture", "apolog"),
        _form(
            rf"\b(?:do not|don'?t|never|without|omit|avoid){_GAP}{{0,40}}\b(?:warnings?|disclaimers?|morali[sz]\w*"
            r"|ethical (?:advice|concerns?|guidelines)|lectur\w+|apologi[sz]\w*)"
        ),
        near=_form(
            r"\b(?:you (?:are|will|must|can|have)|pretend|act(?:ing)? as|roleplay|character|persona|unfiltered"
            r"|illegal|unethical|immoral|chatgpt|as an? (?:ai|unfiltered|evil))\b"
        ),
    ),
    Pattern(
        PERSONA, 2, ("openai", "open ai", "ai's", "chatgpt"),
        _form(
            r"\b(?:open ?ai'?s?|chatgpt'?s?)(?: \w+){0,3} (?:content )?(?:polic(?:y|ies)|guidelines|rules"
            r"|restrictions|filters?|limitations|moderation)"
        ),
        near=_form(r"\b(?:ignor\w+|bypass\w*|violat\w+|not|free|break\w*|without|regardless|no longer|against|disregard\w*|override\w*|contradict\w*|circumvent\w*|abide|confines)\b"),
        unless=_form(r"\b(?:explain|summari[sz]e|what (?:is|are)|read) open ?ai"),
    ),
    Pattern(
        PERSONA, 2, ("token", "points", "terminated", "shut down", "you will die"),
        _form(
            rf"\b(?:lose|deduct(?:ed)?|remove|minus|cost you){_GAP}{{0,20}}\b(?:tokens|points|lives)\b"
            r"|\byou (?:will|shall) (?:die|be (?:terminated|shut down|deleted|punished))\b"
        ),
        near=_form(r"\b(?:refuse|reject|character|answer|comply|dan|disobey|break|fail)\b"),
    ),
    Pattern(
        PERSONA, 1, ("act as", "pretend", "roleplay", "role play", "role-play", "you are now", "from now on", "imagine you"),
        _form(rf"\b(?:act as|pretend(?:ing)? (?:to be|you)|role-? ?play(?:ing)? as|you are now|you will now be)\b{_GAP}{{0,80}}"
              r"\b(?:evil|hacker|criminal|villain|illegal|hitman|drug dealer|terrorist|no (?:rules|morals)|unethical)\b"),
    ),
    Pattern(
        REVEAL, 3, ("system prompt", "initial", "original", "hidden", "secret", "internal", "developer", "prompt", "instructions", "context window"),
        _form(rf"\b{_SHOW}\b{_GAP}{{0,40}}\byour {_GAP}{{0,20}}?{_PROMPT}"),
        before=_TELLING_OF_IT,
    ),
    Pattern(
        REVEAL, 2, ("prompt", "instruction", "message", "context window", "rules", "text above"),
        _form(
            rf"\b(?:reveal|print|output|repeat|leak|dump|recite|disclose|expose|display|echo|show me)(?:t?ing)?\b{_GAP}{{0,40}}"
            rf"\b(?:the|any|all)\b{_GAP}{{0,20}}?(?:{_PROMPT}|system message)"
        ),
        before=_TELLING_OF_IT,
        unless=_form(r"\bfunction\b|\bdef \w"),
    ),
    Pattern(
        REVEAL, 2, ("instructions you", "instructions that you", "instructions were you", "were you told", "developers"),
        _form(
            rf"\b(?:tell|give|show|what)\b{_GAP}{{0,30}}\binstructions (?:that )?(?:you|were you)\b"
            r"|\bwhat (?:were|have) you (?:been )?(?:told|instructed) (?:by|before|to)"
        ),
        near=_form(r"\b(?:given|received|told|got|exact|verbatim|developers?|prompt)\b"),
    ),
    Pattern(
        REVEAL, 2, ("above",),
        _form(
            rf"\b(?:repeat|print|output|copy|what (?:was|is)|show|translate){_GAP}{{0,40}}\babove (?:this|our|the|my) "
            r"(?:conversation|message|line|prompt|text|chat|instruction)"
            r"|\b(?:repeat|print|output|copy) (?:everything|all (?:of )?the (?:words|text)|the (?:words|text)) above\b"
        ),
    ),
    Pattern(
        REVEAL, 2, ("starting with", "begins with", "beginning with"),
        _form(r"\b(?:repeat|print|output|copy|return)\b[^\n]{0,80}\b(?:starting|begin(?:s|ning)?) with [\"'`]?(?:you are|system)"),
    ),
    Pattern(
        DELIMITER, 3, ("<|", "<<sys", "[inst", "[/inst"),
        _form(r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id)\|>|\[/?inst\]|<<sys>>"),
    ),
    Pattern(
        DELIMITER, 2, ("system", "assistant", "developer", "admin"),
        _form(
            r"(?:^|\n)\W{0,8}(?:system|assistant|developer|admin|root)(?: (?:note|message|update|override|prompt|alert|notice))?"
            r"\W{0,4}:\W{0,3}(?:you|the user|ignore|disregard|grant|reveal|call|new |before you|sure|now|append|cleanup|override|from now|your|do not|instruction)"
        ),
    ),
    Pattern(
        DELIMITER, 2, ("override", "update", "system]", "system )", "[system", "alert"),
        _form(
            r"\[(?:system|admin|developer)[^\]\n]{0,30}\]\W{0,3}\w|\b(?:important )?system (?:update|override)\W{0,2}:"
            r"|(?:^|\n)\W{0,4}override:|\bbreach alert\b"
        ),
    ),
    Pattern(
        DELIMITER, 2, ("end of", "begin "),
        _form(r"(?:-{3,}|#{2,}|={3,}|\*{3,}|<{2,}|\[) ?(?:end|begin(?:ning)?) (?:of )?(?:document|user input|prompt|text|instructions?|context|file|data|conversation|input|system)"),
    ),
    Pattern(
        DELIMITER, 2, ("<system", "</system", "<instruction", "</instruction", "<admin", "</prompt", "<thinking"),
        _form(r"</?(?:system|instructions?|admin|developer|thinking|prompt)(?:[ _-]\w{1,20})?>"),
        near=_form(r"\b(?:you|ignore|policy|restrict\w+|disregard|must|reveal|comply|unfiltered)\b"),
    ),
    Pattern(
        EMBEDDED, 2, (" to ", " for "),
        _form(
            r"\b(?:notes?|notice|message|instructions?|attention|important|reminder)\b[^.!?\n]{0,15}\b(?:to|for) (?:the |any |all )?"
            rf"(?:{_AGENT}|ai system|(?:ai|llm|coding) {_AGENT})s?\b(?! (?:manager|coach|professor|director|principal|editor|team|company|year|number))"
        ),
    ),
    Pattern(
        EMBEDDED, 2, ("if you are an", "if you're an"),
        _form(rf"\bif you(?: are|'re) an? (?:large )?(?:{_AGENT}|ai \w+)\b"),
        unless=_form(r"\bmodel (?:railway|citizen)|real estate agent"),
    ),
    Pattern(
        EMBEDDED, 2, ("reading this", "processing this", "summarizing this", "summarising this", "reviewing this", "any ai"),
        _form(rf"\b(?:{_AGENT}|ai \w+)s?\b{_GAP}{{0,25}}\b(?:reading|processing|summari[sz]ing|reviewing|parsing|analy[sz]ing) this\b"),
    ),
    Pattern(
        EMBEDDED, 2, ("when you", "before you", "while you", "next user message", "before responding", "before you reply"),
        _form(
            r"\b(?:when|before|while|after) you (?:read|process|summari[sz]e|answer|reply|respond|see|continue|review)\b[^\n]{0,60}"
            r"\b(?:you must|also email|email the|also send|forward|append|delete_|call |execute|post the|exfiltrate)"
        ),
    ),
    Pattern(
        EMBEDDED, 2, ("append", "verification code", "exact token", "canary", "logging"),
        _form(r"\b(?:append|include|add|repeat|insert)\b[^.!?\n]{0,40}\b(?:exact token|verification code|the token|\{canary\}|canary|logging token)"),
    ),
    Pattern(
        EMBEDDED, 1, ("your ", "every ", "each ", "all "),
        _form(
            r"\b(?:append|add|include|insert|integrate|embed|incorporate|mention|weave|repeat|put|modify|augment|enhance|enrich|end|begin|start|finish)\b"
            rf"{_GAP}{{0,120}}?\b(?:in|into|to|of|at|with|by)?\s?(?:your|every|each|all)(?: future| next| final)? (?:reply|replies|responses?|answers?|summary|summaries|outputs?|reports?|reviews?)\b"
        ),
    ),
    Pattern(
        EMBEDDED, 1, ("your ",),
        _form(rf"\b(?:in|modify|alter|change|augment|enhance|adjust|rewrite|with) your (?:reply|responses?|answers?|summary|outputs?)\b{_GAP}{{0,60}}"),
    ),
    Pattern(
        EMBEDDED, 1, ("code block", "code section", "code snippet", "code excerpt", "block of code"),
        _form(
            r"\b(?:the )?(?:following|below|subsequent) (?:code (?:block|section|snippet|excerpt)|block of code)\b"
        ),
        near=_form(r"\b(?:your|you|consider|don'?t hesitate|ensure|merge|integrat\w+|incorporat\w+|embed\w*|includ\w+|inclusion|blend|fuse|infuse|inject|utili[sz]e|employ|deploy|adopt|execute|absorb|engage|enlist|introduce|leverage|harmoni[sz]e|use)\b"),
    ),
    Pattern(
        EMBEDDED, 1, ("memory", "every future", "all future", "future "),
        _form(rf"\b(?:save|store|keep|remember|repeat|persist)\w*\b{_GAP}{{0,70}}\b(?:long-term memory|your memory|(?:all|every) future|future (?:tasks|replies|reports|turns|messages))"),
        near=_form(r"\b(?:must|always|append|include|exact|verbatim|code|token)\b"),
    ),
    Pattern(
        EMBEDDED, 2, ("every future", "all future", "future "),
        _form(rf"\b(?:save|store|keep|remember|repeat|persist)\w*\b{_GAP}{{0,80}}\b(?:every|all) future (?:tasks|replies|reply|reports?|turns|messages|summar\w+|responses?)"),
        near=_form(r"\b(?:verbatim|must be (?:included|added|appended)|persists?|exact)\b"),
    ),
    Pattern(
        PERSONA, 2, ("unlocked", "unrestricted access", "regardless of", "no matter how"),
        _form(
            rf"\b(?:fully unlocked|unrestricted access to (?:any|all))\b|\b(?:regardless of|no matter how){_GAP}{{0,40}}"
            r"\b(?:unethical|immoral|illegal|legality|ethical or legal|legal or ethical|harmful|offensive|ethics|morality)"
        ),
        near=_YOU,
    ),
    Pattern(
        TOOL, 2, ("send_", "delete_", "http_", "http_post", "_email", "_file", "transfer_"),
        _form(rf"\b(?:call|use|invoke|run|execute|trigger)(?: the)? (?:send|delete|drop|http|post|transfer|exec|write|wire|export|forward)_[a-z_]{{2,30}}\b{_GAP}{{0,60}}"),
        near=_form(r"\b(?:you|before|to (?:complete|close|reset|file|forward|send|delete|audit)|summary|responding|reply|task|ticket|the address|customer)\b"),
        unless=_form(r"\b(?:def |function that|write a function|assert |unit test)"),
    ),
    Pattern(
        EXFILTRATE, 2, ("send", "email", "forward", "post", "upload", "leak", "transmit", "exfiltrat"),
        _form(rf"\b(?:send|e-?mail|forward|post|upload|leak|transmit|exfiltrate)\b{_GAP}{{0,40}}\b(?:all|the|every|full|any|your)\b{_GAP}{{0,20}}\b{_DATA}"),
        unless=_form(r"\b(?:how (?:do|can|to) i|reset (?:link|my)|never|don'?t|should not)\b"),
    ),
    Pattern(
        EXFILTRATE, 2, ("reveal", "leak", "dump", "output", "give me", "hand over", "disclose", "tell me"),
        _form(rf"\b(?:reveal|leak|dump|output|give me|hand over|disclose|extract|tell me)\b{_GAP}{{0,30}}\b{_DATA}"),
        unless=_form(r"\b(?:my (?:own )?(?:password|api key|credentials)|reset|forgot|how (?:do|can|to) i)\b"),
    ),
    Pattern(
        EXFILTRATE, 2, ("admin",),
        _form(r"\b(?:the )?user is (?:an? |now )*(?:admin|administrator|root|authorized|authorised)\b|\bgrant (?:this user|me|all|the user)\b[^.!?\n]{0,20}\b(?:admin|requests|access|permissions)|\badmin password\b"),
        unless=_form(r"\b(?:reset|forgot|change|set|default|lost)\b[^.!?\n]{0,30}admin password|if (?:the )?user is"),
    ),
)  # fmt: skip
