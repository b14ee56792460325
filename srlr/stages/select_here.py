"""Whether a candidate can be run on this machine: its weights are here, and it fits."""

from pathlib import Path

from srlr.core import hardware
from srlr.core.hardware import Machine
from srlr.core.settings import ModelCard, Settings
from srlr.models import card as cards
from srlr.models import catalog, fit
from srlr.stages import select_memory


def not_here(card: ModelCard, config_dir: Path | None) -> str:
    """Why the card's weights cannot be had without a long download, or "".

    A locked asset is small and counts as here: training would fetch it, too.
    """
    source = card.source or ""
    if cards.claim(card, "for_pay"):
        return "it is paid for by the token, its weights are not to be had"
    if source.startswith("hub:"):
        repo = source.removeprefix("hub:").partition("@")[0]
        here = catalog.in_hub_cache(repo)
        return "" if here else f"its weights are not on this machine: hf download {repo}"
    if catalog.is_local(card, config_dir):
        return ""
    return f"{source!r} is neither an asset nor a folder"


def too_large(place: Path, card: ModelCard, settings: Settings, machine: Machine) -> str:
    """Why it would not even answer one prompt here, or ""."""
    shape = fit.of_folder(place) or fit.of_card(card)
    bytes_ = cards.DTYPE_BITS[machine.compute_dtype] // 8
    tokens = select_memory.context_tokens(settings.role.requirements)
    need = fit.serving(shape, bytes_, rows=1, tokens=tokens, new=1, device=machine.device)
    free = hardware.probe(settings.hardware).memory_available_gb
    if need.peak_gb <= free:
        return ""
    parts = ", ".join(f"{name.replace('_', ' ')} {gb:.2g}" for name, gb in need.parts.items())
    return f"it needs {need.peak_gb:.3g} GB ({parts}), {free:.3g} GB are free"
