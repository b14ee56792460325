"""srlr models: the catalog of base models. List, show, check; a card from a model's own files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from srlr.core.settings import ModelCard, Tier
    from srlr.models.catalog import Entry

app = typer.Typer(
    help="The catalog of base models: list, show, check, add a card made from a model's own files.",
    no_args_is_help=True,
)
OWN = Path("own")
"""The --config-dir that cards are added to where none is named."""


def _complete(ctx: typer.Context, incomplete: str) -> list[str]:
    from srlr.core.errors import SrlrError
    from srlr.core.layers import available

    try:
        names = available(ctx.params.get("config_dir"))["model"]
    except SrlrError:
        return []
    return [name for name in names if name.startswith(incomplete) and name != "auto"]


AsJson = Annotated[bool, typer.Option("--json", help="Only JSON on stdout.")]
ConfigDir = Annotated[
    Path | None,
    typer.Option("--config-dir", metavar="DIR", help="Your own config, whose cards come first."),
]
Name = Annotated[str, typer.Argument(metavar="NAME", autocompletion=_complete)]


@app.command("list")
def list_(as_json: AsJson = False, config_dir: ConfigDir = None) -> None:
    """List the cards, which are here, and which tiers use them."""
    from srlr.cli import render
    from srlr.models import catalog

    tiers = _tiers(config_dir)
    known = catalog.cards(config_dir)
    found = {one.name: one for one in catalog.entries(config_dir)}
    rows = [_row(found[name], card, tiers, config_dir) for name, card in known.items()]

    def human() -> None:
        columns = ("name", "10^9", "context", "licence", "here", "tiers", "from")
        cells = [
            [
                row["name"],
                _cell(row["parameters_b"]),
                _cell(row["context_tokens"]),
                row["licence"],
                row["here"],
                _value([*row["tiers"], *(["stand-in"] if row["stand_in"] else [])]),
                row["from"],
            ]
            for row in rows
        ]
        render.table(columns, cells, right=("10^9", "context"), whole=("name", "here"))

    render.emit("models.list", rows, as_json=as_json, human=human)


@app.command()
def show(name: Name, as_json: AsJson = False, config_dir: ConfigDir = None) -> None:
    """Show a card's facts, each with its source and date.

    What the card should say and does not is told at the end.
    """
    from srlr.cli import render
    from srlr.models import soundness

    found, card = _named(name, config_dir)
    missing = soundness.gaps(card)
    row = _row(found, card, _tiers(config_dir), config_dir)
    facts = {
        fact: {"value": said.value, "source": said.source, "date": str(said.date)}
        for fact, said in card.facts.items()
    }

    def human() -> None:
        render.text(f"{card.name}: {card.source}")
        render.text(f"card: {found.path}")
        tiers = _value(row["tiers"]) or "none"
        stands_in = f"   stand-in of: {_value(row['stand_in'])}" if row["stand_in"] else ""
        render.text(f"weights here: {row['here']}   tiers: {tiers}{stands_in}")
        for fact, one in facts.items():
            # not a table: it would break addresses
            render.text(f"\n{fact}: {_value(one['value'])}")
            render.text(f"  {one['source']}, {one['date']}")
        for gap in missing:
            render.note(gap)

    data = row | {"facts": facts, "tuning": card.tuning, "path": str(found.path), "gaps": missing}
    render.emit("models.show", data, as_json=as_json, human=human)


@app.command()
def add(
    place: Annotated[
        str, typer.Argument(metavar="FOLDER|hub:ORG/NAME", help="Where the model is.")
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", help="The card's name; else the model's, in small letters."),
    ] = None,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="The --config-dir that gets the card.")
    ] = OWN,
    force: Annotated[bool, typer.Option("--force", help="Replace a card of that name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a card from a model's own files; nothing is typed.

    Read are config.json, the headers of the safetensors files and the README; no weights.
    """
    from datetime import date

    from srlr.cli import render
    from srlr.models import catalog, derive, published, soundness

    if place.startswith("hub:"):
        repo, _, revision = place.removeprefix("hub:").partition("@")
        found = published.from_hub(repo, revision or None)
    else:
        found = published.from_folder(Path(place.removeprefix("path:")))
    made = derive.card(found, name, date.today())
    path = catalog.write(made, to, force=force)
    gaps, use = soundness.gaps(made), f"srlr train model={made.name} --config-dir {to}"

    def human() -> None:
        render.text(str(path))
        for fact, said in made.facts.items():
            render.note(f"  {fact}: {_value(said.value)}")
        for gap in gaps:
            render.note(f"{gap}; add it to the card")
        render.note(f"use it: {use}")

    data = {"name": made.name, "path": str(path), "facts": sorted(made.facts), "gaps": gaps}
    render.emit("models.add", data | {"use": use}, as_json=as_json, human=human)


@app.command()
def check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME|FILE]...", autocompletion=_complete, show_default=False),
    ] = None,
    as_json: AsJson = False,
    config_dir: ConfigDir = None,
) -> None:
    """Look for contradictions, in all cards or some."""
    from srlr.cli import render
    from srlr.core.errors import ConfigError
    from srlr.models import catalog, soundness

    known = catalog.entries(config_dir)
    chosen = [_entry(one, known) for one in names] if names else known
    rows = [
        {
            "name": one.name,
            "path": str(one.path),
            "faults": list(one.faults),
            "gaps": soundness.gaps(one.card) if one.card else [],
        }
        for one in chosen
    ]
    wrong = [row for row in rows if row["faults"]]

    def human() -> None:
        for row in rows:
            for fault in row["faults"]:
                render.text(f"{row['path']}: {fault}")
            for gap in row["gaps"]:
                render.note(f"{row['name']}: {gap}")
        render.text(f"{len(rows) - len(wrong)} of {len(rows)} cards are sound")

    render.emit("models.check", rows, as_json=as_json, human=human)
    if wrong:
        raise typer.Exit(ConfigError.exit_code)


@app.command()
def facts(as_json: AsJson = False) -> None:
    """List the facts a card may state, and what each takes."""
    from srlr.cli import render
    from srlr.models.facts import FACTS

    rows = [{"fact": name, "takes": one.takes, "what": one.what} for name, one in FACTS.items()]

    def human() -> None:
        render.table(
            ("fact", "takes", "what"), [list(row.values()) for row in rows], whole=("fact",)
        )

    render.emit("models.facts", rows, as_json=as_json, human=human)


def _named(name: str, config_dir: Path | None) -> "tuple[Entry, ModelCard]":
    """A card that can be used."""
    from srlr.core.errors import ConfigError
    from srlr.models import catalog

    found = _entry(name, catalog.entries(config_dir))
    if found.card is None or found.faults:
        lines = "".join(f"\n  {fault}" for fault in found.faults)
        raise ConfigError(f"the card {str(found.path)!r} is wrong:{lines}", "mend those lines")
    return found, found.card


def _entry(name: str, known: "Sequence[Entry]") -> "Entry":
    from srlr.core.errors import ConfigError
    from srlr.core.layers import nearest
    from srlr.models import catalog

    by_name = {one.name: one for one in known}
    if name in by_name:
        return by_name[name]
    if name.endswith((".yaml", ".yml")) or "/" in name:
        path = Path(name).expanduser()
        return catalog.entry(path.stem, path.resolve(), own=True)
    close = nearest(name.lower(), list(by_name))
    raise ConfigError(
        f"there is no card {name!r}",
        f"did you mean {close!r}?" if close else "see `srlr models list`",
    )


def _row(
    found: "Entry", card: "ModelCard", tiers: "Sequence[Tier]", config_dir: Path | None
) -> dict[str, Any]:
    from srlr.models import catalog
    from srlr.models.card import claim

    pay = bool(claim(card, "for_pay"))
    stands_in = [tier.name for tier in tiers if card.name == tier.stand_in]
    return {
        "name": card.name,
        "parameters_b": claim(card, "parameters_b"),
        "context_tokens": claim(card, "context_tokens"),
        "licence": claim(card, "licence"),
        "here": "pay" if pay else "yes" if catalog.here(card, config_dir) else "no",
        "tiers": [tier.name for tier in tiers if card.name in tier.candidates],
        "stand_in": stands_in,
        "from": str(found.path.parent) if found.own else "srlr",
        "source": card.source,
    }


def _tiers(config_dir: Path | None) -> "list[Tier]":
    from pydantic import ValidationError

    from srlr.core.errors import ConfigError
    from srlr.core.layers import available, find, layers, shown
    from srlr.core.settings import Tier
    from srlr.core.tree import read_file

    found, places = [], layers(config_dir)
    for name in available(config_dir)["tier"]:
        path = find(places, f"tier/{name}")
        assert path is not None
        try:
            found.append(Tier.model_validate(read_file(path)))
        except ValidationError as error:
            said = error.errors()[0]
            key = ".".join(map(str, said["loc"]))
            raise ConfigError(
                f"{shown(path)}: {key}: {said['msg'].lower()}", "mend that line"
            ) from error
    return found


def _cell(value: Any) -> str:
    """A count with commas, a size with three digits."""
    return f"{value:,}" if isinstance(value, int) else "" if value is None else f"{value:.3g}"


def _value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
