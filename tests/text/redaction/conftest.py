import pytest

from srlr.core.redacting import CLASSES, Redact
from srlr.text.redaction.redactor import Redactor


@pytest.fixture
def shown():
    """`shown("card", text)`: the text with only that class redacted, as [CARD_1]."""

    def redacted(kind, text):
        assert kind in CLASSES
        return Redactor(Redact(classes=(kind,))).text(text).text

    return redacted
