import math
from dataclasses import replace

import pytest
import tiny
import torch

from srlr.core.training import Grpo
from srlr.models.rollout import Completion
from srlr.training import policy
from srlr.training.checkpoint import State
from srlr.training.forward import Row, pack, scores
from srlr.training.groups import Asked, Group
from srlr.training.losses import VARIANTS
from srlr.training.optim import MasterAdamW, choose
from srlr.training.policy import bounds, parts, rescored, update, weighed

torch.set_num_threads(1)
ANSWERS = [[42, 130, 117], [42, 7], [9, 8, 7, 6, 5], [42, 130, 117]]


def group(prompt=(1, 87, 85), answers=ANSWERS, advantages=(1.0, -0.5, 0.25, 2.0), given=()):
    said = [Completion("", tokens, True, 0.0) for tokens in answers]
    return Group(Asked(prompt, given), said, [], list(advantages))


def two():
    return [group(), group((5, 6), [[11, 12], [13]], (-1.0, 1.0), given=[7, 8])]


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def with_old(model, groups, settings, shift=0.0):
    """The groups with log-probabilities as the model has them now, plus `shift`."""
    return [
        replace(
            one,
            answers=[replace(a, logps=[p + shift for p in a.logps]) for a in one.answers],
        )
        for one in rescored(model, groups, settings)
    ]


def gradients(model, groups, settings, again, longest=8):
    """Gradient and figures of one update's loss, without the step."""
    model.model.zero_grad()
    optimiser = MasterAdamW(choose(model, None), 1e-9, 0.0)
    scored = list(weighed(groups, settings, longest, again=again))
    figures = policy._one(model, scored, None, optimiser, State(), settings)
    return [p.grad.clone() for p in model.model.parameters()], figures


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_where_nothing_has_moved_the_ratio_changes_nothing(model, variant):
    """ρ is 1: the path with old log-probabilities has the gradient of the path without."""
    settings = Grpo(variant=variant, micro_batch_tokens=16)
    groups = with_old(model, two(), settings)
    one, _ = gradients(model, groups, settings, again=False)
    other, figures = gradients(model, groups, settings, again=True)

    torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)
    assert figures["clipped_share"] == 0.0


@pytest.mark.parametrize(
    ("variant", "counts"),
    [
        ("dapo", [1.0] * 5),  # each token of 5 alike
        ("grpo", [5 / 8] * 4 + [5 / 2]),  # answers of 4 tokens and 1: 5 / (2 · 4) and 5 / (2 · 1)
        ("dr_grpo", [5 / 20] * 5),  # 5 / (2 · 10)
        ("rloo", [5 / 2] * 5),
    ],
)
def test_what_a_token_counts_by_hand(variant, counts):
    """Relative to 1 / 5, the mean over the tokens."""
    groups = [group((1,), [[2, 3, 4, 5], [6]], (1.0, -1.0))]
    (scored,) = weighed(groups, Grpo(variant=variant), 10, again=False)

    assert scored.counts == pytest.approx(counts)
    assert scored.advantages == [1.0] * 4 + [-1.0]
    assert scored.old is None


def test_the_gradient_is_that_of_a_plain_policy_gradient(model):
    """-Σ A log p over tokens, by one plain forward pass for each answer."""
    settings, groups = Grpo(micro_batch_tokens=16), two()
    ours, _ = gradients(model, groups, settings, again=False)
    model.model.zero_grad()
    said = sum(len(answer.tokens) for one in groups for answer in one.answers)
    for one in groups:
        for answer, advantage in zip(one.answers, one.advantages, strict=True):
            before = one.asked.tokens
            ids = torch.tensor([[*before, *answer.tokens]])
            logp = torch.log_softmax(model.model(input_ids=ids).logits[0], -1)
            at = torch.arange(len(before) - 1, ids.shape[1] - 1)
            (-advantage * logp[at, torch.tensor(answer.tokens)].sum() / said).backward()
    plain = [p.grad for p in model.model.parameters()]

    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-3)


def test_a_sequences_ratio_by_hand(model):
    """All old log-probabilities are 0.5 lower: every answer's mean ratio is e^0.5, beyond GSPO's
    bound, so that good answers push no more; bad ones still do.
    """
    settings = Grpo(variant="gspo")
    good = with_old(model, [group(advantages=(1.0, 1.0, 1.0, 1.0))], settings, shift=-0.5)
    bad = with_old(model, [group(advantages=(-1.0, -1.0, -1.0, -1.0))], settings, shift=-0.5)
    pushed, stopped = gradients(model, good, settings, again=True)
    pulled, free = gradients(model, bad, settings, again=True)
    plain, _ = gradients(model, bad, settings, again=False)

    assert stopped["clipped_share"] == pytest.approx(1.0)
    assert all(not gradient.any() for gradient in pushed)
    assert free["clipped_share"] == 0.0
    torch.testing.assert_close(pulled, [math.exp(0.5) * one for one in plain], atol=1e-6, rtol=1e-4)


def test_passes_and_minibatches_use_every_group_in_each_pass():
    groups = [group((n,)) for n in range(7)]
    found = list(parts(groups, Grpo(passes=2, minibatches=3), 0, 5))
    again = list(parts(groups, Grpo(passes=2, minibatches=3), 0, 5))
    firsts = [[one.asked.prompt[0] for one in part] for part in found]

    assert [len(part) for part in found] == [3, 2, 2, 3, 2, 2]
    assert sorted(n for part in firsts[:3] for n in part) == list(range(7))
    assert firsts[:3] != firsts[3:]
    assert found == again


def test_fewer_groups_than_minibatches_are_one_each():
    found = list(parts([group()], Grpo(minibatches=4), 0, 0))

    assert [len(part) for part in found] == [1]


def test_each_part_is_one_update(model):
    settings = Grpo(passes=2, minibatches=2, learning_rate=1e-3)
    optimiser, state = MasterAdamW(choose(model, None), 1e-3, 0.0), State()
    groups = with_old(model, two(), settings)
    figures = update(model, groups, None, optimiser, state, settings, factor=0.5, longest=8, seed=0)

    assert state.updates == 4
    assert figures["lr"] == 5e-4
    assert {"loss", "kl", "entropy", "grad_norm", "tokens", "clipped_share"} <= figures.keys()


def test_rescored_log_probs_are_those_of_the_forward(model):
    settings = Grpo(temperature=0.7, micro_batch_tokens=8)
    found = rescored(model, two(), settings)
    row = next(iter(weighed(two()[1:], settings, 8, again=False))).row
    packed = pack([row], model)
    expected = scores(model, packed, 0.7)[packed.place_M].tolist()

    assert [p for answer in found[1].answers for p in answer.logps] == pytest.approx(
        expected, abs=1e-5
    )
    assert [len(answer.logps) for answer in found[0].answers] == [3, 2, 5, 3]


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (Grpo(), (0.2, 0.28)),
        (Grpo(variant="gspo"), (3e-4, 4e-4)),
        (Grpo(clip_epsilon=0.1), (0.1, 0.1)),
        (Grpo(clip_epsilon=0.1, clip_epsilon_high=0.3), (0.1, 0.3)),
        (Grpo(clip_epsilon_high=0.5), (0.2, 0.5)),
    ],
)
def test_bounds_are_the_papers_unless_they_are_said(settings, found):
    assert bounds(settings) == found


@pytest.mark.parametrize("passes", [1, 2])
def test_an_answer_of_the_stop_token_alone_teaches_like_any_other(model, passes):
    """Nothing said is one token: the one that ends it."""
    settings = Grpo(passes=passes, learning_rate=1e-2)
    empty = [group(answers=[[model.stop_token], [42, 7]], advantages=(1.0, -1.0))]
    optimiser, state = MasterAdamW(choose(model, None), 1e-2, 0.0), State()
    before, drawn = _said_of_nothing(model), with_old(model, empty, settings)
    figures = update(model, drawn, None, optimiser, state, settings, factor=1.0, longest=8, seed=0)

    assert all(map(math.isfinite, figures.values()))
    assert _said_of_nothing(model) > before


def _said_of_nothing(model):
    return scores(model, pack([Row([1, 87, 85], [[model.stop_token]])], model), 1.0).item()
