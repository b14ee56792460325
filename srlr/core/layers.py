"""Where configuration files lie: the product's own, a user's --config-dir, a team's role_path.
Lists files, parses nothing.

first    the user's --config-dir    own options of any group, own config.yaml, own recipes/
         role_path                  NAME.yaml is an option of group `role`
last     conf/ and recipes/         in a checkout beside the package, in a wheel inside it
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from srlr.core.errors import ConfigError, MissingArtifact

GROUPS = (
    "role",
    "tier",
    "hardware",
    "model",
    "select",
    "generate",
    "srl",
    "rlvr",
    "rollout",
    "launcher",
    "evaluate",
    "swap",
    "health",
    "workers",
    "deploy",
    "serve",
    "guard",
    "recipe",
)
"""What a word such as `tier=gold` can choose an option of. Each but `recipe` owns the node of its
name."""

OWN = "own"
"""The pseudo group through which a --config-dir's config.yaml is laid over the product's."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A folder of YAML files. With a group, its files are that group's options; else its
    subfolders are groups."""

    folder: Path
    group: str | None = None
    owned: bool = False
    """True where the folder is a user's --config-dir, whose config.yaml adds to ours and does not
    replace it."""

    def file(self, config_path: str) -> Path | None:
        """The file that `group/option` (or a bare `config`) names here, if it is here."""
        group, _, option = config_path.rpartition("/")
        if self.owned and config_path == "config":
            return None
        if self.owned and config_path == f"{OWN}/config":
            group, option = "", "config"
        if self.group is None:
            path = self.folder / group / f"{option}.yaml"
        elif group == self.group:
            path = self.folder / f"{option}.yaml"
        else:
            return None
        return path if path.is_file() else None

    def has_group(self, group: str) -> bool:
        if self.group is not None:
            return group == self.group
        own = self.owned and group == OWN
        return own or (self.folder / group).is_dir()

    def options(self, group: str) -> Iterator[str]:
        if self.group == group:
            folder = self.folder
        elif self.group is None:
            folder = self.folder / group
        else:
            return
        if folder.is_dir():
            yield from (path.stem for path in folder.glob("*.yaml"))


def config_root() -> Path:
    """The folder that holds the product's conf/ and recipes/: the package of a wheel, else the
    checkout.

    Raises:
        MissingArtifact: neither is there.
    """
    package = Path(__file__).resolve().parents[1]
    for root in (package, package.parent):
        if (root / "conf" / "config.yaml").is_file():
            return root
    raise MissingArtifact(
        f"srlr's own configuration is not beside {str(package)!r}",
        "install it again: `pip install --force-reinstall srlr`",
    )


def layers(config_dir: Path | None = None, role_path: Path | None = None) -> tuple[Layer, ...]:
    """All places of configuration files, the first match wins.

    Raises:
        ConfigError: config_dir or role_path is not a folder.
    """
    found = []
    if config_dir is not None:
        folder = _folder(config_dir, "--config-dir", "name an existing folder")
        found += [Layer(folder, owned=True), Layer(folder / "recipes", "recipe")]
    if role_path is not None:
        folder = _folder(role_path, "role_path", "name the folder that holds NAME.py and NAME.yaml")
        found.append(Layer(folder, "role"))
    root = config_root()
    return (*found, Layer(root / "conf"), Layer(root / "recipes", "recipe"))


def stamps(places: Sequence[Layer]) -> tuple[tuple[str, int, int], ...]:
    """Every file of the places with its time of change and size: two alike hold the same."""
    files = [
        path
        for place in places
        for pattern in ("*.yaml", "*/*.yaml")
        for path in sorted(place.folder.glob(pattern))
    ]
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def available(
    config_dir: Path | None = None, role_path: Path | None = None
) -> dict[str, list[str]]:
    """Every group's options by name, sorted."""
    places = layers(config_dir, role_path)
    return {
        group: sorted({option for place in places for option in place.options(group)})
        for group in GROUPS
    }


def find(places: Sequence[Layer], config_path: str) -> Path | None:
    """The file of the first layer that has it."""
    return next((path for place in places if (path := place.file(config_path))), None)


def shown(path: Path) -> str:
    """A configuration file as people should read its name: the product's own relative to its
    root."""
    root = config_root()
    if path.is_relative_to(root / "conf") or path.is_relative_to(root / "recipes"):
        return str(path.relative_to(root))
    return str(path)


def nearest(word: str, names: Sequence[str]) -> str | None:
    """The name most like `word`, or None where none is alike."""
    match = get_close_matches(word, names, n=1, cutoff=0.6)
    return match[0] if match else None


def _folder(path: Path, said_by: str, hint: str) -> Path:
    full = path.expanduser().resolve()
    if not full.is_dir():
        raise ConfigError(f"{said_by} {str(path)!r} is not a folder", hint)
    return full
