import pytest
import tiny
import torch
from torch.nn import functional

from srlr.core.errors import ConfigError
from srlr.core.training import Lora, Ppo
from srlr.models import stack
from srlr.models.rollout import Completion
from srlr.training import ppo
from srlr.training.groups import Asked, Group, Worth
from srlr.training.optim import MasterAdamW, choose
from srlr.training.values import Credit, Credited, Head

torch.set_num_threads(1)
SETTINGS = Ppo(
    learning_rate=3e-3,
    value_learning_rate=1e-2,
    epochs=100,
    max_steps=6,
    prompts_per_step=3,
    samples_per_prompt=6,
    passes=2,
    kl_horizon=100,
    micro_batch_tokens=400,
    eval_every_steps=2,
    checkpoint_every_steps=2,
    patience=100,
)


def said(**changes):
    return SETTINGS.model_copy(update=changes)


def drawn(tokens, logps):
    return Completion("", tokens, True, 0.0, logps)


@pytest.fixture
def learn(tiny_model_folder):
    """Trains a fresh copy of the tiny model; returns the model as it is then and the outcome."""

    def run(heard, worth=tiny.vowels, settings=SETTINGS, seed=0, dtype="float32", first=None):
        model = tiny.load(tiny_model_folder, dtype)
        draw = tiny.draw(model, worth)
        return model, ppo.train(model, draw, settings, seed, heard.around(), first)

    return run


def weights(model):
    return [parameter.detach() for parameter in model.model.parameters()]


def same(one, other):
    return all(map(torch.equal, one, other))


def kept(heard):
    """All that is in the last checkpoint: the weights, the value head's among them, and moments."""
    folder = heard.folder / "checkpoint"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}


@pytest.mark.parametrize("how", [{}, {"minibatches": 2}, {"value_moves_trunk": False}])
def test_a_reward_that_can_be_had_is_learnt(learn, ears, how):
    heard = ears("rlvr")
    learn(heard, settings=said(max_steps=20, learning_rate=5e-3, kl_penalty_weight=0.0, **how))
    reward = heard.column("reward")

    assert sum(reward[-3:]) > 1.5 * sum(reward[:3])
    assert reward == heard.column("reward_e")


def test_the_first_step_by_its_figures(learn, ears):
    """One update: ρ is 1 and values are 0; whitened advantages have mean 0. The value loss is the
    mean square of the returns; the policy is its own reference.
    """
    heard = ears("rlvr")
    learn(heard, settings=said(max_steps=1, passes=1))
    (first,) = (figures for _, figures in heard.rows if "loss" in figures)

    assert first["policy_loss"] == pytest.approx(0.0, abs=1e-4)
    assert (first["value"], first["explained_variance"]) == (0.0, 0.0)
    assert first["kl"] == pytest.approx(0.0, abs=1e-5)
    assert (first["beta"], first["lr"]) == (0.1, 3e-3)
    assert (first["clipped_share"], first["value_clipped_share"]) == (0.0, 0.0)
    assert (first["kept_share"], first["spread_share"]) == (1.0, 1.0)
    assert first["loss"] == pytest.approx(
        first["policy_loss"] + 0.5 * first["value_loss"] - 0.01 * first["entropy"]
    )
    assert first["grad_norm"] > 0.0


def test_values_learn_to_foretell_the_reward(learn, ears):
    """All answers are worth 0.5, and with γ = λ = 1 so is every return. The head alone moves."""
    heard = ears("rlvr")
    how = said(
        max_steps=12,
        learning_rate=1e-9,
        value_learning_rate=3e-2,
        gamma=1.0,
        gae_lambda=1.0,
        kl_penalty_weight=0.0,
        no_stop_penalty=0.0,
    )
    learn(heard, lambda *_: Worth(0.5, 0.5, {}), how)

    assert heard.column("value_loss")[0] == pytest.approx(0.25, abs=0.05)
    assert heard.column("value_loss")[-1] < 0.06
    assert heard.column("value")[-1] == pytest.approx(0.5, abs=0.15)
    assert heard.column("spread_share") == [0.0] * 12


@pytest.mark.parametrize(
    ("dtype", "stop_at"), [("float32", 1), ("float32", 4), ("float32", 5), ("bfloat16", 5)]
)
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(learn, ears, dtype, stop_at):
    """Interrupted before the first checkpoint, just before one is taken, and just after."""
    figures, how = [0.1, 0.3, 0.2, 0.4], said(minibatches=2)
    whole, broken = ears("whole", figures=figures), ears("broken", figures=figures, stop_at=stop_at)
    expected, outcome = learn(whole, settings=how, dtype=dtype)
    with pytest.raises(KeyboardInterrupt):
        learn(broken, settings=how, dtype=dtype)
    broken.stop_at = None
    resumed_at = (stop_at - 1) // 2 * 2
    broken.judged = broken.judged[: resumed_at // 2 + 1] if resumed_at else []
    again, outcome_again = learn(broken, settings=how, dtype=dtype)

    assert same(weights(expected), weights(again))
    assert broken.rows == whole.rows
    assert outcome_again == outcome
    assert kept(broken) == kept(whole)


def test_the_same_seed_gives_the_same_run_and_another_seed_another(learn, ears):
    first, again, other = ears("first"), ears("again"), ears("other")
    runs, how = [(first, 0), (again, 0), (other, 1)], said(max_steps=2)
    found = [weights(learn(heard, settings=how, seed=seed)[0]) for heard, seed in runs]

    assert same(found[0], found[1])
    assert first.rows == again.rows
    assert not same(found[0], found[2])


def test_the_best_model_is_kept_without_its_value_head_and_not_the_last(learn, ears):
    heard = ears("rlvr", figures=[0.5, 0.7, 0.8, 0.6])
    last, outcome = learn(heard)
    best = tiny.load(heard.folder / "best")

    assert outcome.best_step == 4
    assert same(weights(best), heard.judged[2])
    assert not same(weights(best), weights(last))
    assert best.model.state_dict().keys() == last.model.state_dict().keys()


def test_it_stops_when_the_held_out_figure_stops_rising(learn, ears):
    heard = ears("rlvr", figures=[0.5, 0.6, 0.6, 0.4, 0.9])
    _, outcome = learn(heard, settings=said(eval_every_steps=1, patience=2))

    assert (outcome.best_step, outcome.steps) == (1, 3)


def test_the_weight_of_the_divergence_follows_the_controller(learn, ears):
    """Far below the target, e is -0.2; 18 answers of a horizon of 100: times 1 - 0.036."""
    heard = ears("rlvr")
    learn(heard, settings=said(max_steps=2, max_kl=1e3))

    assert heard.column("beta") == pytest.approx([0.1, 0.1 * (1 - 0.2 * 0.18)])


def test_one_answer_a_prompt_is_enough(learn, ears):
    heard = ears("rlvr")
    start, _ = learn(ears("start"), settings=said(max_steps=1, learning_rate=1e-12))
    model, _ = learn(heard, settings=said(max_steps=1, samples_per_prompt=1, prompts_per_step=5))

    assert not same(weights(start), weights(model))
    assert heard.column("spread_share")[0] in (0.0, 1.0)


@pytest.mark.parametrize(
    ("outcomes", "share"),
    [
        ([[0.0, 1.0], [1.0, 1.0]], 0.5),
        ([[0.0], [1.0]], 1.0),  # one answer each: the batch is one group
        ([[1.0], [1.0]], 0.0),
    ],
)
def test_the_share_of_prompts_whose_answers_differ(outcomes, share):
    drawn = [Group(Asked([1]), [], [Worth(9.0, o, {}) for o in each], ()) for each in outcomes]

    assert ppo.spread_share(drawn) == share


def test_through_an_adapter_the_adapter_alone_learns_and_goes_on(learn, ears):
    how = said(tuning="lora", lora=Lora(rank=4, alpha=8, dropout=0.3), max_steps=4)
    whole, broken = ears("whole"), ears("broken", stop_at=3)
    expected, _ = learn(whole, settings=how)
    with pytest.raises(KeyboardInterrupt):
        learn(broken, settings=how)
    broken.stop_at = None
    again, _ = learn(broken, settings=how)
    frozen = learn(ears("none"), settings=how.model_copy(update={"max_steps": 1}))[0]
    both = zip(expected.model.named_parameters(), frozen.model.named_parameters(), strict=True)
    moved = {"lora" in name for (name, one), (_, other) in both if not torch.equal(one, other)}

    assert same(weights(expected), weights(again))
    assert kept(broken) == kept(whole)
    assert moved == {True}
    assert whole.column("kl")[-1] > 0.0


def test_a_network_whose_states_are_not_found_is_refused(learn, ears, monkeypatch):
    monkeypatch.setattr(stack, "find", lambda _: None)

    with pytest.raises(ConfigError, match="rlvr=ppo: the final states of tiny") as refused:
        learn(ears("rlvr"))

    assert refused.value.hint == "rlvr=grpo"


# -- the gradient ----------------------------------------------------------------------------------

LEARNT = [
    Credited(
        Asked([1, 87, 85]),
        [
            drawn([42, 130, 117], [-4.0, -3.0, -5.0]),
            drawn([42, 7], [-4.5, -2.0]),
            drawn([42, 130, 117], [-6.0, -9.0, -1.0]),
        ],
        [
            Credit([1.0, -0.5, 2.0], [0.5, 0.6, 1.0], [0.1, 0.3, -0.4]),
            Credit([-1.0, 0.5], [0.0, -0.2], [0.2, 0.0]),
            Credit([0.3, 0.0, -2.0], [1.0, 0.1, 0.0], [0.0, 0.5, 0.9]),
        ],
    ),
    Credited(
        Asked([5, 6], [7]),
        [drawn([11, 12], [-5.0, -6.0])],
        [Credit([1.5, -1.5], [0.7, 0.8], [0.3, 0.9])],
    ),
]


def plain_loss(model, head, settings):
    """The loss as it is written, with a forward pass of its own for each answer."""
    total, said = 0.0, sum(len(a.tokens) for one in LEARNT for a in one.answers)
    for one in LEARNT:
        for answer, credit in zip(one.answers, one.credits, strict=True):
            ids = torch.tensor([[*one.asked.tokens, *answer.tokens]])
            before = len(one.asked.tokens)
            out = model.model(input_ids=ids, output_hidden_states=True)
            logp = torch.log_softmax(out.logits[0, before - 1 : -1] / settings.temperature, -1)
            states = out.hidden_states[-1][0, before - 1 : -1]
            own = logp.gather(1, torch.tensor(answer.tokens)[:, None])[:, 0]
            ratio = (own - torch.tensor(answer.logps)).exp()
            better, back, was = map(
                torch.tensor, (credit.advantages, credit.returns, credit.values)
            )
            bounded = ratio.clamp(1 - settings.clip_epsilon, 1 + settings.clip_epsilon)
            total = total - torch.minimum(ratio * better, bounded * better).sum()
            total = total + settings.entropy_coef * (logp.exp() * logp).sum()
            if not settings.value_moves_trunk:
                states = states.detach()
            value = functional.normalize(states, dim=-1) @ head.weight + head.bias
            wide = settings.value_clip_epsilon or 1e9
            near = was + (value - was).clamp(-wide, wide)
            missed = torch.maximum((value - back) ** 2, (near - back) ** 2)
            total = total + settings.value_coef * missed.sum()
    return total / said


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"micro_batch_tokens": 1},
        {"temperature": 0.7, "entropy_coef": 0.3, "value_clip_epsilon": None},
        {"value_moves_trunk": False, "entropy_coef": 0.0},
    ],
)
def test_the_gradient_is_that_of_the_loss_written_plainly(tiny_model_folder, how):
    model, settings = tiny.load(tiny_model_folder), said(**how)
    head = Head(model)
    with torch.no_grad():
        head.weight.copy_(torch.linspace(-1, 1, 32))
        head.bias.fill_(0.25)
    optimiser = MasterAdamW(choose(model, None), 1e-3, 0.0, head=head.parameters())
    figures = ppo.gradient(model, head, LEARNT, optimiser, settings)
    ours = [p.grad.clone() for p in optimiser.parameters]
    for parameter in optimiser.parameters:
        parameter.grad = None
    loss = plain_loss(model, head, settings)
    loss.backward()
    plain = [p.grad for p in optimiser.parameters]

    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-3)
    assert len(ours) == len(list(model.model.parameters())) + 2
    if settings.entropy_coef:
        assert figures["loss"] == pytest.approx(loss.item(), rel=1e-4)
    assert 0.0 < figures["clipped_share"] < 1.0
