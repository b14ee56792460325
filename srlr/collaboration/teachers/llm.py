"""A language model as a teacher: what it writes is read, sent back with what is wrong, or given up.

A request is about several tasks. Those that could be read are kept; the others are asked for again,
at most `repairs` times; where the answer was cut, in two requests of half as many.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from srlr.collaboration.budget import Spent
from srlr.collaboration.client import Client
from srlr.collaboration.protocol import Answer
from srlr.collaboration.teachers import Item, Unwritten, Written, prompt, reading
from srlr.core.errors import ConfigError, ResourceError
from srlr.core.profile import RoleProfile
from srlr.core.types import Role, Task, Trajectory

MOST_QUOTED = 1500
"""Characters of a rejected trajectory that its successor's prompt repeats."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What the requests about one task have taken of tokens and money; requests are shared."""

    tokens: float = 0.0
    usd: float | None = None
    requests: int = 0

    def plus(self, answer: Answer, tasks: int) -> "Spending":
        tokens = (answer.prompt_tokens + answer.answer_tokens) / tasks
        usd = self.usd if answer.usd is None else (self.usd or 0.0) + answer.usd / tasks
        return Spending(self.tokens + tokens, usd, self.requests + 1)


@dataclass(frozen=True, slots=True)
class Llm:
    """A teacher. `hint` gives more to say of a task, such as a solution to be rewritten."""

    client: Client
    role: Role
    profile: RoleProfile
    name: str
    hint: Callable[[Task], Mapping[str, Any]] = lambda task: {}

    def __call__(self, items: Sequence[Item]) -> list[Written]:
        """Raises SrlrError where no request would do better; of a task's own fault, Unwritten."""
        if not items:
            return []
        outcome = prompt.outcome_of(self.role, self.profile, items[0])
        work = _Work(self, outcome, {item.task.id: Spending() for item in items}, {})
        work.write(items, self.client.settings.repairs, self.client.settings.max_new_tokens, {})
        return [work.done[item.task.id] for item in items]

    def told(self, item: Item) -> dict[str, Any]:
        """What is said of a problem beside its text."""
        more = dict(self.hint(item.task))
        if self.client.settings.tell_answer:
            more["answer"] = item.task.answer.get(self.profile.label)
        if item.before is not None:
            actions = "\n".join(step.action for step in item.before.steps)
            more["rejected"] = actions[:MOST_QUOTED]
            more["because"] = list(item.before.issues)
        return more


@dataclass(frozen=True, slots=True)
class _Work:
    """One call of the teacher: what has been spent and written, by the tasks' ids."""

    teacher: Llm
    outcome: reading.Outcome
    spending: dict[str, Spending]
    done: dict[str, Written]

    def write(
        self, items: Sequence[Item], repairs: int, tokens: int, wrong: Mapping[str, str]
    ) -> None:
        """Puts a result for every item into `done`.

        Args:
            tokens: the longest answer about one of them.
            wrong: by task, what was wrong with the answer before.
        """
        answer = self._asked(items, tokens, wrong)
        if isinstance(answer, Unwritten):
            self.done.update({item.task.id: answer for item in items})
            return
        ids = [str(n) for n in range(1, len(items) + 1)]
        found = reading.read(answer.text, ids, self.outcome)
        left, why = [], {}
        for name, item in zip(ids, items, strict=True):
            self.spending[item.task.id] = self.spending[item.task.id].plus(answer, len(items))
            if name in found.found:
                self.done[item.task.id] = self._trajectory(item, found.found[name], answer)
            else:
                left.append(item)
                why[item.task.id] = self._why(answer, found, name)
        if left:
            self._again(left, answer, repairs, tokens, why)

    def _again(
        self,
        left: Sequence[Item],
        answer: Answer,
        repairs: int,
        tokens: int,
        why: Mapping[str, str],
    ) -> None:
        """Asks once more for what could not be read, if that may help."""
        halves = len(left) > 1 and answer.finish != "stop"
        if halves:
            middle = len(left) // 2
            for part in (left[:middle], left[middle:]):
                self.write(part, repairs, tokens, why)
        elif repairs > 0 and answer.finish not in ("refusal", "content_filter"):
            cut = answer.finish == "length"
            self.write(left, repairs - 1, 2 * tokens if cut else tokens, {} if cut else why)
        else:
            said = {item.task.id: Unwritten(f"answer: {why[item.task.id]}") for item in left}
            self.done.update(said)

    def _asked(
        self, items: Sequence[Item], tokens: int, wrong: Mapping[str, str]
    ) -> Answer | Unwritten:
        teacher, told = self.teacher, {}
        for number, item in enumerate(items, 1):
            more = teacher.told(item)
            if item.task.id in wrong:
                more["earlier answer refused"] = wrong[item.task.id]
            told[str(number)] = more
        chat = prompt.messages(items, teacher.role, teacher.profile, self.outcome, told)
        first = items[0]
        seed = random.Random(f"{first.seed}/{first.task.id}/{first.attempt}").getrandbits(31)
        ids = [str(n) for n in range(1, len(items) + 1)]
        client = teacher.client
        try:
            return client.ask(
                chat,
                reading.schema(ids, self.outcome),
                max_tokens=tokens * len(items),
                seed=seed,
            )
        except Spent as spent:
            if client.session.nothing_bought:
                raise  # nothing was bought: the budget is the error
            return Unwritten(f"budget: {spent.what}")
        except (ConfigError, ResourceError) as error:
            if client.ended:
                raise
            return Unwritten(f"server: {error.what}")

    def _why(self, answer: Answer, found: reading.Reading, name: str) -> str:
        if answer.finish in ("refusal", "content_filter"):
            return f"the model refused: {' '.join(answer.text.split())[:200] or answer.finish}"
        why = found.wrong.get(name) or found.wrong.get("", "it is missing")
        if found.wrong.get("") and why == "it is missing":
            why = found.wrong[""]
        if answer.finish == "length":
            return f"cut after {answer.answer_tokens} tokens"
        return why

    def _trajectory(self, item: Item, read: reading.Read, answer: Answer) -> Trajectory:
        spent = self.spending[item.task.id]
        meta: dict[str, Any] = {
            "teacher": self.teacher.name,
            "requests": spent.requests,
            "tokens": round(spent.tokens, 1),
            "usd": None if spent.usd is None else round(spent.usd, 9),
        }
        if read.repaired:
            meta["repaired"] = list(read.repaired)
        return Trajectory(item.task, read.steps, read.outcome, answer.model, meta=meta)
