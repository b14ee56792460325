"""What can be said of redaction: what is taken out of texts before they are stored or sent."""

from typing import Annotated, Literal, get_args

from pydantic import Field

from srlr.core.node import Node

Class = Literal["email", "phone", "card", "iban", "id", "ip", "key", "name"]
CLASSES: tuple[str, ...] = get_args(Class)


class Redact(Node):
    """Which classes are replaced, by what, and what is left as it stands."""

    classes: tuple[Class, ...] = ("email", "phone", "card", "iban", "id", "ip", "key")
    """email, phone, card, iban, id (social security and the like), ip, key (secrets), name (few are
    found); empty: nothing is replaced.
    """
    style: Literal["numbered", "plain"] = "numbered"
    """[EMAIL_1], the same for the same value in a document, or [EMAIL]."""
    allow: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Values that stay, in any case and spelling; * stands for anything: *@example.org."""
