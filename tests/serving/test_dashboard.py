"""The page of what is served, clicked through in Chromium over a gateway with real workers."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest
import tiny
from published import publish
from servers import free_port

from srlr.core.audit import Audit
from srlr.serving.history import BUCKET_S, BUCKETS, History, percentile_ms

QUICK = ("swap.min_requests=3", "swap.min_seconds=0.5", "swap.steps=[25,50,100]", "swap.drain_s=2")


def test_buckets_hold_ten_minutes_and_say_nothing_where_nothing_was_asked():
    history = History()
    history.add(1000.0, 0.010, ok=True)
    history.add(1001.0, 0.030, ok=False)
    history.violated(1001.0)
    lines = history.lines(1000.0 + 2 * BUCKET_S)

    assert {len(values) for values in lines.values()} == {BUCKETS}
    assert lines["requests_per_s"][-2:] == [2 / BUCKET_S, 0.0]
    assert lines["errors"][-2:] == [0.5, None]
    assert lines["p95_ms"][-2:] == [10.0, None]
    assert lines["violations"][-2:] == [1, 0]


def test_old_buckets_are_forgotten():
    history = History()
    for number in range(3 * BUCKETS):
        history.add(number * BUCKET_S, 0.01, ok=True)

    assert len(history._buckets) == BUCKETS + 1


@pytest.mark.parametrize(("share", "value"), [(0.5, 50.0), (0.95, 95.0), (1.0, 100.0)])
def test_percentiles_are_the_nearest_ranks(share, value):
    assert percentile_ms([one / 1000 for one in range(1, 101)], share) == pytest.approx(value)


def test_nothing_has_no_percentile():
    assert percentile_ms([], 0.5) is None


@pytest.fixture(scope="module")
def served(tmp_path_factory, tiny_model_folder):
    """A gateway with two releases of the same role, the older one current; its URL, its store."""
    store, port = tmp_path_factory.mktemp("store"), free_port()
    publish(store, tiny_model_folder)
    publish(store, tiny.make(tmp_path_factory.mktemp("other"), seed=1), alias="candidate")
    words = ["role=sentiment", f"store_dir={store}", f"serve.port={port}", *QUICK]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "srlr", "serve", *words],
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 180
    while not answers(f"{url}/readyz"):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.2)
    yield url, store
    process.terminate()
    process.wait(60)


def answers(url):
    try:
        urllib.request.urlopen(url, timeout=2).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    assert binary, "Chromium is missing: tests/install-chromium"
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture
def page(browser, served):
    """The page, in light and as wide as a desk; what it complains of fails the test."""
    one = browser.new_page(viewport={"width": 1000, "height": 900}, color_scheme="light")
    complaints = []
    one.on("console", lambda message: complaints.append(message.text))
    one.goto(f"{served[0]}/dashboard/")
    one.wait_for_selector("article")
    yield one
    one.close()
    assert complaints == []


class Traffic:
    """Somebody asks, again and again, until this is left; `failed` counts what had no answer."""

    def __init__(self, url):
        self.url, self.asked, self.failed = url, 0, 0
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(n,)) for n in range(4)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()

    def _ask(self, number):
        while not self.over.is_set():
            body = {
                "model": "sentiment",
                "messages": [{"role": "user", "content": "Fine."}],
                "user": f"{number}-{self.asked}",
            }
            request = urllib.request.Request(
                f"{self.url}/v1/chat/completions",
                json.dumps(body).encode(),
                {"Content-Type": "application/json"},
            )
            try:
                urllib.request.urlopen(request, timeout=30).close()
            except OSError:
                self.failed += 1
            self.asked += 1
            time.sleep(0.05)


def row(page, version):
    return page.locator("article tbody tr").filter(has=page.get_by_role("rowheader", name=version))


@pytest.mark.browser
def test_a_gradual_swap_is_clicked_through_and_rolled_back_without_losing_a_request(page, served):
    from playwright.sync_api import expect

    url, store = served
    with Traffic(url) as traffic:
        page.get_by_label("Swap sentiment to v2").click()
        page.get_by_label("gradual").check()
        page.get_by_role("button", name="Do it").click()
        expect(page.locator(".swap")).to_be_visible(timeout=60_000)
        expect(row(page, "v2")).to_contain_text("100 %", timeout=180_000)
        expect(page.locator(".swap")).to_have_count(0, timeout=60_000)
        page.get_by_label("Roll sentiment back to v1").click()
        page.get_by_role("button", name="Do it").click()
        expect(row(page, "v1")).to_contain_text("100 %", timeout=180_000)
    kinds = [entry.kind for entry in Audit(store / "audit.jsonl").entries()]

    assert traffic.asked > 20
    assert traffic.failed == 0
    assert any(kind.startswith("swap.") for kind in kinds)
    assert Audit(store / "audit.jsonl").verify() == []


@pytest.mark.browser
def test_nothing_is_done_that_was_not_confirmed(page, served):
    before = len(list(Audit(served[1] / "audit.jsonl").entries()))
    page.locator("article button:enabled").first.click()
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_timeout(500)
    after = [one.kind for one in Audit(served[1] / "audit.jsonl").entries()][before:]

    assert not [kind for kind in after if kind.startswith(("swap.", "release."))]


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_runs_over_the_edge_of_a_phone(browser, served, scheme):
    from axe_playwright_python.sync_playwright import Axe

    for width in (1000, 390):
        one = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme)
        one.goto(f"{served[0]}/dashboard/")
        one.wait_for_selector("article")
        found = Axe().run(one).response["violations"]
        wide = one.evaluate("document.documentElement.scrollWidth")
        one.close()

        assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
        assert wide == width
