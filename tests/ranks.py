"""Training loops in real processes that train together, as a launcher starts them.

`learn(kind, model, place, size=2)` returns, for each process, what it logged, how often it was
judged, and the weights it ended with. One process learns in the test's own.
"""

import multiprocessing
import os
import pickle
import socket
from pathlib import Path

DIVERGENCE = {"kl_penalty_weight": 0.1, "kl_horizon": 20}
KEYS = {
    "learning_rate": 3e-3,
    "epochs": 100,
    "max_steps": 4,
    "micro_batch_tokens": 200,
    "eval_every_steps": 2,
    "checkpoint_every_steps": 1,
    "patience": 100,
    **DIVERGENCE,
}
DRAWN = {"prompts_per_step": 3, "samples_per_prompt": 6}


def learn(kind, model, place, size=1, **changed):
    """`changed`: settings, and `sharded` (each process keeps its part) and `dtype`."""
    place = Path(place)
    if size == 1:
        return [_work(kind, model, place, changed)]
    found = learn_all({"": (kind, place, changed)}, model, place, size)
    return found[""]


def learn_all(jobs, model, place, size):
    """The same for several jobs {name: (kind, place, changed)}, one after the other in the same
    processes.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch.optim", "transformers.models.llama.modeling_llama"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = [
        context.Process(target=_rank, args=(rank, size, port, jobs, model, place))
        for rank in range(size)
    ]
    for one in ranks:
        one.start()
    for one in ranks:
        one.join(300)
    assert [one.exitcode for one in ranks] == [0] * size
    found = [pickle.loads((place / f"{rank}.pickle").read_bytes()) for rank in range(size)]
    return {name: [each[name] for each in found] for name in jobs}


def _rank(rank, size, port, jobs, model, place):
    from srlr.training import parallel

    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "GLOO_SOCKET_IFNAME": "lo",
    }
    with parallel.joined("cpu"):
        found = {name: _work(kind, model, own, how) for name, (kind, own, how) in jobs.items()}
    (place / f"{rank}.pickle").write_bytes(pickle.dumps(found))


def _work(kind, folder, place, changed):
    import tiny

    from srlr.core.training import Grpo, Ppo
    from srlr.training import grpo, parallel, ppo

    sharded, dtype = changed.pop("sharded", False), changed.pop("dtype", "float32")
    model, rows = tiny.load(folder, dtype), []
    if kind == "held":
        return _held(model, sharded)
    around = _around(place, rows, sharded)
    if kind == "imitate":
        _imitate(model, around, changed)
    elif kind == "ppo":
        settings = Ppo(**KEYS | DRAWN | {"passes": 2} | changed)
        ppo.train(model, tiny.draw(model, tiny.vowels), settings, 0, around)
    else:
        settings = Grpo(**KEYS | DRAWN | changed)
        draw = nested(model) if kind == "nested" else tiny.draw(model, tiny.vowels)
        grpo.train(model, draw, settings, 0, around)
    whole = [getattr(one, "full_tensor", lambda one=one: one)() for one in model.model.parameters()]
    weights = [parameter.detach().float().numpy() for parameter in whole]
    return {"rows": rows, "weights": weights, "size": parallel.here().size}


def _held(model, sharded):
    """What a process holds after a step, in bytes; and whether a gradient that is not a number in
    the last process alone moves the weights of any.
    """
    from dataclasses import replace

    import torch

    from srlr.core.training import Grpo
    from srlr.training import learner, parallel
    from srlr.training.forward import Row, backward, log_probs, pack
    from srlr.training.optim import MasterAdamW

    world = replace(parallel.here(), sharded=sharded)
    own = learner.begin(model, Grpo(**KEYS), world)
    optimiser = MasterAdamW(own.parameters, 1e-3, 0.0, shards=own.model.shards)
    packed = pack([Row([1, 2, 3], [[4, 5, 6]])], own.model)

    def gradient():
        backward(
            own.model, packed, lambda logits, at: -log_probs(logits, packed.target_N[at]).sum()
        )
        world.sum_gradients(optimiser.whole)

    gradient()
    optimiser.step(1.0, 1.0)

    def exact():
        """This process's rows where weights are cut."""
        every = optimiser.masters if sharded else optimiser.tensors("weights").values()
        return [one.detach().clone() for one in every]

    before = exact()
    gradient()
    held = [*own.model.model.parameters(), *optimiser.masters, *optimiser.rests.values()]
    held += [one.grad for one in held if one.grad is not None]
    held += [one for each in optimiser.adamw.state.values() for one in each.values()]
    storages = {}
    for one in held:
        storage = getattr(one, "_local_tensor", one).untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
    if world.rank == world.size - 1:
        owner = optimiser.parameters[-1]
        getattr(owner.grad, "_local_tensor", owner.grad).fill_(torch.nan)
    norm = optimiser.step(1.0, 1.0)
    same = all(map(torch.equal, before, exact()))
    return {"bytes": sum(storages.values()), "norm": norm, "same": same}


def _imitate(model, around, changed):
    import tiny

    from srlr.core.training import Imitate
    from srlr.training import imitate
    from srlr.training.imitate import Example

    examples = []
    for number in range(9):
        text = tiny.SENTENCES[number % 5][number:]
        prompt = model.encode_chat([{"role": "user", "content": text}])
        steps = [model.encode(f"{text[:6]} is"), [*model.encode(" good"), model.stop_token]]
        examples.append(Example(prompt, steps, [0.5, 1.5]))
    imitate.train(model, examples, Imitate(**KEYS | {"batch_size": 5} | changed), 0, around)


def nested(model):
    """A draw whose units are three prompts that begin alike, as the steps of a problem do."""
    import tiny

    from srlr.training.drawing import Draw
    from srlr.training.groups import Asked

    asked, units = [], []
    for text in tiny.SENTENCES:
        prompt, after = model.encode_chat([{"role": "user", "content": text}]), model.encode(text)
        units.append(range(len(asked), len(asked) + 3))
        asked += [Asked(prompt, after[:given]) for given in (0, 4, 8)]
    return Draw(asked, units, tiny.vowels, None, 8, 64)


def _around(place, rows, sharded):
    from dataclasses import replace

    from srlr.training import parallel
    from srlr.training.progress import Surroundings

    def rewind(step):
        rows[:] = [row for row in rows if row["step"] <= step]

    return Surroundings(
        place,
        "rlvr",
        lambda model: {"macro_f1": 0.5},
        "macro_f1",
        lambda step, figures: rows.append({"step": step, **figures}),
        lambda what, done, total, figures: None,
        rewind,
        lambda: rows,
        lambda alarm: None,
        replace(parallel.here(), sharded=sharded),
    )
