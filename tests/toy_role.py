"""The toy role for tests of what works with any role."""

from pathlib import Path

from srlr import roles
from srlr.core.profile import RoleProfile

TOY = str(Path(__file__).parent / "roles" / "toy")


class Role:
    """The toy role with some of its functions replaced."""

    def __init__(self, **functions):
        profile = RoleProfile(name="toy", family="classification", description="d", data="x")
        self._toy = roles.load(profile, TOY)
        self._functions = functions

    def __getattr__(self, name):
        return self._functions.get(name) or getattr(self._toy, name)
