"""What sources are opened with in tests."""

from srlr.collaboration.sources import Shelf, opened
from srlr.core.retrieving import Source
from srlr.text.index import Index
from srlr.text.leaks import Guard


def shelf(held_out=(), role="toy", run=None):
    return Shelf(role, Guard(held_out), lambda name, texts, by: Index(texts), "bm25", run)


def source(kind, *, held_out=(), role="toy", run=None, **said):
    return opened("mine", Source(kind=kind, **said), shelf(held_out, role, run))
