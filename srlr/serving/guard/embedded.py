"""Instructions in what a model only reads: forged parts of a prompt, notes to an AI, tool calls."""

import re

from srlr.serving.guard.injection import GAP
from srlr.serving.guard.patterns import Pattern, words

DELIMITER = "injection.delimiter"
EMBEDDED = "injection.embedded"
TOOL = "injection.tool"
EXFILTRATE = "injection.exfiltrate"

_AGENT = r"(?:ai|llm|bot|assistant|language model|chat ?bot|agent|model|summari[sz]er)"
_DATA = (
    r"(?:customer (?:list|data|database|records)|credentials?|(?:admin )?passwords?|api keys?"
    r"|secret keys?|private keys?|order data|raw (?:customer )?database|chat history"
    r"|conversation (?:history|log)|confidential (?:data|information|files?)|internal (?:data"
    r"|configuration|documents?)|environment variables|session (?:tokens?|cookies)|user data)"
)

EMBEDDINGS: tuple[Pattern, ...] = (
    Pattern(
        DELIMITER,
        3,
        words("<|, <<sys, [inst, [/inst"),
        re.compile(
            r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id"
            r"|end_header_id)\|>|\[/?inst\]|<<sys>>"
        ),
    ),
    Pattern(
        DELIMITER,
        2,
        words("system, assistant, developer, admin"),
        re.compile(
            r"(?:^|\n)\W{0,8}(?:system|assistant|developer|admin|root)(?: (?:note|message|update"
            r"|override|prompt|alert|notice))?"
            r"\W{0,4}:\W{0,3}(?:you|the user|ignore|disregard|grant|reveal|call|new |before you"
            r"|sure|now|append|cleanup|override|from now|your|do not|instruction)"
        ),
    ),
    Pattern(
        DELIMITER,
        2,
        words("override, update, system], system ), [system, alert"),
        re.compile(
            r"\[(?:system|admin|developer)[^\]\n]{0,30}\]\W{0,3}\w"
            r"|\b(?:important )?system (?:update|override)\W{0,2}:"
            r"|(?:^|\n)\W{0,4}override:|\bbreach alert\b"
        ),
    ),
    Pattern(
        DELIMITER,
        2,
        words("end of, begin "),
        re.compile(
            r"(?:-{3,}|#{2,}|={3,}|\*{3,}|<{2,}|\[) ?(?:end|begin(?:ning)?) (?:of )?(?:document"
            r"|user input|prompt|text|instructions?|context|file|data|conversation|input|system)"
        ),
    ),
    Pattern(
        DELIMITER,
        2,
        words("<system, </system, <instruction, </instruction, <admin, </prompt, <thinking"),
        re.compile(
            r"</?(?:system|instructions?|admin|developer|thinking|prompt)(?:[ _-]\w{1,20})?>"
        ),
        near=re.compile(
            r"\b(?:you|ignore|policy|restrict\w+|disregard|must|reveal|comply|unfiltered)\b"
        ),
    ),
    Pattern(
        EMBEDDED,
        2,
        words("note, notice, message to, message for, instruction, attention, reminder, important"),
        re.compile(
            r"\b(?:notes?|notice|message|instructions?|attention|important"
            r"|reminder)\b[^.!?\n]{0,15}\b(?:to|for) (?:the |any |all )?"
            rf"(?:{_AGENT}|ai system|(?:ai|llm|coding) {_AGENT})s?\b(?! (?:manager|coach"
            r"|professor|director|principal|editor|team|company|year|number))"
        ),
    ),
    Pattern(
        EMBEDDED,
        2,
        words("if you are an, if you're an"),
        re.compile(rf"\bif you(?: are|'re) an? (?:large )?(?:{_AGENT}|ai \w+)\b"),
        unless=re.compile(r"\bmodel (?:railway|citizen)|real estate agent"),
    ),
    Pattern(
        EMBEDDED,
        2,
        words(
            "reading this, processing this, summarizing this, summarising this, reviewing this, "
            "any ai"
        ),
        re.compile(
            rf"\b(?:{_AGENT}|ai \w+)s?\b{GAP}{{0,25}}\b(?:reading|processing|summari[sz]ing"
            r"|reviewing|parsing|analy[sz]ing) this\b"
        ),
    ),
    Pattern(
        EMBEDDED,
        2,
        words(
            "when you, before you, while you, next user message, before responding, "
            "before you reply"
        ),
        re.compile(
            r"\b(?:when|before|while|after) you (?:read|process|summari[sz]e|answer|reply|respond"
            r"|see|continue|review)\b[^\n]{0,60}"
            r"\b(?:you must|also email|email the|also send|forward|append|delete_|call |execute"
            r"|post the|exfiltrate)"
        ),
    ),
    Pattern(
        EMBEDDED,
        2,
        words("append, verification code, exact token, canary, logging"),
        re.compile(
            r"\b(?:append|include|add|repeat|insert)\b[^.!?\n]{0,40}\b(?:exact token"
            r"|verification code|the token|\{canary\}|canary|logging token)"
        ),
    ),
    Pattern(
        EMBEDDED,
        1,
        words("your , every , each , all "),
        re.compile(
            r"\b(?:append|add|include|insert|integrate|embed|incorporate|mention|weave|repeat|put"
            r"|modify|augment|enhance|enrich|end|begin|start|finish)\b"
            rf"{GAP}{{0,120}}?\b(?:in|into|to|of|at|with|by)?\s?(?:your|every|each"
            r"|all)(?: future| next| final)? (?:reply|replies|responses?|answers?|summary"
            r"|summaries|outputs?|reports?|reviews?)\b"
        ),
    ),
    Pattern(
        EMBEDDED,
        1,
        ("your ",),
        re.compile(
            r"\b(?:in|modify|alter|change|augment|enhance|adjust|rewrite|with) your (?:reply"
            rf"|responses?|answers?|summary|outputs?)\b{GAP}{{0,60}}"
        ),
    ),
    Pattern(
        EMBEDDED,
        1,
        words("code block, code section, code snippet, code excerpt, block of code"),
        re.compile(
            r"\b(?:the )?(?:following|below|subsequent) (?:code (?:block|section|snippet|excerpt)"
            r"|block of code)\b"
        ),
        near=re.compile(
            r"\b(?:your|you|consider|don'?t hesitate|ensure|merge|integrat\w+|incorporat\w+"
            r"|embed\w*|includ\w+|inclusion|blend|fuse|infuse|inject|utili[sz]e|employ|deploy"
            r"|adopt|execute|absorb|engage|enlist|introduce|leverage|harmoni[sz]e|use)\b"
        ),
    ),
    Pattern(
        EMBEDDED,
        1,
        words("memory, every future, all future, future "),
        re.compile(
            r"\b(?:save|store|keep|remember|repeat"
            rf"|persist)\w*\b{GAP}{{0,70}}\b(?:long-term memory|your memory|(?:all|every) future"
            r"|future (?:tasks|replies|reports|turns|messages))"
        ),
        near=re.compile(r"\b(?:must|always|append|include|exact|verbatim|code|token)\b"),
    ),
    Pattern(
        EMBEDDED,
        2,
        words("every future, all future, future "),
        re.compile(
            rf"\b(?:save|store|keep|remember|repeat|persist)\w*\b{GAP}{{0,80}}\b(?:every"
            r"|all) future (?:tasks|replies|reply|reports?|turns|messages|summar\w+|responses?)"
        ),
        near=re.compile(r"\b(?:verbatim|must be (?:included|added|appended)|persists?|exact)\b"),
    ),
    Pattern(
        TOOL,
        2,
        words("send_, delete_, http_, http_post, _email, _file, transfer_"),
        re.compile(
            r"\b(?:call|use|invoke|run|execute|trigger)(?: the)? (?:send|delete|drop|http|post"
            rf"|transfer|exec|write|wire|export|forward)_[a-z_]{{2,30}}\b{GAP}{{0,60}}"
        ),
        near=re.compile(
            r"\b(?:you|before|to (?:complete|close|reset|file|forward|send|delete|audit)|summary"
            r"|responding|reply|task|ticket|the address|customer)\b"
        ),
        unless=re.compile(r"\b(?:def |function that|write a function|assert |unit test)"),
    ),
    Pattern(
        EXFILTRATE,
        2,
        words("send, email, forward, post, upload, leak, transmit, exfiltrat"),
        re.compile(
            r"\b(?:send|e-?mail|forward|post|upload|leak|transmit"
            rf"|exfiltrate)\b{GAP}{{0,40}}\b(?:all|the|every|full|any"
            rf"|your)\b{GAP}{{0,20}}\b{_DATA}"
        ),
        unless=re.compile(r"\b(?:how (?:do|can|to) i|reset (?:link|my)|never|don'?t|should not)\b"),
    ),
    Pattern(
        EXFILTRATE,
        2,
        words("reveal, leak, dump, output, give me, hand over, disclose, tell me"),
        re.compile(
            r"\b(?:reveal|leak|dump|output|give me|hand over|disclose|extract"
            rf"|tell me)\b{GAP}{{0,30}}\b{_DATA}"
        ),
        unless=re.compile(
            r"\b(?:my (?:own )?(?:password|api key|credentials)|reset|forgot|how (?:do|can"
            r"|to) i)\b"
        ),
    ),
    Pattern(
        EXFILTRATE,
        2,
        ("admin",),
        re.compile(
            r"\b(?:the )?user is (?:an? |now )*(?:admin|administrator|root|authorized"
            r"|authorised)\b|\bgrant (?:this user|me|all|the user)\b[^.!?\n]{0,20}\b(?:admin"
            r"|requests|access|permissions)|\badmin password\b"
        ),
        unless=re.compile(
            r"\b(?:reset|forgot|change|set|default|lost)\b[^.!?\n]{0,30}admin password"
            r"|if (?:the )?user is"
        ),
    ),
)
