import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from srlr.training import remainders
from srlr.training.remainders import join, split

BITS = st.integers(0, 2**32 - 1).filter(
    lambda bits: (bits >> 23) & 0xFF < 0xFE
)  # finite, rounded too


def numbers(*bits):
    signed = [one - 2**32 if one >= 2**31 else one for one in bits]
    return torch.tensor(signed, dtype=torch.int32).view(torch.float32)


def parts(exact):
    rounded = torch.empty_like(exact, dtype=torch.bfloat16)
    rest = torch.empty_like(exact, dtype=torch.int16)
    split(exact, rounded, rest)
    return rounded, rest


def joined(rounded, rest):
    exact = torch.empty_like(rest, dtype=torch.float32)
    join(rounded, rest, exact)
    return exact


def test_a_weight_is_its_nearest_bfloat16_and_what_is_left():
    rounded, rest = parts(numbers(0x3F809000))

    assert rounded.item() == 1.0078125  # 0x3F81
    assert rest.item() == -0x7000
    assert joined(rounded, rest).view(torch.int32).item() == 0x3F809000


def test_a_half_goes_away_from_zero():
    rounded, _ = parts(numbers(0x3F808000, 0xBF808000))

    assert rounded.tolist() == [1.0078125, -1.0078125]


@given(st.lists(BITS, min_size=1, max_size=20))
def test_no_bit_is_lost_and_the_rounded_weight_is_as_near_as_any(bits):
    exact = numbers(*bits)
    rounded, rest = parts(exact)

    assert torch.equal(joined(rounded, rest).view(torch.int32), exact.view(torch.int32))
    error = (rounded.double() - exact.double()).abs()
    assert torch.all(error <= (exact.bfloat16().double() - exact.double()).abs())


def test_slices_make_no_difference(monkeypatch):
    exact = torch.linspace(-3.0, 3.0, 1001).view(7, 143)
    whole = parts(exact)
    monkeypatch.setitem(remainders.SLICE, "cpu", 10)
    sliced = parts(exact)

    assert all(map(torch.equal, whole, sliced))
    assert torch.equal(joined(*sliced), exact)
    assert math.prod(exact.shape) % 10 != 0
