import ast
import random

import pytest
from weak_code import written

from srlr import assets
from srlr.core.errors import ResourceError
from srlr.roles import bandit_scan
from srlr.roles import security_variants as variants
from srlr.roles.security_findings import Found
from srlr.roles.security_variants import Options, Seed

WEAK = Seed("a.py", 3, "weak", "row = pickle.loads(body)", (Found(1, "B301", "medium"),), "CWE-502")


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    return variants.read(written(tmp_path_factory.mktemp("examples")), Options(variants=2))


def test_a_finding_is_on_the_line_where_its_statement_is():
    for number in range(20):
        task = variants.program(WEAK, number, "train", Options())
        (finding,) = task.answer["findings"]

        assert "pickle.loads" in task.prompt.split("\n")[finding["line"] - 1]
        assert (finding["cwe"], finding["severity"]) == (502, "medium")
        ast.parse(task.prompt)


def test_equal_options_give_equal_programs_and_another_seed_others():
    first = variants.program(WEAK, 0, "train", Options())

    assert variants.program(WEAK, 0, "train", Options()) == first
    assert variants.program(WEAK, 0, "train", Options(seed=2)).prompt != first.prompt
    assert first.id == "a.py-3-weak-0"


def test_findings_of_one_line_and_cwe_are_one(tasks):
    both = (Found(1, "B602", "low"), Found(1, "B607", "high"))
    task = variants.program(Seed("a.py", 1, "weak", "f()", both, "CWE-78"), 0, "dev", Options())

    assert [one["severity"] for one in task.answer["findings"]] == ["high"]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("row = load(body)", False),
        ("row.load(1)", True),  # whose method it is may matter
        ("password = 'x'", True),
        ("print(len(2))", True),
        ("except_ = f'{row}'", True),  # places inside f-strings are not known before Python 3.12
        ("def f(row):\n    return row", True),
        ("from a import b", True),
    ],
)
def test_variables_are_renamed_where_nothing_depends_on_their_names(text, same):
    renamed = variants.renamed(text, random.Random(1))

    assert (renamed == text) is same
    assert renamed.count("(") == text.count("(")


def test_texts_are_replaced_by_others_of_their_kind():
    renamed = variants.renamed("run('SELECT a FROM foo')", random.Random(1))

    assert "foo" not in renamed
    assert "SELECT a FROM" in renamed


def test_no_file_and_no_text_is_in_two_splits(tasks):
    by_file = {}
    for task in tasks:
        assert by_file.setdefault(task.meta["group"], task.meta["split"]) == task.meta["split"]
    assert len({task.prompt for task in tasks}) == len(tasks)
    assert set(by_file.values()) == {"train", "dev", "test"}


def test_weaknesses_with_several_files_are_in_train_and_in_test():
    splits = variants.dealt()

    assert splits["subprocess_shell.py"] == "train"
    assert {splits[name] for name in ("dill.py", "jsonpickle.py", "marshal_deserialize.py")} == {
        "train", "test",
    }  # fmt: skip
    assert splits["binding.py"] == "train"  # the only one of its weakness


def test_at_least_the_share_asked_for_is_safe(tasks):
    for split in ("train", "test"):
        own = [task for task in tasks if task.meta["split"] == split]
        safe = sum(not task.answer["findings"] for task in own)

        assert safe / len(own) > 0.3  # few made-up statements: their repeats are dropped


def test_files_without_the_tables_statements_are_refused(tmp_path):
    (tmp_path / "assert.py").write_text("\n\n")

    with pytest.raises(ResourceError, match=r"assert\.py has no statement on line 1"):
        variants.read(tmp_path / "assert.py", Options())


@pytest.mark.slow
@pytest.mark.assets
def test_bandit_agrees_with_the_label_of_every_tenth_program():
    pytest.importorskip("bandit")
    for task in variants.read(assets.ensure("bandit-examples"), Options())[::10]:
        wanted = {(one["line"], one["cwe"], one["severity"]) for one in task.answer["findings"]}
        found = bandit_scan.scan(task.prompt)

        assert {(f["line"], f["cwe"], f["severity"]) for f in found} == wanted, task.prompt
