"""AdamW on float32 weights while the model computes in its own dtype.

bfloat16 has 8 bits of mantissa: an update smaller than 1/256 of a weight would be lost, and at a
learning rate of 1e-5 nearly all of them are. So gradients of every micro-batch are added up in
float32, the step is taken in float32, and the model gets what comes out rounded. Of the float32
weights only what rounding takes off is kept; they are put together a few at a time for the step.
"""

import math
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from srlr.core.errors import ConfigError
from srlr.models.adapter import bitsandbytes
from srlr.models.local import LocalModel, release
from srlr.training.remainders import join, split
from srlr.training.shards import Shards

AT_ONCE = 1 << 22
"""Elements put together in float32 at a time."""


def choose(model: LocalModel, layers: int | None) -> list[torch.nn.Parameter]:
    """The weights that learn: the adapter's where there is one; else the last `layers` of the stack
    and the norm after them, or all.

    What does not learn needs no gradient, so the backward pass ends where the first layer that
    learns begins. The low layers of a pretrained model change least in fine-tuning, and on little
    data it does better without changing them.

    Raises:
        ConfigError: the model has fewer layers, or they are not found.

    Source: Lee et al. 2019, arXiv 1911.03090.
    """
    if model.adapter is not None:  # it was put into those layers alone
        return [parameter for parameter in model.model.parameters() if parameter.requires_grad]
    if layers is None:
        return [parameter.requires_grad_() for parameter in model.model.parameters()]
    stack = model.stack
    if layers > len(stack.layers):
        raise ConfigError(
            f"trained_layers={layers}, but {model.name} has {len(stack.layers)} layers",
            f"at most {len(stack.layers)}, or null for every weight",
        )
    model.model.requires_grad_(False)
    for part in (*stack.layers[-layers:], stack.norm):
        if part is not None:
            part.requires_grad_()
    return [parameter for parameter in model.model.parameters() if parameter.requires_grad]


class MasterAdamW:
    """State: float32 weights, two moments, a step.

    A weight's float32 form is the model's own where it computes in float32; where it computes in
    bfloat16, `masters` has only its shape and gradient outside of a step, and `rests` what rounding
    took off; else a copy.
    """

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        learning_rate: float,
        weight_decay: float,
        kind: str = "adamw",
        *,
        head: Iterable[torch.nn.Parameter] = (),
        head_rate: float = 1.0,
        shards: Shards | None = None,
    ) -> None:
        """`kind` is adamw or adamw_8bit (moments in 8 bits).

        Args:
            head: other weights, whose learning rate is always `head_rate` times the others'.
            shards: who knows this process's rows of the weights, where it has not all of them.

        Raises:
            MissingArtifact, ResourceError: adamw_8bit without a bitsandbytes that works.
        """
        self.parameters = list(parameters)
        below = len(self.parameters)
        self.parameters += head
        self.shards = shards
        self.rests: dict[int, torch.Tensor] = {}
        self.masters = [self._master(*each) for each in enumerate(self.parameters)]
        own = weakref.ref(self)
        for index, (parameter, master) in enumerate(
            zip(self.parameters, self.masters, strict=True)
        ):
            if parameter.dtype != master.dtype:
                hook = _Collecting(own, index)
                parameter.register_post_accumulate_grad_hook(hook)  # type: ignore[no-untyped-call]
        self.learning_rate = learning_rate
        how: dict[str, Any] = {
            "lr": learning_rate,
            "weight_decay": weight_decay,
            "betas": (0.9, 0.95),
        }
        groups: list[dict[str, Any]] = [{"params": self.masters[:below], "rate": 1.0}]
        if self.masters[below:]:
            groups.append({"params": self.masters[below:], "rate": head_rate})
        self.adamw: Any = (
            torch.optim.AdamW(groups, **how, fused=True)
            if kind == "adamw"
            else _adamw_8bit(groups, how)
        )

    def _master(self, index: int, parameter: torch.nn.Parameter) -> torch.nn.Parameter:
        """The weight in float32, of the rows that are this process's where it is cut."""
        part = None if self.shards is None else self.shards.part(parameter)
        if part is not None:
            return torch.nn.Parameter(part)
        if parameter.dtype == torch.float32:
            return parameter
        if parameter.dtype == torch.bfloat16 and parameter.is_contiguous():
            self.rests[index] = torch.zeros_like(parameter, dtype=torch.int16, requires_grad=False)
            return torch.nn.Parameter(_hollow(parameter))
        return torch.nn.Parameter(parameter.detach().float())

    @property
    def whole(self) -> list[torch.nn.Parameter]:
        """The masters of weights that this process has all of, and whose gradients are its own."""
        if self.shards is None:
            return self.masters
        both = zip(self.parameters, self.masters, strict=True)
        return [master for parameter, master in both if self.shards.part(parameter) is None]

    @property
    def writes(self) -> bool:
        """Whether this process is the one that gets the rows of all."""
        return self.shards is None or self.shards.world.first

    def step(self, scale: float, max_norm: float) -> float:
        """Takes one step at learning rate × `scale`; returns the gradient's norm before clipping.

        Where the norm is not finite, the weights stay as they are.
        """
        if self.shards is None:
            norm = float(torch.nn.utils.clip_grad_norm_(self.masters, max_norm))
        else:
            self.shards.collect(self.parameters, self.masters)
            norm = self.shards.clip(self.parameters, self.masters, max_norm)
        if math.isfinite(norm):
            for group in self.adamw.param_groups:
                group["lr"] = self.learning_rate * scale * group["rate"]
            self._advance()
        self.adamw.zero_grad(set_to_none=True)
        release()
        return norm

    def _advance(self) -> None:
        """The step itself, a few weights at a time where they have to be put together for it."""
        gradients = [master.grad for master in self.masters]
        for some in self._batches():
            for master in self.masters:
                master.grad = None
            for index in some:
                self.masters[index].data = self._exact(index)
                self.masters[index].grad = gradients[index]
            self.adamw.step()
            for index in some:
                gradients[index] = None
                self._publish(index)

    def _batches(self) -> Iterator[list[int]]:
        """Those kept in float32; then the others, AT_ONCE elements or one weight at a time."""
        some = [index for index in range(len(self.masters)) if index not in self.rests]
        elements = AT_ONCE if some else 0
        for index, rest in self.rests.items():
            if elements + rest.numel() > AT_ONCE and some:
                yield some
                some, elements = [], 0
            some.append(index)
            elements += rest.numel()
        yield some

    def _exact(self, index: int) -> torch.Tensor:
        """A weight in float32."""
        if index not in self.rests:
            return self.masters[index].detach()
        exact = torch.empty_like(self.rests[index], dtype=torch.float32)
        join(self.parameters[index], self.rests[index], exact)
        return exact

    @torch.no_grad()
    def _publish(self, index: int) -> None:
        """Rounds what its master holds into the model's weight."""
        master, parameter = self.masters[index], self.parameters[index]
        if index in self.rests:
            split(master, parameter, self.rests[index])
            master.data = _hollow(parameter)
        elif parameter.dtype != master.dtype:
            parameter.copy_(master)

    def names(self) -> list[str]:
        """What `tensors` may be asked for: "weights", and what the optimiser calls its own, such as
        "exp_avg"; everything but the step count.
        """
        kept = [name for master in self.masters for name in self.adamw.state.get(master, {})]
        return ["weights", *(name for name in dict.fromkeys(kept) if name != "step")]

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """{index: tensor}; where weights are cut, all processes ask, and the one that writes gets
        them, whole and on the CPU.
        """
        out: dict[str, torch.Tensor] = {}
        for index, master in enumerate(self.masters):
            own = (
                self._exact(index)
                if name == "weights"
                else self.adamw.state.get(master, {}).get(name)
            )
            if own is None:
                continue
            if self.shards is not None:
                own = self.shards.gathered(self.parameters[index], own)
                own = own.cpu() if self.writes else None
            # the 8-bit optimiser's tables are one tensor for all weights
            if own is not None:
                out[str(index)] = own.clone() if name.startswith("qmap") else own
        return out

    @torch.no_grad()
    def restore(self, tensors: dict[str, dict[str, torch.Tensor]], steps: int) -> None:
        """Puts back what `tensors` gave, by name, after `steps` steps."""
        for index, master in enumerate(self.masters):
            exact = self._rows(index, tensors["weights"][str(index)]).to(master.device)
            if index in self.rests:
                master.data = exact.contiguous()
            else:
                master.copy_(exact)
            self._publish(index)
            own = {
                name: self._rows(index, some[str(index)]).to(master.device)
                for name, some in tensors.items()
                if name != "weights" and str(index) in some
            }
            if own:
                count = torch.tensor(float(steps), device=master.device)
                eight_bit = "state1" in own  # it counts in plain numbers
                self.adamw.state[master] = {"step": steps if eight_bit else count, **own}

    def _rows(self, index: int, whole: torch.Tensor) -> torch.Tensor:
        return whole if self.shards is None else self.shards.rows(self.parameters[index], whole)


@dataclass(frozen=True, slots=True)
class _Collecting:
    """Adds a weight's gradient to its master's as soon as it is there, and forgets it: those of all
    weights never exist at once in the model's own dtype.
    """

    optimiser: "weakref.ref[MasterAdamW]"
    """A model may outlive it and get another."""
    index: int

    def __call__(self, parameter: torch.Tensor) -> None:
        optimiser = self.optimiser()
        if optimiser is None or parameter.grad is None:
            return
        master = optimiser.masters[self.index]
        if master.grad is None:
            master.grad = parameter.grad.float()
        else:
            master.grad += parameter.grad
        parameter.grad = None


def _hollow(parameter: torch.Tensor) -> torch.Tensor:
    """float32 of a weight's shape that takes no memory; not to be read."""
    return torch.zeros((), device=parameter.device).expand(parameter.shape)


def _adamw_8bit(groups: list[dict[str, Any]], how: dict[str, Any]) -> Any:
    """AdamW whose moments are kept in 8 bits, each block of 256 with its own scale.

    A CPU has no kernel for it: it works, and a step of it takes thirty times as long as AdamW's.

    Source: Dettmers et al. 2022, arXiv 2110.02861, section 2.
    """
    package = bitsandbytes("optimiser=adamw_8bit", "optimiser=adamw")
    return package.optim.AdamW8bit(groups, **how)
