"""Where the retriever looks beside the training rows: several places at once, one interface.

rules      a YAML file                        rules
knowledge  a folder of Markdown, text, PDF    knowledge
examples   one's own runs, JSON Lines         examples
any        an HTTP endpoint                   web
shared     texts, citations, what may leak    texts
"""

from pathlib import Path

from srlr.collaboration.sources import examples, knowledge, rules, web
from srlr.collaboration.sources.texts import Shelf, Source, Text
from srlr.core.retrieving import Source as Said

__all__ = ["Shelf", "Source", "Text", "opened"]


def opened(name: str, said: Said, shelf: Shelf) -> Source:
    """The source of that name, read and ready.

    Raises:
        ConfigError, MissingArtifact: it cannot be used; all that is wrong with it, and the fix.
    """
    if said.url is not None:
        return web.Web(name, said, shelf)
    if said.runs is not None:
        return examples.of_runs(name, said, Path(said.runs).expanduser(), shelf)
    path = Path(str(said.path)).expanduser()
    if said.kind == "rules":
        return rules.read(name, said, path, shelf)
    if said.kind == "knowledge":
        return knowledge.read(name, said, path, shelf)
    return examples.of_rows(name, said, path, shelf)
