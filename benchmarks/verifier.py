"""How many planted defects the verifier finds, and how many good trajectories it turns down.

python -m benchmarks.verifier          the roles sentiment and math, their own data, no network
                                       beyond what `srlr assets` has fetched
"""

import argparse
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.defects import DEFECTS, HARMLESS, NOISY, Change, good, wilson
from benchmarks.timing import machine, table
from srlr import roles
from srlr.collaboration import verifier
from srlr.core.compose import compose
from srlr.core.types import Role, Trajectory

FLOOR = 0.7


@dataclass(slots=True)
class Count:
    """How many of `planted` were turned down, and by which checks."""

    planted: int = 0
    rejected: int = 0
    by: Counter[str] = field(default_factory=Counter)


def measure(
    role: Role,
    label: str,
    trajectories: Sequence[Trajectory],
    changes: Mapping[str, Change],
    seed: int = 1,
) -> dict[str, Count]:
    """Every change is made once to every trajectory that has a place for it."""
    found: dict[str, Count] = {}
    for name, change in changes.items():
        rng, count = random.Random(f"{seed} {name}"), Count()
        for one in trajectories:
            changed = change(rng, one)
            if changed is None:
                continue
            verdict = verifier.judge(changed, role, label)
            count.planted += 1
            if verdict.score < FLOOR:
                count.rejected += 1
                count.by.update(check for check, said in verdict.checks.items() if said == "fail")
        found[name] = count
    return found


def rows(role: str, counts: Mapping[str, Count]) -> list[list[str]]:
    lines = []
    for name, count in counts.items():
        low, high = wilson(count.rejected, count.planted)
        share = count.rejected / max(count.planted, 1)
        lines.append(
            [
                role,
                name,
                f"{count.planted:,}",
                f"{100 * share:.2f} ({100 * low:.2f} to {100 * high:.2f})",
                ", ".join(f"{check} {n}" for check, n in count.by.most_common()) or "-",
            ]
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000, help="of each role's training split")
    asked = parser.parse_args()
    caught: list[list[str]] = []
    refused: list[list[str]] = []
    noisy: list[list[str]] = []
    for name in ("sentiment", "math"):
        profile = compose([f"role={name}"], environ={}).settings.role
        role = roles.load(profile)
        tasks = list(role.load_tasks(profile, "train"))
        tasks = random.Random(1).sample(tasks, min(asked.tasks, len(tasks)))
        made = list(good(name, role, tasks))
        caught += rows(name, measure(role, profile.label, made, DEFECTS[name]))
        refused += rows(name, measure(role, profile.label, made, HARMLESS[name]))
        if name in NOISY:
            noisy += rows(name, measure(role, profile.label, made, {"gold": NOISY[name]}))
    print("## Verifier\n")
    print(machine("pydantic"))
    print("\nDefects planted in good trajectories. Target: 95 % found.\n")
    head = ["role", "defect", "planted", "found, % (95 % interval)", "by"]
    print(table(head, caught))
    print("\nGood trajectories, as they are and changed in ways that harm nothing. Target: 2 %.\n")
    print(table(["role", "change", "judged", "turned down, % (95 % interval)", "by"], refused))
    print("\nPeople's own label replaced by another: not the trajectory's fault, no target.\n")
    print(table(head, noisy))


if __name__ == "__main__":
    main()
