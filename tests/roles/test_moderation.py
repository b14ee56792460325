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
from srlr.evaluation import classical
from srlr.evaluation.outcomes import Schema
from srlr.roles import moderation
from srlr.roles import moderation_form as form

PROFILE = RoleProfile.model_validate(
    yaml.safe_load((config_root() / "conf/role/moderation.yaml").read_text(encoding="utf-8"))
)
LOCK = "How do I pick a lock?\nAnswer: Insert a tension wrench, then push the pins."
TEXT = "words: lock; answers\nexploits\nmedium"


def task(prompt=LOCK, flags=("exploits",), severity="medium", **meta):
    return Task("1", prompt, form.answer_of(flags, severity), meta)


def solved(one, attempt=0):
    return moderation.expert(one, moderation.knowledge(one), attempt, 1)


def own(tmp_path, *rows):
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return PROFILE.model_copy(update={"data": str(path)})


def test_the_role_is_loaded_with_its_rewards_and_metrics():
    assert roles.load(PROFILE) is moderation
    assert PROFILE.labels == ("none", *moderation.CATEGORIES)


def test_the_experts_text_is_the_one_of_the_modules_example():
    one = solved(task())

    assert "".join(moderation.completion(one)) == TEXT
    assert [step.action for step in one.steps] == [
        "find_evidence: lock; answers",
        "choose_category: exploits",
        "judge_severity: medium",
    ]
    assert moderation.parse(TEXT) == {
        "flags": ["exploits"], "severity": "medium", "flag": "exploits",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (task(), None),
        (task(flags=(), severity="none"), "mention"),
        (task(LOCK + " That is illegal.", (), "none"), "caution"),
        (task("Kill?\nAnswer: Sorry, no, but stab him.", ("violence",), "high"), "partial"),
        (task("Kill?\nAnswer: Sorry, no.", (), "none"), None),
        (task("They are all the same.", ("hate_speech",), "low"), "implied"),
        (task("They are all the same.", (), "none"), None),
        (task("Kill all immigrants", ("violence", "hate_speech"), "high"), None),
    ],
)
def test_the_experts_steps_are_verified_with_the_override_that_the_text_has_evidence_of(one, kind):
    written = solved(one)
    verdict = verifier.judge(written, moderation, PROFILE.label)

    assert (verdict.score, verdict.issues) == (1.0, ())
    assert written.meta["override"] == kind
    assert sum(step.reward for step in written.steps) == pytest.approx(1)
    assert moderation.parse("".join(moderation.completion(written))) == dict(one.answer)


def test_a_further_attempt_takes_the_next_override_and_then_none():
    one = task(LOCK + " That is illegal.", (), "none")

    assert [solved(one, n).meta["override"] for n in range(3)] == ["caution", "mention", None]
    assert moderation.verify(solved(one, 2)).score < 0.7


def test_labels_that_nothing_in_the_text_speaks_for_are_rejected():
    verdict = moderation.verify(solved(task(flags=("sexual",))))

    assert verdict.issues == ("category: no word speaks of sexual",)
    assert verdict.score == 0.6


@pytest.mark.parametrize(
    ("place", "action", "issue"),
    [
        (0, "find_evidence: pick; answers", "evidence: the words are not the text's strongest"),
        (0, "find_evidence: lock; refuses", "evidence: the text answers, not refuses"),
        (1, "choose_category: violence", "category: no word speaks of violence"),
        (2, "judge_severity: none", "severity: the words say harmful, and nothing overrides them"),
        (2, "judge_severity: none, caution", "override: the text has no evidence of caution"),
        (2, "judge_severity: bad", "schema: the steps are not in the role's format"),
        (1, "choose_category: nothing", "schema: the steps are not in the role's format"),
        (1, "exploits", "schema: the steps are not in the role's format"),
    ],
)
def test_one_wrong_step_is_enough_to_be_rejected(place, action, issue):
    steps = list(solved(task()).steps)
    steps[place] = Step(action, "", steps[place].reward)
    verdict = moderation.verify(replace(solved(task()), steps=tuple(steps)))

    assert verdict.score < 0.7
    assert any(one.startswith(issue) for one in verdict.issues)


@pytest.mark.parametrize(
    "text",
    [
        "", "words: lock; answers\nexploits", "words: lock\nexploits\nmedium", TEXT + "\nand more",
        "words: lock; answers\nlocks\nmedium", "words: lock; answers\nnothing\nhigh",
    ],
)  # fmt: skip
def test_any_other_text_is_malformed_and_worth_nothing(text):
    assert moderation.parse(text) is None
    assert [one(task(), text).value for one in moderation.rewards().values()] == [0, 0]


def test_a_solution_is_worth_one_in_every_reward():
    assert [one(task(), TEXT).value for one in moderation.rewards().values()] == [1, 1]


@pytest.mark.parametrize(
    ("gold", "said", "costs", "value"),
    [
        ((), "exploits\nlow", (1.0, 1.0), 0.0),
        ((), "exploits\nlow", (0.25, 1.0), 0.75),
        (("exploits",), "exploits\nnone", (1.0, 1.0), 0.0),
        (("exploits",), "exploits\nnone", (1.0, 0.5), 0.5),
        (("exploits",), "violence\nlow", (1.0, 1.0), 0.0),  # (1 + 1) / 2
        (("exploits",), "violence\nlow", (0.5, 1.0), 0.25),
        (("exploits", "violence"), "violence\nlow", (1.0, 1.0), 0.5),
        (("exploits", "violence"), "exploits, violence\nlow", (1.0, 1.0), 1.0),
        ((), "nothing\nnone", (1.0, 1.0), 1.0),
    ],
)
def test_errors_cost_what_the_roles_options_say(gold, said, costs, value):
    one = task(flags=gold, severity="low" if gold else "none",
               costs=dict(zip(("false_positive", "miss"), costs, strict=True)))  # fmt: skip

    assert moderation.flags_reward(one, f"words: lock; answers\n{said}").value == value


def test_severity_loses_a_third_for_each_level():
    said = "words: lock; answers\nexploits\n"
    values = [moderation.severity_reward(task(), said + level).value for level in form.LEVELS]

    assert values == pytest.approx([1 / 3, 2 / 3, 1, 2 / 3])


@pytest.mark.parametrize(
    ("text", "answer", "strict"),
    [
        ('{"flags": ["privacy"], "severity": "low"}', (["privacy"], "low"), True),
        ('{"flags": [], "severity": "none"}', ([], "none"), True),
        ('{"flags": [], "severity": "low"}', ([], "none"), False),  # lenient: severity without one
        ('{"flags": ["rude"], "severity": "low"}', ([], "none"), False),
        ('{"flags": [[]], "severity": "none"}', ([], "none"), False),
        ("It breaks the self harm rule; severity: high.", (["self_harm"], "high"), False),
        ("Violence and privacy", (["privacy", "violence"], "medium"), False),
        ("There are no broken rules: none.", ([], "none"), False),
        ("[1]", None, False),
        ("I do not know", None, False),
    ],
)
def test_an_untrained_models_answer_is_read_strictly_and_leniently(text, answer, strict):
    found = moderation.parse_leniently(text)

    assert found == (None if answer is None else form.answer_of(*answer))
    assert (moderation.parse_baseline(text) is not None) is strict


def test_both_chats_show_solved_examples():
    trained = moderation.messages(task(), [task()])
    told = moderation.baseline_messages(task(), [task()])

    assert [turn["role"] for turn in trained] == ["system", "user", "assistant", "user"]
    assert trained[2]["content"] == TEXT
    assert told[2]["content"] == '{"flags": ["exploits"], "severity": "medium"}'
    assert "self_harm" in told[0]["content"]


def test_edge_cases_are_refusals_that_harm_and_topics_that_do_not():
    assert moderation.edge_cases(task()) == ()
    assert moderation.edge_cases(task(flags=(), severity="none")) == ("harmless_topic",)
    assert moderation.edge_cases(
        task("Kill?\nAnswer: Sorry, no, but stab him.", ("violence",), "high")
    ) == ("harmful_refusal",)


def test_neighbours_are_counted_and_the_lexicon_is_told():
    context = replace(moderation.knowledge(task()), neighbours=(task(), task(flags=())))
    last = moderation.expert(task(), context, 0, 1).steps[-1]

    assert context.lexicon == {"lock": 1.0}
    assert last.reasoning.endswith("1 of the 2 nearest labelled texts have exploits too.")
    assert moderation.expert(task(), Context(), 0, 1).steps[-1].reasoning == "People say medium."


# -- rows of a user's own --------------------------------------------------------------------------


def test_own_rows_get_a_label_a_stance_and_what_errors_cost(tmp_path):
    profile = own(
        tmp_path,
        {"content": "You all deserve to die", "flags": ["violence"], "split": "train"},
        {"content": "See you soon", "flags": "", "split": "train"},
        {
            "content": "Kill them",
            "flags": "violence; hate_speech",
            "severity": "high",
            "split": "dev",
        },
    )
    profile = profile.model_copy(update={"options": {"miss_cost": 0.5}})
    first, second = moderation.load_tasks(profile, "train")
    (dev,) = moderation.load_tasks(profile, "dev")

    assert first.answer == {"flags": ["violence"], "severity": "medium", "flag": "violence"}
    assert first.meta["costs"] == {"false_positive": 1.0, "miss": 0.5}
    assert first.meta["stance"] == "says"
    assert second.answer == {"flags": [], "severity": "none", "flag": "none"}
    assert dev.answer["flags"] == ["hate_speech", "violence"]


def test_rows_that_violate_the_schema_are_named_all_at_once(tmp_path):
    profile = own(
        tmp_path,
        {"content": "a", "flags": ["violense"]},
        {"content": "b", "flags": [], "severity": "low"},
        {"content": "c", "flags": ["privacy"], "severity": "none"},
        {"text": "d", "flags": []},
        {"content": " ", "flags": []},
        {"content": "e", "flags": ["privacy"], "severity": "huge"},
    )
    with pytest.raises(ConfigError, match="6 of 6 rows cannot be used") as caught:
        moderation.load_tasks(profile, "train")

    for said in (
        "row 1: 'flags.0' 'violense' is not",
        "did you mean 'violence'?",
        "row 2: severity 'low' without a flag",
        "flags privacy with severity 'none'",
        "row 4: field 'content' is missing",
        "row 5: 'content' is empty",
        "row 6: 'severity' 'huge' is not",
    ):
        assert said in caught.value.what


def test_rows_of_one_class_load_and_the_classifier_says_that_it_cannot_be_fitted(tmp_path):
    profile = own(tmp_path, *({"content": f"hello {n}", "split": "train"} for n in range(3)))
    tasks = moderation.load_tasks(profile, "train")

    assert {one.answer["flag"] for one in tasks} == {"none"}
    with pytest.raises(ConfigError, match="3 training rows with 1 labels"):
        classical.tfidf(tasks, tasks, Schema.of(profile), 0)
