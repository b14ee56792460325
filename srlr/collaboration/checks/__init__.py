"""What can be wrong with a trajectory. A check gives a Verdict, or None where it cannot judge.

form         completeness, rewards, format, and agreement with people's label
arithmetic   calculations that are not true
leak         the answer said before it was worked out
own          the role's rules, and the criteria of whoever wrote the role
consistency  what the teacher says when it is asked again
judging      what another model thinks of it
"""

from srlr.core.types import Verdict

PASSED = Verdict(1.0)


def found(issues: list[str]) -> Verdict:
    """1 without issues, else 0 with them."""
    return Verdict(0.0, tuple(issues)) if issues else PASSED
