"""What TRL's GRPOTrainer cannot be asked for, told before a model is loaded."""

from collections.abc import Iterator, Sequence

from srlr.core.training import Alarms, Grpo

OWN = "or rlvr.backend=own"


def refusals(node: Grpo, stop: Sequence[str]) -> Iterator[str]:
    """Each as "key: what is wrong with it, and what to say instead"; none for our own loop but that
    vLLM needs TRL.

    Args:
        stop: rollout.stop.
    """
    if node.backend == "own":
        if node.vllm.mode != "off":
            yield "rlvr.vllm.mode: vLLM draws for TRL's trainer alone; say rlvr.backend=trl too"
        return
    if node.variant == "rloo":
        yield f"rlvr.variant: TRL's GRPOTrainer has no rloo; say dr_grpo, {OWN}"
    if node.refill_attempts:
        yield f"rlvr.refill_attempts: not supported by TRL; say 0, {OWN}"
    if node.tuning == "qlora":
        yield f"rlvr.tuning: 4 bits are not supported with TRL; say lora, {OWN}"
    if node.optimiser != "adamw":
        yield f"rlvr.optimiser: not supported with TRL; say adamw, {OWN}"
    if stop:
        yield f"rollout.stop: not supported by TRL; say [], {OWN}"
    for name in Alarms.model_fields:
        if getattr(node.alarms, name) == "roll_back":
            yield f"rlvr.alarms.{name}: TRL cannot roll back; say warn or stop, {OWN}"
    answers = node.prompts_per_step * node.samples_per_prompt
    if answers % node.minibatches:
        fit = " or ".join(map(str, nearest_divisors(answers, node.minibatches)))
        yield (
            f"rlvr.minibatches: {answers} answers a step do not divide into {node.minibatches} "
            f"alike, as TRL needs them; say {fit}"
        )


def nearest_divisors(total: int, asked: int) -> list[int]:
    """The divisors of `total` next to `asked`: the one below it and, where there is, the one
    above.
    """
    divisors = [size for size in range(1, total + 1) if total % size == 0]
    below, above = (
        [size for size in divisors if size < asked],
        [size for size in divisors if size > asked],
    )
    return [*below[-1:], *above[:1]]
