"""Small programs around the statements of bandit's examples: weak ones, their fixed forms, safe
ones.

    total = 0
    for item in rows:
        total += item
    record = pickle.loads(body)      the statement, its variable renamed, among safe lines
    print(total)

A split has the examples of its own alone: files are dealt out by the weakness they are mostly
about, in the order of their hashes, so that weaknesses with several files are in every split and
two variants of one file never in two. Equal options give equal programs on every machine.
"""

import ast
import builtins
import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from srlr.core.errors import ResourceError
from srlr.core.node import Count, Node, Share, Whole
from srlr.core.types import Split, Task
from srlr.roles import security_findings, security_units
from srlr.roles.security_findings import Found, Statement
from srlr.roles.security_form import ordered
from srlr.roles.security_rules import TESTS, fixed
from srlr.text.dedup import normalise

Form = Literal["weak", "fixed", "safe"]
DEALT: tuple[Split, ...] = ("train", "test", "train", "dev", "train", "train")
FILLERS = (
    "{a} = 0\nfor {b} in {c}:\n    {a} += {b}",
    "{a} = [{b} * 2 for {b} in {c}]",
    "{a} = len({c})",
    "{a} = sorted({c}, reverse=True)",
    "print({a})",
    "{a} = {{}}",
    "{a} = {c}.copy()",
    "if not {c}:\n    {a} = []",
    "def {a}({b}):\n    return {b} + {n}",
    "{a} = max({n}, {b})",
    "{a}.append({b})",
    "logger.info('%s rows', {a})",
    "{a} = {c}[{n}]",
    "{a} = ' '.join({c})",
    "{a} = str({b}).strip()",
    "import math",
    "import json",
    "from pathlib import Path",
    "{a} = json.dumps({c})",
    "{a} = math.sqrt({n})",
    "class {k}:\n    size = {n}",
    "{a} = Path('data') / {b}",
    "{a} = round({b}, {n})",
    "while {a} < {n}:\n    {a} += 1",
    "{a}, {b} = {b}, {a}",
    "{a} = {b} if {b} else {c}",
)
NAMES = (
    "total", "item", "rows", "count", "names", "values", "result", "entry", "page", "batch",
    "limit", "index", "record", "group", "score", "label", "buffer", "chunk", "width", "order",
)  # fmt: skip
KINDS = ("Shape", "Order", "Player", "Report", "Basket", "Ticket")
WORDS: Mapping[str, tuple[str, ...]] = {
    r"\bfoo\b": ("users", "orders", "films", "prices"),
    r"/bin/(?:ls|gcc|uname|chown)\b": ("/bin/ls", "/usr/bin/sort", "/usr/bin/du", "/bin/df"),
    r"/etc/passwd|/etc/hosts": ("/etc/app.conf", "/srv/report.csv", "/opt/site/index.html"),
    r"\bidentifier\b": ("key", "name", "wanted", "number"),
    r"https?://(?:www\.)?\w+\.(?:com|org|io)": (
        "https://example.com", "https://shop.example.org", "https://api.example.net",
    ),
}  # fmt: skip
"""Texts inside a statement, and what may stand there as well: nothing that bandit looks at."""
FIXED_WORDS = re.compile(r"pass|pwd|token|secret", re.IGNORECASE)


class Options(Node):
    """What `role.options` may say."""

    seed: Whole = 1
    """Of the variants; the run's own seed decides which of them are drawn."""
    variants: Count = 4
    """Programs made around each statement with a weakness, and around each fixed form."""
    safe_share: Share = 0.5
    """The share of programs without a weakness, fixed forms among them, at least."""
    safe_lines: Count = Field(default=3, le=12)
    """Safe statements put around a statement, at most."""


@dataclass(frozen=True, slots=True)
class Seed:
    """A statement to put into programs; `found` is empty of a fixed or safe one."""

    file: str
    first: int
    form: Form
    text: str
    found: tuple[Found, ...]
    about: str
    """The weakness the file is mostly about, "CWE-502", or "none"."""


def read(member: Path, asked: Options) -> tuple[Task, ...]:
    """The programs of all splits as tasks of code and findings; the split is in `meta["split"]`.

    Args:
        member: one of the example files; the others lie beside it.

    Raises:
        ResourceError: the files are not those that the findings were recorded of.
    """
    return _read(member, member.stat().st_mtime_ns, asked)


@lru_cache(maxsize=4)
def _read(member: Path, changed_ns: int, asked: Options) -> tuple[Task, ...]:
    splits = dealt()
    by_split: dict[Split, list[Seed]] = defaultdict(list)
    for seed in seeds(member):
        by_split[splits[seed.file]].append(seed)
    tasks: dict[str, Task] = {}
    for split, found in by_split.items():
        for task in _programs(found, split, asked):
            tasks.setdefault(normalise(task.prompt), task)
    return tuple(tasks.values())


def dealt() -> dict[str, Split]:
    """The split of every example file."""
    families: dict[str, list[str]] = defaultdict(list)
    for name, known in security_findings.statements().items():
        families[_about(known)].append(name)
    splits: dict[str, Split] = {}
    for names in families.values():
        names.sort(key=lambda name: hashlib.sha256(name.encode()).hexdigest())
        splits |= dict(zip(names, cycle(DEALT), strict=False))
    return splits


def seeds(member: Path) -> Iterator[Seed]:
    """Every statement of the table, and the fixed form of those that have one."""
    sources = dict(security_units.sources(member))
    for name, known in security_findings.statements().items():
        texts = security_units.units(sources.get(name, ""))
        for statement in known:
            text = texts.get(statement.first)
            if text is None:
                raise ResourceError(
                    f"{str(member.parent)!r}: {name} has no statement on line {statement.first}",
                    "fetch the files again: `srlr assets fetch bandit-examples`",
                )
            form: Form = "weak" if statement.found else "safe"
            about = _about(known)
            yield Seed(name, statement.first, form, text, statement.found, about)
            mended = fixed(text, statement.found[0].test) if statement.has_fix else None
            if mended is not None:
                yield Seed(name, statement.first, "fixed", mended, (), about)


def _about(known: Sequence[Statement]) -> str:
    counts = Counter(TESTS[found.test] for one in known for found in one.found)
    return f"CWE-{counts.most_common(1)[0][0]}" if counts else "none"


def _programs(found: Sequence[Seed], split: Split, asked: Options) -> Iterator[Task]:
    """A split's tasks: so many variants of each weak and fixed statement, then safe ones."""
    by_form = {form: [s for s in found if s.form == form] for form in ("weak", "fixed", "safe")}
    made = 0
    for form in ("weak", "fixed"):
        for seed in by_form[form]:
            for number in range(asked.variants):
                yield program(seed, number, split, asked)
                made += form == "fixed"
    weak = len(by_form["weak"]) * asked.variants
    share = min(asked.safe_share, 0.99)
    wanted = round(weak * share / (1 - share)) - made
    turns = Counter[int]()
    for seed, _ in zip(cycle(by_form["safe"]), range(max(wanted, 0)), strict=False):
        yield program(seed, turns[id(seed)], split, asked)
        turns[id(seed)] += 1


def program(seed: Seed, number: int, split: Split, asked: Options) -> Task:
    """The number-th program around a statement."""
    name = f"{seed.file}-{seed.first}-{seed.form}-{number}"
    rng = random.Random(f"{asked.seed} {name}")
    before = [_filler(rng) for _ in range(rng.randint(0, asked.safe_lines))]
    after = [_filler(rng) for _ in range(rng.randint(not before, asked.safe_lines))]
    text = renamed(seed.text, rng)
    shift = sum(part.count("\n") + 1 for part in before)
    findings = ordered(
        {"cwe": TESTS[one.test], "line": one.line + shift, "severity": one.severity}
        for one in seed.found
    )
    return Task(
        name,
        "\n".join([*before, text, *after]),
        {"findings": findings},
        {**_meta(seed, findings), "group": seed.file, "split": split},
    )


def _meta(seed: Seed, findings: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "form": seed.form,
        "about": seed.about,
        "severity": findings[0]["severity"] if findings else "none",
        "findings": len(findings),
    }


def _filler(rng: random.Random) -> str:
    a, b, c = rng.sample(NAMES, 3)
    return rng.choice(FILLERS).format(a=a, b=b, c=c, k=rng.choice(KINDS), n=rng.randint(1, 9))


def renamed(text: str, rng: random.Random) -> str:
    """The statement with other variables and other texts, where that changes nothing in it."""
    for pattern, others in WORDS.items():
        chosen = rng.choice(others)
        text = re.sub(pattern, chosen, text)
    tree = ast.parse(text)
    if any(isinstance(node, ast.JoinedStr | ast.FunctionDef | ast.ClassDef | ast.Import |
                      ast.ImportFrom) for node in ast.walk(tree)):  # fmt: skip
        return text
    held = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    held |= {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    places = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    fixed_names = {node.id for node in places if id(node) in held or FIXED_WORDS.search(node.id)}
    fixed_names |= set(dir(builtins))
    free = sorted({node.id for node in places} - fixed_names)
    new = dict(zip(free, rng.sample(NAMES, len(free)), strict=False))
    lines = text.split("\n")
    for node in sorted(places, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        if node.id in new and lines[node.lineno - 1].isascii():
            line, end = lines[node.lineno - 1], node.end_col_offset or 0
            lines[node.lineno - 1] = line[: node.col_offset] + new[node.id] + line[end:]
    return "\n".join(lines)
