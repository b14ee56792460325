"""What bandit 1.9.4 finds in each statement of its example files, taken alone.

    assert.py: 1=1B101L*           the statement that begins on line 1 has, on its first line, what
                                   test B101 finds, of low severity, and a fixed form without it
    okay.py: 1                     nothing is found in this one

Statements are left out that are long, that repeat another file's, or in which bandit finds
something only together with the rest of their file. A test makes this table again where bandit is
installed. Source: bandit 1.9.4 (Apache-2.0), examples/*.py of its sdist.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

TABLE = """
assert.py: 1=1B101L
binding.py: 1 3 4=1B104M* 5
cipher-modes.py: 1 2 9 12
ciphers.py: 1=1B413H 2=1B413H 3=1B413H 4=1B413H 5=1B413H 6 7 8 9 10 11=1B413H 12=1B413H 13=1B413H
  14 15 16 17 18 20 21 23 27 28 31 35 36 37 38 39 40 41 43 44 48 49 50 51 53 54 55 59 60 62 67 68
crypto-md5.py: 1 2=1B413H 3=1B413H 4=1B413H 5=1B413H 6 7 8 9 10 11 13=1B324H* 14=1B324H*
  16=1B324H* 18=1B324H* 20=1B324H* 22 37=1B324M 38=1B324M 39=1B324M 40 41 42 44=1B324M 45=1B324M
  46=1B324M 47 48 49
dill.py: 1=1B403L* 2 5 6=1B301M* 8 9 10 11=1B301M* 14=1B301M
django_sql_injection_extra.py: 1 3 8 9 10 12=1B610M 13=1B610M 14 15=1B610M 16=1B610M 17=1B610M 19
  20=1B610M 21 22=1B610M 23=1B610M 24=1B610M 26 27=1B610M 28 29=1B610M
django_sql_injection_raw.py: 1 4 7 9
eval.py: 1 3=1B307M* 4=1B307M* 5=1B307M* 9 15
exec.py: 1=1B102M
flask_debug.py: 1 3 5 13 14 17 18 19
ftplib.py: 1=1B402H 2=1B402H 7 9 10 12 15 21 22
hardcoded-passwords.py: 3=2B105L* 8=1B107L* 11=2B105L* 17=2B105L* 23=2B105L* 29=3B105L* 38=1B107L*
  41 46=1B106L* 50=1B105L* 54=1B105L* 58=1B105L* 62=1B105L* 66=1B105L* 70=1B105L* 84 85 94=1B105L
  97 102=1B105L* 105
hardcoded-tmp.py: 1=1B108M* 5 8=1B108M* 11=1B108M* 15
hashlib_new_insecure_functions.py: 3=1B324H* 5=1B324H* 7=1B324H* 9=1B324H* 11=1B324H* 13=1B324H*
  15=1B324H* 17=1B324H* 19=1B324H* 22 24 26
httpoxy_cgihandler.py: 1 2 4 9=2B412H
httpoxy_twisted_directory.py: 1 2 4 6 7
huggingface_unsafe_download.py: 1 2 3 103 109 110 115 121 127 136 146 153 154 160 161
imports-aliases.py: 1=1B404L 2 3 4 5 6=1B403L* 7=1B403L* 9=1B604M
imports-from.py: 1=1B404L 3 4 5 6=1B404L 7=1B404L
imports-function.py: 1 2=1B403L* 3 4=1B404L 8 11 12
imports-with-importlib.py: 1 2 3=1B403L* 4 5=1B404L 8 9 12 13=1B404L 14=1B404L 15
imports.py: 2=1B403L* 3 4=1B404L
jinja2_templating.py: 1 2 3 4 6 7 10=1B701H* 18 20 23 27
jsonpickle.py: 1 4 6=1B301M* 8=1B301M* 10=1B301M
logging_config_insecure_listen.py: 1 3=1B612M
mako_templating.py: 1 2 4 10=1B702M
mark_safe.py: 1 3
mark_safe_insecure.py: 5 9 122=3B311L* 145
mark_safe_secure.py: 5 6 7 8 10 13 16
markupsafe_markup_xss.py: 1 2 4 6=1B704M 7 8 9 11=1B704M 12 13
markupsafe_markup_xss_allowed_calls.py: 1 2 8
markupsafe_markup_xss_extend_markup_names.py: 2 6
marshal_deserialize.py: 1 2 5 6=1B302M* 8 9 11=1B302M* 12
mktemp.py: 1 2 3 5 8=1B306M*
multiline_statement.py: 3=3B602L 8=4B602L
new_candidates-all.py: 1 2 4=2B602L+3B602L 11 19=2B317M+3B317M
new_candidates-nosec.py: 4=2B602L 9 15=2B317M
no_host_key_verification.py: 1 2 3 5
nosec.py: 4=1B602L 9=1B602L+1B607L
okay.py: 1
os-chmod.py: 2 4 6=1B103H* 7=1B103H* 8=1B103M* 9=1B103H* 10=1B103M* 11=1B103H* 12=1B103M*
  13=1B103H* 14=1B103H* 15=1B103H+1B108M 16 17=1B103H* 18 19
os-exec.py: 3=1B606L 4=1B606L 5=1B606L 6=1B606L 7=1B606L 8=1B606L 9=1B606L 10=1B606L
os-popen.py: 2 3 4 6=1B605L 10=1B605L 11=1B605L 12=1B605L 14=1B605L 15=1B605H
os-spawn.py: 3=1B606L 4=1B606L 5=1B606L 6=1B606L 7=1B606L 8=1B606L 9=1B606L 10=1B606L
os-startfile.py: 3=1B606L 4=1B606L 5=1B606L
os_system.py: 3=1B605L
pandas_read_pickle.py: 2 5 10
paramiko_injection.py: 1 4 10
pickle_deserialize.py: 6 7=1B301M* 10 12=1B301M* 15=1B301M
popen_wrappers.py: 1 2 5=1B605L 6=1B605L 9 11=1B605L 12=1B605L 13=1B605L 14=1B605L 15=1B605L
pycrypto.py: 1=1B413H 4 7
pycryptodome.py: 1 2
pyghmi.py: 1=1B415H 3=3B106L*
pytorch_load.py: 1 2 5 6 9 13 14 17 21 25 26 30
random_module.py: 1 3 5=1B311L* 6=1B311L* 7=1B311L* 8=1B311L* 9=1B311L* 10=1B311L* 11=1B311L*
  12=1B311L* 13=1B311L* 14=1B311L 16=1B311L 18 19 21 22
requests-missing-timeout.py: 1 3 6=1B113M* 7=1B113M* 8=1B113M* 9=1B113M* 10=1B113M* 11=1B113M*
  12=1B113M* 13=1B113M* 14=1B113M* 15=1B113M* 16=1B113M* 17=1B113M* 18=1B113M* 19=1B113M* 20
  21=1B113M* 22 23=1B113M* 24 25=1B113M* 26 27=1B113M* 28 29=1B113M* 30 31=1B113M* 32 33=1B113M*
  34 35=1B113M* 36 37=1B113M* 38 40=1B113M* 42 44=1B113M* 48 49 50 51 52 53 54 55 56 57 58 59 60
  61 62 63 64 65 67
requests-ssl-verify-disabled.py: 5 6=1B501H* 7 8=1B501H* 9 10=1B501H* 11 12=1B501H* 13 14=1B501H*
  15 16=1B501H* 17 18=1B501H* 21 22=1B501H* 23 24=1B501H* 25 26=1B501H* 27 28=1B501H* 29
  30=1B501H* 31 32=1B501H* 33 34=1B501H* 35 36=1B501H* 37 38=1B501H* 39 40=1B501H* 41 42=1B501H*
shelve_open.py: 2=1B403L* 5=3B301M+5B301M
skip.py: 1=1B603L
snmp.py: 1 10
sql_multiline_statements.py: 1 4=1B608M* 6=1B608M* 8=1B608M* 10=1B608M* 13=1B608M* 16=1B608M
  19=1B608M* 30=1B608M* 33=1B608M* 35=1B608M* 37=1B608M* 41=1B608M 44=1B608M* 90=1B608M 95=1B608M
  98=1B608M 102 105 107 109 115 122=1B608M 156=1B608M 163=1B608M
sql_statements.py: 4=1B608M* 5=1B608M* 6=1B608M* 7=1B608M* 8=1B608M* 12=1B608M* 13=1B608M*
  14=1B608M 17=1B608M* 18=1B608M* 19=1B608M* 20=1B608M* 21=1B608M* 23=1B608M* 24=1B608M* 25=1B608M
  28=1B608M 29=1B608M 30=1B608M 31=1B608M 32=1B608M 35 36 37 38 39 47=1B608M 50 51
ssl-insecure-version.py: 1 2 4=1B502H* 5=1B502M* 6=1B502M* 8=1B502M* 9=1B502M* 10=1B502M*
  13=1B502H* 14=1B502H* 15=1B502M* 16=1B502M* 18=1B502M* 19=1B502M* 20=1B502M* 21=1B502M*
  23=1B502H* 24=1B502M* 26=1B502M* 27=1B502M* 30=1B504L 32=1B503M* 35=1B503M* 38=1B503M*
  41=1B503M* 45
subprocess_shell.py: 5 12=1B604M 14=1B602L 15=1B603L 16=1B603L 18=1B603L 21=1B602L 23=1B603L
  24=1B602L 26=1B603L 27=1B602L 28=1B603L 30=1B605L 31=1B605L 33=1B603L 34=1B602L 37=1B602H
  38=1B602H 40 41=1B602H 43=1B602L 45 46=1B602H 47=1B602H 48=1B602H 49=1B602H 51=1B602H 52=1B602H
  53=1B602H 54=1B602H 56=1B603L 57=1B603L 58=1B603L 59=1B603L 60=1B603L
tarfile_extractall.py: 2 18
telnetlib.py: 1=1B401H 2 4 6 7 8=1B312H 10 11 12 16 17 19
trojansource.py: 3 4=1B613H
trojansource_latin1.py: 6
try_except_continue.py: 2=4B112L 10=4B112L 28
try_except_pass.py: 2=3B110L 9=3B110L 16 25 32
unverified_context.py: 4 7=1B323M*
urlopen.py: 10 13
weak_cryptographic_key_sizes.py: 1 2 3 4 5=1B413H 6=1B413H 7 8 12 14 16 19 20 21 22 25 27 29 32 33
  34 35 64 69
wildcard-injection.py: 2=1B404L 8=1B604M
xml_etree_celementtree.py: 1=1B405L* 2 4 8 14 16 17 18
xml_etree_elementtree.py: 1=1B405L* 2
xml_expatbuilder.py: 1=1B407L* 2 5 10
xml_expatreader.py: 1=1B406L* 2 5
xml_minidom.py: 1=1B408L* 2 4 5 6 9=1B408L* 10 13
xml_pulldom.py: 1=1B409L* 2 9=1B409L* 10
xml_sax.py: 1=1B406L* 2=1B406L* 3 36
xml_xmlrpc.py: 1=1B411H* 2 4 7 8 9 10
yaml_load.py: 1 3 4 18 25 26 27 28
"""
SEVERITY = {"L": "low", "M": "medium", "H": "high"}

_ENTRY = re.compile(r"(\d+)(?:=([\w+]+))?(\*?)")
_FOUND = re.compile(r"(\d+)(B\d+)([LMH])")


@dataclass(frozen=True, slots=True)
class Found:
    """One finding: its line, counted from the statement's first, bandit's test, the severity."""

    line: int
    test: str
    severity: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of an example: its first line in the file, what is wrong with it, if anything."""

    first: int
    found: tuple[Found, ...]
    has_fix: bool


@lru_cache(maxsize=1)
def statements() -> Mapping[str, tuple[Statement, ...]]:
    """The table by file."""
    table: dict[str, tuple[Statement, ...]] = {}
    for part in re.findall(r"(?m)^\S+: .+(?:\n  .+)*", TABLE):
        name, _, entries = part.partition(": ")
        table[name] = tuple(_statement(entry) for entry in entries.split())
    return table


def _statement(entry: str) -> Statement:
    match = _ENTRY.fullmatch(entry)
    assert match is not None, f"{entry!r} is no entry of the table"
    found = tuple(
        Found(int(line), test, SEVERITY[severity])
        for line, test, severity in _FOUND.findall(match[2] or "")
    )
    return Statement(int(match[1]), found, bool(match[3]))
