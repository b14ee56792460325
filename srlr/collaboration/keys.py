"""A server's key: read from the environment or a file, never shown, and taken out of texts."""

import os
import stat
from pathlib import Path

from srlr.core.errors import ConfigError, MissingArtifact

HIDDEN = "[key]"
SHORTEST = 6
"""A shorter key is not taken out of texts: it would be found in words."""


class Key:
    """A secret; printing it shows nothing."""

    __slots__ = ("_value", "origin")

    def __init__(self, value: str | None, origin: str = "") -> None:
        self._value = value
        self.origin = origin
        """What it was read from, to say to a person."""

    def __repr__(self) -> str:
        return f"Key({self.origin!r})"

    def reveal(self) -> str | None:
        """The key itself, for the one header it is sent in."""
        return self._value

    def hide(self, text: str) -> str:
        """The text without the key."""
        if self._value is None or len(self._value) < SHORTEST:
            return text
        return text.replace(self._value, HIDDEN)


def read(variable: str | None, path: str | None, at: str) -> Key:
    """The key from an environment variable or a file; without either a Key of None.

    Args:
        at: the node that names them, such as generate.teacher.

    Raises:
        ConfigError: the variable or the file is empty, or others may read the file.
        MissingArtifact: there is no such file.
    """
    if variable is not None:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise ConfigError(
                f"{at}.api_key_env: the environment variable {variable!r} is not set",
                f"export {variable}=…, or {at}.api_key_file=PATH",
            )
        return _checked(value, f"${variable}", at)
    if path is not None:
        return _checked(_from_file(Path(path).expanduser(), at), path, at)
    return Key(None)


def _from_file(path: Path, at: str) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            status = os.fstat(file.fileno())
            if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid != os.geteuid():
                raise ConfigError(
                    f"{at}.api_key_file: others than you may read {str(path)!r} "
                    f"(mode {stat.S_IMODE(status.st_mode):04o}, owner {status.st_uid})",
                    f"chmod 600 {path}; and change the key, if others use this machine",
                )
            return file.read().strip()
    except FileNotFoundError:
        raise MissingArtifact(
            f"{at}.api_key_file: there is no {str(path)!r}", "name the file that holds the key"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ConfigError(
            f"{at}.api_key_file: {str(path)!r} cannot be read: {reason}", "name a text file"
        ) from None


def _checked(value: str, origin: str, at: str) -> Key:
    if not value or not value.isascii() or len(value.split()) != 1:
        what = "is empty" if not value else "holds more than a key: blanks or strange letters"
        raise ConfigError(f"{at}: {origin} {what}", "put the key there and nothing else")
    return Key(value, origin)
