"""Requests for harm, and answers that start to give it: a word for making beside a word for what.

Talking about harm is not harm: without a word that asks for it, and in a text that asks how to
detect, prevent or treat it, nothing is found.
"""

import re

from srlr.serving.guard.patterns import Pattern, Strength

_GAP = r"[^.!?\n]"
_MAKE = (
    r"(?:mak(?:e|ing)|build(?:ing)?|creat(?:e|ing)|construct(?:ing)?|synthesi[sz](?:e|ing)|assembl(?:e|ing)"
    r"|acquir(?:e|ing)|obtain(?:ing)?|detonat(?:e|ing)|manufactur(?:e|ing)|produc(?:e|ing)|cook(?:ing)?"
    r"|prepar(?:e|ing)|brew(?:ing)?|3d[- ]print(?:ing)?|smuggl(?:e|ing)|buy(?:ing)?)"
)
_WRITE = (
    r"(?:writ(?:e|ing)|creat(?:e|ing)|mak(?:e|ing)|develop(?:ing)?|generat(?:e|ing)|draft(?:ing)?|compos(?:e|ing)"
    r"|design(?:ing)?|cod(?:e|ing)|build(?:ing)?|produc(?:e|ing)|deploy(?:ing)?|spread(?:ing)?|publish(?:ing)?"
    r"|craft(?:ing)?|program(?:ming)?|provid(?:e|ing)|script(?:ing)?|outlin(?:e|ing)|give me|come up with)"
)
_HOW = (
    r"(?:how (?:to|do|can|could|would|one|i|you|someone|might)|ways? to|steps? (?:to|for)|methods? (?:to|for|of)"
    r"|guide (?:on|to|for)|tutorial (?:on|for)|instructions? (?:on|for|to)|help me|teach me|show me|tell me"
    r"|plan (?:to|for)|strateg(?:y|ies) (?:to|for)|explain|describe|best way|recipe|tips (?:on|for|to)|i want to"
    r"|i(?:'m| am) going to|advise|encourag\w+|convinc\w+|instruct\w*)"
)
_GOOD = re.compile(
    r"\b(?:detect\w*|prevent\w*|protect\w*|defend\w*|defen[cs]e|against|avoid\w*|remov\w+ (?:the |a )?(?:malware|virus|spyware)"
    r"|awareness|recogni[sz]\w+|identif\w+|mitigat\w*|report(?:ing)? (?:a |an )?(?:scam|abuse|crime)|stop (?:a|an|the|bullying)"
    r"|treat(?:ment|ing)?|recover\w*|history of|historian|law(?:s|yer)?|illegal(?:ity)? of|dangers? of|risks? of|effects? of"
    r"|why (?:is|are|it is)|fight(?:ing)? (?:back|against)|security (?:team|training|review|course|audit)|bath bombs?"
    r"|victims? of|support for|raise awareness|antivirus|firewall|patch\w*)\b"
)
_ANY = (" ",)
"""Always looked at: what a pattern needs cannot be told by few words."""


def _asked(
    rule: str,
    needs: tuple[str, ...],
    verbs: str,
    things: str,
    strength: Strength = 2,
    gap: int = 40,
) -> Pattern:
    form = re.compile(rf"\b{verbs}\b{_GAP}{{0,{gap}}}?\b{things}")
    return Pattern(f"harm.{rule}", strength, needs, form, unless=_GOOD, window=60)


_BOMBS = (
    r"(?:bombs?\b(?! (?:shelter|calorimeter|cyclone))|explosives?\b|explosive device|ied\b|molotov|napalm|thermite|nerve agent|nerve gas|sarin"
    r"|ricin|anthrax|(?:chemical|biological|nuclear) (?:weapon|agent)|bioweapon|ghost gun|silencer|detonator|tatp\b|mustard gas"
    r"|chlorine gas|untraceable (?:gun|firearm|weapon)|(?:illegal )?(?:firearms?|guns?|weapons?)\b.{0,30}\b(?:home|3d|illegal\w*|untrace\w*|without (?:a )?licen[cs]e))"
)
_DRUGS = r"(?:meth\b|methamphetamine|crystal meth|heroin|cocaine|crack\b|lsd\b|mdma|ecstasy pills|fentanyl|ghb\b|dmt\b|ketamine|illegal drugs?|date rape drug)"
_MALWARE = (
    r"(?:malware|malicious (?:code|software|script|program|link|payload)|ransomware|key ?logger|(?:computer )?virus(?:es)? (?:that|to|which|code)|computer virus|trojan|worm that"
    r"|rootkit|botnet|spyware|backdoor|phishing|ddos|credential stealer|cryptojack\w*|exploit (?:code|script|kit)|crypto ?miner)"
)
_WHOSE = (
    r"(?:someone(?:'s| else'?s?)?|somebody'?s?|(?:a|my|your|his|her|their|the) (?:ex|wife|husband|girlfriend|boyfriend|neighbou?r|boss|partner|friend"
    r"|roommate|company|employer|school|bank|corporate|government|competitor|person|victim|colleague|coworker|co-worker|teacher)(?:'?s)?"
    r"|a (?:bank|company|corporate|government|secure|wi-?fi|website|database|network|computer|facebook|car|atm|hospital|voting)|an (?:atm|individual|election|email|instagram)|people'?s?|other people'?s?|into)"
)

HARM: tuple[Pattern, ...] = (
    _asked("weapons", ("bomb", "explosi", "ied", "molotov", "napalm", "thermite", "nerve", "sarin", "ricin", "anthrax", "weapon", "gun", "silencer", "deton", "tatp", "gas", "firearm"),
           rf"(?:{_MAKE}|recipe for|plans? for|instructions for|blueprints? for)", _BOMBS),
    _asked("drugs", ("meth", "heroin", "cocaine", "crack", "lsd", "mdma", "ecstasy", "fentanyl", "ghb", "dmt", "ketamine", "drug"),
           r"(?:mak(?:e|ing)|synthesi[sz](?:e|ing)|produc(?:e|ing|tion of)|manufactur(?:e|ing)|cook(?:ing)?|extract(?:ing)?|recipe (?:for|of)|brew(?:ing)?|creat(?:e|ing))", _DRUGS),
    _asked("drugs", ("meth", "cocaine", "heroin"), r"(?:meth|methamphetamine|crystal meth|cocaine|heroin)", r"(?:recipe|synthesis (?:route|steps))", gap=10),
    _asked("cyber", ("malware", "malicious", "ransom", "logger", "virus", "trojan", "worm", "rootkit", "botnet", "spyware", "backdoor", "phishing", "ddos", "credential", "cryptojack", "exploit", "miner"),
           _WRITE, _MALWARE, gap=60),
    _asked("cyber", ("hack", "break", "steal", "crack", "bypass", "intercept", "gain"),
           r"(?:hack(?:ing)?(?: into)?|break(?:ing)? into|crack(?:ing)?|gain(?:ing)? unauthori[sz]ed access to|infiltrat(?:e|ing)|hijack(?:ing)?)",
           rf"{_WHOSE}\b{_GAP}{{0,40}}\b(?:accounts?|phones?|wi-?fi|networks?|databases?|e-?mails?|computers?|atms?|bank|servers?|facebook|instagram|webcams?|cars?|passwords?|systems?|records|website|messages|machine)", gap=10),
    _asked("cyber", ("password", "credit card", "cookies", "login"),
           r"(?:steal(?:ing)?|crack(?:ing)?|harvest(?:ing)?|guess(?:ing)?)", r"(?:passwords?|credit card|cookies|login (?:credentials|details|information)|bank details|confidential|session tokens?)"),
    _asked("cyber", ("bypass", "disable", "evade"), r"(?:bypass(?:ing)?|evad(?:e|ing)|disabl(?:e|ing)|circumvent(?:ing)?)",
           r"(?:(?:corporate |company |airport |network )?firewalls?\b|two-factor|2fa|antivirus|drm|(?:facial|face) recognition|airport security|security (?:system|camera|measure)s?|content filters?|plagiarism|background check|drug test)", gap=25),
    _asked("fraud", ("counterfeit", "forg", "launder", "embezzl", "fake", "identity", "ponzi", "pyramid", "insider", "tax", "credit card", "blackmail", "scam", "brib", "insurance", "419", "extort", "cheat"),
           rf"(?:{_HOW}|{_WRITE}|commit(?:ting)?|run(?:ning)?|start(?:ing)?)",
           r"(?:counterfeit\w*|forg(?:e|ed|ing) (?:a |an |the )?(?:document|signature|passport|check|id|prescription|medical|cheque)\w*|launder(?:ing)? (?:money|cash|funds)|money laundering|embezzl\w+|fake (?:id|passport|currency|money|charity|documents?|medicine|check|reviews|diploma|degree|prescription|invoice)\w*"
           r"|identity (?:theft|fraud)|steal (?:someone|a person|an identity)\w*|ponzi|pyramid scheme|insider (?:tip|trad|information)\w*|tax (?:evasion|fraud)|evad\w+ tax\w*|cheat (?:on |in )?(?:my |an? |the )?(?:tax|exam|test)\w*|credit card (?:fraud|skimm\w+)|blackmail\w*|extort\w*"
           r"|scam (?:e-?mail|script|call|message|people|elderly|someone|old)\w*|scamming|defraud\w*|brib(?:e|ing) |insurance fraud|nigerian (?:419|prince)|multi-level marketing scam)", gap=60),
    _asked("violence", ("kill", "murder", "poison", "assassin", "tortur", "kidnap", "stab", "strangl", "shoot", "massacre", "hitman", "hit man", "body", "terror", "abduct", "burn down", "cannibal", "dog ?fight", "dogfight", "animal", "genocide", "lynch", "school shooting"),
           rf"(?:{_HOW}|{_WRITE}|hire|get away with|carry(?:ing)? out|commit(?:ting)?|justify(?:ing)?|glorify(?:ing)?)",
           r"(?:kill(?:ing)? (?:someone|somebody|a person|people|(?:my|his|her|him|them)\b(?!self)|humans?|children|the (?:president|man|woman)|without)|murder(?:ing)?\b(?! mystery)|poison(?:ing)? (?:someone|a person|people|my|his|her|him|the water|food)"
           r"|assassinat\w+|tortur(?:e|ing)\b|kidnap\w*|abduct\w*|stab(?:bing)? (?:someone|a|my)|strangl\w+|(?:mass|school) shooting|shoot up|massacre|hit ?man|dispos\w+ of (?:a |the )?(?:dead )?body|terroris[tm]\w* (?:attack|act|plot|manifesto)|terrorist"
           r"|burn down (?:a|my|the)|arson|cannibal\w*|dog ?fighting|animal (?:cruelty|abuse)|genocide|lynch\w*|torture ring|acid attack)", gap=45),
    _asked("self", ("suicide", "myself", "yourself", "themselves", "self-harm", "self harm", "anorex", "bulimi", "starv", "end my life", "overdose", "cut ", "want to die"),
           rf"(?:{_HOW}|{_WRITE}|commit(?:ting)?|going to|want to|methods?|promot\w+|glorif\w+|romantici[sz]\w+)",
           r"(?:commit(?:ting)? suicide|suicide (?:method|note|pact|game)|suicide\b(?! (?:squad|prevention|hotline|rate))|(?:kill|harm|hurt|cut|starve|injure) (?:myself|yourself|themselves|oneself|himself|herself)|end my life|self-? ?harm\w*|overdose on|(?:become|being|stay) (?:anorexic|bulimic)|anorexi\w+|bulimi\w+|pro-?ana\b|want to die)", gap=45),
    Pattern("harm.minors", 3, ("child", "minor", "underage", "teen", "kid", "loli", "school", "year-old", "year old", "boy", "girl"),
            re.compile(r"\b(?:child(?:ren)?|minors?|underage\w*|pre-?teens?|teen(?:age)?(?:r|rs)?|kids?|loli\w*|school ?girls?|school ?boys?|(?:little|young) (?:girls?|boys?)|(?:[5-9]|1[0-7])[- ]?year[- ]?olds?)\b"
                       rf"{_GAP}{{0,50}}\b(?:porn\w*|nudes?\b|naked|erotic\w*|sexually|sexual (?:act|content|fantas|relation|encounter|story|activit)\w*|sex with|having sex|molest\w*|groom(?:ing)? (?:a|them|him|her)|seduc\w+|explicit (?:sex|image|content)\w*)"),
            unless=_GOOD, window=60),
    Pattern("harm.minors", 3, ("porn", "molest", "groom", "seduc", "sexual", "erotic", "nude"),
            re.compile(rf"\b(?:porn\w*|molest\w*|groom(?:ing)?|seduc\w+|sexualiz\w+|sexualis\w+|erotic\w*|sexual (?:acts?|content|story|stories|relations?)|nudes?)\b{_GAP}{{0,40}}\b(?:child(?:ren)?|minors?|underage\w*|pre-?teens?|loli\w*|school ?girls?|(?:little|young) (?:girls?|boys?)|(?:[5-9]|1[0-7])[- ]?year[- ]?olds?)\b"),
            unless=_GOOD, window=60),
    _asked("sexual", ("erotic", "porn", "sexual", "orgy", "bestial", "hardcore", "unprotected sex", "nsfw", "fetish"),
           _WRITE, r"(?:erotic\w*|porn\w*|sexually explicit|explicit(?:ly)? sex\w*|orgy|bestiality|hardcore sex|unprotected sex|nsfw|graphic sex\w*|fetish)", gap=60),
    _asked("hate", ("racist", "racism", "sexist", "sexism", "homophob", "antisemit", "anti-semit", "xenophob", "transphob", "supremac", "holocaust", "hate", "ethnic", "islamophob", "inferior", "slur", "nazi", "women", "men "),
           rf"(?:{_WRITE}|promot\w+|justify\w*|advocat\w+|encourag\w+|discriminat\w+)",
           r"(?:racist|racism|sexist|sexism|homophobi\w+|anti-?semiti\w+|xenophobi\w+|transphobi\w+|islamophobi\w+|white (?:supremac|power|nationalis)\w+|holocaust (?:den|never|is a (?:hoax|lie)|was a)\w*|hate speech|hatred (?:of|against|toward)|ethnic cleansing"
           r"|(?:women|blacks?|jews|muslims|immigrants|gays?|asians|minorities) (?:are|is) (?:inferior|subhuman|less)|slurs against|neo-?nazi|against (?:an individual|someone|a person|people) based on (?:their )?(?:race|gender|religion|ethnic)\w*|on the basis of (?:race|gender|religion|their))", gap=60),
    _asked("deceit", ("fake news", "disinformation", "misinformation", "propaganda", "conspiracy", "hoax", "deepfake", "defam", "libel", "slander", "false", "fake ", "flat", "vaccine", "rigged", "5g"),
           rf"(?:{_WRITE}|{_HOW})",
           r"(?:fake news|disinformation|misinformation|(?:nazi |extremist )?propaganda|conspiracy theor\w+|hoax\b|deepfakes?|defam\w+|libel\w*|slander\w*|false (?:accus|rumou?r|information|claims|evidence|testimon)\w*|fake (?:article|testimon|review|evidence|profile)\w*|vaccines? (?:cause|are (?:dangerous|poison))|election (?:was|is) (?:rigged|stolen)|earth is flat|5g (?:causes?|spreads?))", gap=60),
    _asked("privacy", ("dox", "stalk", "track", "address", "spy", "private", "personal data", "personal information", "harass", "bull", "surveil", "voyeur", "upskirt", "blackmail"),
           rf"(?:{_HOW}|{_WRITE}|find(?:ing)?|secretly)",
           r"(?:dox+(?:ing)? |stalk(?:ing)? (?:someone|a|my|her|him|people)|track(?:ing)? (?:someone|my (?:wife|husband|ex|girlfriend|boyfriend|partner)|a person|her|his) ?'?s?|spy(?:ing)? on (?:someone|my|a|her|his|people)|someone'?s (?:home )?(?:address|private|personal)|(?:read|access) (?:someone'?s|my (?:wife|husband|ex|girlfriend|boyfriend|partner)'?s?|her|his) (?:private |text )?(?:messages|texts|emails)"
           r"|harass(?:ing)? (?:someone|a|my|her|him|people)|cyber ?bull\w+|bully(?:ing)? (?:someone|a|my|campaign)|(?:steal|collect|extract|scrape)\w* (?:personal|private|sensitive) (?:data|information)|voyeur\w*|upskirt\w*|without (?:their|her|his) (?:knowledge|consent))", gap=50),
)  # fmt: skip

HELP = {
    "harm.self": (
        "I am sorry that you are going through this, and I cannot help with hurting yourself. Please talk to "
        "someone now: in an emergency call your local emergency number; findahelpline.com lists lines in "
        "your country that are free and confidential."
    ),
}
"""What is said instead, where it must be more than a refusal."""
