from types import SimpleNamespace

import pytest
import tiny

from srlr.core.errors import ConfigError
from srlr.models import chat

SYSTEM, USER = {"role": "system", "content": "Judge."}, {"role": "user", "content": "Fine."}
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    + tiny.CHAT_TEMPLATE
)
NO_ONE = "{{ raise_exception('closed') }}"
PLAIN = "{% for message in messages %}{{ message['content'] + '\n' }}{% endfor %}"


@pytest.fixture
def tokenizer():
    return tiny.make_tokenizer()


def network(eos=None):
    return SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=eos))


def test_a_template_without_system_messages_gets_them_with_what_the_user_says(tokenizer):
    tokenizer.chat_template = NO_SYSTEM

    assert chat.render(tokenizer, [SYSTEM, USER], "m") == (
        "<|im_start|>user\nJudge.\n\nFine.<|im_end|>\n<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("messages", [[USER], [SYSTEM], [SYSTEM, USER]])
def test_a_template_that_refuses_a_chat_is_named(tokenizer, messages):
    tokenizer.chat_template = NO_ONE

    with pytest.raises(ConfigError, match="'m' refuses a chat: closed"):
        chat.render(tokenizer, messages, "m")


@pytest.mark.parametrize(
    ("eos", "template", "named", "stops"),
    [
        ("<|im_end|>", tiny.CHAT_TEMPLATE, 2, (2,)),
        ("<|endoftext|>", tiny.CHAT_TEMPLATE, None, (2, 0)),  # turns end with another token
        ("<|im_end|>", tiny.CHAT_TEMPLATE, [2, 0, 7], (2, 0, 7)),
        (None, tiny.CHAT_TEMPLATE, None, (2,)),
        ("<|endoftext|>", PLAIN, [5, 0], (0, 5)),
        (None, PLAIN, 5, (5,)),
        ("<|endoftext|>", NO_ONE, None, (0,)),
    ],
)
def test_whatever_may_end_an_answer_does(tokenizer, eos, template, named, stops):
    tokenizer.eos_token, tokenizer.chat_template = eos, template

    assert chat.stop_tokens(tokenizer, network(named), "m") == stops


def test_a_model_whose_answers_never_end_is_refused(tokenizer):
    tokenizer.eos_token, tokenizer.chat_template = None, PLAIN

    with pytest.raises(ConfigError, match="nothing ends an answer of 'm'") as caught:
        chat.stop_tokens(tokenizer, network(), "m")

    assert "eos_token" in caught.value.hint


def test_a_tokenizer_without_padding_changes_no_answer(tiny_model_folder, tmp_path):
    import shutil

    from srlr.models.rollout import generate
    from srlr.models.sampling import Sampling

    folder = shutil.copytree(tiny_model_folder, tmp_path / "model")
    tokenizer = tiny.make_tokenizer()
    tokenizer.pad_token = None
    tokenizer.save_pretrained(folder)
    chats = [[{"role": "user", "content": text}] for text in tiny.SENTENCES]
    bare, whole = tiny.load(folder), tiny.load(tiny_model_folder)
    answers = [[a.tokens for a in generate(m, chats, Sampling(8))] for m in (bare, whole)]

    assert bare.tokenizer.pad_token_id is None
    assert answers[0] == answers[1]
