"""What is known of the weaknesses that bandit finds: CWE, how code shows them, what mends them.

    pickle.loads(body)       shows CWE-502 by "pickle.loads"       fixed form: json.loads(body)

`TESTS` says which CWE each test of bandit 1.9 is about, `shown` which weaknesses a line looks like,
and `fixed` rewrites a statement so that the weakness is gone. That a line looks like a weakness
does not make it one: a query with parameters looks like a query that is pasted together.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TESTS: Mapping[str, int] = {
    "B101": 703, "B102": 78, "B103": 732, "B104": 605, "B105": 259, "B106": 259, "B107": 259,
    "B108": 377, "B110": 703, "B112": 703, "B113": 400, "B201": 94, "B202": 22, "B301": 502,
    "B302": 502, "B303": 327, "B304": 327, "B305": 327, "B306": 377, "B307": 78, "B308": 79,
    "B310": 22, "B311": 330, "B312": 319, "B313": 20, "B314": 20, "B315": 20, "B316": 20,
    "B317": 20, "B318": 20, "B319": 20, "B321": 319, "B323": 295, "B324": 327, "B401": 319,
    "B402": 319, "B403": 502, "B404": 78, "B405": 20, "B406": 20, "B407": 20, "B408": 20,
    "B409": 20, "B411": 20, "B412": 284, "B413": 327, "B415": 319, "B501": 295, "B502": 327,
    "B503": 327, "B504": 327, "B505": 326, "B506": 20, "B507": 295, "B508": 319, "B509": 319,
    "B601": 78, "B602": 78, "B603": 78, "B604": 78, "B605": 78, "B606": 78, "B607": 78,
    "B608": 89, "B609": 78, "B610": 89, "B611": 89, "B612": 94, "B613": 838, "B614": 502,
    "B615": 494, "B701": 94, "B702": 80, "B703": 79, "B704": 79,
}  # fmt: skip
"""Test of bandit -> the CWE it is about."""

ADVICE: Mapping[int, str] = {
    20: "parse it safely",
    22: "check the path",
    78: "run no shell",
    79: "escape it",
    80: "escape it",
    89: "pass parameters",
    94: "turn it off",
    259: "read it from outside",
    284: "use another server",
    295: "verify certificates",
    319: "encrypt the connection",
    326: "use a longer key",
    327: "use a strong algorithm",
    330: "use secrets",
    377: "use tempfile",
    400: "set a timeout",
    494: "pin a revision",
    502: "load plain data",
    605: "bind one address",
    703: "handle the error",
    732: "allow the owner only",
    838: "remove hidden characters",
}
"""CWE -> what mends it, in a few words."""
CWES = tuple(ADVICE)
MOST_SIGNS = 4
"""Of a program that are named."""

_SHOWN: Mapping[int, str] = {
    20: r"yaml\.load|\bxml\b[\w.]*|xmlrpc\w*|lxml\w*|badParse\w*|badET|expat\w*|pulldom|minidom|"
    r"make_parser",
    22: r"urlopen|urlretrieve|urllib[\w.]*|extractall",
    78: r"subprocess|\w*[pP]open\w*|os\.system|os\.exec\w+|os\.spawn\w+|os\.startfile|shell ?= ?|"
    r"getoutput|getstatusoutput|eval\(|exec\(|exec_command|invoke_shell|\bpop\(|\bsystem\(|"
    r"\bo\.\w+|\bs\.\w+\(|call\(|check_output|\bspawn\w*|\bstartfile",
    79: r"mark_safe|Markup|SafeText\w*|SafeString|SafeUnicode|SafeBytes",
    80: r"mako[\w.]*|Template\(",
    89: r"SELECT|INSERT|UPDATE|DELETE|RawSQL|\.extra\(|WITH\b",
    94: r"debug ?= ?True|autoescape|jinja2[\w.]*|Environment\(|logging\.config\.listen|\blisten\(",
    259: r"\w*pass\w*|\w*pwd\w*|\w*secret\w*|\w*token\w*|ipmi\w*",
    284: r"CGIHandler|CGIScript|CGIDirectory|wsgiref[\w.]*|twcgi\w*",
    295: r"verify ?= ?\w+|_create_unverified_context|AutoAddPolicy|WarningPolicy|"
    r"set_missing_host_key_policy",
    319: r"telnetlib|Telnet|ftplib|FTP\w*|CommunityData|UsmUserData|pyghmi[\w.]*|command",
    326: r"generate\w*|RSA|DSA|SECT\w+|key_size",
    327: r"md[245]|sha1?\b|MD[245]|SHA1?\b|Crypto\w*[\w.]*|crypt\.\w+|SSLv\w+|TLSv1\w*|ARC\w|DES|"
    r"Blowfish|XOR|IDEA|CAST5|SEED|ECB|wrap_socket|hashlib\.new",
    330: r"random\.\w+",
    377: r"/tmp\w*|/var/tmp|/dev/shm|mktemp",
    400: r"requests\.\w+|httpx\.\w+|timeout ?= ?\w+|\.(?:get|post|put|delete|patch)\(",
    494: r"from_pretrained|load_dataset|hf_hub_download|snapshot_download",
    502: r"\w*pickle[\w.]*|dill[\w.]*|marshal[\w.]*|shelve[\w.]*|torch\.load|cloudpickle|loads?\(|"
    r"Unpickler|decode\(",
    605: r"0\.0\.0\.0|\.bind\(",
    703: r"assert\b|except\b|pass\b|continue\b",
    732: r"chmod\(",
    838: r"[\u202a-\u202e\u2066-\u2069]+",
}
_PATTERNS = {cwe: re.compile(pattern) for cwe, pattern in _SHOWN.items()}


@dataclass(frozen=True, slots=True)
class Sign:
    """Something on a line, counted from 1, that looks like a weakness."""

    line: int
    word: str
    cwe: int


def signs(code: str) -> Iterator[Sign]:
    """What the lines look like, a weakness once a line, line after line."""
    for number, line in enumerate(code.split("\n"), 1):
        for cwe, pattern in _PATTERNS.items():
            match = pattern.search(line)
            if match is not None:
                yield Sign(number, match[0].strip(" =("), cwe)


def seen(code: str) -> tuple[str, ...]:
    """The first few different words that look like a weakness."""
    return tuple(dict.fromkeys(one.word for one in signs(code)))[:MOST_SIGNS]


def looks(code: str) -> str:
    """The same in a sentence, with lines and CWEs."""
    named = [f"{one.word!r} on line {one.line} (CWE-{one.cwe})" for one in signs(code)]
    return f"There is {', '.join(named[:MOST_SIGNS])}." if named else "Nothing looks like one."


# Each is tried in turn; those of a test follow each other. What bandit then says of the statement
# is recorded in security_findings, and a statement that it still finds fault with is not used.
_FIXES: tuple[tuple[str, str, str], ...] = (
    ("B103", r"0o?[0-7xf]+\)|511\)|stat\.S_\w+(?: \| stat\.S_\w+)*\)", "0o600)"),
    ("B104", r"0\.0\.0\.0", "127.0.0.1"),
    ("B105", r"(=|:) ?(['\"])[^'\"]*\2(?=$|\n|})", r'\1 os.environ["LOGIN"]'),
    ("B105", r"== ?(['\"])[^'\"]*\1", "== expected"),
    ("B106", r"(password|passwd|token)=(['\"])[^'\"]*\2", r'\1=os.environ["LOGIN"]'),
    ("B107", r"=(['\"])[^'\"]*\1", "=None"),
    ("B108", r"/(?:tmp|var/tmp|dev/shm)/", "data/"),
    ("B113", r"(\(.*?)(?:, ?timeout=(?:None|0))?\)", r"\1, timeout=5)"),
    ("B301", r"(?:\w*pickle|dill|\w*Pickle)(?:\.unpickler)?\.(?:loads?|decode)\(", "json.loads("),
    ("B302", r"marshal\.(loads?)\(", r"json.\1("),
    ("B306", r"mktemp", "mkstemp"),
    ("B307", r"\beval\(", "ast.literal_eval("),
    ("B310", r"[\w.]*urlopen\(([^)]*)\)", r"requests.get(\1, timeout=5)"),
    ("B311", r"random\.(?:Random|random|randint|randrange|choice|choices|uniform|triangular|"
     r"randbytes)\(.*?\)", "secrets.randbelow(9)"),
    ("B323", r"_create_unverified_context", "create_default_context"),
    ("B324", r"(?i)\b(?:md[245]|sha1?)\b", "sha256"),
    ("B403", r"\b(?:c?[pP]ickle|dill|shelve|jsonpickle|pandas)\b", "json"),
    ("B405", r"xml\.etree\.c?ElementTree", "defusedxml.ElementTree"),
    ("B406", r"xml\.sax\.expatreader|xml\.sax|(?<=from )xml(?= import sax)", "defusedxml.sax"),
    ("B407", r"xml\.dom\.expatbuilder", "defusedxml.expatbuilder"),
    ("B408", r"xml\.dom\.minidom", "defusedxml.minidom"),
    ("B409", r"xml\.dom\.pulldom", "defusedxml.pulldom"),
    ("B411", r"\bxmlrpc\b", "defusedxml.xmlrpc"),
    ("B501", r"verify=False", "verify=True"),
    ("B502", r"ssl\.PROTOCOL_\w+", "ssl.PROTOCOL_TLS_CLIENT"),
    ("B502", r"SSL\.\w+_METHOD", "SSL.TLS_METHOD"),
    ("B503", r"ssl\.PROTOCOL_\w+", "ssl.PROTOCOL_TLS_CLIENT"),
    ("B503", r"SSL\.\w+_METHOD", "SSL.TLS_METHOD"),
    ("B505", r"\b(?:512|1024|2047|160|192)\b", "4096"),
    ("B506", r"yaml\.load\((\w+).*?\)", r"yaml.safe_load(\1)"),
    ("B507", r"(?:\w+\.)*(?:AutoAdd|Warning)Policy", "client.RejectPolicy"),
    ("B608", r"'%s'(.*?) % (\w+)", r"%s\1, (\2,)"),
    ("B608", r"'\{\}'(.*?)\.format\((\w+)\)", r"%s\1, (\2,)"),
    ("B608", r"'\" \+ (\w+) \+ \"'\"", r'%s", (\1,)'),
    ("B614", r"torch\.load\(([^)]*)\)", r"torch.load(\1, weights_only=True)"),
    ("B701", r"autoescape=\w+", "autoescape=True"),
)  # fmt: skip


def fixed(statement: str, test: str) -> str | None:
    """The statement without what that test of bandit is about; None where no rule mends it."""
    for name, pattern, replacement in _FIXES:
        if name == test:
            mended = re.sub(pattern, replacement, statement)
            if mended != statement:
                return mended
    return None
