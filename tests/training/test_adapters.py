import gc
import sys
from contextlib import nullcontext

import pydantic
import pytest
import tiny
import torch
from transformers import LlamaForCausalLM

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.training import Grpo, Imitate, Lora
from srlr.models import backprop, local
from srlr.training import adapters, grpo, imitate
from srlr.training.forward import Row, backward, log_probs, pack
from srlr.training.imitate import Example
from srlr.training.optim import MasterAdamW, choose

torch.set_num_threads(1)
SHARED = {
    "tuning": "lora",
    "lora": Lora(rank=4, alpha=8, dropout=0.3),
    "learning_rate": 1e-2,
    "epochs": 100,
    "max_steps": 6,
    "micro_batch_tokens": 200,
    "eval_every_steps": 2,
    "checkpoint_every_steps": 2,
    "patience": 100,
}
SRL = Imitate(**SHARED, batch_size=4)
RLVR = Grpo(**SHARED, prompts_per_step=3, samples_per_prompt=6)
LOOPS = ["imitate", "grpo"]


def prompts(model):
    return [model.encode_chat([{"role": "user", "content": text}]) for text in tiny.SENTENCES]


@pytest.fixture
def learn(tiny_model_folder):
    """Trains a fresh tiny model in a loop; returns the model as it was given and the outcome."""

    def run(loop, heard, dtype="float32", four_bit=False, seed=0, **changes):
        model = local.load(
            tiny_model_folder, name="tiny", device="cpu", dtype=dtype, four_bit=four_bit
        )
        if loop == "imitate":
            answer = [model.encode(" good"), [model.stop_token]]
            examples = [Example(prompt, answer, [0.5, 1.5]) for prompt in prompts(model)]
            settings = SRL.model_copy(update=changes)
            return model, imitate.train(model, examples, settings, seed, heard.around())
        settings = RLVR.model_copy(update=changes)
        outcome = grpo.train(model, tiny.draw(model, tiny.vowels), settings, seed, heard.around())
        return model, outcome

    return run


@pytest.fixture
def attached(tiny_model_folder):
    """A tiny model with what the settings ask for."""

    def make(dtype="float32", seed=0, **changes):
        settings = SRL.model_copy(update=changes)
        return adapters.attach(tiny.load(tiny_model_folder, dtype), settings, seed)

    return make


def named(model):
    return {name: weight.detach().clone() for name, weight in model.model.named_parameters()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def logits(model):
    ids = torch.tensor([prompts(model)[0]])
    with torch.no_grad():
        return model.model(input_ids=ids).logits


def distance(one, other):
    """Of what two models say, as a share of what they say; in bfloat16 a weight has 8 bits."""
    return ((logits(one) - logits(other)).norm() / logits(other).norm()).item()


def disturb(model):
    """As if the adapter had learnt."""
    for name, weight in model.model.named_parameters():
        if "lora_B" in name:
            weight.detach().copy_(torch.linspace(-0.1, 0.1, weight.numel()).reshape_as(weight))


# -- an adapter on a model -------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_before_the_first_step_an_adapter_says_nothing(attached, tiny_model_folder, dtype):
    model = attached(dtype)

    assert torch.equal(logits(model), logits(tiny.load(tiny_model_folder, dtype)))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_switched_off_the_model_is_the_base_to_the_bit(attached, tiny_model_folder, dtype):
    model = attached(dtype)
    reference = adapters.reference(model)
    disturb(model)
    learnt = logits(model)
    with reference() as untrained:
        off = logits(untrained)

    assert torch.equal(off, logits(tiny.load(tiny_model_folder, dtype)))
    assert not torch.allclose(learnt, off, atol=1e-2)
    assert torch.equal(logits(model), learnt)
    assert [p.requires_grad for p in model.model.parameters()] == [
        "lora" in name for name, _ in model.model.named_parameters()
    ]


def test_the_adapter_is_float32_and_its_own_master_under_bfloat16(attached):
    model = attached("bfloat16")
    learning = choose(model, None)
    optimiser = MasterAdamW(learning, 1e-2, 0.0)

    assert {p.dtype for p in learning} == {torch.float32}
    assert all(a is b for a, b in zip(optimiser.masters, learning, strict=True))
    assert model.model.dtype == torch.bfloat16


def test_an_adapter_is_beside_every_linear_layer_but_the_output_layer(attached):
    model = attached()
    found = {name.partition(".lora_A")[0] for name in named(model) if ".lora_A" in name}
    parts = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj")
    parts += ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")

    assert found == {f"model.layers.{layer}.{part}" for layer in (0, 1) for part in parts}


@pytest.mark.parametrize("targets", [None, ("q_proj", "up_proj")])
def test_trained_layers_have_the_adapter_alone(attached, targets):
    lora = Lora(target_modules=targets)
    model = attached(trained_layers=1, lora=lora)
    found = {name for name in named(model) if ".lora_A" in name}

    assert len(found) == (7 if targets is None else 2)
    assert all(name.startswith("model.layers.1.") for name in found)


def test_the_start_depends_on_the_seed_and_on_nothing_else(attached):
    torch.manual_seed(1)
    one = named(attached())
    before = torch.random.get_rng_state()

    assert same(one, named(attached()))
    assert torch.equal(before, torch.random.get_rng_state())
    assert not same(one, named(attached(seed=1)))


def test_linear_layers_it_does_not_have_are_refused(attached):
    with pytest.raises(ConfigError, match="tiny has no linear layers c_attn, lm_head") as caught:
        attached(lora=Lora(target_modules=("q_proj", "c_attn", "lm_head")))

    assert "some of down_proj, gate_proj, k_proj" in caught.value.hint


def test_more_layers_than_the_model_has_are_refused(attached):
    with pytest.raises(ConfigError, match="trained_layers=3, but tiny has 2 layers"):
        attached(trained_layers=3)


@pytest.mark.parametrize(
    "wrong",
    [{"rank": 0}, {"rank": -4}, {"alpha": 0}, {"dropout": 1.0}, {"target_modules": ()}],
)
def test_an_adapter_that_cannot_be_is_refused(wrong):
    with pytest.raises(pydantic.ValidationError):
        Lora(**wrong)


# -- dropout ---------------------------------------------------------------------------------------


def test_dropout_is_on_in_a_step_and_follows_seed_and_step_alone(attached):
    model = attached()
    disturb(model)
    plain, seen = logits(model), {}
    before = torch.random.get_rng_state()
    for key in ((0, 0), (0, 1), (1, 0), (0, 0)):
        with adapters.learning(model, *key):
            drawn = logits(model)

        assert torch.equal(seen.setdefault(key, drawn), drawn)
    different = [*seen.values(), plain]

    assert not any(torch.equal(a, b) for i, a in enumerate(different) for b in different[:i])
    assert torch.equal(logits(model), plain)
    assert torch.equal(before, torch.random.get_rng_state())
    assert not any(module.training for module in model.model.modules())


def test_full_tuning_has_nothing_that_is_dropped(attached):
    model = attached(tuning="full")
    plain = logits(model)
    with adapters.learning(model, 0, 0):
        assert torch.equal(logits(model), plain)
        assert not any(module.training for module in model.model.modules())


# -- gradient checkpointing ------------------------------------------------------------------------


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_activations_that_are_computed_again_give_the_same_gradients(attached, tuning, monkeypatch):
    through = backprop._through
    gradients, forwards = [], []
    for again in (False, False, True):  # the first of a kind is measured, too
        model = attached(tuning=tuning, gradient_checkpointing=again)
        disturb(model)
        learning = choose(model, None)
        packed = pack([Row(p, [[5, 6, 7], [5, 8]]) for p in prompts(model)], model)
        count = []
        first = model.stack.layers[0]  # an adapter's, or one that backprop takes apart
        first.input_layernorm.register_forward_hook(lambda *_, c=count: c.append(1))
        monkeypatch.setattr(
            backprop,
            "_through",
            lambda layer, *rest, c=count, f=first: (
                c.extend([1] * (layer is f)) or through(layer, *rest)
            ),
        )
        with adapters.learning(model, 0, 0):
            backward(
                model, packed, lambda some, at, to=packed.target_N: -log_probs(some, to[at]).sum()
            )
        gradients.append([parameter.grad for parameter in learning])
        forwards.append(len(count))

    assert forwards[1:] == [1, 2]
    assert all(map(torch.equal, *gradients[1:]))
    assert any(gradient.abs().sum() > 0 for gradient in gradients[1])


def test_answers_are_generated_with_a_cache_where_activations_are_computed_again(learn, ears):
    heard, plain = ears("again"), ears("plain")
    model, _ = learn("grpo", heard, gradient_checkpointing=True)
    other, _ = learn("grpo", plain)

    assert same(named(model), named(other))
    assert heard.rows == plain.rows


def test_a_model_that_cannot_compute_its_activations_again_says_so(attached, monkeypatch):
    monkeypatch.setattr(LlamaForCausalLM, "supports_gradient_checkpointing", False)

    with pytest.raises(ConfigError, match="tiny cannot compute its activations again"):
        attached(gradient_checkpointing=True)


# -- the loops -------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_training_moves_the_adapter_alone(learn, ears, attached, loop):
    heard = ears(loop)
    model, outcome = learn(loop, heard)
    start, end = named(attached()), named(model)
    moved = {name for name in start if not torch.equal(start[name], end[name])}

    assert outcome.steps == 6
    assert moved == {name for name in start if "lora" in name}
    assert heard.column("kl")[0] == pytest.approx(0.0, abs=1e-5)
    assert heard.column("kl")[-1] > 0.0


def test_imitation_through_an_adapter_lowers_the_loss(learn, ears):
    heard = ears()
    learn("imitate", heard, max_steps=12)
    loss = heard.column("loss")

    assert sum(loss[-3:]) < 0.8 * sum(loss[:3])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("dtype", "stop_at"), [("float32", 1), ("float32", 4), ("bfloat16", 5)])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(learn, ears, loop, dtype, stop_at):
    figures = [0.1, 0.3, 0.2, 0.4]
    whole, broken = ears("whole", figures=figures), ears("broken", figures=figures, stop_at=stop_at)
    expected, outcome = learn(loop, whole, dtype)
    with pytest.raises(KeyboardInterrupt):
        learn(loop, broken, dtype)
    broken.stop_at = None
    resumed_at = (stop_at - 1) // 2 * 2
    first = loop == "grpo" and resumed_at > 0
    broken.judged = broken.judged[: resumed_at // 2 + first]
    again, outcome_again = learn(loop, broken, dtype)

    assert same(named(expected), named(again))
    assert broken.rows == whole.rows
    assert outcome_again == outcome
    for name in ("model.safetensors", "adapter/adapter_model.safetensors"):
        assert (broken.folder / "best" / name).read_bytes() == (
            whole.folder / "best" / name
        ).read_bytes()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_checkpoint_holds_the_adapter_alone(learn, ears, loop):
    heard = ears(loop)
    model, _ = learn(loop, heard)
    adapter = sum(weight.numel() for name, weight in named(model).items() if "lora" in name)
    size = (heard.folder / "checkpoint" / "weights.safetensors").stat().st_size

    assert 4 * adapter < size < 4 * adapter + 4000


def test_rlvr_through_an_adapter_holds_one_model(learn, ears):
    heard, held = ears("rlvr"), []
    log = heard.log
    gc.collect()
    before = sum(type(thing) is LlamaForCausalLM for thing in gc.get_objects())

    def count(step, figures):
        held.append(sum(type(thing) is LlamaForCausalLM for thing in gc.get_objects()) - before)
        log(step, figures)

    heard.log = count
    learn("grpo", heard, max_steps=2, eval_every_steps=5)

    assert set(held) == {1}
    assert heard.column("kl")[-1] > 0.0


@pytest.mark.parametrize(("dtype", "apart"), [("float32", 1e-5), ("bfloat16", 0.04)])
@pytest.mark.parametrize("loop", LOOPS)
def test_the_best_model_is_one_plain_folder(learn, ears, loop, dtype, apart):
    heard = ears(loop, figures=[0.1, 0.2, 0.3, 0.4])
    model, outcome = learn(loop, heard, dtype)
    plain = tiny.load(heard.folder / "best", dtype)

    assert outcome.best_step == 6
    assert "lora" not in "".join(named(plain))
    assert plain.model.dtype == model.dtype
    assert distance(plain, model) < apart


# -- weights in 4 bits -----------------------------------------------------------------------------


@pytest.mark.parametrize(("dtype", "apart"), [("float32", 1e-5), ("bfloat16", 0.04)])
@pytest.mark.parametrize("loop", LOOPS)
def test_weights_in_4_bits_learn_through_an_adapter(learn, ears, loop, dtype, apart):
    pytest.importorskip("bitsandbytes")
    heard = ears(loop, figures=[0.1, 0.2, 0.3, 0.4])
    model, outcome = learn(loop, heard, dtype, four_bit=True, tuning="qlora")
    plain = tiny.load(heard.folder / "best", dtype)

    assert outcome.best_step == 6
    assert model.model.model.layers[0].mlp.up_proj.base_layer.weight.dtype == torch.uint8
    assert (heard.folder / "best" / "adapter" / "adapter_config.json").is_file()
    assert distance(plain, model) < apart


def test_an_interrupted_run_in_4_bits_goes_on_as_if_nothing_had_happened(learn, ears):
    pytest.importorskip("bitsandbytes")
    whole, broken = ears("whole"), ears("broken", stop_at=4)
    expected, _ = learn("imitate", whole, four_bit=True, tuning="qlora")
    for stopped in (True, False):
        with pytest.raises(KeyboardInterrupt) if stopped else nullcontext():
            again, _ = learn("imitate", broken, four_bit=True, tuning="qlora")
        broken.stop_at = None

    assert same(named(expected), named(again))


# -- the 8-bit optimiser ---------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_an_interrupted_run_of_the_8_bit_optimiser_goes_on(learn, ears, loop):
    """Full tuning, where matrices are large enough to be kept in 8 bits."""
    pytest.importorskip("bitsandbytes")
    how = {"tuning": "full", "optimiser": "adamw_8bit", "max_steps": 4}
    whole, broken = ears("whole"), ears("broken", stop_at=3)
    expected, _ = learn(loop, whole, "bfloat16", **how)
    with pytest.raises(KeyboardInterrupt):
        learn(loop, broken, "bfloat16", **how)
    broken.stop_at = None
    again, _ = learn(loop, broken, "bfloat16", **how)
    files = {path.name for path in (broken.folder / "checkpoint").iterdir()}

    assert same(named(expected), named(again))
    assert {"state1.safetensors", "absmax1.safetensors", "weights.safetensors"} <= files


def test_the_8_bit_optimiser_without_its_package_names_the_extra(learn, ears, monkeypatch):
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)

    with pytest.raises(MissingArtifact, match="optimiser=adamw_8bit: the package") as caught:
        learn("imitate", ears(), optimiser="adamw_8bit")

    assert caught.value.hint == "pip install 'srlr[qlora]', or optimiser=adamw"
