import gc
import math

import pytest
import tiny
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM

from srlr.core.errors import ConfigError
from srlr.core.training import Imitate
from srlr.training import imitate, kl
from srlr.training.forward import hidden_states, pack
from srlr.training.imitate import Example, Reference, batch_of, plan_steps, reached

torch.set_num_threads(1)
SETTINGS = Imitate(
    learning_rate=1e-2,
    epochs=100,
    max_steps=6,
    batch_size=4,
    kl_horizon=20,
    micro_batch_tokens=120,
    eval_every_steps=2,
    checkpoint_every_steps=2,
    patience=100,
)


def said(**changes):
    return SETTINGS.model_copy(update=changes)


@pytest.fixture
def examples(tiny_model_folder):
    """Nine prompts whose answers have two steps, the second worth three times the first."""
    model = tiny.load(tiny_model_folder)
    found = []
    for number in range(9):
        text = tiny.SENTENCES[number % 5][number:]
        prompt = model.encode_chat([{"role": "user", "content": text}])
        steps = [model.encode(f"{text[:6]} is"), [*model.encode(" good"), model.stop_token]]
        found.append(Example(prompt, steps, [0.5, 1.5]))
    return found


@pytest.fixture
def learn(tiny_model_folder, examples, tmp_path):
    """Trains a fresh copy of the tiny model; returns its final weights and the outcome."""

    def run(heard, settings=SETTINGS, seed=0, dtype="float32"):
        model = tiny.load(tiny_model_folder, dtype)
        outcome = imitate.train(model, examples, settings, seed, heard.around())
        return [parameter.detach() for parameter in model.model.parameters()], outcome

    return run


def same(one, other):
    return all(map(torch.equal, one, other))


def test_the_loss_falls_and_the_model_moves_away_from_its_reference(learn, ears):
    heard = ears()
    _, outcome = learn(heard, said(max_steps=12))
    loss, kl = heard.column("loss"), heard.column("kl")

    assert outcome.steps == 12
    assert sum(loss[-3:]) < 0.6 * sum(loss[:3])
    assert kl[0] == pytest.approx(0.0, abs=1e-5)
    assert kl[-1] > 0.01


def test_the_first_loss_is_the_mean_weighted_surprise_of_the_untouched_model(
    learn, ears, examples, tiny_model_folder
):
    heard = ears()
    learn(heard, said(max_steps=1))
    plain = AutoModelForCausalLM.from_pretrained(
        tiny_model_folder, dtype=torch.float32, attn_implementation="eager"
    )
    surprise, tokens, total = 0.0, 0, 0
    for index in batch_of(0, 9, 4, 0):
        example = examples[index]
        completion = [token for step in example.steps for token in step]
        ids = torch.tensor([[*example.prompt, *completion]])
        logp = torch.log_softmax(plain(input_ids=ids).logits[0].detach(), -1)
        for at, (token, weight) in enumerate(zip(completion, example.token_weights(), strict=True)):
            surprise -= weight * logp[len(example.prompt) + at - 1, token].item()
        tokens += len(completion)
        total += ids.numel() - 1  # the last token predicts nothing
    (first,) = (figures for _, figures in heard.rows if "loss" in figures)

    assert first["loss"] == pytest.approx(surprise / tokens, rel=1e-4)
    assert first["tokens"] == total
    assert first["beta"] == 0.1
    assert first["lr"] == 1e-2


@pytest.mark.parametrize("layers", [1, 2])
def test_only_the_last_layers_and_the_final_norm_learn(learn, ears, layers, tiny_model_folder):
    before = tiny.load(tiny_model_folder).model
    after, _ = learn(ears(), said(trained_layers=layers))
    moved = {
        name
        for (name, old), new in zip(before.named_parameters(), after, strict=True)
        if not torch.equal(old, new)
    }
    learning = ("model.norm.", *(f"model.layers.{1 - n}." for n in range(layers)))

    assert moved == {name for name, _ in before.named_parameters() if name.startswith(learning)}


def test_more_layers_than_the_model_has_are_refused(learn, ears):
    with pytest.raises(ConfigError, match="trained_layers=3, but tiny has 2 layers"):
        learn(ears(), said(trained_layers=3))


def test_the_size_of_micro_batches_changes_nothing_but_rounding(learn, ears):
    losses = []
    for tokens in (1, 120, 10_000):
        heard = ears(f"by{tokens}")
        learn(heard, said(max_steps=1, micro_batch_tokens=tokens))
        losses.append([*heard.column("loss"), *heard.column("grad_norm")])

    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[0] == pytest.approx(losses[2], rel=1e-3)


@pytest.mark.parametrize(
    ("dtype", "stop_at"),
    [
        ("float32", 1),
        ("float32", 4),
        ("float32", 5),
        ("bfloat16", 5),
    ],
)
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(learn, ears, dtype, stop_at):
    """Interrupted before the first checkpoint, just before one is taken, and just after."""
    figures = [0.1, 0.3, 0.2, 0.4]
    whole, broken = ears("whole", figures=figures), ears("broken", figures=figures, stop_at=stop_at)
    expected, outcome = learn(whole, dtype=dtype)
    with pytest.raises(KeyboardInterrupt):
        learn(broken, dtype=dtype)
    broken.stop_at = None
    resumed_at = (stop_at - 1) // 2 * 2
    # the judge answers by the loop's step, not by how often it was asked
    broken.judged = broken.judged[: resumed_at // 2]
    again, outcome_again = learn(broken, dtype=dtype)

    assert same(expected, again)
    assert broken.rows == whole.rows
    assert outcome_again == outcome
    assert (broken.folder / "best" / "model.safetensors").read_bytes() == (
        whole.folder / "best" / "model.safetensors"
    ).read_bytes()


def test_a_finished_run_is_not_taken_further(learn, ears):
    heard = ears()
    weights, outcome = learn(heard)
    rows = list(heard.rows)
    again, outcome_again = learn(heard)

    assert same(weights, again)
    assert outcome_again == outcome
    assert heard.rows == rows


def test_the_same_seed_gives_the_same_run_and_another_seed_another(learn, ears):
    first, again, other = ears("first"), ears("again"), ears("other")
    weights = [learn(first)[0], learn(again)[0], learn(other, seed=1)[0]]

    assert same(weights[0], weights[1])
    assert first.rows == again.rows
    assert not same(weights[0], weights[2])


def test_it_stops_when_the_held_out_figure_stops_rising(learn, ears):
    heard = ears(figures=[0.5, 0.6, 0.6, 0.4, 0.9])
    _, outcome = learn(heard, said(eval_every_steps=1, patience=2))

    assert (outcome.best_step, outcome.steps) == (2, 4)
    assert outcome.first is None
    assert outcome.best == {"macro_f1": 0.6, "validity": 1.0}


def test_the_best_model_is_kept_and_not_the_last(learn, ears):
    heard = ears(figures=[0.5, 0.8, 0.6])
    last, outcome = learn(heard)
    best = [p.detach() for p in tiny.load(heard.folder / "best").model.parameters()]

    assert outcome.best_step == 4
    assert same(best, heard.judged[1])
    assert not same(best, last)


def test_where_no_figure_is_a_number_nothing_is_kept(learn, ears):
    heard = ears(figures=[math.nan])
    _, outcome = learn(heard)

    assert (outcome.best_step, outcome.best) == (0, {})
    assert not (heard.folder / "best").exists()


@pytest.mark.parametrize(("penalty", "references"), [(0.1, 1), (0.0, 0)])
def test_without_a_penalty_no_reference_is_held(learn, ears, penalty, references):
    heard, held = ears(), []
    log = heard.log

    def count(step, figures):
        held.append(sum(type(thing) is Reference for thing in gc.get_objects()))
        log(step, figures)

    heard.log = count
    gc.collect()
    learn(heard, said(max_steps=1, kl_penalty_weight=penalty))

    assert held[-1] == references
    assert heard.column("beta") == [penalty]
    assert penalty or heard.column("kl") == [0.0]


@pytest.mark.parametrize(("share", "measured"), [(0.0, 1), (0.34, 3), (1.0, 9)])
def test_the_divergence_of_some_examples_stands_for_that_of_all(
    ears, examples, tiny_model_folder, share, measured
):
    model, other = tiny.load(tiny_model_folder), tiny.load(tiny_model_folder)
    reference = Reference(model, examples, said(kl_share=share), 0, ears().around())
    with torch.no_grad():
        for parameter in other.model.model.norm.parameters():
            parameter *= 1.5
    total = exact = 0.0
    for index, example in enumerate(examples):
        packed = pack([example.row()], model)
        known_N, states = reference.of([index], [len(packed.target_N)])
        logits = other.model.lm_head(hidden_states(other, packed))
        total += reference.divergence(logits[known_N], states).item()
        if index in reference.states:
            plain = model.model.lm_head(hidden_states(model, packed))
            exact += kl.exact(logits, plain).sum().item()

    assert len(reference.states) == measured
    assert exact > 0.01
    assert total == pytest.approx(9 / measured * exact, rel=1e-4)


def test_a_heavier_penalty_keeps_the_model_nearer(learn, ears):
    moved = []
    for penalty in (0.01, 10.0):
        heard = ears(f"by{penalty}")
        learn(heard, said(max_steps=8, kl_penalty_weight=penalty))
        moved.append(heard.column("kl")[-1])

    assert moved[1] < 0.5 * moved[0]


def test_an_example_is_one_completion_whose_tokens_weigh_what_their_step_does():
    example = Example([1, 2], [[3, 4], [5]], [0.5, 2.0])

    assert example.row().completions == [[3, 4, 5]]
    assert example.token_weights() == [0.5, 0.5, 2.0]


@pytest.mark.parametrize(
    ("examples", "settings", "steps"),
    [
        (100, Imitate(batch_size=32, epochs=5), 16),  # 15.6
        (100, Imitate(batch_size=32, epochs=0.5), 2),  # 1.6
        (100, Imitate(batch_size=32, epochs=5, max_steps=7), 7),
        (3, Imitate(batch_size=32, epochs=1), 1),
        (100, Imitate(batch_size=32, epochs=1, max_steps=50), 4),  # 3.1
    ],
)
def test_the_number_of_steps_by_hand(examples, settings, steps):
    assert plan_steps(examples, settings) == steps


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 5))
def test_every_example_comes_once_an_epoch(examples, size, seed):
    """size epochs are exactly `examples` batches; batches of one show the order undeduplicated."""
    seen = [batch_of(step, examples, 1, seed)[0] for step in range(size * examples)]

    assert sorted(seen) == sorted([*range(examples)] * size)
    assert set().union(*(batch_of(s, examples, size, seed) for s in range(examples))) == set(
        range(examples)
    )


# -- tokens ----------------------------------------------------------------------------------------


def test_every_pass_of_every_token_is_counted_that_of_the_reference_once(learn, ears, examples):
    heard = ears()
    _, outcome = learn(heard, said(max_steps=2, kl_share=1.0))
    lengths = [one.row().length for one in examples]
    read = sum(lengths[index] for index in reached(examples, said(max_steps=2), 0))
    trained = [
        sum(lengths[index] for index in batch_of(step, 9, SETTINGS.batch_size, 0))
        for step in range(2)
    ]

    assert heard.column("tokens_backward") == [trained[0], sum(trained)]
    assert heard.column("tokens_forward") == [read + trained[0], read + sum(trained)]
    assert outcome.tokens == {
        "tokens_forward": read + sum(trained),
        "tokens_backward": sum(trained),
    }


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"max_steps": 2}, 2),
        ({"max_steps": 2, "token_budget": 1}, 1),
        ({"epochs": 3}, 3),  # each example has been seen by then
        ({"epochs": 3, "token_budget": 10**6}, 3),
    ],
)
def test_the_reference_reads_what_will_be_trained_on(
    ears, examples, tiny_model_folder, settings, steps
):
    settings = said(kl_share=1.0, **settings)
    trained = {i for step in range(steps) for i in batch_of(step, 9, settings.batch_size, 0)}
    reference = Reference(tiny.load(tiny_model_folder), examples, settings, 0, ears().around())

    assert set(reference.states) == trained


def test_a_budget_has_room_for_the_steps_before_the_one_that_reaches_it(examples):
    two = sum(2 * examples[i].row().length for step in (0, 1) for i in batch_of(step, 9, 2, 0))

    assert len(reached(examples, said(batch_size=2, token_budget=two), 0)) == 4
    assert len(reached(examples, said(batch_size=2, token_budget=two + 1), 0)) == 6


def test_a_budget_ends_the_loop_in_the_step_that_reaches_it(learn, ears):
    whole = ears("whole")
    learn(whole, said(max_steps=6, kl_penalty_weight=0.0))
    used = [
        a + b
        for a, b in zip(*map(whole.column, ("tokens_forward", "tokens_backward")), strict=True)
    ]
    heard = ears()
    _, outcome = learn(heard, said(max_steps=6, kl_penalty_weight=0.0, token_budget=used[2] - 1))

    assert outcome.steps == 3
    assert sum(outcome.tokens.values()) == used[2]
    assert heard.rows[-1][0] == 3
    assert "dev_macro_f1" in heard.rows[-1][1]  # the last step is judged


def test_a_killed_run_has_used_what_an_uninterrupted_one_has(learn, ears):
    budget = said(max_steps=100, token_budget=3000)
    whole = ears("whole")
    weights, outcome = learn(whole, budget)
    with pytest.raises(KeyboardInterrupt):
        learn(ears("cut", stop_at=3), budget)
    heard = ears("cut")
    resumed, again = learn(heard, budget)

    assert same(weights, resumed)
    assert again.tokens == outcome.tokens
    assert heard.column("tokens_forward") == whole.column("tokens_forward")[2:]


def test_a_batch_larger_than_the_data_is_all_of_them_once():
    assert batch_of(0, 3, 8, 0) == [0, 1, 2]
    assert batch_of(1, 3, 8, 0) == [0, 1, 2]
