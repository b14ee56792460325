import pytest

from srlr.core.errors import MissingArtifact
from srlr.core.redacting import Redact
from srlr.core.training import Stepwise
from srlr.core.types import Task
from srlr.models.rollout import Completion
from srlr.stages import answering


def task(name, label="warm"):
    return Task(name, f"paint wall 1 {name}", {"label": label}, {"group": "1"})


@pytest.fixture
def said(monkeypatch):
    """What the model says, in place of a model: the texts of this list, in order."""
    texts = []

    def generate(model, chats, sampling, **how):
        assert len(chats) == len(texts)
        if how["progress"]:
            how["progress"](how["what"], len(chats), len(chats))
        return [Completion(text, [1, 2], True, 0.1) for text in texts]

    monkeypatch.setattr("srlr.models.rollout.generate", generate)
    return texts


def test_a_trained_model_is_read_strictly(finished, said):
    settings, _, role = finished
    said += ["colour: red\nlabel: warm", "label: warm", "nothing"]
    rows = answering.ask(None, "srl", role, [task("red")] * 3, settings)

    assert [row["answer"] for row in rows] == [{"label": "warm"}, None, None]
    assert [row["valid"] for row in rows] == [True, False, False]
    assert rows[0] | {"text": ""} == {
        "model": "srl",
        "task": "red",
        "prompt": "paint wall 1 red",
        "text": "",
        "answer": {"label": "warm"},
        "gold": {"label": "warm"},
        "meta": {"group": "1"},
        "valid": True,
        "latency_s": None,
        "tokens": 2,
    }


def test_personal_data_are_put_to_the_model_and_not_kept(finished, said):
    settings, _, role = finished
    mail = Task("1", "paint it jo@example.org red", {"label": "warm"})
    said += ["colour: jo@example.org"]
    (row,) = answering.ask(None, "srl", role, [mail], settings)

    assert (row["prompt"], row["text"]) == ("paint it [EMAIL_1] red", "colour: [EMAIL_1]")
    generate = settings.generate.model_copy(update={"redact": Redact(classes=())})
    (row,) = answering.ask(
        None, "srl", role, [mail], settings.model_copy(update={"generate": generate})
    )
    assert row["text"] == "colour: jo@example.org"


ALOUD = Stepwise(monologue=True)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>\nred is\n</think>\ncolour: red\nlabel: warm", "colour: red\nlabel: warm"),
        ("<think>a</think>colour: red\n<think>b</think>\nlabel: warm", "colour: red\nlabel: warm"),
        ("colour: red\nlabel: warm", "colour: red\nlabel: warm"),
        ("<think>it never ends", "<think>it never ends"),
    ],
)
def test_what_a_model_thinks_aloud_is_no_part_of_its_answer(finished, text, answer):
    settings = finished[0]

    assert answering.spoken(text, settings.model_copy(update={"srl": ALOUD})) == answer
    assert answering.spoken(text, settings) == text
    assert answering.spoken(text, settings.model_copy(update={"srl": Stepwise()})) == text


def test_a_model_that_thinks_aloud_is_read_without_its_thoughts(finished, said):
    settings, _, role = finished
    said += ["<think>\nhm\n</think>\ncolour: red\nlabel: warm"]
    aloud = settings.model_copy(update={"srl": ALOUD})
    (row,) = answering.ask(None, "srl", role, [task("red")], aloud)

    assert (row["answer"], row["valid"], row["text"]) == ({"label": "warm"}, True, said[0])

    (untrained,) = answering.ask(None, "baseline", role, [task("red")], aloud, shots=[])

    assert untrained["valid"] is False


def test_an_untrained_model_is_read_leniently_and_its_validity_strictly(finished, said):
    settings, _, role = finished
    said += ["warm", "I would say cold.", "nothing"]
    rows = answering.ask(None, "baseline", role, [task("red")] * 3, settings, shots=[])

    assert [row["answer"] for row in rows] == [{"label": "warm"}, {"label": "cold"}, None]
    assert [row["valid"] for row in rows] == [True, False, False]


def test_shots_go_into_the_untrained_models_chat_only(finished):
    role = finished[2]
    (plain,) = answering.chats_of(role, [task("red")], None)
    (shown,) = answering.chats_of(role, [task("red")], [task("blue", "cold")])

    assert plain == [{"role": "user", "content": "paint wall 1 red"}]
    assert "paint wall 1 blue: cold." in shown[0]["content"]


def test_figures_are_worked_out_over_all_answers(finished, said):
    settings, _, role = finished
    said += ["colour: red\nlabel: warm", "colour: red\nlabel: cold", "?", "colour: x\nlabel: cold"]
    gold = [task("red"), task("red"), task("red"), task("blue", "cold")]
    rows = answering.ask(None, "srl", role, gold, settings)

    # warm: precision 1, recall 1/3, F1 1/2; cold: precision 1/2, recall 1, F1 2/3
    assert answering.figures(rows, settings) == pytest.approx(
        {"accuracy": 0.5, "validity": 0.75, "macro_f1": 7 / 12}
    )


def test_the_same_tasks_are_taken_every_time():
    tasks = [task(str(n)) for n in range(50)]
    few = answering.some(tasks, 5)

    assert few == answering.some(tasks, 5)
    assert len({one.id for one in few}) == 5
    assert answering.some(tasks, None) == answering.some(tasks, 50) == tasks


def test_before_a_model_is_selected_the_command_is_named(finished, changed):
    with pytest.raises(MissingArtifact, match="no model is selected") as missing:
        answering.base_folder(changed("model", source=None), finished[1])

    assert missing.value.hint == f"srlr select --run {finished[1].path}"


def test_the_dev_score_tells_how_far_it_is(finished, said):
    settings, rundir, role = finished
    heard = []
    rundir.subscribe(lambda what, done, total, figures: heard.append((what, done, total)))
    said += ["colour: red\nlabel: warm"] * 3
    score = answering.dev_score(role, settings, 3, rundir, "srl")

    assert score(None)["validity"] == 1.0
    assert heard == [("srl: dev answers", 3, 3)]


def test_without_labels_there_is_no_f1(finished, changed, said):
    settings = changed("role", labels=(), main_metric="accuracy")
    said += ["colour: red\nlabel: warm"]
    rows = answering.ask(None, "srl", finished[2], [task("red")], settings)

    assert answering.figures(rows, settings) == {"accuracy": 1.0, "validity": 1.0}
