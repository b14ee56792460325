"""Files of a model hub, through huggingface_hub and whatever the user configured it with.

Ad-hoc repositories stay in the hub's own cache, which other tools share; locked files go into ours.
"""

import errno
import io
import shutil
from glob import escape
from pathlib import Path
from typing import Any

from srlr.assets.cache import Progress
from srlr.assets.content import Wanted
from srlr.assets.locked import HubAsset
from srlr.assets.transfer import given
from srlr.assets.web import Unavailable, scrub
from srlr.core.errors import MissingArtifact, ResourceError

LEFT_OUT = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.h5", "*.msgpack", "*.ot", "*.py")
"""Not fetched from ad-hoc repositories: pickles run code when loaded, modules are code, and the
rest is the weights a second time."""


def snapshot(repo: str, revision: str | None, progress: Progress) -> Path:
    """The folder of a repository's files but LEFT_OUT; what the hub's cache has is not refetched.

    Raises:
        MissingArtifact: huggingface_hub is not installed, or the repository cannot be had.
        ResourceError: this machine cannot store it.
    """
    try:
        return _download(repo, revision, progress, ignore_patterns=list(LEFT_OUT))
    except Unavailable as error:
        spec = f"{repo}@{revision}" if revision else repo
        raise MissingArtifact(
            f"'hub:{spec}' is not in the hub's cache and could not be fetched: {error}",
            "check the name; for a private or gated one log in with `hf auth login`; without a "
            f"network run `hf download {repo}` where there is one and name the folder: path:FOLDER",
        ) from error


def fill(asset: HubAsset, folder: Path, progress: Progress) -> None:
    """`folder` holds the locked files, each verified; when one is wrong all are fetched once more.

    Raises:
        Unavailable: a file cannot be had, or is not the locked one.
        MissingArtifact: huggingface_hub is not installed.
        ResourceError: this machine cannot store it.
    """
    wanted = [Wanted(name, sha256) for name, sha256 in asset.files.items()]
    only = [escape(name) for name in asset.files]
    for again in (False, True):
        _download(
            asset.repo,
            asset.revision,
            progress,
            allow_patterns=only,
            local_dir=folder,
            force_download=again,
        )
        if not any(file.mismatch(folder / file.filename) for file in wanted):
            break
    for file in wanted:
        given(folder / file.filename, file)
    shutil.rmtree(folder / ".cache", ignore_errors=True)  # the hub's notes about the download


def _download(repo: str, revision: str | None, progress: Progress, **how: Any) -> Path:
    try:
        import huggingface_hub
        from huggingface_hub.errors import HfHubHTTPError
    except ImportError:
        raise MissingArtifact(
            "a hub: source needs the package 'huggingface_hub', which is not installed",
            'pip install "srlr[train]"',
        ) from None
    # Its HTTP library changed twice; the base of its own HTTP error is that library's root error.
    library_errors = HfHubHTTPError.__bases__
    bar = _bar_as(progress)
    try:
        return Path(
            huggingface_hub.snapshot_download(repo, revision=revision, tqdm_class=bar, **how)
        )
    except (OSError, ValueError, *library_errors) as error:
        code = getattr(error, "errno", None)
        if code in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS):
            raise ResourceError(
                f"cannot store the files of {repo!r}: {error}",
                "free some space, or set HF_HOME and SRLR_CACHE to folders you can write to",
            ) from error
        raise Unavailable(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """The first line of the error, and of its cause where that says something else."""
    text, cause = (scrub(e or "").strip().partition("\n")[0] for e in (error, error.__cause__))
    return text if cause in text else f"{text} ({cause})"


def _bar_as(progress: Progress) -> Any:
    """A tqdm that draws nothing and tells `progress` instead."""
    from tqdm.auto import tqdm  # type: ignore[import-untyped,unused-ignore]

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs.pop("name", None)
            super().__init__(*args, **(kwargs | {"file": io.StringIO(), "disable": False}))

        def update(self, n: float | None = 1) -> Any:
            shown = super().update(n)
            what = str(self.desc or "").removesuffix(": ") or "files"
            progress(what, int(self.n), int(self.total) if self.total else None)
            return shown

    return Bar
