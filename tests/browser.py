"""Pages of ours in headless Chromium: how they look, and what axe finds."""

import html
import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

LIGHT, DARK = 1, 0
GROUND = {LIGHT: (251, 251, 249), DARK: (20, 23, 26)}
"""The paper of both schemes."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--enable-logging=stderr",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # as without a network
)
NARROWEST = 500
"""Pixels of a window; a frame in it may be narrower."""


class Browser:
    """Calls of headless Chromium, each with a profile of its own, in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.binary = shutil.which("chromium") or shutil.which("chromium-browser")
        assert self.binary, "Chromium is missing: tests/install-chromium"

    def call(self, text: str, *flags: str, scheme: int = LIGHT):
        path = self.folder / "page.html"
        path.write_text(text, encoding="utf-8")
        profile = self.folder / "profile"
        shutil.rmtree(profile, ignore_errors=True)
        command = [self.binary, *FLAGS, f"--user-data-dir={profile}", *flags]
        command += [f"--blink-settings=preferredColorScheme={scheme}", path.as_uri()]
        return subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)

    def shot(self, text: str, width: int, height: int, scheme: int):
        """The page in a window, or a frame, of this width: (its pixels, 0 to 255; complaints)."""
        from matplotlib.image import imread

        path = self.folder / f"shot-{width}-{'dark' if scheme == DARK else 'light'}.png"
        shown = text if width >= NARROWEST else framed(text, width, height)
        size = f"--window-size={max(width, NARROWEST)},{height}"
        done = self.call(shown, f"--screenshot={path}", size, scheme=scheme)
        complaints = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
        return imread(path)[:, :width, :3] * 255, complaints

    def width(self, text: str, width: int) -> int:
        """How wide the page is in a frame of this width."""
        measure = "<script>parent.document.title = document.documentElement.scrollWidth</script>"
        inner = unguarded(text).replace("</body>", measure + "</body>")
        done = self.call(framed(inner, width, 844), "--dump-dom")
        return int(re.search(r"<title>(\d+)</title>", done.stdout)[1])

    def violations(self, text: str, scheme: int) -> list[str]:
        """What axe finds wrong, of what it calls serious or critical."""
        axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
        run = (
            "axe.run(document, {resultTypes: ['violations']}).then(found => {"
            "const out = document.createElement('pre'); out.id = 'axe-found';"
            "out.textContent = JSON.stringify(found.violations.map(one => "
            "[one.impact, one.id + ': ' + one.nodes.map(n => n.html).join(' ').slice(0, 300)]));"
            "document.body.append(out)})"
        )
        scripts = f"<script>{axe}</script><script>{run}</script></body>"
        done = self.call(
            unguarded(text).replace("</body>", scripts),
            "--dump-dom",
            "--virtual-time-budget=60000",
            scheme=scheme,
        )
        said = re.search(r'<pre id="axe-found">(.*?)</pre>', done.stdout, re.DOTALL)
        assert said, "axe has not come to an end"
        found = json.loads(html.unescape(said[1]))
        return [what for impact, what in found if impact in ("serious", "critical")]


def unguarded(text: str) -> str:
    """The page without what forbids scripts, so that a test's own may run."""
    return re.sub(r"<meta http-equiv[^>]*>", "", text)


def framed(text: str, width: int, height: int) -> str:
    style = f"width:{width}px;height:{height}px;border:0"
    return (
        "<!doctype html><title>?</title><style>body{margin:0}</style>"
        f'<iframe style="{style}" srcdoc="{html.escape(text)}"></iframe>'
    )


def looks_drawn(browser: Browser, text: str, width: int, scheme: int) -> None:
    """Asserts that the page fills its width in this scheme's colours, without a complaint."""
    image, complaints = browser.shot(text, width, 1600, scheme)
    drawn = abs(image - GROUND[scheme]).max(axis=2) > 24

    assert tuple(image[2, 2].round()) == GROUND[scheme]
    assert 0.01 < drawn.mean() < 0.6
    assert drawn[:800].any(axis=0).mean() > 0.5
    assert not complaints
