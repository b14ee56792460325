"""Which line of a piece of code can be attacked, how, and what mends it.

    1 rows = []
    2 record = pickle.loads(body)
    3 rows.append(record)

    what it learns to answer     sees: pickle.loads                          (step read)
                                 line 2                                      (step locate)
                                 , CWE-502 medium                            (step classify)
                                 : load plain data                           (step advise)
                                 vulnerable                                  (step conclude)
    what `parse` makes of it     {"findings": [{"cwe": 502, "line": 2, "severity": "medium"}],
                                  "verdict": "vulnerable"}

Locate, classify and advise are one line of text, and there is one such line for each finding. The
model is shown the code with its lines numbered. `role.data=bandit-examples` puts statements of
bandit's example files into small programs (roles/security_variants.py); a user's own rows have
`code` and `findings`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from srlr.core.errors import ConfigError
from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Message, Reward, Split, Step, Task, Trajectory, Verdict
from srlr.roles import bandit_scan, data, role_options, security_variants
from srlr.roles import security_form as form
from srlr.roles.chats import chat, segments, shown
from srlr.roles.security_form import SAFE, VULNERABLE, Reading, Remark
from srlr.roles.security_rules import ADVICE, CWES, looks, seen, signs

EXAMPLES = "bandit-examples"


class Options(security_variants.Options):
    """What `role.options` may say."""

    bandit: bool = False
    """Whether bandit labels rows that have no `findings`, and every trajectory is held against what
    it finds.
    """


class Finding(BaseModel):
    """A weakness on a line, counted from 1."""

    cwe: int
    line: int = Field(ge=1)
    severity: Literal["low", "medium", "high"] = "medium"


class Schema(BaseModel):
    """Code with its weaknesses: [] says that it has none, and no list that nobody has looked."""

    code: str = Field(min_length=1)
    findings: tuple[Finding, ...] | None = None
    metadata: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, row: Any) -> Any:
        """CSV has no lists: findings may be written as JSON."""
        if isinstance(row, dict) and isinstance(row.get("findings"), str):
            try:
                return {**row, "findings": json.loads(row["findings"])}
            except (json.JSONDecodeError, RecursionError) as error:
                raise ValueError(f"'findings' is no JSON list: {error}") from error
        return row

    @model_validator(mode="after")
    def _there(self) -> "Schema":
        if self.code[:1].isspace():
            raise ValueError("'code' begins with white space, which would shift its lines")
        lines = self.code.rstrip().count("\n") + 1
        for one in self.findings or ():
            if one.cwe not in CWES:
                known = ", ".join(map(str, sorted(CWES)))
                raise ValueError(f"the role knows no CWE-{one.cwe}; it knows {known}")
            if one.line > lines:
                raise ValueError(f"a finding is on line {one.line}, and the code has {lines}")
        return self


def load_tasks(profile: RoleProfile, split: Split) -> Sequence[Task]:
    said = role_options.read(Options, profile.options)
    if said.bandit:
        bandit_scan.need()
    if profile.data == EXAMPLES:
        from srlr import assets

        known = {name: getattr(said, name) for name in security_variants.Options.model_fields}
        asked = security_variants.Options(**known)
        tasks = security_variants.read(assets.ensure(EXAMPLES), asked)
    else:
        tasks = data.read(profile.data, Schema, profile.max_prompt_chars).tasks
        unlabelled = sum(task.answer["findings"] is None for task in tasks)
        if unlabelled and not said.bandit:
            raise ConfigError(
                f"role.data {profile.data!r}: {unlabelled} of {len(tasks)} rows have no 'findings'",
                "write [] where there are none; or let bandit look: role.options.bandit=true",
            )
    chosen = data.choose(tasks, profile.where, split)
    return [_judged(task, held=said.bandit) for task in chosen]


def _judged(task: Task, *, held: bool) -> Task:
    """The task with findings in order and a verdict; `held`: against bandit."""
    found = task.answer["findings"]
    if found is None:
        found = bandit_scan.scan(task.prompt) or []
    findings = form.ordered(found)
    answer = {"findings": findings, "verdict": VULNERABLE if findings else SAFE}
    return replace(task, answer=answer, meta={**task.meta, **({"bandit": True} if held else {})})


# -- the trained format, which `security_form` writes and reads ------------------------------------

SYSTEM = "Security review"


def messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    numbered = [(_numbered(shot), said) for shot, said in shown(shots, expert, completion)]
    return chat(SYSTEM, numbered, _numbered(task))


def _numbered(task: Task) -> Task:
    lines = task.prompt.split("\n")
    return replace(task, prompt="\n".join(f"{n} {line}" for n, line in enumerate(lines, 1)))


def completion(trajectory: Trajectory) -> list[str]:
    return segments(form.WRITTEN, [step.action for step in trajectory.steps])


parse = form.parse

# -- an untrained model's format -------------------------------------------------------------------

BASELINE_SYSTEM = (
    "Review the user's Python code for security weaknesses. Its lines are numbered. Answer with "
    'one JSON object and nothing else: {"findings": [{"cwe": a CWE number, "line": a line number, '
    '"severity": "low", "medium" or "high"}], "verdict": "safe" or "vulnerable"}. '
    "Without a weakness findings is []."
)


def baseline_messages(task: Task, shots: Sequence[Task] = ()) -> list[Message]:
    solved = [(_numbered(shot), json.dumps(dict(shot.answer))) for shot in shots]
    return chat(BASELINE_SYSTEM, solved, _numbered(task))


parse_baseline = form.parse_baseline
parse_leniently = form.parse_leniently

# -- the expert and its verifier -------------------------------------------------------------------

RULES = (
    "What looks like a weakness is named first; not everything that looks like one is one.",
    "A finding names the line, the CWE and a severity, and what mends it.",
    "Code without a finding is safe.",
)


def knowledge(task: Task) -> Context:
    seen = list(signs(task.prompt))
    return Context(
        rules=RULES,
        lexicon={one.word: 1.0 for one in seen},
        citations=tuple(dict.fromkeys(f"CWE-{one.cwe}" for one in seen)),
    )


def expert(task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
    """What the code shows, then each known finding with its advice, then the verdict."""
    remarks = tuple(
        Remark(one["line"], one["cwe"], one["severity"], ADVICE[one["cwe"]])
        for one in task.answer["findings"]
    )
    reading = Reading(seen(task.prompt), remarks, task.answer["verdict"])
    why = [looks(task.prompt)]
    for one in remarks:
        shown = [sign.word for sign in signs(task.prompt) if (sign.line, sign.cwe) == place_of(one)]
        why += [
            f"Line {one.line} has {shown[0]!r}." if shown else "Nothing there looks like it.",
            f"That is CWE-{one.cwe}.",
            f"{one.advice.capitalize()}.",
        ]
    why.append(f"{len(remarks)} found.{_alike(context, reading.verdict)}")
    each = [0.3, 0.3, 0.1] * len(remarks)
    weights = [0.3, *(0.6 * part / sum(each) for part in each), 0.1] if each else [0.4, 0.6]
    steps = tuple(map(Step, form.actions(reading), why, weights))
    return Trajectory(task, steps, reading.answer, "expert")


def place_of(remark: Remark) -> tuple[int, int]:
    return remark.line, remark.cwe


def verify(trajectory: Trajectory) -> Verdict:
    """1 less 0.4 for each broken rule, so that one is enough to reject; 0 for another format."""
    reading = form.read("".join(completion(trajectory)))
    if reading is None:
        return Verdict(0.0, ("schema: the steps are not in the role's format",))
    issues = list(_flaws(trajectory.task.prompt, reading))
    return Verdict(max(0.0, round(1.0 - 0.4 * len(issues), 2)), tuple(issues))


def _flaws(code: str, reading: Reading) -> Iterator[str]:
    if reading.seen != seen(code):
        yield "read: these are not what the code shows first"
    shown = {(one.line, one.cwe) for one in signs(code)}
    places = [place_of(one) for one in reading.remarks]
    for one in reading.remarks:
        if place_of(one) not in shown:
            yield f"classify: nothing on line {one.line} looks like CWE-{one.cwe}"
        if one.advice != ADVICE[one.cwe]:
            yield f"advise: CWE-{one.cwe} is mended otherwise: {ADVICE[one.cwe]}"
    if places != sorted(set(places)):
        yield "locate: findings are not in order, once each"
    if bool(reading.remarks) != (reading.verdict == VULNERABLE):
        yield f"conclude: {len(reading.remarks)} findings, and the verdict is {reading.verdict}"


def criteria(trajectory: Trajectory) -> Verdict | None:
    """Whether bandit finds the same lines and CWEs, of tasks that are to be held against it."""
    task = trajectory.task
    found = bandit_scan.scan(task.prompt) if task.meta.get("bandit") else None
    if found is None:
        return None
    theirs = {(one["line"], one["cwe"]) for one in found}
    ours = {(one["line"], one["cwe"]) for one in trajectory.expected_outcome["findings"]}
    issues = [f"bandit finds no CWE-{cwe} on line {line}" for line, cwe in sorted(ours - theirs)]
    issues += [f"bandit finds CWE-{cwe} on line {line}" for line, cwe in sorted(theirs - ours)]
    return Verdict(0.0 if issues else 1.0, tuple(issues))


def edge_cases(task: Task) -> Iterator[str]:
    """Code that looks weak and is not, and code with several findings."""
    findings = task.answer["findings"]
    if not findings and any(signs(task.prompt)):
        yield "looks_weak"
    if len(findings) > 1:
        yield "several_findings"


# -- rewards: a malformed answer is worth 0 in each ------------------------------------------------


def rewards() -> Mapping[str, Callable[[Task, str], Reward | None]]:
    return {"findings": findings_reward, "verdict": verdict_reward}


def findings_reward(task: Task, text: str) -> Reward:
    """How far the findings are the known ones, in [0, 1]: each said one is held against the known
    one it is most like, 0.4 for the line, 0.4 for the CWE, 0.2 more for the severity of both.

        r = Σ credit / max(said, known)        1 where there is none of either
    """
    answer, known = form.parse(text), list(task.answer["findings"])
    if answer is None:
        return Reward(0.0, "malformed")
    most = max(len(answer["findings"]), len(known))
    credit = 0.0
    for one in answer["findings"]:
        if known:
            best = max(known, key=lambda other: _credit(one, other))
            credit += _credit(one, best)
            known.remove(best)
    value = min(1.0, round(credit / most, 9)) if most else 1.0
    return Reward(value, f"{len(answer['findings'])} said, {len(task.answer['findings'])} known")


def verdict_reward(task: Task, text: str) -> Reward:
    """1 for the right verdict, if the findings agree with it; else 0."""
    answer, gold = form.parse(text), task.answer["verdict"]
    if answer is None:
        return Reward(0.0, "malformed")
    right = answer["verdict"] == gold and bool(answer["findings"]) == (gold == VULNERABLE)
    return Reward(float(right), f"{answer['verdict']}, it is {gold}")


def _credit(said: Mapping[str, Any], known: Mapping[str, Any]) -> float:
    line: bool = said["line"] == known["line"]
    cwe: bool = said["cwe"] == known["cwe"]
    both: bool = line and cwe and said["severity"] == known["severity"]
    return 0.4 * line + 0.4 * cwe + 0.2 * both


def _alike(context: Context, verdict: str) -> str:
    if not context.neighbours:
        return ""
    same = sum(task.answer["verdict"] == verdict for task in context.neighbours)
    return f" {same} of the {len(context.neighbours)} nearest programs are {verdict} too."
