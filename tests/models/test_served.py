"""Against `transformers serve`, and, for what only vLLM has, against servers.VllmLike."""

import copy
from dataclasses import replace

import pytest
import servers
import tiny
import torch

from srlr.core.errors import ConfigError, ResourceError
from srlr.core.training import Grpo, Lora
from srlr.models import connect
from srlr.models.remote import Server
from srlr.models.rollout import generate_tokens
from srlr.models.sampling import Sampling
from srlr.models.served import Dialect, Served, seed, text_of
from srlr.training import adapters

GREEDY = Sampling(24)
DRAWN = Sampling(10, samples=4, temperature=1.0, seed=3)
TUNED = Grpo(tuning="lora", lora=Lora(rank=4, alpha=8, dropout=0.0))


@pytest.fixture(scope="module")
def model(tiny_model_folder):
    return tiny.load(tiny_model_folder)


@pytest.fixture(scope="module")
def prompts(model):
    return [model.encode_chat([{"role": "user", "content": text}]) for text in tiny.SENTENCES]


@pytest.fixture
def vllm_like(tiny_model_folder):
    with servers.VllmLike(tiny_model_folder) as server:
        yield server


@pytest.fixture
def joined(vllm_like, model, tmp_path):
    """The model, answered for by the server."""
    return join(model, vllm_like, tmp_path)


def join(model, server, tmp_path, wanted=None, start=None, **how):
    there = Server(server.url, **({"retries": 0} | how))
    found = connect.connect(there, wanted, model, tmp_path / "served", start)
    return replace(model, server=found)


def told(answers):
    return [(one.text, one.tokens, one.stopped) for one in answers]


def moved(model, seed=0):
    """A fresh copy of the model with an adapter that says something else."""
    tuned = adapters.attach(model, TUNED, seed)
    with torch.no_grad():
        for name, parameter in tuned.model.named_parameters():
            if "lora_B" in name:
                parameter += torch.randn(
                    parameter.shape, generator=torch.Generator().manual_seed(seed)
                )
    return tuned


# -- tokens ----------------------------------------------------------------------------------------


def test_greedy_answers_are_those_of_this_process(joined, model, prompts):
    heard = []
    answers = generate_tokens(
        joined, prompts, GREEDY, progress=lambda *said: heard.append(said), what="x"
    )

    assert told(answers) == told(generate_tokens(model, prompts, GREEDY))
    assert heard == [("x", done, 5) for done in range(6)]
    assert all(one.seconds > 0 for one in answers)
    assert generate_tokens(joined, [], GREEDY) == []


def test_what_is_asked_for_is_said_whole(joined, vllm_like, model, prompts):
    generate_tokens(joined, prompts[:2], replace(DRAWN, top_k=5, top_p=0.9, stop=("e",)))
    one, other = vllm_like.asked[-2:]

    assert {one["seed"], other["seed"]} == {seed(3, 0), seed(3, 1)}
    assert sorted([one["prompt"], other["prompt"]]) == sorted(prompts[:2])
    assert one | {"seed": 0, "prompt": 0} == {
        "model": "tiny",
        "prompt": 0,
        "max_tokens": 10,
        "n": 4,
        "temperature": 1.0,
        "top_k": 5,
        "top_p": 0.9,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "stop": ["e"],
        "stop_token_ids": list(model.stop_tokens),
        "return_token_ids": True,
        "seed": 0,
    }


def test_samples_differ_and_come_again_with_their_seed(joined, prompts):
    one, again = (told(generate_tokens(joined, prompts, DRAWN)) for _ in range(2))
    other = told(generate_tokens(joined, prompts, replace(DRAWN, seed=4)))

    assert one == again
    assert one != other
    assert all(len({str(said) for said in one[4 * p : 4 * p + 4]}) > 1 for p in range(5))


def test_log_probabilities_are_this_processs_own(joined, model, prompts):
    """As the engine here gives them for the same tokens."""
    asked = replace(DRAWN, temperature=0.7, log_probs=True, entropies=True, samples=20)
    there = generate_tokens(joined, prompts[:1], asked)
    here = generate_tokens(model, prompts[:1], replace(asked, seed=seed(3, 0)))
    (bare,) = generate_tokens(joined, prompts[:1], replace(GREEDY, log_probs=True))

    assert told(there) == told(here)
    for one, own in zip(there, here, strict=True):
        assert one.logps == pytest.approx(own.logps, abs=1e-4)
        assert one.entropies == pytest.approx(own.entropies, abs=1e-4)
    assert len(bare.logps) == len(bare.tokens)
    assert bare.entropies == []


def test_a_stop_text_ends_an_answer_as_it_does_here(joined, model, prompts):
    endless = generate_tokens(model, prompts, GREEDY)
    stop = endless[0].text[3:5]
    asked = replace(GREEDY, stop=(stop,))

    assert told(generate_tokens(joined, prompts, asked)) == told(
        generate_tokens(model, prompts, asked)
    )


@pytest.mark.parametrize("ids", ["names", "content"])
def test_servers_that_tell_tokens_with_log_probabilities_do_too(
    tiny_model_folder, model, prompts, tmp_path, ids
):
    """Older vLLM, and llama.cpp. A stop text is cut here, as they do not tell its tokens."""
    with servers.VllmLike(tiny_model_folder, ids=ids) as server:
        joined = join(model, server, tmp_path)
        asked = replace(GREEDY, stop=(generate_tokens(model, prompts, GREEDY)[0].text[3:5],))
        answers = told(generate_tokens(joined, prompts, asked))

    assert joined.server.dialect == Dialect("logprobs", True)
    assert answers == told(generate_tokens(model, prompts, asked))
    assert "stop" not in server.asked[-1]


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ({"token_ids": [], "finish_reason": "stop"}, ("", [2], True)),
        ({"token_ids": [67], "finish_reason": "stop"}, ("a", [67, 2], True)),
        ({"token_ids": [67], "finish_reason": "length"}, ("a", [67], False)),
        ({"token_ids": [67, 2, 67], "finish_reason": "length"}, ("a", [67, 2], True)),
        ({"finish_reason": "stop"}, ("", [2], True)),
    ],
)
def test_an_answers_end_is_told_by_its_last_token(joined, vllm_like, prompts, row, found):
    """2 is the tiny model's stop token, 67 its letter a. Empty ones have it alone."""
    vllm_like.answer = lambda body: (200, {"choices": [{"text": "", **row}]})

    assert told(generate_tokens(joined, prompts[:1], GREEDY)) == [found]


def test_an_answer_of_nothing_that_nothing_ended_is_an_error(joined, vllm_like, prompts):
    row = {"text": "", "token_ids": [], "finish_reason": "length"}
    vllm_like.answer = lambda body: (200, {"choices": [row]})
    with pytest.raises(ConfigError, match="without a token"):
        generate_tokens(joined, prompts, GREEDY)


def test_too_few_answers_are_an_error(joined, vllm_like, prompts):
    row = {"text": "a", "token_ids": [67], "finish_reason": "stop"}
    vllm_like.answer = lambda body: (200, {"choices": [row]})
    with pytest.raises(ConfigError, match="gave 1 answers where 4 were asked for"):
        generate_tokens(joined, prompts, DRAWN)


# -- which model -----------------------------------------------------------------------------------


def test_a_model_that_the_server_has_not_is_named_with_those_it_has(vllm_like, model, tmp_path):
    with pytest.raises(ConfigError, match="no model 'large', it has 'tiny'") as missing:
        join(model, vllm_like, tmp_path, wanted="large")

    assert "rollout.model" in missing.value.hint


def test_of_several_models_one_must_be_named(vllm_like, model, tmp_path, monkeypatch):
    for names in ([], ["tiny", "large"]):
        rows = [{"id": name} for name in names]
        monkeypatch.setattr(vllm_like, "models", lambda rows=rows: (200, {"data": rows}))
        with pytest.raises(ConfigError, match="which one is meant"):
            join(model, vllm_like, tmp_path)

    assert join(model, vllm_like, tmp_path, wanted="tiny").server.name == "tiny"


def test_a_server_with_other_weights_is_refused(tmp_path, vllm_like):
    other = tiny.load(tiny.make(tmp_path / "other", seed=1))
    with pytest.raises(ConfigError, match="has other weights than tiny here") as refused:
        join(other, vllm_like, tmp_path)

    assert "srl/best" in refused.value.hint


# -- adapters --------------------------------------------------------------------------------------


def test_an_adapter_that_learns_is_brought_to_the_server_once(
    tiny_model_folder, vllm_like, prompts, tmp_path
):
    tuned = moved(join(tiny.load(tiny_model_folder), vllm_like, tmp_path))
    here = replace(tuned, server=None)
    first = told(generate_tokens(tuned, prompts, GREEDY))

    assert first == told(generate_tokens(here, prompts, GREEDY))
    assert first == told(generate_tokens(tuned, prompts, GREEDY))
    assert [what for what, _ in vllm_like.events] == ["load"]

    with torch.no_grad():
        next(p for n, p in tuned.model.named_parameters() if "lora_B" in n).mul_(-1)
    second = told(generate_tokens(tuned, prompts, GREEDY))

    assert second == told(generate_tokens(here, prompts, GREEDY)) != first
    assert [what for what, _ in vllm_like.events] == ["load", "load", "unload"]
    assert vllm_like.events[0][1] == vllm_like.events[2][1]
    assert [path.name for path in (tmp_path / "served").iterdir()] == [vllm_like.events[1][1]]


def test_adapters_of_others_are_left_alone(tiny_model_folder, vllm_like, prompts, tmp_path):
    tuned = moved(join(tiny.load(tiny_model_folder), vllm_like, tmp_path))
    vllm_like.adapters["somebody's"] = vllm_like.base
    generate_tokens(tuned, prompts, GREEDY)

    assert "somebody's" in vllm_like.adapters


def test_a_server_that_takes_no_adapters_is_told_how_it_would(tiny_model_folder, prompts, tmp_path):
    with servers.VllmLike(tiny_model_folder, can_adapt=False) as server:
        tuned = moved(join(tiny.load(tiny_model_folder), server, tmp_path))
        with pytest.raises(ConfigError, match="takes no adapters while it runs") as refused:
            generate_tokens(tuned, prompts, GREEDY)

    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve" in refused.value.hint


def test_an_adapter_that_is_there_after_all_is_taken(
    tiny_model_folder, vllm_like, prompts, tmp_path, monkeypatch
):
    """The request was made again, as its answer was late; the server refuses to load it twice."""
    load = vllm_like.load_lora_adapter
    tuned = moved(join(tiny.load(tiny_model_folder), vllm_like, tmp_path))
    monkeypatch.setattr(vllm_like, "load_lora_adapter", lambda body: (load(body), load(body))[1])

    assert generate_tokens(tuned, prompts, GREEDY)

    monkeypatch.setattr(vllm_like, "load_lora_adapter", lambda body: (400, {"detail": "no room"}))
    with torch.no_grad():
        next(p for n, p in tuned.model.named_parameters() if "lora_B" in n).mul_(-1)
    with pytest.raises(ConfigError, match="no room"):
        generate_tokens(tuned, prompts, GREEDY)


def test_a_server_that_ignores_an_adapter_is_found_out(
    tiny_model_folder, vllm_like, prompts, tmp_path, monkeypatch
):
    tuned = moved(join(tiny.load(tiny_model_folder), vllm_like, tmp_path))
    monkeypatch.setattr(
        vllm_like,
        "load_lora_adapter",
        lambda body: vllm_like.adapters.update({body["lora_name"]: vllm_like.base}) or (200, "ok"),
    )
    with pytest.raises(ConfigError, match="has other weights"):
        generate_tokens(tuned, prompts, GREEDY)


def test_weights_that_are_kept_are_answered_for_by_the_same_server(
    tiny_model_folder, vllm_like, prompts, tmp_path
):
    """As after SRL: best/ has the adapter merged in, and RLVR's comes on top of it."""
    tuned = moved(join(tiny.load(tiny_model_folder), vllm_like, tmp_path))
    tuned.save(tmp_path / "best")
    start = tmp_path / "best" / "served"
    best = tiny.load(tmp_path / "best")
    again = join(best, vllm_like, tmp_path, start=start)

    assert told(generate_tokens(again, prompts, GREEDY)) == told(
        generate_tokens(best, prompts, GREEDY)
    )

    then = moved(again, seed=1)

    assert told(generate_tokens(then, prompts, GREEDY)) == told(
        generate_tokens(replace(then, server=None), prompts, GREEDY)
    )

    again = replace(again, adapter=None)
    again.save(tmp_path / "copied")

    assert (tmp_path / "copied" / "served" / "adapter_model.safetensors").is_file()


def test_weights_of_the_servers_own_are_kept_alone(joined, tmp_path):
    joined.save(tmp_path / "best")

    assert not (tmp_path / "best" / "served").exists()


# -- text alone ------------------------------------------------------------------------------------


def test_a_prompts_text_is_one_that_is_read_as_its_tokens(model, prompts):
    from tokenizers.processors import TemplateProcessing

    own = copy.deepcopy(model.tokenizer)
    own.bos_token = "<|im_start|>"
    own._tokenizer.post_processor = TemplateProcessing(
        single="<|im_start|> $A", special_tokens=[("<|im_start|>", 1)]
    )
    adding = replace(model, tokenizer=own)
    whole = text_of(model, prompts[0], "url")

    assert model.encode(whole) == prompts[0]
    assert text_of(adding, prompts[0], "url") == whole.removeprefix("<|im_start|>")


def test_a_prompt_without_such_a_text_is_refused(model):
    letters = [token for letter in "wonderful" for token in model.encode(letter)]

    assert letters != model.encode("wonderful")
    with pytest.raises(ConfigError, match="url takes prompts as text alone"):
        text_of(model, letters, "url")


def test_top_k_is_not_left_out_silently(model, prompts, tmp_path):
    plain = Served(Server("url"), "tiny", Dialect("none", False), tmp_path, "srlr")
    with pytest.raises(ConfigError, match="url knows no top_k"):
        plain.bodies(model, "tiny", prompts, replace(DRAWN, top_k=5))

    assert len(plain.bodies(model, "tiny", prompts, DRAWN)) == 20  # a request a sample
    assert len(plain.bodies(model, "tiny", prompts, replace(GREEDY, top_k=5))) == 5


# -- a real server ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tiny_model_folder, tmp_path_factory):
    log = tmp_path_factory.mktemp("serve") / "log.txt"
    with servers.real(tiny_model_folder, log) as started:
        yield started


def test_a_real_server_gives_the_same_texts(real, model, tiny_model_folder, prompts, tmp_path):
    """Its model is random, and says bytes that are no text: read again, their tokens differ."""
    found = connect.connect(
        Server(real[1], concurrency=2), str(tiny_model_folder), model, tmp_path, None
    )
    there = generate_tokens(replace(model, server=found), prompts, GREEDY)
    here = generate_tokens(model, prompts, GREEDY)

    assert found.dialect == Dialect("none", False, False)
    assert [(one.text, one.stopped) for one in there] == [(one.text, one.stopped) for one in here]
    for one in there:
        assert one.tokens == model.encode(one.text) + [model.stop_token] * one.stopped


def test_a_real_server_that_does_not_draw_is_refused(
    real, model, tiny_model_folder, prompts, tmp_path
):
    found = connect.connect(Server(real[1]), str(tiny_model_folder), model, tmp_path, None)
    with pytest.raises(ConfigError, match="the likeliest answer whatever the temperature"):
        generate_tokens(replace(model, server=found), prompts, DRAWN)


def test_a_real_server_knows_no_other_name(real, model, tmp_path):
    with pytest.raises(ConfigError, match="no model 'large'"):
        connect.connect(Server(real[1], retries=0), "large", model, tmp_path, None)


def test_a_real_server_that_is_killed_in_the_middle_is_named(
    real, model, tiny_model_folder, prompts, tmp_path
):
    """The last test that needs it."""
    process, url = real
    server = Server(url, concurrency=2, retries=1)
    found = connect.connect(server, str(tiny_model_folder), model, tmp_path, None)

    def kill(what, done, total):
        if done:
            process.kill()

    with pytest.raises(ResourceError, match=f"nobody answers at {url}, asked 2 times"):
        generate_tokens(replace(model, server=found), prompts * 20, GREEDY, progress=kill)
