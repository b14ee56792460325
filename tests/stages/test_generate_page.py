import html as html_module
import re
import shutil
import subprocess
from itertools import pairwise

import pytest
from pages import Page

from srlr.core.types import Step, Task, Trajectory
from srlr.stages.generate_page import html

IDENTITY = {"role": "toy", "tier": "gold", "run": "2026-11-22", "teacher": "expert"}
SUMMARY = {
    "seed": 7,
    "available": 2000,
    "drawn": 40,
    "asked": 30,
    "accepted": 27,
    "agreed": 20,
    "overridden": {"negation": 7},
    "rejected": 3,
    "turned_down": 4,
    "shares": {"agreed": 0.6667, "overridden": 0.2333, "rejected": 0.1},
    "use": {"srl": 27, "rlvr": 13},
    "dropped": {"near_duplicates": 2, "contaminated": 1},
    "notes": ["27 trajectories instead of 30"],
}
QUALITY = {
    "labels": {"counts": {"warm": 25, "cold": 15}, "balance": 0.95},
    "lengths": {"prompt": {"median": 4}},
    "distinct": {"prompts": {"1": 0.2, "2": 0.6, "3": 0.9}, "actions": {"1": 0.1}},
    "spread": 0.81,
    "embedding_spread": {"value": 0.66, "texts": 40, "embedder": "sentences-1-x"},
    "edge_cases": [
        {"kind": "negation", "have": 3, "want": 5, "missing": 2, "pool": 30},
        {"kind": "very_long", "have": 1, "want": 0, "missing": 0, "pool": 4},
        {"kind": "empty", "have": 0, "want": 0, "missing": 0, "pool": 0},
    ],
    "contamination": {
        "test": {
            "rows": 20,
            "exact": 1,
            "near": 0,
            "examples": [{"train": "red", "held_out": "Red!", "similarity": 1.0}],
        }
    },
    "earlier_runs": {
        "runs": [{"run": "earlier", "tasks": 40, "shared": 9}],
        "exact": 9,
        "near": 1,
        "share": 0.25,
        "dropped": 4,
    },
    "sources": [
        {"name": "expert", "written": 34, "accepted": 27, "score": 1.0, "variety": 0.2,
         "quality": 0.77, "kept": True}
    ],
    "topped_up": 0,
}  # fmt: skip


def trajectory(n=0, issues=(), **more):
    return Trajectory(
        Task(f"t{n}", f"paint wall {n} red", {"label": "warm"}),
        (Step("colour: red", "It is the last word.", 0.5), Step("label: warm", "", 0.5)),
        {"label": "warm"},
        "expert",
        0.0 if issues else 1.0,
        issues,
        **{
            "citations": ("colours.md#2", "t9"),
            "meta": {"checks": {"rules": "fail" if issues else "pass", "leak": "cannot judge"}},
            **more,
        },
    )


def page(
    summary=SUMMARY, quality=QUALITY, accepted=None, rejected=None, prompts=("a b", "a b c d")
):
    return html(
        IDENTITY,
        summary,
        quality,
        prompts=prompts,
        accepted=[trajectory(n) for n in range(30)] if accepted is None else accepted,
        rejected=[trajectory(99, ("label: cold", "rewards: 2"))] if rejected is None else rejected,
    )


@pytest.fixture(scope="module")
def text():
    return page()


def test_the_page_is_well_formed_with_headings_in_order(text):
    parsed = Page(text)
    levels = [int(tag[1]) for tag, _ in parsed.tags if re.fullmatch(r"h[1-6]", tag)]
    ids = [attrs["id"] for _, attrs in parsed.tags if "id" in attrs]

    assert (parsed.open, parsed.wrong) == ([], [])
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert len(ids) == len(set(ids))
    assert text.count("<caption>") == len(parsed.all("table"))


def test_the_page_asks_nobody_for_anything(text):
    parsed = Page(text)
    links = [v for _, attrs in parsed.tags for k, v in attrs.items() if k in ("href", "src")]

    assert not {"script", "link", "img", "iframe", "object", "base"} & {t for t, _ in parsed.tags}
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_it_says_what_was_made_and_why_some_was_not(text):
    assert "27 of 30 trajectories passed the verifier (90.0%)." in text
    for said in ("label: cold", "colours.md#2", "earlier", "very long", "Turned down", "expert"):
        assert said in text
    assert text.count("<svg") == 6
    assert "Cost" not in text


def test_a_cost_is_shown_with_its_groups(text):
    cost = {"usd": 1.25, "tokens": {"prompt": 12000}, "replayed": 3, "model": "m", "note": None}
    shown = page(summary={**SUMMARY, "cost": cost})

    assert re.search(r"<dt>usd</dt><dd>1.25</dd>", shown)
    assert "<dt>tokens prompt</dt><dd>12,000</dd>" in shown
    assert "<dt>model</dt><dd>m</dd>" in shown


def test_samples_are_from_all_over_the_set(text):
    shown = {int(n) for n in re.findall(r"paint wall (\d+) red", text)} - {99}

    assert shown == {0, 3, 6, 10, 13, 16, 20, 23, 26}


def test_equal_values_make_equal_pages(text):
    assert page() == text


def test_what_others_wrote_is_shown_and_never_run():
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"
    one = Trajectory(
        Task("t", evil, {"label": evil}),
        (Step(evil, evil, 1.0),),
        {"label": evil},
        evil,
        0.0,
        (evil,),
        (evil,),
        {"checks": {evil: "fail"}},
    )
    labels = {"counts": {evil: 3}, "balance": 1.0}
    shown = page(quality={**QUALITY, "labels": labels}, accepted=[one], rejected=[one])

    assert not Page(shown).all("script")
    assert not Page(shown).all("img")
    assert html_module.escape(evil) in shown
    assert ">49<" not in shown


def test_a_bare_set_is_still_a_page():
    nothing = {
        "labels": {"counts": {}, "balance": None},
        "lengths": {},
        "distinct": {},
        "spread": 0.0,
        "embedding_spread": {"not_measured": "nobody has it"},
        "edge_cases": [],
        "contamination": {},
        "earlier_runs": {"runs": [], "exact": 0, "near": 0, "share": 0.0, "dropped": 0},
        "sources": [],
        "topped_up": 0,
    }
    bare = {**SUMMARY, "asked": 0, "agreed": 0, "overridden": {}, "rejected": 0, "notes": []}
    parsed = Page(page(bare, nothing, [], [], ()))

    assert (parsed.open, parsed.wrong) == ([], [])
    assert "No trajectories were asked for" in page(bare, nothing, [], [], ())
    assert "By meaning it was not measured: nobody has it." in page(bare, nothing, [], [], ())
    assert "<svg" not in page(bare, nothing, [], [], ())


@pytest.mark.browser
def test_the_page_is_drawn_without_complaint(tmp_path, text):
    from matplotlib.image import imread

    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    assert binary, "Chromium is missing: apt-get install -y chromium"
    path, shot = tmp_path / "page.html", tmp_path / "shot.png"
    path.write_text(text, encoding="utf-8")
    command = [binary, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += ["--enable-logging=stderr", f"--user-data-dir={tmp_path / 'profile'}"]
    command += [f"--screenshot={shot}", "--window-size=1280,3000", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    image = imread(shot)[:, :, :3] * 255
    drawn = abs(image - image[2, 2]).max(axis=2) > 24

    assert 0.02 < drawn.mean() < 0.6
    assert "CONSOLE" not in done.stderr
