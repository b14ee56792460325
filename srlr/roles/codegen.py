"""Functions from their description: a sandbox runs them, and tests decide.

    Write solve(xs) for a list of whole numbers xs: keep its even numbers, then add them up.
    For example, solve([4, 1, 2]) is 6.

    what it learns to answer     # solve(xs)                                        (restate)
                                 # keep even, sum                                   (plan)
                                 def solve(xs):
                                     xs = [x for x in xs if x % 2 == 0]
                                     return sum(xs)                                 (code)
                                 # solve([4, 1, 2]) == 6                            (check)
    what `parse` makes of it     {"code": "def solve(xs): …"}

An answer is Python as it stands, its steps comments. It is right where all tests of the task pass,
of which the task tells one. `role.data=generated` makes the tasks (roles/code_tasks.py) and needs
no download; rows of a user's own have `prompt`, `tests` and, where a solution is known, `code`: a
row without one is learnt from in RLVR alone.

What a run says of the sandbox and of guardrails is in the profile, and so the role is made for it:
`bound` gives what core.types.Role asks for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from srlr import sandbox
from srlr.core.profile import RoleProfile
from srlr.core.sandboxing import Sandbox
from srlr.core.types import Context, Message, Reward, Role, Split, Step, Task, Trajectory, Verdict
from srlr.roles import code_format, code_tasks, data, human_eval
from srlr.roles.chats import chat
from srlr.roles.code_tasks import Guardrails
from srlr.sandbox import Judged, Program

GENERATED = "generated"
HUMAN_EVAL = "human-eval"
PASSED = "passed"
"""The field of a judged answer that is right or wrong: True where every test passed."""


def _lines(value: Any) -> Any:
    """Tests in one text, as a CSV file has them: one a line."""
    return value.strip().splitlines() if isinstance(value, str) else value


class Schema(BaseModel):
    """A description, tests in Python's own words, and a solution where one is known."""

    prompt: str = Field(min_length=1)
    code: str = ""
    tests: Annotated[list[str], BeforeValidator(_lines), Field(min_length=1)]
    support: str = ""
    """What the tests need beside the functions that are asked for: imports, helpers."""
    metadata: dict[str, Any] = {}


# -- what an untrained model is told ---------------------------------------------------------------

SYSTEM = "Python"
BASELINE_SYSTEM = (
    "Write the Python function that is asked for. "
    "Answer with one block of code, ```python … ```, and nothing else."
)

RULES = (
    "One line for each part of the description, in its order.",
    "The function returns its result and prints nothing.",
    "The check repeats the example of the description.",
)
SHARES = {"restate": 0.1, "plan": 0.2, "code": 0.6, "check": 0.1}
"""Of a trajectory's reward: the code is what has to be learnt."""
LONG = 3
"""Blocks from which a task is an edge case."""


def bound(profile: RoleProfile) -> Role:
    """The role as a profile wants it.

    Raises:
        ConfigError: role.options has an unknown key or a value out of range.
    """
    asked = code_tasks.options(profile.options)
    return Codegen(profile.sandbox or Sandbox(), asked.guardrails)


@dataclass(frozen=True, slots=True)
class Codegen:
    """The role with its sandbox; what each function is for stands in core.types.Role."""

    sandbox: Sandbox
    guardrails: Guardrails

    def load_tasks(self, profile: RoleProfile, split: Split) -> Sequence[Task]:
        """Raises ResourceError where code cannot be isolated, MissingArtifact without bubblewrap:
        before anything is drawn or asked.
        """
        sandbox.require(self.sandbox)
        asked = code_tasks.options(profile.options)
        if split == "test" and asked.held_out == HUMAN_EVAL:
            from srlr import assets

            return data.choose(human_eval.read(assets.ensure(HUMAN_EVAL)), profile.where, split)
        if profile.data == GENERATED:
            return data.choose(code_tasks.everything(asked), profile.where, split)
        tasks = data.read(profile.data, Schema, profile.max_prompt_chars).tasks
        return data.choose(tasks, profile.where, split)

    def messages(self, task: Task, shots: Sequence[Task] = ()) -> list[Message]:
        solved = [(one, "".join(completion(expert(one)))) for one in shots]
        return chat(SYSTEM, solved, task)

    def baseline_messages(self, task: Task, shots: Sequence[Task] = ()) -> list[Message]:
        solved = [(one, f"```python\n{one.answer.get('code', '')}\n```") for one in shots]
        return chat(BASELINE_SYSTEM, solved, task)

    def completion(self, trajectory: Trajectory) -> list[str]:
        return completion(trajectory)

    def parse(self, text: str) -> dict[str, Any] | None:
        reading = code_format.read(text)
        return None if reading is None else {"code": reading.code}

    def parse_baseline(self, text: str) -> dict[str, Any] | None:
        code = code_format.fenced(text)
        return None if code is None else {"code": code}

    def parse_leniently(self, text: str) -> dict[str, Any] | None:
        code = code_format.found(text)
        return None if code is None else {"code": code}

    def knowledge(self, task: Task) -> Context:
        return Context(rules=RULES)

    def expert(self, task: Task, context: Context, attempt: int, seed: int) -> Trajectory:
        return expert(task)

    def verify(self, trajectory: Trajectory) -> Verdict:
        """1 less 0.4 for each broken rule, so that one is enough to reject; 0 for another format.

        The tests and the answer's own check are run.
        """
        reading = code_format.read("".join(completion(trajectory)))
        if reading is None:
            return Verdict(0.0, ("schema: the steps are not in the role's format",))
        issues = []
        names = code_format.functions(reading.code)
        if reading.restate.partition("(")[0] not in names:
            issues.append(f"restate: the code has no function {reading.restate!r}")
        refused = self.refused(reading.code)
        if refused:
            issues.append(f"guardrails: {refused}")
        else:
            task = trajectory.task
            tests = (f"assert {reading.check}", *task.answer.get("tests", ()))
            check, *faults = self.judged(task, reading.code, tests).faults
            if check:
                issues.append(f"check: {reading.check}: {check}")
            issues += [
                f"tests: {_named(test)}: {why}"
                for test, why in zip(tests[1:], faults, strict=True)
                if why
            ]
        return Verdict(max(0.0, round(1.0 - 0.4 * len(issues), 2)), tuple(issues))

    def edge_cases(self, task: Task) -> tuple[str, ...]:
        """Long chains, and functions that answer yes or no."""
        long = int(task.meta.get("level", 0)) >= LONG
        truth = task.meta.get("output") == "bool"
        return (*(["long_chain"] if long else []), *(["truth_value"] if truth else []))

    # -- running answers ---------------------------------------------------------------------------

    def refused(self, code: str) -> str:
        """Why the code is not run, or ''."""
        most, barred = self.guardrails.max_code_chars, self.guardrails.forbidden_modules
        if len(code) > most:
            return f"the code has {len(code):,} characters, {most:,} are allowed"
        found = sorted(code_format.imported(code).intersection(barred))
        return f"the code imports {', '.join(found)}" if found else ""

    def judged(self, task: Task, code: str, tests: Sequence[str] | None = None) -> Judged:
        """What is wrong with the code by the task's tests; run once for all who ask."""
        return _judged(self._program(task, code, tests), self.sandbox)

    def _program(self, task: Task, code: str, tests: Sequence[str] | None = None) -> Program:
        support = task.answer.get("support", "")
        asked = task.answer.get("tests", ()) if tests is None else tests
        return Program(f"{support}\n{code}" if support else code, tuple(asked), support)

    def graded(
        self, asked: Sequence[tuple[Task, Mapping[str, Any] | None]]
    ) -> list[tuple[dict[str, Any] | None, dict[str, Any]]]:
        """Answers with whether they passed and by what share, beside what is right; the code of
        several runs at once.
        """
        run = [
            (place, self._program(task, answer["code"]))
            for place, (task, answer) in enumerate(asked)
            if answer is not None and not self.refused(answer["code"])
        ]
        done = sandbox.judge_all([program for _, program in run], self.sandbox)
        shares = {place: one.share for (place, _), one in zip(run, done, strict=True)}
        return [
            (
                None if answer is None else {**answer, **_grade(shares.get(place, 0.0))},
                {**task.answer, PASSED: True},
            )
            for place, (task, answer) in enumerate(asked)
        ]

    def prejudge(self, answers: Sequence[tuple[Task, str]]) -> None:
        """Runs the code of these answers several at once; the rewards then find what it came to."""
        read = [(task, self.parse(text)) for task, text in answers]
        programs = [
            self._program(task, answer["code"])
            for task, answer in read
            if answer is not None and not self.refused(answer["code"])
        ]
        different = dict.fromkeys(programs)
        sandbox.many([partial(_judged, one, self.sandbox) for one in different], self.sandbox)

    # -- rewards: a malformed answer is worth 0 in each --------------------------------------------

    def rewards(self) -> Mapping[str, Callable[[Task, str], Reward | None]]:
        return {
            "tests": self.tests_reward,
            "passed": self.passed_reward,
            "syntax": self.syntax_reward,
        }

    def tests_reward(self, task: Task, text: str) -> Reward:
        """The share of the task's tests that pass."""
        answer = self.parse(text)
        if answer is None:
            return Reward(0.0, "malformed")
        refused = self.refused(answer["code"])
        if refused:
            return Reward(0.0, refused)
        done = self.judged(task, answer["code"])
        wrong = [why for why in done.faults if why]
        return Reward(done.share, wrong[0] if wrong else "every test passes")

    def passed_reward(self, task: Task, text: str) -> Reward:
        """1 where every test passes, else 0."""
        found = self.tests_reward(task, text)
        return Reward(float(found.value == 1.0), found.why)

    def syntax_reward(self, task: Task, text: str) -> Reward:
        """1 for an answer in the role's format, whose code is Python; else 0."""
        return Reward(0.0, "malformed") if self.parse(text) is None else Reward(1.0, "Python")


@lru_cache(maxsize=4096)
def _judged(program: Program, settings: Sandbox) -> Judged:
    return sandbox.judge(program, settings)


def _grade(share: float) -> dict[str, Any]:
    return {PASSED: share == 1.0, "share": round(share, 4)}


def _named(test: str) -> str:
    lines = test.strip().splitlines()
    return lines[0].removeprefix("assert ") if len(lines) == 1 else "the whole of them"


def completion(trajectory: Trajectory) -> list[str]:
    """The text of the steps, a segment each: comments and code."""
    parted = [step.action.partition(": ") for step in trajectory.steps]
    forms = {"code": "{}\n", "check": "# {}"}
    return [forms.get(name, "# {}\n").replace("{}", rest) for name, _, rest in parted]


def expert(task: Task) -> Trajectory:
    """The known solution with its plan; without any, an answer that no verifier accepts."""
    code = str(task.answer.get("code", "")).strip()
    tests = task.answer.get("tests", ())
    shown = _example(tests) or f"{code_format.signature(code)}: not shown"
    plan = str(task.meta.get("plan") or code_format.outline(code))
    steps = (
        Step(f"restate: {code_format.signature(code)}", "What is asked for.", SHARES["restate"]),
        Step(f"plan: {plan}", "The parts of the description, in its order.", SHARES["plan"]),
        Step(f"code: {code}", "A line for each part of the plan.", SHARES["code"]),
        Step(f"check: {shown}", "The example of the description.", SHARES["check"]),
    )
    return Trajectory(task, steps, {"code": code}, "expert")


def _example(tests: Sequence[str]) -> str:
    """The first test that is one line, as the check says it."""
    lines = [one.strip() for one in tests if "\n" not in one.strip()]
    return lines[0].removeprefix("assert ") if lines else ""
