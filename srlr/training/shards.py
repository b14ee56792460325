"""A network cut into as many parts as there are processes: FSDP2.

Each process keeps its rows of every weight, in float32 where the weight learns, and with them its
part of the gradient and of AdamW's moments. A block's weights are put together before it is run, in
the dtype that the model computes in, and let go after it; its gradients are added up over the
processes in float32, and each keeps its rows of them. Embeddings, the last norm and the output
layer are one more such group, which stays together from the forward to the end of the backward
pass.

All processes run a block or none does (training.turns). What is to answer or to be saved gets a
plain network whose weights are put together for as long as that takes.

Source: Zhao et al. 2023, arXiv 2304.11277; torch.distributed.fsdp.fully_shard.
"""

import contextlib
import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from srlr.models.local import LocalModel
from srlr.training.parallel import World

WHOLE = ".lora_"
"""In the names of weights that every process has all of: an adapter is small."""
TINY = 1e-6
"""Added to a norm that is divided by, as torch.nn.utils.clip_grad_norm_ does."""


class Shards:
    """The parts of a network; `whole` puts them together."""

    def __init__(
        self, model: LocalModel, world: World, hollow: Any, source: nn.Module | None = None
    ) -> None:
        """Cuts `model.model`: its own weights, or those of `source` where it has none itself.

        Args:
            hollow: what `emptied` has made of the network or its adapters' view; None: nobody asks
                for the whole.
        """
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import FSDPModule, register_fsdp_forward_method

        self.network, self.world, self.hollow = model.model, world, hollow
        self.mesh = init_device_mesh(model.device.type, (world.size,))
        network, body, layers = model.model, model.stack.body, model.stack.layers
        origin = {} if source is None else dict(zip(_all(network), _all(source), strict=True))
        for module in (*layers, network):
            _fill(module, origin)
            _cut(module, model.dtype, self.mesh)
        for module in network.modules():
            if isinstance(module, FSDPModule):
                # The loss has the divisors of the whole batch, so that gradients are added up.
                module.set_gradient_divide_factor(1.0)
                module.set_force_sum_reduction_for_comms(True)
        # A weight that one process had no use for had one for another.
        network.set_reduce_scatter_unused_params(True)
        network.final_states = lambda inputs: body(**inputs, use_cache=False).last_hidden_state
        register_fsdp_forward_method(network, "final_states")

    def states(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """The body's final states (B, T, D); after it the output layer may be applied to them."""
        made: torch.Tensor = self.network.final_states(inputs)
        return made

    def let_go(self) -> None:
        """Of what a forward pass without a backward one has left together."""
        self.network.reshard()

    @contextlib.contextmanager
    def whole(self, model: LocalModel) -> Iterator[LocalModel]:
        """Inside, `model` with a plain network that has all weights as they are now; all processes
        enter. Nothing learns in it.
        """
        hollow = self.hollow
        network = hollow if model.adapter is None else hollow.get_base_model()
        both = list(zip(_all(network), _all(self.network), strict=True))
        empty = {own: there for own, there in both if own.is_meta}
        with torch.inference_mode(mode=False), torch.no_grad():
            full = {own: self._full(there, own.dtype) for own, there in empty.items()}
        places = _put(network, full)
        try:
            view = None if model.adapter is None else hollow
            yield replace(model, model=network, adapter=view, shards=None)
        finally:
            for module, name, own in places:
                module._parameters[name] = own

    def _full(self, parameter: torch.Tensor, dtype: torch.dtype) -> nn.Parameter:
        part = self.part(parameter)
        assert part is not None
        return nn.Parameter(self.gathered(parameter, part.to(dtype)), requires_grad=False)

    # -- what the optimiser asks -------------------------------------------------------------------

    def part(self, parameter: torch.Tensor) -> torch.Tensor | None:
        """This process's rows of a weight, not copied; None where it has all of it."""
        from torch.distributed.tensor import DTensor

        if not isinstance(parameter, DTensor):
            return None
        part: torch.Tensor = parameter.to_local().detach()
        return part

    def rows(self, parameter: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
        """This process's rows of a tensor like the weight; all where it has all of it."""
        if self.part(parameter) is None:
            return whole
        each = -(-len(whole) // self.world.size)
        start = self.world.rank * each
        return whole[start : start + each].clone()

    def gathered(self, parameter: torch.Tensor, part: torch.Tensor) -> torch.Tensor:
        """The whole of what each process has its rows of; all processes ask."""
        from torch.distributed.tensor import DTensor

        if not isinstance(parameter, DTensor):
            return part
        made = DTensor.from_local(
            part,
            self.mesh,
            parameter.placements,
            run_check=False,
            shape=parameter.shape,
            stride=parameter.stride(),
        )
        whole: torch.Tensor = made.full_tensor()
        return whole

    def collect(self, parameters: Sequence[nn.Parameter], masters: Sequence[nn.Parameter]) -> None:
        """Gives the gradients of this process's rows to the float32 weights that are its rows."""
        for parameter, master in zip(parameters, masters, strict=True):
            if parameter is not master:
                grad: Any = parameter.grad
                master.grad = None if grad is None else grad.to_local()
                parameter.grad = None

    def clip(
        self,
        parameters: Sequence[nn.Parameter],
        masters: Sequence[nn.Parameter],
        max_norm: float,
    ) -> float:
        """The norm of the whole gradient, before it is brought down to `max_norm`; the same number
        in all processes.
        """
        squares = 0.0
        for parameter, master in zip(parameters, masters, strict=True):
            # What all have, one of them counts.
            if master.grad is not None and (parameter is not master or self.world.first):
                squares += float(torch.linalg.vector_norm(master.grad)) ** 2
        norm = math.sqrt(sum(self.world.everyones(squares)))
        if norm + TINY > max_norm:
            for master in masters:
                if master.grad is not None:
                    master.grad.mul_(max_norm / (norm + TINY))
        return norm


def emptied(root: nn.Module) -> Any:
    """A copy of a network, or of its adapters' view, without the weights that are to be cut; what
    every process has all of is shared with it.
    """
    memo: dict[int, Any] = {}
    for name, parameter in root.named_parameters():
        if WHOLE in name:
            memo[id(parameter)] = parameter
        else:
            empty = torch.empty_like(parameter, device="meta")
            memo[id(parameter)] = nn.Parameter(empty, requires_grad=False)
    return copy.deepcopy(root, memo)


def _all(network: nn.Module) -> list[nn.Parameter]:
    return list(network.parameters())


def _fill(module: nn.Module, origin: dict[nn.Parameter, nn.Parameter]) -> None:
    """Copies the weights in that the module has none of yet; tied ones stay one."""
    wanted = [own for own in module.parameters() if own in origin]
    _put(module, {own: nn.Parameter(origin[own].detach().clone(), False) for own in wanted})


def _put(
    network: nn.Module, new: dict[nn.Parameter, nn.Parameter]
) -> list[tuple[nn.Module, str, nn.Parameter]]:
    """Puts other weights in the places of some; returns each place and what was there."""
    places = [
        (module, name, own)
        for module in network.modules()
        for name, own in module._parameters.items()
        if own is not None and own in new
    ]
    for module, name, own in places:
        module._parameters[name] = new[own]
    return places


def _cut(module: nn.Module, dtype: torch.dtype, mesh: Any) -> None:
    """Leaves this process its rows of a module's weights that are still whole."""
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    named = list(module.named_parameters())
    ignored = {parameter for name, parameter in named if WHOLE in name}
    learnt = [one for one in _uncut(named) if one.requires_grad and one not in ignored]
    for parameter in learnt:
        parameter.data = parameter.data.float()
    policy = MixedPrecisionPolicy(cast_forward_inputs=False)
    if learnt and dtype != torch.float32:
        policy = MixedPrecisionPolicy(dtype, torch.float32, cast_forward_inputs=False)
    fully_shard(module, mesh=mesh, mp_policy=policy, ignored_params=ignored)


def _uncut(named: Iterable[tuple[str, nn.Parameter]]) -> Iterator[nn.Parameter]:
    from torch.distributed.tensor import DTensor

    return (parameter for _, parameter in named if not isinstance(parameter, DTensor))
