"""Whether a candidate can be run on this machine: its weights are here, and it fits."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srlr.core import hardware
from srlr.core.hardware import Machine
from srlr.core.settings import ModelCard, Settings
from srlr.core.training import Training
from srlr.models import card as cards
from srlr.models import catalog, fit
from srlr.models.fit import Fit


def not_here(card: ModelCard, config_dir: Path | None) -> str:
    """Why the card's weights cannot be had without a long download, or "".

    A locked asset is small and counts as here: training would fetch it, too.
    """
    from srlr import assets

    source = card.source or ""
    if cards.claim(card, "for_pay"):
        return "it is paid for by the token, its weights are not to be had"
    if source.startswith("hub:"):
        repo = source.removeprefix("hub:").partition("@")[0]
        here = catalog.in_hub_cache(repo)
        return "" if here else f"its weights are not on this machine: hf download {repo}"
    path = Path(source.removeprefix("path:")).expanduser()
    if source in assets.catalog(config_dir) or (source and path.is_dir()):
        return ""
    return f"{source!r} is neither an asset nor a folder"


def too_large(place: Path, card: ModelCard, settings: Settings, machine: Machine) -> str:
    """Why it would not even answer one prompt here, or ""."""
    shape = fit.of_folder(place) or fit.of_card(card)
    bytes_ = cards.DTYPE_BITS[machine.compute_dtype] // 8
    tokens = settings.role.requirements.context_min_tokens
    need = fit.serving(shape, bytes_, rows=1, tokens=tokens, new=1, device=machine.device)
    free = hardware.probe(settings.hardware).memory_available_gb
    if need.peak_gb <= free:
        return ""
    parts = ", ".join(f"{name.replace('_', ' ')} {gb:.2g}" for name, gb in need.parts.items())
    return f"it needs {need.peak_gb:.3g} GB ({parts}), {free:.3g} GB are free"


def memory_fit(settings: Settings, machine: Machine) -> dict[str, Any]:
    """What settings.model will hold in memory by its card, term by term: when it answers at the
    role's context and concurrency, and when it learns as the settings say.

    As many requests are under way as come in a second, where the role states a rate: answers of a
    second each (Little's law).
    """
    from srlr.stages import memory

    needs = settings.role.requirements
    rows = math.ceil(needs.throughput_rps or cards.REQUESTS_AT_LOAD)
    tokens, new = needs.context_min_tokens, settings.rollout.max_new_tokens
    prompt = max(1, tokens - new)
    bytes_ = cards.DTYPE_BITS[machine.compute_dtype] // 8
    shape = fit.of_card(settings.model)
    serving = fit.serving(shape, bytes_, rows=rows, tokens=prompt, new=new, device=machine.device)
    nodes = {"srl": settings.srl, "rlvr": settings.rlvr}
    learning = {
        name: {"tuning": memory.tuning(node).method, **_told(memory.update(settings, node))}
        for name, node in nodes.items()
        if isinstance(node, Training)
    }
    return {"serving": {"rows": rows, "tokens": tokens, **_told(serving)}, **learning}


def _told(found: Fit) -> Mapping[str, Any]:
    parts = {name: round(gb, 3) for name, gb in found.parts.items()}
    return {"peak_gb": round(found.peak_gb, 3), "parts_gb": parts}
