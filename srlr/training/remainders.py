"""float32 weights beside bfloat16 ones in two bytes each instead of four.

A float32 number's upper 16 bits are a bfloat16. With what rounding takes off as a whole number, the
model's rounded weight and it are the float32 weight, exactly:

    exact   0x3F80_9000   1.004394…
    rounded 0x3F81        1.0078125        the nearest
    rest    -0x7000       0x3F81_0000 - 0x7000 = 0x3F80_9000

Source: "store_param_remainders" of
https://github.com/NVIDIA/apex/blob/master/apex/contrib/optimizers/distributed_fused_adam.py
"""

import torch

SLICE = {"cpu": 1 << 18, "cuda": 1 << 24}
"""Elements at a time by kind of device: on a CPU what is between stays in a cache."""


@torch.no_grad()
def split(exact: torch.Tensor, rounded: torch.Tensor, rest: torch.Tensor) -> None:
    """Writes float32 `exact` into bfloat16 `rounded`, to the nearest and a half away from zero, and
    int16 `rest`; all of one shape, contiguous.
    """
    whole, upper, lower = _flat(exact, rounded, rest)
    for at in _slices(whole):
        bits = whole[at]
        upper[at] = (bits + 0x8000).bitwise_right_shift_(16)
        lower[at] = bits  # the lower half: a conversion to fewer bits keeps those


@torch.no_grad()
def join(rounded: torch.Tensor, rest: torch.Tensor, exact: torch.Tensor) -> None:
    """Writes what `split` was given back into float32 `exact`."""
    whole, upper, lower = _flat(exact, rounded, rest)
    for at in _slices(whole):
        whole[at].copy_(upper[at]).bitwise_left_shift_(16).add_(lower[at])


def _flat(
    exact: torch.Tensor, rounded: torch.Tensor, rest: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Their bits as whole numbers, one axis."""
    return (
        exact.detach().view(-1).view(torch.int32),
        rounded.detach().view(-1).view(torch.int16),
        rest.view(-1),
    )


def _slices(bits: torch.Tensor) -> list[slice]:
    step = SLICE[bits.device.type]
    return [slice(at, at + step) for at in range(0, bits.numel(), step)]
