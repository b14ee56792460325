"""What a model holds in memory: by hand, and against what the embedded model took."""

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srlr.core.settings import ModelCard
from srlr.models import catalog, fit
from srlr.models.fit import Shape, Tuning

EMBEDDED = fit.of_card(catalog.cards()["smollm2-135m-instruct"])
ROUND = Shape(1.0, layers=10, width=1000, kv_size=100, heads=10, vocabulary=10_000)


def test_a_card_that_says_nothing_has_a_usual_shape():
    shape = fit.of_card(ModelCard(name="none", source="x"))

    assert shape == Shape(1.0, 32, 2048, 512, 32, None)


def test_a_folder_says_its_shape_itself(tiny_model_folder):
    """2 layers of width 32, 2 of 4 heads of 8 for keys; 384 embeddings that are the head, too."""
    layer = 2 * 32 * 32 + 2 * 16 * 32 + 3 * 32 * 64 + 2 * 32
    total = 384 * 32 + 2 * layer + 32

    assert fit.of_folder(tiny_model_folder) == Shape(total / 1e9, 2, 32, 16, 4, 384)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "config.json").unlink(),
        lambda folder: (folder / "config.json").write_text("{"),
        lambda folder: (folder / "config.json").write_text("[]"),
        lambda folder: (folder / "config.json").write_text('{"hidden_size": 3}'),
        lambda folder: (folder / "model.safetensors").unlink(),
        lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 20),
    ],
)
def test_a_folder_of_another_form_has_no_shape(tmp_path, tiny_model_folder, spoil):
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_model_folder / name).read_bytes())
    assert fit.of_folder(tmp_path) is not None
    spoil(tmp_path)

    assert fit.of_folder(tmp_path) is None


def test_keys_and_values_by_hand():
    """4 rows of 50 tokens, 2 · 100 numbers of 2 bytes in each of 10 layers."""
    assert fit.cache_gb(ROUND, 4, 50, 2) == pytest.approx(4 * 50 * 2 * 100 * 10 * 2 / 1e9)


@pytest.mark.parametrize(
    ("tokens", "wide"),
    [
        (100, 8 * 1000),  # the MLP: 3 scores of 10 heads to 100 tokens are fewer
        (1000, 3 * 10 * 1000),  # the scores
        (2000, 8 * 1000),  # too long a row for its scores to be held
    ],
)
def test_one_layers_work_on_prompts_by_hand(tokens, wide):
    assert fit.reading_gb(ROUND, 4, tokens, 2) == pytest.approx(4 * tokens * wide * 2 / 1e9)


def test_serving_by_hand():
    found = fit.serving(ROUND, 2, rows=4, tokens=100, new=20)
    cache, working = 4 * 200 * 4000 / 1e9, 4 * 100 * 8000 * 2 / 1e9

    assert found.parts == pytest.approx(
        {"process": 0.47, "weights": 4.0, "kv_cache": cache, "working": working}
    )
    assert found.peak_gb == pytest.approx(0.47 + 3 * 2.0)  # when it is loaded
    assert fit.serving(ROUND, 4, rows=4, tokens=100, new=20).peak_gb == pytest.approx(
        0.47 + 1.5 * 4.0 + 2 * (cache + working)
    )


def test_a_gpu_holds_the_weights_once_and_no_process():
    found = fit.serving(ROUND, 2, rows=1, tokens=100, new=300, device="cuda")

    assert found.peak_gb == pytest.approx(2.0 + 400 * 4000 / 1e9 + 100 * 8000 * 2 / 1e9)


@given(
    rows=st.integers(1, 500),
    tokens=st.integers(1, 1000),
    new=st.integers(1, 500),
    bytes_=st.sampled_from([2, 4]),
)
def test_more_rows_and_longer_answers_never_need_less(rows, tokens, new, bytes_):
    one = fit.serving(EMBEDDED, bytes_, rows=rows, tokens=tokens, new=new)
    more = fit.serving(EMBEDDED, bytes_, rows=rows + 1, tokens=tokens, new=new)
    longer = fit.serving(EMBEDDED, bytes_, rows=rows, tokens=tokens, new=new + 1)

    assert one.peak_gb <= min(more.peak_gb, longer.peak_gb)
    assert one.peak_gb >= sum(one.parts.values()) - 1e-9


@pytest.mark.parametrize(
    ("rows", "tokens", "bytes_", "peak_gb"),
    [
        (1, 512, 2, 1.254),
        (8, 512, 2, 1.307),
        (64, 128, 2, 1.493),
        (24, 256, 2, 1.374),
        (4, 256, 4, 1.419),
    ],
)
def test_answering_is_foreseen_within_a_twentieth_of_what_it_took(rows, tokens, bytes_, peak_gb):
    """High-water marks of processes that answered with the embedded model, up to 32 tokens."""
    found = fit.serving(EMBEDDED, bytes_, rows=rows, tokens=tokens, new=32)

    assert found.peak_gb == pytest.approx(peak_gb, rel=0.05)


# -- training --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tuning", "bytes_", "parts"),
    [
        # weights; what rounding took off, 2 bytes, and two moments; 4-byte gradients
        (Tuning(), 2, {"weights": 2, "optimiser": 10, "gradients": 4}),
        (Tuning(), 4, {"weights": 4, "optimiser": 8, "gradients": 4}),
        (Tuning(moments_bytes=2), 2, {"weights": 2, "optimiser": 4, "gradients": 4}),
        (Tuning(own_copy=True), 2, {"weights": 2, "optimiser": 12, "gradients": 4}),
        # half of the layers, and no embeddings: (1 − 0.01) / 2 parameters
        (Tuning(trained_layers=5), 2, {"optimiser": 10 * 0.495, "gradients": 4 * 0.495}),
        # 2 · 16 / 1000 of the parameters
        (Tuning("lora"), 2, {"weights": 2, "optimiser": 0.256, "gradients": 0.128}),
        (Tuning("qlora"), 2, {"weights": 0.6, "optimiser": 0.256, "gradients": 0.128}),
        (Tuning(reference="copy"), 2, {"reference": 2}),
        (Tuning("lora", reference="copy"), 2, {"reference": 0}),
        (Tuning(reference="head"), 2, {"reference": 10_000 * 1000 * 2 / 1e9}),
    ],
)
def test_what_an_update_holds_by_hand(tuning, bytes_, parts):
    found = fit.training(ROUND, tuning, bytes_, process_gb=0.5)

    assert {name: found.parts[name] for name in parts} == pytest.approx(parts)
    assert found.peak_gb == pytest.approx(sum(found.parts.values()))


def test_what_is_saved_for_the_backward_pass_by_hand():
    tuning = Tuning(micro_batch_tokens=100, logit_tokens=10)
    logits = 14 * 10 * 10_000

    assert fit.activations_gb(ROUND, tuning, 2) * 1e9 == pytest.approx(
        50 * 10 * 1000 * 100 + logits
    )
    again = Tuning(micro_batch_tokens=100, logit_tokens=10, checkpointing=True)
    assert fit.activations_gb(ROUND, again, 2) * 1e9 == pytest.approx(
        (2 * 10 + 50) * 1000 * 100 + logits
    )


# -- measured now ----------------------------------------------------------------------------------

ANSWER = """
rows, tokens = 16, 256
prompts = [[(97 * r + 31 * t) % 40000 + 100 for t in range(tokens)] for r in range(rows)]
rollout.generate_tokens(model, prompts, Sampling(16, rows))
found = fit.serving(shape, 2, rows=rows, tokens=tokens, new=16)
"""
TRAIN = """
import tempfile
from srlr.core.training import Imitate
from srlr.training import imitate
from benchmarks import subject
from srlr.stages import memory
node = Imitate(learning_rate=1e-6, epochs=1, batch_size=8, max_steps=2, micro_batch_tokens=512,
    eval_every_steps=10**6, checkpoint_every_steps=10**6, **CHANGES)
examples = [imitate.Example(p, [s], [1.0]) for p, s in subject.rows(model, 16, 128)]
with tempfile.TemporaryDirectory() as folder:
    imitate.train(model, examples, node, 0,
        subject.around(Path(folder), lambda *_: None, lambda _: None))
found = fit.training(shape, memory.tuning(node), 2, memory.PROCESS_GB)
"""
PROGRAM = """
import json
from pathlib import Path
from srlr import assets
from srlr.models import fit, local, rollout
from srlr.models.sampling import Sampling
from srlr.stages.measuring import peak_gb
local.prepare(1, 0)
folder = assets.locate("smollm2-135m-instruct")
shape = fit.of_folder(folder)
model = local.load(folder, name="m", device="cpu", dtype="bfloat16")
{body}
print(json.dumps([found.peak_gb, peak_gb("cpu")]))
"""


@pytest.mark.slow
@pytest.mark.assets
@pytest.mark.parametrize(
    "body",
    [
        ANSWER,
        TRAIN.replace("CHANGES", "{}"),
        TRAIN.replace("CHANGES", "{'trained_layers': 16}"),
        TRAIN.replace("CHANGES", "{'tuning': 'lora'}"),
    ],
    ids=["answering", "full", "16 layers", "lora"],
)
def test_the_embedded_model_takes_what_is_computed_within_15_percent(body):
    program = PROGRAM.format(body=body)
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    computed, took = json.loads(out.splitlines()[-1])

    assert computed == pytest.approx(took, rel=0.15), (computed, took)
