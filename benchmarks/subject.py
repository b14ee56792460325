"""The model and the texts that the benchmarks use: the embedded ones."""

from collections.abc import Callable, Mapping
from pathlib import Path

from srlr import assets, roles
from srlr.core.compose import compose
from srlr.core.types import Message
from srlr.models import chat, local
from srlr.models.abilities import Abilities
from srlr.models.local import LocalModel
from srlr.training.progress import Surroundings

MODEL = "smollm2-135m-instruct"


def folder() -> Path:
    return assets.locate(MODEL)


def model(threads: int) -> LocalModel:
    """In bfloat16, as `srlr train` has it on a machine with bfloat16 products."""
    local.prepare(threads, 0)
    return local.load(folder(), name=MODEL, device="cpu", dtype="bfloat16")


def tokenizer() -> LocalModel:
    """The model without its weights: it turns chats and texts into tokens and back, no more."""
    import torch
    from transformers import AutoTokenizer

    own = AutoTokenizer.from_pretrained(folder())
    stops = chat.stop_tokens(own, None, MODEL)
    can = Abilities(cache=False, trees=False, head=False)
    return LocalModel(None, own, MODEL, torch.device("cpu"), torch.bfloat16, stops, can)


def chats(number: int) -> list[list[Message]]:
    """So many product reviews, each with the question about its sentiment."""
    settings = compose(["role=sentiment", f"model={MODEL}"], environ={}).settings
    role = roles.load(settings.role, None)
    tasks = role.load_tasks(settings.role, "train")
    return [role.baseline_messages(task) for task in tasks[:number]]


def around(
    folder: Path,
    told: Callable[[str, int, int, Mapping[str, float]], None],
    rewind: Callable[[int], None],
) -> Surroundings:
    """What a loop lives in where nothing is judged or kept."""
    return Surroundings(
        folder=folder,
        node="srl",
        score=lambda _: {"figure": 0.0},
        main="figure",
        log=lambda *_: None,
        progress=told,
        rewind=rewind,
        history=list,
        alarm=lambda _: None,
    )


def rows(tokenizer: LocalModel, number: int, size: int) -> list[tuple[list[int], list[int]]]:
    """So many (prompt, completion) of real text, `size` tokens together, half of it each."""
    settings = compose(["role=sentiment", f"model={MODEL}"], environ={}).settings
    tasks = roles.load(settings.role, None).load_tasks(settings.role, "train")
    stream = tokenizer.encode("\n".join(task.prompt for task in tasks))
    half = size // 2
    cuts = range(0, number * size, size)
    if cuts.stop > len(stream):
        raise SystemExit(f"the texts have {len(stream)} tokens, {cuts.stop} are asked for")
    return [(stream[at : at + half], stream[at + half : at + size]) for at in cuts]
