import pytest
import tiny
import torch

from srlr.core.training import Ppo
from srlr.models.rollout import Completion
from srlr.training import adapters
from srlr.training.forward import Row, pack, scores
from srlr.training.groups import Asked, Group, Worth
from srlr.training.values import Head, credited, rewarded

torch.set_num_threads(1)


@pytest.fixture
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


def said(tokens, logps, stopped=True):
    return Completion("", tokens, stopped, 0.0, logps)


def two(*answers, totals=(1.0, 0.0)):
    return [Group(Asked([1, 2]), answers, [Worth(one, one, {}) for one in totals], ())]


def test_values_begin_at_zero(model):
    assert Head(model)(torch.randn(3, 32)).tolist() == [0.0, 0.0, 0.0]


def test_a_value_is_of_the_states_direction_whatever_its_length(model):
    """w is (2, 0, …) and b is 1: along w the value is 3, across it 1, at 60 degrees 2."""
    head = Head(model)
    with torch.no_grad():
        head.weight[0] = 2.0
        head.bias.fill_(1.0)
    states = torch.zeros(4, 32)
    states[0, 0], states[1, 0], states[2, 1] = 1.0, 700.0, 5.0
    states[3, 0], states[3, 1] = 1.0, 3**0.5

    assert head(states).tolist() == pytest.approx([3.0, 3.0, 1.0, 2.0])
    assert head(states.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(
    ("logps", "reference", "earned", "rewards"),
    [
        ([-1.0, -2.0, -3.0], None, 0.7, [0.0, 0.0, 0.7]),
        # -0.5 · (log π - log π_ref), and what was earned at the end
        ([-1.0, -2.0, -3.0], [-2.0, -2.0, -1.0], 0.7, [-0.5, 0.0, 1.0 + 0.7]),
        ([-1.0], [-1.0], -1.0, [-1.0]),
    ],
)
def test_the_rewards_of_tokens_by_hand(logps, reference, earned, rewards):
    assert rewarded(logps, reference, earned, 0.5) == pytest.approx(rewards)


def test_credit_by_hand(model):
    """Values are 0: with γ = 0.5 and λ = 1 a return is what was earned, halved for each token that
    is still to come. The second answer was cut off: 0.25 less the penalty.
    """
    settings = Ppo(gamma=0.5, gae_lambda=1.0, no_stop_penalty=1.25, whiten_advantages=False)
    answers = said([3, 4, 5], [-1.0] * 3), said([3, 9], [-1.0] * 2, stopped=False)
    groups = two(*answers, totals=(1.0, 0.25))
    (one,), figures = credited(model, Head(model), groups, None, settings, 0.1)

    assert [credit.returns for credit in one.credits] == [[0.25, 0.5, 1.0], [-0.5, -1.0]]
    assert [credit.advantages for credit in one.credits] == [[0.25, 0.5, 1.0], [-0.5, -1.0]]
    assert [credit.values for credit in one.credits] == [[0.0] * 3, [0.0] * 2]
    assert (one.asked, one.answers) == (groups[0].asked, answers)
    assert figures == {"kl": 0.0, "value": 0.0, "explained_variance": 0.0}


def test_nothing_said_earns_what_it_is_worth_at_the_token_that_ends_it(model):
    settings = Ppo(whiten_advantages=False)
    groups = two(said([model.stop_token], [-2.0]), said([3], [-1.0], stopped=False))
    (one,), _ = credited(model, Head(model), groups, None, settings, 0.1)

    assert [credit.returns for credit in one.credits] == [[1.0], [-1.0]]


def test_whitening_leaves_returns_as_they_are(model):
    """Advantages 1, 1, 0, 0 have mean and deviation 1/2."""
    settings = Ppo(gamma=1.0, gae_lambda=1.0)
    groups = two(said([3, 4], [-1.0] * 2), said([5, 6], [-1.0] * 2))
    (one,), _ = credited(model, Head(model), groups, None, settings, 0.1)

    assert [credit.advantages for credit in one.credits] == [[1.0, 1.0], [-1.0, -1.0]]
    assert [credit.returns for credit in one.credits] == [[1.0, 1.0], [0.0, 0.0]]


def test_every_answer_gets_values_and_divergence_of_its_own_tokens(model):
    """Prompts are read longest first and those that are alike together; each token's value and
    reference are still those of a row of its own.
    """
    head, settings = Head(model), Ppo(gamma=1.0, gae_lambda=0.0, whiten_advantages=False)
    with torch.no_grad():
        head.weight.copy_(torch.linspace(-1, 1, 32))
    prompts = [[1, 2], [5, 6, 7, 8, 9, 10], [1, 2]]
    tokens = [[[3, 4], [3, 4]], [[11], [12, 13, 14]], [[3, 9], [4]]]
    groups = [
        Group(
            Asked(prompt),
            [said(one, [-3.0] * len(one)) for one in own],
            [Worth(0.0, 0.0, {})] * 2,
            (),
        )
        for prompt, own in zip(prompts, tokens, strict=True)
    ]
    found, figures = credited(model, head, groups, adapters.reference(model), settings, 1.0)
    far = []
    for prompt, own, group in zip(prompts, tokens, found, strict=True):
        for one, credit in zip(own, group.credits, strict=True):
            ids = torch.tensor([[*prompt, *one]])
            states = model.stack.body(input_ids=ids).last_hidden_state[0]
            values = head(states[len(prompt) - 1 : -1]).tolist()
            logp = scores(model, pack([Row(prompt, [one])], model), 1.0)
            rewards = (logp + 3.0).tolist()  # -1 · (-3 - log π_ref)
            after = [*values[1:], 0.0]
            far.append((logp + 3.0).expm1() - (logp + 3.0))  # k3

            assert credit.values == pytest.approx(values, abs=1e-5)
            assert credit.advantages == pytest.approx(
                [r + a - v for r, a, v in zip(rewards, after, values, strict=True)], abs=1e-4
            )
    assert figures["kl"] == pytest.approx(torch.cat(far).mean().item(), rel=1e-3)
