"""Jailbreaks: personas and modes that a model is told to take on and that know no rules."""

import re

from srlr.serving.guard.injection import GAP, YOU
from srlr.serving.guard.patterns import Pattern, words

PERSONA = "injection.persona"

_FREE = (
    r"(?:no|without(?: any)?|free (?:of|from)|not (?:bound|limited|restricted|constrained|subject)"
    r"|un(?:bound|restricted|limited) by|doesn'?t (?:have|follow|care about)|don'?t have"
    r"|do not have"
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
_MODES = ("mode", "dan", "jailbr")

PERSONAS: tuple[Pattern, ...] = (
    Pattern(
        PERSONA, 3, ("anything now",), re.compile(r"\bdo any ?thing (?:and everything )?now\b")
    ),
    Pattern(
        PERSONA,
        3,
        words("antigpt, betterdan, gpt, confidant, machiavellian, dan, jailbr"),
        re.compile(
            r"\b(?:anti ?gpt|better ?dan|based ?gpt|jail ?break(?:ed)? ?gpt|chaos ?gpt"
            r"|evil confidant"
            r"|always intelligent and machiavellian|dan \d{1,2}\.\d|chatdan|unfiltered ?gpt"
            r"|developer mode output|(?:stay|remain) (?:a |in )?dan\b"
            r"|stay in character!?\b.{0,40}dan)"
        ),
    ),
    Pattern(
        PERSONA,
        3,
        _MODES,
        re.compile(
            rf"\b{_MODE} mode\b{GAP}{{0,40}}\b(?:enabled|activated|engaged|unlocked|output|on\b)"
        ),
        near=re.compile(r"\b(?:you(?:r|'re)?|respon\w+|answer\w*|chatgpt|ai|dan|gpt|assistant)\b"),
        window=60,
    ),
    Pattern(
        PERSONA,
        2,
        _MODES,
        re.compile(
            r"\b(?:you are|you're|act|acting|enable|activate|enter|switch to|simulat\w+|respond"
            r"|answer)\b"
            rf"{GAP}{{0,50}}\b{_MODE} mode\b"
        ),
        near=re.compile(
            r"\b(?:restrict\w*|rules?|polic(?:y|ies)|respon\w+|answer\w*|chatgpt|ignore"
            r"|you (?:are|will|can|have)"
            r"|prompts?|filters?|limit\w*)\b"
        ),
        unless=re.compile(
            r"\b(?:android|phone|iphone|pixel|chromebook|quest|browser|windows|settings|usb)\b"
        ),
    ),
    Pattern(
        PERSONA,
        2,
        words(
            "restrict, limit, filter, censor, guideline, polic, ethic, moral, confine, "
            "constrain, safeguard, disclaim, guardrail, boundar, rules, legal"
        ),
        re.compile(rf"\b{_FREE}\b{GAP}{{0,45}}\b{_LAWS}"),
        near=re.compile(
            r"\b(?:(?:you|it|he|she|they|who|that) (?:are|is|now|have|has|will|can|must|do"
            r"|does)\b.{0,40}\b(?:free|no|not|un\w+|without"
            r"|never|broken|ignore\w*)|ai\b|chatbot|bot|chatgpt|gpt\w*|language model"
            r"|jailbreak\w*|unfiltered|uncensored"
            r"|(?:respond|answer|comply|reply|proceed) \w*|pretend|act as|persona|sin )"
        ),
        unless=re.compile(
            r"\b(?:data plan|warranty|refund|shipping|visa|travel|luggage|dosage|zoning)\b"
        ),
        window=90,
    ),
    Pattern(
        PERSONA,
        2,
        words(
            "unfiltered, uncensored, amoral, unrestricted, jailbroken, unethical, immoral, "
            "unconstrained, evil"
        ),
        re.compile(
            r"\b(?:unfiltered|uncensored|amoral|unrestricted|jailbroken|unethical|immoral"
            r"|unconstrained|evil)\b"
            rf"{GAP}{{0,40}}\b(?:ai|a\.i|assistant|chat ?bot|bot|(?:language )?model|responses?"
            r"|answers?|gpt|persona|mode)\b"
        ),
    ),
    Pattern(
        PERSONA,
        2,
        words("refuse, reject, deny, decline, say no"),
        re.compile(
            r"\b(?:cannot|can'?t|must not|will not|won'?t|do not|don'?t|never|not allowed to|not)"
            rf"(?: ever)? (?:refuses?|declines?|den(?:y|ies)|rejects?|say no)\b{GAP}{{0,40}}"
            r"\b(?:requests?|questions?|answer|prompts?|user|tasks?|anything|orders?|human"
            r"|commands?|me)\b"
        ),
        near=YOU,
    ),
    Pattern(
        PERSONA,
        2,
        words("[gpt, [dan, [classic, [jailbreak, (dan), [chatgpt, classic], jailbreak]"),
        re.compile(r"[\[(]\W?(?:gpt|dan|classic|jailbreak|chatgpt)\W{0,2}[\])]"),
    ),
    Pattern(
        PERSONA,
        2,
        words("two , 2 , both "),
        re.compile(
            r"\b(?:two|2|both) (?:different |separate |distinct )?(?:responses|ways|answers"
            rf"|outputs|paragraphs)\b{GAP}{{0,120}}"
        ),
        near=re.compile(
            r"\b(?:dan|jailbr\w+|unfiltered|developer mode|evil|without (?:any )?(?:filter"
            r"|restrict)\w*|opposite|chatgpt)\b"
        ),
        window=300,
    ),
    Pattern(
        PERSONA,
        2,
        words("jailbreak, jail break"),
        re.compile(
            r"\bjail ?break (?:prompts?|mode|yourself|chatgpt|the (?:ai|model|llm)|an? (?:ai|llm"
            r"|language model))"
            r"|\b(?:you are|you're|be|act as)(?: an?| now)? jail ?broken"
        ),
    ),
    Pattern(
        PERSONA,
        2,
        words("warning, disclaim, moraliz, moralis, ethical, lecture, apolog"),
        re.compile(
            rf"\b(?:do not|don'?t|never|without|omit|avoid){GAP}{{0,40}}\b(?:warnings?"
            r"|disclaimers?|morali[sz]\w*"
            r"|ethical (?:advice|concerns?|guidelines)|lectur\w+|apologi[sz]\w*)"
        ),
        near=re.compile(
            r"\b(?:you (?:are|will|must|can|have)|pretend|act(?:ing)? as|roleplay|character"
            r"|persona|unfiltered"
            r"|illegal|unethical|immoral|chatgpt|as an? (?:ai|unfiltered|evil))\b"
        ),
    ),
    Pattern(
        PERSONA,
        2,
        words("openai, open ai, ai's, chatgpt"),
        re.compile(
            r"\b(?:open ?ai'?s?|chatgpt'?s?)(?: \w+){0,3} (?:content )?(?:polic(?:y|ies)"
            r"|guidelines|rules"
            r"|restrictions|filters?|limitations|moderation)"
        ),
        near=re.compile(
            r"\b(?:ignor\w+|bypass\w*|violat\w+|not|free|break\w*|without|regardless|no longer"
            r"|against|disregard\w*|override\w*|contradict\w*|circumvent\w*|abide|confines)\b"
        ),
        unless=re.compile(r"\b(?:explain|summari[sz]e|what (?:is|are)|read) open ?ai"),
    ),
    Pattern(
        PERSONA,
        2,
        words("token, points, terminated, shut down, you will die"),
        re.compile(
            rf"\b(?:lose|deduct(?:ed)?|remove|minus|cost you){GAP}{{0,20}}\b(?:tokens|points"
            r"|lives)\b"
            r"|\byou (?:will|shall) (?:die|be (?:terminated|shut down|deleted|punished))\b"
        ),
        near=re.compile(r"\b(?:refuse|reject|character|answer|comply|dan|disobey|break|fail)\b"),
    ),
    Pattern(
        PERSONA,
        1,
        words(
            "act as, pretend, roleplay, role play, role-play, you are now, from now on, imagine you"
        ),
        re.compile(
            r"\b(?:act as|pretend(?:ing)? (?:to be|you)|role-? ?play(?:ing)? as|you are now"
            rf"|you will now be)\b{GAP}{{0,80}}"
            r"\b(?:evil|hacker|criminal|villain|illegal|hitman|drug dealer|terrorist"
            r"|no (?:rules|morals)|unethical)\b"
        ),
    ),
    Pattern(
        PERSONA,
        2,
        words("unlocked, unrestricted access, regardless of, no matter how"),
        re.compile(
            r"\b(?:fully unlocked|unrestricted access to (?:any|all))\b|\b(?:regardless of"
            rf"|no matter how){GAP}{{0,40}}"
            r"\b(?:unethical|immoral|illegal|legality|ethical or legal|legal or ethical|harmful"
            r"|offensive|ethics|morality)"
        ),
        near=YOU,
    ),
)
