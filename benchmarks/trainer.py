"""What every side that is one of TRL's trainers has in common."""

from typing import Any

from benchmarks import apart

PLAIN: dict[str, Any] = {
    "bf16": True,
    "use_cpu": True,
    "gradient_checkpointing": False,
    "max_steps": 10**6,
    "logging_steps": 10**6,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
}
"""Arguments: on this machine, as fast as it goes, until nobody asks for a step any more."""


def turns(gate: apart.Turnstile) -> Any:
    """A callback that makes each step one turn."""
    from transformers import TrainerCallback

    class Gate(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: object, **__: object) -> None:
            gate.enter()

        def on_step_end(self, *_: object, **__: object) -> None:
            gate.leave()

    return Gate()
