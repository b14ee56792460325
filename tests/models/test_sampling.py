import numpy as np
import pytest
import torch
from scipy import stats
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from srlr.models.sampling import BLOCK, NUCLEUS, Sampling, draw, truncated

torch.set_num_threads(1)


def pick_one(logits, temperature, uniform, rows):
    return draw(logits, Sampling(1, temperature=temperature), uniform, rows).token_S


ROW_0 = torch.tensor([0])
QUARTERS = torch.tensor([0.1, 0.2, 0.3, 0.4]).log()


@pytest.mark.parametrize(
    ("temperature", "uniform", "token"),
    [
        (0.0, 0.05, 3),  # the likeliest, whatever is drawn
        # shares 0.1 0.2 0.3 0.4, so they end at 0.1 0.3 0.6 1
        (1.0, 0.0, 0),
        (1.0, 0.0999, 0),
        (1.0, 0.1001, 1),
        (1.0, 0.2999, 1),
        (1.0, 0.3001, 2),
        (1.0, 0.6001, 3),
        (1.0, 0.999999, 3),
        # squares 0.01 0.04 0.09 0.16 of 0.30, so they end at 1/30 5/30 14/30 1
        (0.5, 0.0333, 0),
        (0.5, 0.0334, 1),
        (0.5, 0.1666, 1),
        (0.5, 0.1667, 2),
        (0.5, 0.4666, 2),
        (0.5, 0.4667, 3),
    ],
)
def test_a_uniform_number_picks_the_token_whose_share_it_falls_into(temperature, uniform, token):
    picked = pick_one(QUARTERS[None], temperature, torch.tensor([uniform]), ROW_0)

    assert picked.tolist() == [token]


LARGEST_BELOW_ONE = 1.0 - 2.0**-24


@pytest.mark.parametrize("size", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
@pytest.mark.parametrize("uniform", [0.0, 0.5, 0.999999, LARGEST_BELOW_ONE])
def test_only_tokens_that_may_come_are_picked_at_the_edges(size, uniform):
    """The only possible token is the first, a middle one, the last: no other is ever taken."""
    for only in {0, size // 2, size - 1}:
        logits = torch.full((1, size), -torch.inf)
        logits[0, only] = 2.0

        picked = pick_one(logits, 0.7, torch.tensor([uniform]), ROW_0)

        assert picked.item() == only


def test_the_edges_of_the_uniform_take_the_first_and_the_last_token():
    logits, uniform = torch.zeros(1, 300), torch.tensor([0.0, LARGEST_BELOW_ONE])

    assert pick_one(logits, 1.0, uniform, torch.tensor([0, 0])).tolist() == [0, 299]


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_sample_picks_from_its_own_row(temperature):
    logits = torch.full((3, 300), -torch.inf)
    logits[[0, 1, 2], [4, 290, 8]] = 0.0
    rows = torch.tensor([2, 0, 1, 1])

    assert pick_one(logits, temperature, torch.rand(4), rows).tolist() == [8, 4, 290, 290]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 1.7])
def test_drawn_tokens_are_distributed_as_the_softmax(temperature):
    """Chi-square over the tokens that are expected at least 5 times; the rest is one class."""
    generator = torch.Generator().manual_seed(3)
    draws = 20_000
    logits = torch.randn(1, 300, generator=generator) * 2
    uniform = torch.rand(draws, generator=generator)
    picked = pick_one(logits, temperature, uniform, ROW_0.expand(draws))
    expected = (torch.softmax(logits[0].double() / temperature, 0) * draws).numpy()
    seen = np.bincount(picked.numpy(), minlength=300)
    often = expected >= 5
    test = stats.chisquare(
        [*seen[often], seen[~often].sum()], [*expected[often], expected[~often].sum()]
    )

    assert test.pvalue > 0.01


def test_an_even_grid_of_uniforms_gives_every_token_its_share():
    """n p of n draws, and at most one more or less at either end of the token's interval."""
    draws = 10_000
    logits = torch.randn(1, 300, generator=torch.Generator().manual_seed(8)) * 2
    uniform = (torch.arange(draws).double() + 0.5).float() / draws
    picked = pick_one(logits, 1.0, uniform, ROW_0.expand(draws))
    expected = torch.softmax(logits[0].double(), 0) * draws

    assert (torch.bincount(picked, minlength=300) - expected).abs().max() <= 2


@pytest.mark.parametrize(
    ("top_k", "top_p", "kept"),
    [
        (None, 1.0, [0.4, 0.3, 0.2, 0.1]),
        (2, 1.0, [0.4, 0.3]),
        (9, 1.0, [0.4, 0.3, 0.2, 0.1]),  # more than there are
        (None, 0.69, [0.4, 0.3, 0.0, 0.0]),  # 0.4 alone is not 0.69, 0.4 + 0.3 is
        (None, 0.01, [0.4, 0.0, 0.0, 0.0]),  # the likeliest always stays
        (2, 0.5, [0.4, 0.0]),  # of 0.7, 0.5 is 0.35
        (3, 0.5, [0.4, 0.3, 0.0]),  # of 0.9, 0.5 is 0.45
    ],
)
def test_the_likeliest_tokens_are_kept(top_k, top_p, kept):
    mass, token = truncated(torch.tensor([[0.1, 0.4, 0.2, 0.3]]), top_k, top_p)

    assert mass[0].tolist() == pytest.approx(kept)
    assert token[0].tolist() == [1, 3, 2, 0][: len(kept)]


def test_a_wide_nucleus_is_looked_for_in_the_whole_vocabulary():
    """1,000 equal tokens: half of the mass needs 500 of them, more than are sorted at first."""
    mass, _ = truncated(torch.full((1, 1000), 0.001), None, 0.5)

    assert abs(int((mass > 0).sum()) - 500) <= 1
    assert NUCLEUS < 500


def warped(logits, sampling):
    """What transformers leaves of the distribution: temperature, then top-k, then top-p."""
    scores = TemperatureLogitsWarper(sampling.temperature)(None, logits.double())
    if sampling.top_k:
        scores = TopKLogitsWarper(sampling.top_k)(None, scores)
    return TopPLogitsWarper(sampling.top_p)(None, scores).softmax(-1)[0]


TRUNCATED = [
    Sampling(1, temperature=1.3, top_k=12),
    Sampling(1, temperature=1.3, top_p=0.8),
    Sampling(1, temperature=1.3, top_k=30, top_p=0.7),
]


@pytest.mark.parametrize("sampling", TRUNCATED)
def test_truncated_draws_are_distributed_as_those_of_transformers(sampling):
    """Chi-square over the tokens that may come; no other one does."""
    generator = torch.Generator().manual_seed(5)
    draws = 20_000
    logits = torch.randn(1, 700, generator=generator) * 2
    uniform = torch.rand(draws, generator=generator)
    picked = draw(logits, sampling, uniform, ROW_0.expand(draws)).token_S
    seen = np.bincount(picked.numpy(), minlength=700)
    expected = (warped(logits, sampling) * draws).numpy()
    may = expected > 0

    assert seen[~may].sum() == 0
    assert 5 < may.sum() < 200
    assert expected[may].min() >= 5
    assert stats.chisquare(seen[may], expected[may]).pvalue > 0.01


def test_what_is_told_of_a_token_is_of_the_whole_distribution():
    """Squares of 0.1 0.2 0.3 0.4 are 1/30 4/30 9/30 16/30; top-k changes what comes, not that."""
    asked = Sampling(1, temperature=0.5, top_k=1, log_probs=True, entropies=True)
    drawn = draw(QUARTERS[None], asked, torch.tensor([0.0]), ROW_0)
    shares = torch.tensor([1.0, 4.0, 9.0, 16.0]) / 30

    assert drawn.token_S.tolist() == [3]
    assert drawn.logp_S.item() == pytest.approx(shares[3].log().item())
    assert drawn.entropy_S.item() == pytest.approx(-(shares * shares.log()).sum().item())


def test_without_drawing_it_is_told_at_temperature_one():
    drawn = draw(QUARTERS[None], Sampling(1, log_probs=True), torch.tensor([0.0]), ROW_0)

    assert drawn.token_S.tolist() == [3]
    assert drawn.logp_S.exp().item() == pytest.approx(0.4)
    assert drawn.entropy_S is None


def test_nothing_is_told_that_nobody_asked_for():
    drawn = draw(QUARTERS[None], Sampling(1, temperature=1.0), torch.tensor([0.5]), ROW_0)

    assert drawn.logp_S is drawn.entropy_S is None
