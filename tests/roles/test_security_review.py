import json
from dataclasses import replace

import pytest
import yaml

from srlr import roles
from srlr.collaboration import verifier
from srlr.core.errors import ConfigError
from srlr.core.layers import config_root
from srlr.core.profile import RoleProfile
from srlr.core.types import Context, Step, Task
from srlr.roles import security_review as review

PROFILE = RoleProfile.model_validate(
    yaml.safe_load((config_root() / "conf/role/security_review.yaml").read_text(encoding="utf-8"))
)
CODE = "rows = []\nrecord = pickle.loads(body)\nrows.append(record)"
FOUND = [{"cwe": 502, "line": 2, "severity": "medium"}]
TEXT = "sees: pickle.loads\nline 2, CWE-502 medium: load plain data\nvulnerable"


def task(code=CODE, findings=FOUND, **meta):
    verdict = "vulnerable" if findings else "safe"
    return Task("1", code, {"findings": list(findings), "verdict": verdict}, meta)


def solved(one):
    return review.expert(one, review.knowledge(one), 0, 1)


def own(tmp_path, *rows, **options):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return PROFILE.model_copy(update={"data": str(path), "options": options})


def test_the_role_is_loaded_with_its_rewards():
    assert roles.load(PROFILE) is review


def test_the_experts_text_names_line_weakness_and_what_mends_it():
    one = solved(task())

    assert "".join(review.completion(one)) == TEXT
    assert [step.action for step in one.steps] == [
        "read: pickle.loads",
        "locate: 2",
        "classify: CWE-502 medium",
        "advise: load plain data",
        "conclude: vulnerable",
    ]
    assert one.steps[1].reasoning == "Line 2 has 'pickle.loads'."
    assert review.parse(TEXT) == {"findings": FOUND, "verdict": "vulnerable"}


@pytest.mark.parametrize(
    ("code", "findings"),
    [
        (CODE, FOUND),
        ("rows = yaml.safe_load(body)", []),
        ("a = 1", []),
        (
            "assert a\nos.system(a)\nos.chmod(a, 0o777)",
            [
                {"cwe": 703, "line": 1, "severity": "low"},
                {"cwe": 78, "line": 2, "severity": "high"},
                {"cwe": 732, "line": 3, "severity": "high"},
            ],
        ),
    ],
)
def test_the_experts_review_of_any_code_is_verified(code, findings):
    one = task(code, findings)
    verdict = verifier.judge(solved(one), review, PROFILE.label)

    assert (verdict.score, verdict.issues) == (1.0, ())
    assert sum(step.reward for step in solved(one).steps) == pytest.approx(1)


@pytest.mark.parametrize(
    ("place", "action", "issue"),
    [
        (0, "read: yaml", "read: these are not what the code shows first"),
        (1, "locate: 3", "classify: nothing on line 3 looks like CWE-502"),
        (2, "classify: CWE-89 high", "classify: nothing on line 2 looks like CWE-89"),
        (3, "advise: run no shell", "advise: CWE-502 is mended otherwise: load plain data"),
        (4, "conclude: safe", "conclude: 1 findings, and the verdict is safe"),
        (4, "conclude: fine", "schema: the steps are not in the role's format"),
        (2, "classify: CWE-1 low", "schema: the steps are not in the role's format"),
        (1, "2", "schema: the steps are not in the role's format"),
    ],
)
def test_one_wrong_step_is_enough_to_be_rejected(place, action, issue):
    steps = list(solved(task()).steps)
    steps[place] = Step(action, "", steps[place].reward)
    verdict = review.verify(replace(solved(task()), steps=tuple(steps)))

    assert verdict.score < 0.7
    assert issue in verdict.issues


def test_findings_out_of_order_are_rejected():
    findings = [
        {"cwe": 703, "line": 2, "severity": "low"},
        {"cwe": 703, "line": 1, "severity": "low"},
    ]
    verdict = review.verify(solved(task("assert a\nassert b", findings)))

    assert verdict.issues == ("locate: findings are not in order, once each",)


def test_a_finding_that_the_code_does_not_show_is_rejected():
    one = solved(task("a = 1", [{"cwe": 89, "line": 1, "severity": "low"}]))

    assert one.steps[1].reasoning == "Nothing there looks like it."
    assert review.verify(one).issues == ("classify: nothing on line 1 looks like CWE-89",)


@pytest.mark.parametrize(
    ("text", "findings", "verdict"),
    [
        (TEXT, 1.0, 1.0),
        (TEXT.replace("medium", "low"), 0.8, 1.0),
        (TEXT.replace("line 2", "line 3"), 0.4, 1.0),
        (TEXT.replace("CWE-502 medium", "CWE-78 low"), 0.4, 1.0),
        (TEXT.replace("line 2, CWE-502", "line 1, CWE-89"), 0.0, 1.0),
        ("sees: nothing\nsafe", 0.0, 0.0),
        (TEXT.replace("vulnerable", "safe"), 1.0, 0.0),
        ("sees: nothing\nvulnerable", 0.0, 0.0),  # without a finding
        ("sees: nothing", 0.0, 0.0),
        # the same said twice: one of two is right
        ("sees: x\n" + "line 2, CWE-502 medium: a\n" * 2 + "vulnerable", 0.5, 1.0),
    ],
)
def test_a_review_is_worth_what_of_it_is_right(text, findings, verdict):
    assert review.findings_reward(task(), text).value == findings
    assert review.verdict_reward(task(), text).value == verdict


def test_safe_code_that_is_called_safe_is_worth_one_in_every_reward():
    one = task("a = 1", [])

    assert [f(one, "sees: nothing\nsafe").value for f in review.rewards().values()] == [1, 1]
    assert [f(one, TEXT).value for f in review.rewards().values()] == [0, 0]


@pytest.mark.parametrize(
    ("text", "lenient", "strict"),
    [
        (json.dumps({"findings": FOUND, "verdict": "vulnerable"}), (FOUND, "vulnerable"), True),
        ('{"findings": [], "verdict": "safe"}', ([], "safe"), True),
        ('{"findings": [{"cwe": 502}], "verdict": "safe"}', ([], "safe"), False),
        ('{"findings": 0, "verdict": "safe"}', ([], "safe"), False),
        ("Line 2 has a CWE-502 of medium severity.", (FOUND, "vulnerable"), False),
        ("It is not vulnerable.", ([], "safe"), False),
        ("This is insecure", ([], "vulnerable"), False),
        ("[]", None, False),
        ("{", None, False),
    ],
)
def test_an_untrained_models_answer_is_read_strictly_and_leniently(text, lenient, strict):
    wanted = None if lenient is None else dict(zip(("findings", "verdict"), lenient, strict=True))

    assert review.parse_leniently(text) == wanted
    assert (review.parse_baseline(text) is not None) is strict


def test_the_model_is_shown_numbered_lines():
    trained = review.messages(task(), [task()])
    told = review.baseline_messages(task(), [task()])

    assert (
        trained[-1]["content"]
        == "1 rows = []\n2 record = pickle.loads(body)\n3 rows.append(record)"
    )
    assert trained[1]["content"] == trained[-1]["content"]
    assert trained[2]["content"] == TEXT
    assert json.loads(told[2]["content"]) == {"findings": FOUND, "verdict": "vulnerable"}


def test_edge_cases_look_weak_or_have_several_findings():
    assert list(review.edge_cases(task())) == []
    assert list(review.edge_cases(task(findings=[]))) == ["looks_weak"]
    assert list(review.edge_cases(task("a = 1", []))) == []
    assert list(review.edge_cases(task(findings=FOUND * 2))) == ["several_findings"]


def test_neighbours_are_counted():
    context = Context(neighbours=(task(), task(findings=[])))
    last = review.expert(task(), context, 0, 1).steps[-1]

    assert last.reasoning == "1 found. 1 of the 2 nearest programs are vulnerable too."
    assert review.knowledge(task()).citations == ("CWE-502",)


def test_tasks_that_are_to_be_held_against_bandit_are():
    pytest.importorskip("bandit")
    held = solved(task(bandit=True))
    other = solved(task(findings=[], bandit=True))
    broken = solved(task("def (", [], bandit=True))

    assert review.criteria(held).score == 1.0
    assert review.criteria(other).issues == ("bandit finds CWE-502 on line 2",)
    assert review.criteria(broken) is None
    assert review.criteria(solved(task())) is None
    wrong = solved(task(findings=[{"cwe": 89, "line": 2, "severity": "low"}], bandit=True))
    assert "bandit finds no CWE-89 on line 2" in review.criteria(wrong).issues


# -- rows of a user's own --------------------------------------------------------------------------


def test_own_rows_have_findings_in_order_and_a_verdict(tmp_path):
    profile = own(
        tmp_path,
        {"code": "assert a\nassert b", "split": "train",
         "findings": [{"cwe": 703, "line": 2}, {"cwe": 703, "line": 1, "severity": "low"}]},
        {"code": "a = 1", "findings": "[]", "split": "train"},
    )  # fmt: skip
    first, second = review.load_tasks(profile, "train")

    assert first.answer == {
        "findings": [
            {"cwe": 703, "line": 1, "severity": "low"},
            {"cwe": 703, "line": 2, "severity": "medium"},
        ],
        "verdict": "vulnerable",
    }
    assert second.answer == {"findings": [], "verdict": "safe"}


def test_rows_that_violate_the_schema_are_named_all_at_once(tmp_path):
    profile = own(
        tmp_path,
        {"code": "a", "findings": [{"cwe": 89, "line": 2}]},
        {"code": "b", "findings": [{"cwe": 4711, "line": 1}]},
        {"code": "  c", "findings": []},
        {"code": "d", "findings": "[{"},
        {"code": "e", "findings": [{"cwe": 89}]},
        {"code": "f", "findings": [{"cwe": 89, "line": 1, "severity": "huge"}]},
        {"text": "g"},
    )
    with pytest.raises(ConfigError, match="7 of 7 rows cannot be used") as caught:
        review.load_tasks(profile, "train")

    for said in (
        "a finding is on line 2, and the code has 1",
        "the role knows no CWE-4711",
        "row 3: 'code' begins with white space",
        "'findings' is no JSON list",
        "field 'findings.0.line' is missing",
        "row 6: 'findings.0.severity' 'huge' is not",
        "row 7: field 'code' is missing",
    ):
        assert said in caught.value.what


def test_rows_that_nobody_has_looked_at_need_bandit(tmp_path):
    rows = [{"code": CODE, "split": "train"}, {"code": "a = 1", "split": "train"}]
    with pytest.raises(ConfigError, match="2 of 2 rows have no 'findings'") as caught:
        review.load_tasks(own(tmp_path, *rows), "train")
    assert "role.options.bandit=true" in caught.value.hint

    pytest.importorskip("bandit")
    first, second = review.load_tasks(own(tmp_path, *rows, bandit=True), "train")
    assert (first.answer["findings"], first.meta["bandit"]) == (FOUND, True)
    assert second.answer["verdict"] == "safe"


def test_the_examples_become_tasks_with_a_verdict(tmp_path, monkeypatch):
    from weak_code import written

    from srlr import assets

    member = written(tmp_path)
    monkeypatch.setattr(assets, "ensure", lambda name: member)
    profile = PROFILE.model_copy(update={"where": {"form": ["weak"]}, "options": {"variants": 1}})
    tasks = review.load_tasks(profile, "test")

    assert tasks
    assert {one.answer["verdict"] for one in tasks} == {"vulnerable"}
    assert {one.meta["split"] for one in tasks} == {"test"}
