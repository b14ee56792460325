"""Running code nobody trusts, and finding out whether it is right.

asserts      a program and its tests -> what is wrong by each
process      a program and calls -> what they come to, within the limits of role.sandbox
bubblewrap   namespaces, files, users          seccomp   system calls
inside       what runs in the sandbox          replies   what comes out of it
"""

from srlr.sandbox.asserts import Judged, Program, judge, judge_all
from srlr.sandbox.process import call, examine, many, require
from srlr.sandbox.replies import Call, Ran, Reply

__all__ = [
    "Call",
    "Judged",
    "Program",
    "Ran",
    "Reply",
    "call",
    "examine",
    "judge",
    "judge_all",
    "many",
    "require",
]
