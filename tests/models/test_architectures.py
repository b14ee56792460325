"""Every kind of network answers as transformers does, on our cache where it can."""

import copy
from dataclasses import replace

import architectures
import pytest
import tiny
import torch
from transformers import AutoModelForCausalLM

from srlr.core.errors import ConfigError
from srlr.models import fallback, rollout
from srlr.models.rollout import generate_tokens
from srlr.models.sampling import Sampling
from srlr.training.optim import choose

torch.set_num_threads(1)
NEW = 12
OURS = {"llama", "qwen2", "mistral", "gpt2", "gpt_neox"}
WINDOWED = {"mistral_window", "gemma2"}


@pytest.fixture(scope="module", params=architectures.CONFIGS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def folder(kind, tmp_path_factory):
    return architectures.make(tmp_path_factory.mktemp(kind), kind)


@pytest.fixture(scope="module")
def model(folder):
    return tiny.load(folder)


@pytest.fixture(scope="module")
def plain(folder):
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )


@pytest.fixture(scope="module")
def prompts(model):
    texts = ["good", *tiny.SENTENCES[:3], "bad"]
    return [model.encode_chat([{"role": "user", "content": text}]) for text in texts]


def test_nested_prompts_are_answered_as_each_by_itself(model, prompts):
    nested = [prompts[0], *(prompts[0] + steps for steps in ([40], [40, 41, 42])), *prompts[1:3]]
    apart, together = (generate_tokens(model, nested, Sampling(NEW, rows)) for rows in (1, 64))

    assert [one.tokens for one in together] == [one.tokens for one in apart]


def test_the_last_layers_of_any_kind_learn(model):
    learning = choose(replace(model, model=copy.deepcopy(model.model)), 1)
    expected = [*model.stack.layers[-1].parameters(), *model.stack.norm.parameters()]

    assert sorted(p.numel() for p in learning) == sorted(p.numel() for p in expected)


def logits_after(plain, prompt, answer):
    with torch.no_grad():
        ids = torch.tensor([[*prompt, *answer]])
        return plain(input_ids=ids, use_cache=False).logits[0, len(prompt) - 1 : -1]


def test_what_a_kind_can_do_is_found_out(kind, model):
    can = model.abilities

    assert can.cache == can.trees == (kind in OURS | WINDOWED)
    assert can.head == (kind != "gemma2")  # its logits are capped
    assert can.reach == (12 if kind in WINDOWED else None)
    assert can.within(12)
    assert can.within(13) == (kind not in WINDOWED)


def test_the_layers_and_the_norm_after_them_are_found(kind, model):
    assert len(model.stack.layers) == 2
    assert all(weight.dim() == 1 for weight in model.stack.norm.parameters())


def test_greedy_answers_are_those_of_transformers(model, plain, prompts):
    ours = [answer.tokens for answer in generate_tokens(model, prompts, Sampling(NEW))]
    theirs = [
        plain.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
            do_sample=False,
            max_new_tokens=NEW,
            eos_token_id=model.stop_token,
            pad_token_id=0,
        )[0, len(prompt) :].tolist()
        for prompt in prompts
    ]

    assert ours == theirs


def test_log_probs_and_entropies_are_those_of_a_plain_forward(model, plain, prompts):
    asked = Sampling(
        NEW, samples=3, temperature=0.6, top_k=20, seed=1, log_probs=True, entropies=True
    )
    answers = generate_tokens(model, prompts, asked)

    assert len(set(map(tuple, (answer.tokens for answer in answers)))) > len(prompts)
    for number, answer in enumerate(answers):
        logp_TV = (logits_after(plain, prompts[number // 3], answer.tokens) / 0.6).log_softmax(-1)
        own = logp_TV.gather(1, torch.tensor(answer.tokens)[:, None])[:, 0]
        entropy = -(logp_TV.exp() * logp_TV).sum(-1)

        torch.testing.assert_close(torch.tensor(answer.logps), own, atol=1e-4, rtol=0)
        torch.testing.assert_close(torch.tensor(answer.entropies), entropy, atol=1e-4, rtol=0)


def test_the_way_through_transformers_draws_the_same_answers(model, prompts, monkeypatch):
    asked = Sampling(NEW, samples=2, temperature=0.6, seed=2, log_probs=True)
    first = generate_tokens(model, prompts, asked)
    used = []
    answer = fallback.answer
    monkeypatch.setattr(rollout.fallback, "answer", lambda *g: used.append(1) or answer(*g))
    cannot = replace(model, abilities=replace(model.abilities, cache=False))
    second = generate_tokens(cannot, prompts, asked)

    assert used
    assert [one.tokens for one in first] == [one.tokens for one in second]
    assert [one.stopped for one in first] == [one.stopped for one in second]


def test_a_prompt_without_room_for_its_answer_is_refused(model):
    if model.context is None:
        return
    with pytest.raises(ConfigError, match="reads") as caught:
        generate_tokens(model, [[5] * (model.context - 3)], Sampling(4))

    assert "max_new_tokens" in caught.value.hint
