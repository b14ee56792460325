"""What a tokenizer's chat template says: how a chat is written, and what ends an answer."""

from collections.abc import Sequence
from typing import Any

from srlr.core.errors import ConfigError
from srlr.core.types import Message

MARK = "srlr"
"""An answer that is looked for in what a template makes of it."""


def render(tokenizer: Any, messages: Sequence[Message], name: str) -> str:
    """The chat as text, up to where the assistant's answer begins.

    A template that knows no system message gets it at the head of the message after it.

    Raises:
        ConfigError: the template refuses the chat either way.
    """
    from jinja2 import TemplateError

    try:
        return _applied(tokenizer, messages)
    except TemplateError as error:
        system, *others = messages
        if system["role"] != "system" or not others:
            raise _refused(name, error) from error
        merged = f"{system['content']}\n\n{others[0]['content']}"
    try:
        return _applied(tokenizer, [{**others[0], "content": merged}, *others[1:]])
    except TemplateError as error:
        raise _refused(name, error) from error


def stop_tokens(tokenizer: Any, network: Any, name: str) -> tuple[int, ...]:
    """Tokens that end an answer. The first is what a trained answer is ended with.

    They are the token by which the chat template ends an assistant's turn, where that is one added
    to the vocabulary for its meaning, the tokenizer's end-of-text token, and what the model's own
    generation settings name.

    Raises:
        ConfigError: there is no chat template, or none of these tokens.
    """
    if tokenizer.chat_template is None:
        raise ConfigError(
            f"the tokenizer of {name!r} has no chat template",
            "use an instruction-tuned model, or put a chat_template.jinja into its folder",
        )
    settings = getattr(network, "generation_config", None)
    named = getattr(settings, "eos_token_id", None)
    several = named if isinstance(named, list) else [named]
    found = [_turn_end(tokenizer), tokenizer.eos_token_id, *several]
    stops = tuple(dict.fromkeys(token for token in found if token is not None))
    if not stops:
        raise ConfigError(
            f"nothing ends an answer of {name!r}: its tokenizer has no end-of-text token, its chat "
            "template ends no turn with a token of its own, and its generation_config.json names "
            "no eos_token_id",
            "use an instruction-tuned model, or name an eos_token in its tokenizer_config.json",
        )
    return stops


def _turn_end(tokenizer: Any) -> int | None:
    """The first token after an answer, if it is an added one."""
    from jinja2 import TemplateError

    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": MARK}]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False)
    except TemplateError:
        return None
    tail = text.rpartition(MARK)[2].lstrip()
    tokens = tokenizer(tail, add_special_tokens=False)["input_ids"]
    return tokens[0] if tokens and tokens[0] in tokenizer.added_tokens_decoder else None


def _applied(tokenizer: Any, messages: Sequence[Message]) -> str:
    text: str = tokenizer.apply_chat_template(
        list(messages), tokenize=False, add_generation_prompt=True
    )
    return text


def _refused(name: str, error: Exception) -> ConfigError:
    return ConfigError(
        f"the chat template of {name!r} refuses a chat: {error}",
        "change what the role's messages() returns, or use another model",
    )
