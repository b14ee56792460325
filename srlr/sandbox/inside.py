"""What runs inside the sandbox: the program under test, or the tests that put questions to it.

It travels there compiled and knows the standard library alone. The two never share a process: a
program gets calls and gives values back; what is expected of it is known elsewhere. So it can
change whatever it finds in its own process and gains nothing but other values to return.

Values travel as a line of JSON: null, true, numbers, texts and lists as they are, and
{"t": tuple} {"s": set} {"z": frozenset} {"b": bytes} {"f": "inf", "-inf" or "nan"} {"d": pairs}.
"""

import os
import sys
from _json import encode_basestring_ascii as quoted
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

DEEPEST = 40
"""Containers in containers that a value may have."""
LONGEST_LINE = 1 << 20
"""Bytes of a value that tests read from the program."""
SHOWN = 160
"""Characters of an error that are told."""

_LETTERS: dict[type, str] = {tuple: "t", set: "s", frozenset: "z"}
_MADE: dict[str, Callable[[Any], Any]] = {"t": tuple, "s": set, "z": frozenset}


def encode(value: Any, depth: int = 0) -> str:
    """The value as one line.

    Raises:
        ValueError: it is no plain data, or nested too deeply, or a number of thousands of digits.
    """
    kind = type(value)  # not isinstance: a subclass may be equal to anything
    if value is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[value]
    if kind is int:
        return str(value)
    if kind is float:
        finite = value - value == 0
        return repr(value) if finite else f'{{"f": "{value!r}"}}'
    if kind is str:
        return quoted(value)
    if kind is bytes:
        return f'{{"b": {quoted(value.decode("latin-1"))}}}'
    if depth >= DEEPEST:
        raise ValueError("it is nested too deeply")
    if kind is dict:
        pairs = (f"[{encode(k, depth + 1)}, {encode(v, depth + 1)}]" for k, v in value.items())
        return f'{{"d": [{", ".join(pairs)}]}}'
    if kind is not list and kind not in _LETTERS:
        raise ValueError(f"a {kind.__name__} is no plain value")
    items = f"[{', '.join(encode(item, depth + 1) for item in value)}]"
    return items if kind is list else f'{{"{_LETTERS[kind]}": {items}}}'


def decode(text: str | bytes) -> Any:
    """The value of a line that `encode` wrote.

    Raises:
        ValueError: it is none, whoever wrote it.
    """
    import json

    try:
        return _plain(json.loads(text, parse_constant=_refuse))
    except (TypeError, KeyError, RecursionError, UnicodeError) as error:
        raise ValueError(f"no value: {type(error).__name__}") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"no value: {word}")


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    ((letter, inner),) = node.items()
    if letter == "f":
        return {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}[inner]
    if letter == "b":
        return inner.encode("latin-1")
    if letter == "d":
        return {_plain(key): _plain(value) for key, value in inner}
    return _MADE[letter](_plain(item) for item in inner)


class _Nowhere:
    """Where prints go."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


def main(job: Mapping[str, Any]) -> None:
    """Does what the job says, in a process that has nothing else to do."""
    replies = os.dup(1)
    verdicts = os.dup(2)
    for number in (1, 2):
        os.close(number)
    sys.stdout = sys.stderr = _Nowhere()
    _confine(job)
    if job["kind"] == "tests":
        _test(job, replies, verdicts)
    else:
        _answer(job, replies)
    os._exit(0)


def _confine(job: Mapping[str, Any]) -> None:
    import resource

    if job["user"] is not None:
        user = job["user"]
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    for name, soft_and_hard in job["limits"].items():
        resource.setrlimit(getattr(resource, name), soft_and_hard)


def _say(channel: int, text: str, write: Callable[[int, bytes], int] = os.write) -> None:
    line = text.encode("utf-8", "replace") + b"\n"
    while line:
        line = line[write(channel, line) :]


def _answer(job: Mapping[str, Any], replies: int) -> None:
    """Runs the program, then one call after the other: `=value` or `!error` for each."""
    names: dict[str, Any] = {"__name__": "program"}
    say, error_of, coded = _say, _error, encode  # the program cannot change these
    failed = None
    try:
        exec(compile(job["code"], "program.py", "exec"), names)
    except BaseException as error:  # noqa: BLE001  whatever it may be
        failed = error_of(error)
    for name, args, kwargs in job["calls"] if job["calls"] is not None else _asked():
        if failed is not None:
            say(replies, f"!{failed}")
            continue
        try:
            line = f"={coded(names[name](*args, **kwargs))}"
        except BaseException as error:  # noqa: BLE001  whatever it may be
            line = f"!{error_of(error)}"
        say(replies, line)


def _asked() -> Iterable[tuple[str, list[Any], dict[str, Any]]]:
    """The calls that tests make, as they make them."""
    with open(0, "rb", closefd=False) as lines:
        for line in lines:
            name, args, kwargs = decode(line)
            yield name, args, kwargs


def _error(error: BaseException) -> str:
    try:
        said = " ".join(f"{type(error).__name__}: {error}".split())
    except BaseException:  # noqa: BLE001  its own __str__ may do anything
        said = type(error).__name__
    return said[:SHOWN]


def _test(job: Mapping[str, Any], calls: int, verdicts: int) -> None:
    """Runs the tests one after the other: `=null` or `!error` for each."""
    with open(0, "rb", closefd=False) as answers:

        def proxy(name: str) -> Callable[..., Any]:
            def ask(*args: Any, **kwargs: Any) -> Any:
                _say(calls, encode((name, list(args), kwargs)))
                line = answers.readline(LONGEST_LINE)
                if not line.endswith(b"\n"):
                    raise RuntimeError("the program ended, or said too much")
                if line[:1] == b"=":
                    return decode(line[1:])
                raise RuntimeError(line[1:].decode("utf-8", "replace").strip())

            return ask

        names: dict[str, Any] = {"__name__": "tests"}
        failed = None
        try:
            exec(compile(job["support"], "support.py", "exec"), names)
        except BaseException as error:  # noqa: BLE001  whatever it may be
            failed = _error(error)
        for name in job["names"]:
            names[name] = proxy(name)
        for test in job["tests"]:
            if failed is None:
                try:
                    exec(compile(test, "test.py", "exec"), dict(names))
                except BaseException as error:  # noqa: BLE001  whatever it may be
                    _say(verdicts, f"!{_error(error)}")
                else:
                    _say(verdicts, "=null")
            else:
                _say(verdicts, f"!{failed}")
