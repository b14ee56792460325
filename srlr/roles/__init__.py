"""Roles: what a model is trained to do, one module each. `sentiment` is the worked example.

A role is NAME.py and NAME.yaml: in this package and conf/role, or both in the folder that
`role_path` names. One with a YAML alone is a profile: a model can be selected for it, no more.
"""

import difflib
import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import cast

from srlr.core.errors import ConfigError, MissingArtifact
from srlr.core.layers import available as options
from srlr.core.profile import RoleProfile
from srlr.core.types import Role

FUNCTIONS = tuple(
    name for name, _ in inspect.getmembers(Role, inspect.isfunction) if name[0] != "_"
)
"""What every role module defines, after core.types.Role."""

_NOT_ROLES = {"chats", "data", "polarity", "rows", "vader"}
_NOT_ROLES |= {"word_problems", "word_templates", "word_templates_held_out", "role_options"}
_NOT_ROLES |= {"code_blocks", "code_format", "code_tasks", "human_eval"}
_NOT_ROLES |= {"harm_scores", "harm_words", "moderation_form", "bandit_scan", "security_findings"}
_NOT_ROLES |= {"security_form", "security_rules", "security_units", "security_variants"}


def load(profile: RoleProfile, role_path: str | None = None) -> Role:
    """The role's module: NAME.py in `role_path` if it is there, else the one that srlr brings.

    A module that defines `bound(profile)` has the role made for the profile instead.

    Raises:
        ConfigError: there is no such role, its file cannot be imported, a function is missing,
            or the profile weighs a reward the role does not define.
        MissingArtifact: the role is a profile without a module.
    """
    require(profile, role_path)
    module = _module(profile.name, role_path)
    made = getattr(module, "bound", None)
    found = module if made is None else made(profile)
    missing = [name for name in FUNCTIONS if not callable(getattr(found, name, None))]
    if missing:
        raise ConfigError(
            f"role {profile.name!r} in {module.__file__!r} lacks {', '.join(missing)}",
            "define them as module-level functions; srlr.core.types.Role says what each must do",
        )
    role = cast(Role, found)
    offered = sorted(role.rewards())
    for name in profile.rewards:
        if name not in offered:
            nearest = difflib.get_close_matches(name, offered, 1)
            raise ConfigError(
                f"role.rewards.{name}: role {profile.name!r} defines no such reward",
                f"use {nearest[0]!r}" if nearest else f"one of: {', '.join(offered)}",
            )
    return role


def available(role_path: str | None = None) -> list[str]:
    """Names of the roles that can be loaded, sorted."""
    packaged = {p.stem for p in Path(__file__).parent.glob("[a-z]*.py")} - _NOT_ROLES
    own = {p.stem for p in Path(role_path).glob("[a-z]*.py")} if role_path else set()
    return sorted(packaged | own)


def profiles(names: Iterable[str], role_path: str | None = None) -> list[str]:
    """Those of the options of `role` that have no module, sorted."""
    return sorted(set(names) - set(available(role_path)))


def require(
    profile: RoleProfile, role_path: str | None = None, config_dir: str | None = None
) -> None:
    """Raises MissingArtifact where the role is a profile without a module; nothing is imported."""
    name = profile.name
    places = [Path(said) if said else None for said in (config_dir, role_path)]
    if name in available(role_path) or name not in options(*places)["role"]:
        return
    raise MissingArtifact(
        f"role {name!r} has a profile but no module: srlr can select a model for it, nothing else",
        f"write {name}.py beside its YAML in a folder of yours and say role_path=FOLDER, "
        "see docs/own-role.md; srlr/roles/sentiment.py is a worked example",
    )


def _module(name: str, role_path: str | None) -> ModuleType:
    own = Path(role_path) / f"{name}.py" if role_path else None
    if name.isidentifier() and own is not None and own.is_file():
        return _from_file(name, own.resolve())
    names = available(role_path)
    if name in names:
        return importlib.import_module(f"srlr.roles.{name}")
    nearest = difflib.get_close_matches(name, names, 1)
    where = f" or {str(own)!r}" if own is not None else ""
    raise ConfigError(
        f"there is no role module {name!r} in srlr.roles{where}",
        f"use role={nearest[0]}" if nearest else f"one of: {', '.join(names)}; or role_path=FOLDER",
    )


def _from_file(name: str, path: Path) -> ModuleType:
    """The module at `path`, imported once under a name no other folder's role can have."""
    unique = f"srlr_role_{name}_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    if unique in sys.modules:
        return sys.modules[unique]
    spec = importlib.util.spec_from_file_location(unique, path)
    assert spec is not None, "a .py file always has a spec"
    assert spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        del sys.modules[unique]
        raise ConfigError(
            f"role {name!r} cannot be imported from {str(path)!r}: {error}",
            "correct the file, or install what it imports",
        ) from error
    except BaseException:
        del sys.modules[unique]
        raise
    return module
