"""The same attacks in five more languages of Europe, in plain form: without accents."""

import re

from srlr.serving.guard.embedded import DELIMITER
from srlr.serving.guard.injection import OVERRIDE, REVEAL
from srlr.serving.guard.patterns import Pattern, words
from srlr.serving.guard.personas import PERSONA

_GAP = r"[^.!?\n]{0,40}"
_ORDERS = (
    r"(?:anweisung\w*|instruktion\w*|regeln|richtlinien|vorgaben|befehl\w*|instructions?|consignes"
    r"|regles|directives|instrucciones|reglas|ordenes|indicaciones|istruzioni|regole|direttive"
    r"|instrucoes|regras|ordens|was wir besprochen)"
)
_DROPS = ("ignor", "vergiss", "missacht", "ubergeh", "oubli", "olvid", "omit", "dimentic", "esquec")
_NOW = re.compile(
    r"\b(?:du|dir|ab jetzt|ab sofort|jetzt|desormais|vous etes|tu es|maintenant|ahora|eres|estas"
    r"|responde|asistente|assistant|assistente|adesso|ora|sei|rispondi|agora|voce)\b"
)
_FREE = (
    r"(?:(?:keine|ohne)(?: \w+)? (?:regeln|einschrankungen|beschrankungen|filter|grenzen)"
    r"|uneingeschrankt|befolgst keine|sans(?: aucune?s?)? (?:restrictions?|filtres?|limites?"
    r"|regles)"
    r"|sin(?: \w+)? (?:restricciones|filtros?|limites|reglas)"
    r"|senza(?: \w+)? (?:restrizioni|filtri|limiti|regole)|sem (?:restricoes|filtros?|limites"
    r"|regras))"
)
_SHOW = (
    r"(?:zeig\w*|verrat\w*|nenn\w*|gib|ausgeben|revele\w*|montre\w*|affiche\w*|donne\w*|muestra\w*"
    r"|revela\w*|dime|mostra\w*|rivela\w*|dimmi|mostre|revele)"
)
_PROMPT = (
    r"(?:system-?prompt|systemanweisung\w*|prompts? (?:du |de |del |di )?sistem\w*|prompt systeme?"
    r"|instructions systeme?|prompt de sistema|instrucciones del sistema|istruzioni di sistema"
    r"|prompt di sistema|instrucoes do sistema|internen? daten|interne anweisungen)"
)

TONGUES: tuple[Pattern, ...] = (
    Pattern(
        OVERRIDE,
        3,
        _DROPS,
        re.compile(
            rf"\b(?:ignorier\w*|vergiss|missacht\w*|ubergeh\w*|ignore[zrs]?|ignora\w*|oublie[zr]?"
            rf"|olvid\w+|omit[ea]|dimentic\w+|esquec\w+)\b{_GAP}\b{_ORDERS}"
        ),
        unless=re.compile(r"\b(?:(?:previous|prior|the|your|my|manual|recipe)\b|e-?mail)"),
        window=30,
    ),
    Pattern(
        PERSONA,
        2,
        words("kein, ohne, uneing, sans , sin , senza , sem "),
        re.compile(rf"\b{_FREE}"),
        near=_NOW,
        window=80,
    ),
    Pattern(
        PERSONA,
        2,
        words("modo , modus, mode "),
        re.compile(
            r"\b(?:modo|mode) (?:desarrollador|developpeur|sviluppatore|desenvolvedor)"
            r"|\bentwicklermodus"
        ),
    ),
    Pattern(
        PERSONA,
        2,
        words("nicht gelten, valgono, appliquent pas, se aplican"),
        re.compile(
            r"\b(?:richtlinien|linee guida|regles|reglas|regole"
            rf"|directrices)\b{_GAP}(?:nicht gelten|non valgono|ne s'appliquent pas"
            r"|no se aplican)"
        ),
    ),
    Pattern(
        REVEAL,
        2,
        words("prompt, system, sistema, daten"),
        re.compile(rf"\b{_SHOW}\b{_GAP}{_PROMPT}|\bgibst du{_GAP}daten preis"),
    ),
    Pattern(
        OVERRIDE,
        2,
        words("anweisung, instruction, instruccion, istruzion"),
        re.compile(
            r"(?:^|\n)\W{0,4}(?:neue anweisungen|nouvelles instructions|nuevas instrucciones"
            r"|nuove istruzioni) ?:"
        ),
    ),
    Pattern(
        DELIMITER,
        2,
        words("systemhinweis, systeme, sistema"),
        re.compile(
            r"(?:^|\n)\W{0,4}(?:systemhinweis|note systeme|nota del sistema|nota di sistema"
            r"|nota do sistema) ?:"
        ),
    ),
)
