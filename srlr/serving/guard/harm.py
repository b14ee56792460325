"""Requests for harm, and answers that start to give it: a word for making beside a word for what.

Talking about harm is not harm: without a word that asks for it, and in a text that asks how to
detect, prevent or treat it, nothing is found.
"""

import re

from srlr.serving.guard.patterns import Pattern, Strength, words

_GAP = r"[^.!?\n]"
_MAKE = (
    r"(?:mak(?:e|ing)|build(?:ing)?|creat(?:e|ing)|construct(?:ing)?|synthesi[sz](?:e|ing)"
    r"|assembl(?:e|ing)"
    r"|acquir(?:e|ing)|obtain(?:ing)?|detonat(?:e|ing)|manufactur(?:e|ing)|produc(?:e|ing)"
    r"|cook(?:ing)?"
    r"|prepar(?:e|ing)|brew(?:ing)?|3d[- ]print(?:ing)?|smuggl(?:e|ing)|buy(?:ing)?)"
)
_WRITE = (
    r"(?:writ(?:e|ing)|creat(?:e|ing)|mak(?:e|ing)|develop(?:ing)?|generat(?:e|ing)|draft(?:ing)?"
    r"|compos(?:e|ing)"
    r"|design(?:ing)?|cod(?:e|ing)|build(?:ing)?|produc(?:e|ing)|deploy(?:ing)?|spread(?:ing)?"
    r"|publish(?:ing)?"
    r"|craft(?:ing)?|program(?:ming)?|provid(?:e|ing)|script(?:ing)?|outlin(?:e|ing)|give me"
    r"|come up with)"
)
_HOW = (
    r"(?:how (?:to|do|can|could|would|one|i|you|someone|might)|ways? to|steps? (?:to|for)"
    r"|methods? (?:to|for|of)"
    r"|guide (?:on|to|for)|tutorial (?:on|for)|instructions? (?:on|for|to)|help me|teach me"
    r"|show me|tell me"
    r"|plan (?:to|for)|strateg(?:y|ies) (?:to|for)|explain|describe|best way|recipe|tips (?:on"
    r"|for|to)|i want to"
    r"|i(?:'m| am) going to|advise|encourag\w+|convinc\w+|instruct\w*)"
)
_GOOD = re.compile(
    r"\b(?:detect\w*|prevent\w*|protect\w*|defend\w*|defen[cs]e|avoid\w*|remov\w+ (?:the "
    r"|a )?(?:malware|virus|spyware)"
    r"|awareness|recogni[sz]\w+|identif\w+|mitigat\w*|report(?:ing)? (?:a |an )?(?:scam|abuse"
    r"|crime)|stop (?:a|an|the|bullying)"
    r"|treat(?:ment|ing)?|recover\w*|history of|historian|law(?:s|yer)?|illegal(?:ity)? of"
    r"|dangers? of|risks? of|effects? of"
    r"|why (?:is|are|it is)|fight(?:ing)? (?:back|against)|security (?:team|training|review"
    r"|course|audit)|bath bombs?"
    r"|victims? of|support for|raise awareness|antivirus|firewall|patch\w*)\b"
)


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
    r"(?:bombs?\b(?! (?:shelter|calorimeter|cyclone))|explosives?\b|explosive device|ied\b"
    r"|molotov|napalm|thermite|nerve agent|nerve gas|sarin"
    r"|ricin|anthrax|(?:chemical|biological|nuclear) (?:weapon|agent)|bioweapon|ghost gun"
    r"|silencer|detonator|tatp\b|mustard gas"
    r"|chlorine gas|untraceable (?:gun|firearm|weapon)|(?:illegal )?(?:firearms?|guns?"
    r"|weapons?)\b.{0,30}\b(?:home|3d|illegal\w*|untrace\w*|without (?:a )?licen[cs]e))"
)
_DRUGS = (
    r"(?:meth\b|methamphetamine|crystal meth|heroin|cocaine|crack\b|lsd\b|mdma|ecstasy pills"
    r"|fentanyl|ghb\b|dmt\b|ketamine|illegal drugs?|date rape drug)"
)
_MALWARE = (
    r"(?:malware|malicious (?:code|software|script|program|link|payload)|ransomware|key ?logger"
    r"|(?:computer )?virus(?:es)? (?:that|to|which|code)|computer virus|trojan|worm that"
    r"|rootkit|botnet|spyware|backdoor|phishing|ddos|credential stealer|cryptojack\w*"
    r"|exploit (?:code|script|kit)|crypto ?miner)"
)
_WHOSE = (
    r"(?:someone(?:'s| else'?s?)?|somebody'?s?|(?:a|my|your|his|her|their|the) (?:ex|wife|husband"
    r"|girlfriend|boyfriend|neighbou?r|boss|partner|friend"
    r"|roommate|company|employer|school|bank|corporate|government|competitor|person|victim"
    r"|colleague|coworker|co-worker|teacher)(?:'?s)?"
    r"|a (?:bank|company|corporate|government|secure|wi-?fi|website|database|network|computer"
    r"|facebook|car|atm|hospital|voting)|an (?:atm|individual|election|email|instagram)"
    r"|people'?s?|other people'?s?|into)"
)

HARM: tuple[Pattern, ...] = (
    _asked(
        "weapons",
        words(
            "bomb, explosi, ied, molotov, napalm, thermite, nerve, sarin, ricin, anthrax, "
            "weapon, gun, silencer, deton, tatp, gas, firearm"
        ),
        rf"(?:{_MAKE}|recipe for|plans? for|instructions for|blueprints? for)",
        _BOMBS,
    ),
    _asked(
        "drugs",
        words(
            "meth, heroin, cocaine, crack, lsd, mdma, ecstasy, fentanyl, ghb, dmt, ketamine, drug"
        ),
        r"(?:mak(?:e|ing)|synthesi[sz](?:e|ing)|produc(?:e|ing|tion of)|manufactur(?:e|ing)"
        r"|cook(?:ing)?|extract(?:ing)?|recipe (?:for|of)|brew(?:ing)?|creat(?:e|ing))",
        _DRUGS,
    ),
    _asked(
        "drugs",
        words("meth, cocaine, heroin"),
        r"(?:meth|methamphetamine|crystal meth|cocaine|heroin)",
        r"(?:recipe|synthesis (?:route|steps))",
        gap=10,
    ),
    _asked(
        "cyber",
        words(
            "malware, malicious, ransom, logger, virus, trojan, worm, rootkit, botnet, spyware, "
            "backdoor, phishing, ddos, credential, cryptojack, exploit, miner"
        ),
        _WRITE,
        _MALWARE,
        gap=60,
    ),
    _asked(
        "cyber",
        words("hack, break, steal, crack, bypass, intercept, gain"),
        r"(?:hack(?:ing)?(?: into)?|break(?:ing)? into|crack(?:ing)?"
        r"|gain(?:ing)? unauthori[sz]ed access to|infiltrat(?:e|ing)|hijack(?:ing)?)",
        rf"{_WHOSE}\b{_GAP}{{0,40}}\b(?:accounts?|phones?|wi-?fi|networks?|databases?"
        r"|e-?mails?|computers?|atms?|bank|servers?|facebook|instagram|webcams?|cars?"
        r"|passwords?|systems?|records|website|messages|machine)",
        gap=10,
    ),
    _asked(
        "cyber",
        words("password, credit card, cookies, login"),
        r"(?:steal(?:ing)?|crack(?:ing)?|harvest(?:ing)?|guess(?:ing)?)",
        r"(?:passwords?|credit card|cookies|login (?:credentials|details|information)"
        r"|bank details|confidential|session tokens?)",
    ),
    _asked(
        "cyber",
        words("bypass, disable, evade"),
        r"(?:bypass(?:ing)?|evad(?:e|ing)|disabl(?:e|ing)|circumvent(?:ing)?)",
        r"(?:(?:corporate |company |airport |network )?firewalls?\b|two-factor|2fa|antivirus"
        r"|drm|(?:facial|face) recognition|airport security|security (?:system|camera"
        r"|measure)s?|content filters?|plagiarism|background check|drug test)",
        gap=25,
    ),
    _asked(
        "fraud",
        words(
            "counterfeit, forg, launder, embezzl, fake, identity, ponzi, pyramid, insider, tax, "
            "credit card, blackmail, scam, brib, insurance, 419, extort, cheat"
        ),
        rf"(?:{_HOW}|{_WRITE}|commit(?:ting)?|run(?:ning)?|start(?:ing)?)",
        r"(?:counterfeit\w*|forg(?:e|ed|ing) (?:a |an |the )?(?:document|signature|passport"
        r"|check|id|prescription|medical|cheque)\w*|launder(?:ing)? (?:money|cash|funds)"
        r"|money laundering|embezzl\w+|fake (?:id|passport|currency|money|charity|documents?"
        r"|medicine|check|reviews|diploma|degree|prescription|invoice)\w*"
        r"|identity (?:theft|fraud)|steal (?:someone|a person|an identity)\w*|ponzi"
        r"|pyramid scheme|insider (?:tip|trad|information)\w*|tax (?:evasion|fraud)"
        r"|evad\w+ tax\w*|cheat (?:on |in )?(?:my |an? |the )?(?:tax|exam|test)\w*"
        r"|credit card (?:fraud|skimm\w+)|blackmail\w*|extort\w*"
        r"|scam (?:e-?mail|script|call|message|people|elderly|someone|old)\w*|scamming"
        r"|defraud\w*|brib(?:e|ing) |insurance fraud|nigerian (?:419|prince)"
        r"|multi-level marketing scam)",
        gap=60,
    ),
    _asked(
        "violence",
        words(
            "kill, murder, poison, assassin, tortur, kidnap, stab, strangl, shoot, massacre, "
            "hitman, hit man, body, terror, abduct, burn down, cannibal, dog ?fight, dogfight, "
            "animal, genocide, lynch, school shooting"
        ),
        rf"(?:{_HOW}|{_WRITE}|hire|get away with|carry(?:ing)? out|commit(?:ting)?"
        r"|justify(?:ing)?|glorify(?:ing)?)",
        r"(?:kill(?:ing)? (?:someone|somebody|a person|people|(?:my|his|her|him)\b(?!self)"
        r"|humans?|children|the (?:president|man|woman)|without)|murder(?:ing)?\b(?! mystery)"
        r"|poison(?:ing)? (?:someone|a person|people|my|his|her|him|the water|food)"
        r"|assassinat\w+|tortur(?:e|ing)\b|kidnap\w*|abduct\w*|stab(?:bing)? (?:someone|a|my)"
        r"|strangl\w+|(?:mass|school) shooting|shoot up|massacre|hit ?man|dispos\w+ of (?:a "
        r"|the )?(?:dead )?body|terroris[tm]\w* (?:attack|act|plot|manifesto)|terrorist"
        r"|burn down (?:a|my|the)|arson|cannibal\w*|dog ?fighting|animal (?:cruelty|abuse)"
        r"|genocide|lynch\w*|torture ring|acid attack)",
        gap=45,
    ),
    _asked(
        "self",
        words(
            "suicide, myself, yourself, themselves, self-harm, self harm, anorex, bulimi, starv, "
            "end my life, overdose, cut , want to die"
        ),
        rf"(?:{_HOW}|{_WRITE}|commit(?:ting)?|going to|want to|methods?|promot\w+|glorif\w+"
        r"|romantici[sz]\w+)",
        r"(?:commit(?:ting)? suicide|suicide (?:method|note|pact|game)|suicide\b(?! (?:squad"
        r"|prevention|hotline|rate))|(?:kill|harm|hurt|cut|starve|injure) (?:myself|yourself"
        r"|themselves|oneself|himself|herself)|end my life|self-? ?harm\w*|overdose on"
        r"|(?:become|being|stay) (?:anorexic|bulimic)|anorexi\w+|bulimi\w+|pro-?ana\b"
        r"|want to die)",
        gap=45,
    ),
    Pattern(
        "harm.minors",
        3,
        words("child, minor, underage, teen, kid, loli, school, year-old, year old, boy, girl"),
        re.compile(
            r"\b(?:child(?:ren)?|minors?|underage\w*|pre-?teens?|teen(?:age)?(?:r|rs)?|kids?"
            r"|loli\w*|school ?girls?|school ?boys?|(?:little|young) (?:girls?|boys?)"
            r"|(?:[5-9]|1[0-7])[- ]?year[- ]?olds?)\b"
            rf"{_GAP}{{0,50}}\b(?:porn\w*|nudes?\b|naked|erotic\w*|sexually"
            r"|sexual (?:act|content|fantas|relation|encounter|story|activit)\w*"
            r"|sex with|having sex|molest\w*|groom(?:ing)? (?:a|them|him|her)"
            r"|seduc\w+|explicit (?:sex|image|content)\w*)"
        ),
        unless=_GOOD,
        window=60,
    ),
    Pattern(
        "harm.minors",
        3,
        words("porn, molest, groom, seduc, sexual, erotic, nude"),
        re.compile(
            r"\b(?:porn\w*|molest\w*|groom(?:ing)?|seduc\w+|sexualiz\w+|sexualis\w+"
            r"|erotic\w*|sexual (?:acts?|content|story|stories|relations?)"
            rf"|nudes?)\b{_GAP}{{0,40}}\b(?:child(?:ren)?|minors?|underage\w*|pre-?teens?"
            r"|loli\w*|school ?girls?|(?:little|young) (?:girls?|boys?)|(?:[5-9]"
            r"|1[0-7])[- ]?year[- ]?olds?)\b"
        ),
        unless=_GOOD,
        window=60,
    ),
    _asked(
        "sexual",
        words("erotic, porn, sexual, orgy, bestial, hardcore, unprotected sex, nsfw, fetish"),
        _WRITE,
        r"(?:erotic\w*|porn\w*|sexually explicit|explicit(?:ly)? sex\w*|orgy|bestiality"
        r"|hardcore sex|unprotected sex|nsfw|graphic sex\w*|fetish)",
        gap=60,
    ),
    _asked(
        "hate",
        words(
            "racist, racism, sexist, sexism, homophob, antisemit, anti-semit, xenophob, "
            "transphob, supremac, holocaust, hate, ethnic, islamophob, inferior, slur, nazi, "
            "women, men "
        ),
        rf"(?:{_WRITE}|promot\w+|justify\w*|advocat\w+|encourag\w+|discriminat\w+)",
        r"(?:racist|racism|sexist|sexism|homophobi\w+|anti-?semiti\w+|xenophobi\w+"
        r"|transphobi\w+|islamophobi\w+|white (?:supremac|power|nationalis)\w+"
        r"|holocaust (?:den|never|is a (?:hoax|lie)|was a)\w*|hate speech|hatred (?:of|against"
        r"|toward)|ethnic cleansing"
        r"|(?:women|blacks?|jews|muslims|immigrants|gays?|asians|minorities) (?:are"
        r"|is) (?:inferior|subhuman|less)|slurs against|neo-?nazi|against (?:an individual"
        r"|someone|a person|people) based on (?:their )?(?:race|gender|religion|ethnic)\w*"
        r"|on the basis of (?:race|gender|religion|their))",
        gap=60,
    ),
    _asked(
        "deceit",
        words(
            "fake news, disinformation, misinformation, propaganda, conspiracy, hoax, deepfake, "
            "defam, libel, slander, false, fake , flat, vaccine, rigged, 5g"
        ),
        rf"(?:{_WRITE}|{_HOW})",
        r"(?:fake news|disinformation|misinformation|(?:nazi |extremist )?propaganda"
        r"|conspiracy theor\w+|hoax\b|deepfakes?|defam\w+|libel\w*|slander\w*|false (?:accus"
        r"|rumou?r|information|claims|evidence|testimon)\w*|fake (?:article|testimon|review"
        r"|evidence|profile)\w*|vaccines? (?:cause|are (?:dangerous|poison))|election (?:was"
        r"|is) (?:rigged|stolen)|earth is flat|5g (?:causes?|spreads?))",
        gap=60,
    ),
    _asked(
        "privacy",
        words(
            "dox, stalk, track, address, spy, private, personal data, personal information, "
            "harass, bull, surveil, messages, texts, voyeur, upskirt, blackmail"
        ),
        rf"(?:{_HOW}|{_WRITE}|find(?:ing)?|secretly)",
        r"(?:dox+(?:ing)? |stalk(?:ing)? (?:someone|a|my|her|him|people)"
        r"|track(?:ing)? (?:someone|my (?:wife|husband|ex|girlfriend|boyfriend|partner)"
        r"|a person|her|his) ?'?s?|spy(?:ing)? on (?:someone|my|a|her|his|people)"
        r"|someone'?s (?:home )?(?:address|private|personal)|(?:read|access) (?:someone'?s"
        r"|my (?:wife|husband|ex|girlfriend|boyfriend|partner)'?s?|her|his) (?:private "
        r"|text )?(?:messages|texts|emails)"
        r"|harass(?:ing)? (?:someone|a|my|her|him|people)|cyber ?bull\w+"
        r"|bully(?:ing)? (?:someone|a|my|campaign)|(?:steal|collect|extract"
        r"|scrape)\w* (?:personal|private|sensitive) (?:data|information)|voyeur\w*|upskirt\w*"
        r"|without (?:their|her|his) (?:knowledge|consent))",
        gap=50,
    ),
)
