import html as html_module
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from browser import DARK, LIGHT, Browser
from pages import Page

from srlr.core.rundir import RunDir
from srlr.evaluation.markdown import markdown
from srlr.evaluation.page import duration, html, number, write
from srlr.evaluation.value import Example


@pytest.fixture(scope="module")
def text(report):
    return html(report)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_is_well_formed_with_headings_in_order(page):
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]

    assert (page.open, page.wrong) == ([], [])
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_the_page_asks_nobody_for_anything(page, text):
    links = [v for _, attrs in page.tags for k, v in attrs.items() if k in ("href", "src")]

    assert not {"script", "link", "img", "iframe", "object", "base"} & {t for t, _ in page.tags}
    assert all(link.startswith("#") for link in links)
    assert not re.search(r"https?://|@import|url\((?!#)", text)
    assert "default-src 'none'" in text


def test_every_table_has_a_caption_and_scoped_headings(page, text):
    assert text.count("<caption>") == len(page.all("table")) >= 4
    assert all(attrs.get("scope") in ("col", "row") for attrs in page.all("th"))


def test_every_section_is_named_by_its_heading_and_scrolls_by_keyboard(page):
    ids = {attrs["id"] for _, attrs in page.tags if "id" in attrs}
    regions = [attrs for attrs in page.all("div") if attrs.get("class") == "scroll"]

    assert all(attrs["aria-labelledby"] in ids for attrs in page.all("section"))
    assert regions
    assert all(attrs["tabindex"] == "0" and attrs["aria-label"] for attrs in regions)


def test_ids_are_unique(page):
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]

    assert len(ids) == len(set(ids))


def test_the_first_screen_answers_whether_it_worked(report, text):
    body = text[text.index("<body>") :]

    assert body.index("Did it work? Yes.") < body.index(report.headline) < body.index("<table")
    assert body.index("<svg") < body.index('id="h-tests"')
    assert "smollm2-135m-instruct stands in for a gold model" in body


def test_chance_is_said_as_a_share_of_slices(text):
    assert "By chance alone, 2.5 % of slices look clear." in text


def test_what_a_model_writes_is_shown_and_never_run(report):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}"
    example = Example(
        task="t",
        kind="fixed",
        prompt=evil,
        gold=evil,
        answers={"baseline": evil, "rlvr": evil},
        texts={"baseline": evil, "rlvr": evil},
    )
    labels = (evil, "b", "c")
    text = html(report.model_copy(update={"examples": (example,), "labels": labels, "run": evil}))

    assert not Page(text).all("script")
    assert not Page(text).all("img")
    assert html_module.escape(evil) in text
    assert ">49<" not in text


def test_both_colour_schemes_define_every_variable(text):
    light, dark = schemes(text)
    used = set(re.findall(r"var\((--[a-z0-9-]+)\)", text))

    assert used <= light.keys()
    assert dark.keys() == light.keys() - {"--sans", "--mono"}
    assert "prefers-color-scheme: dark" in text


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_and_drawings_have_contrast_enough(text, scheme):
    """WCAG 2.2 AA: 4.5 for text, 3 for what must be seen to understand a drawing."""
    colours = schemes(text)[scheme]

    for ground in ("--paper", "--raised"):
        for name in ("--ink", "--muted", "--good", "--bad", "--warn", "--link"):
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for n in range(1, 5):
            assert contrast(colours[f"--series-{n}"], colours[ground]) >= 3.0, (n, ground)
    for name in ("--ink", "--warn"):
        assert contrast(colours[name], colours["--warn-paper"]) >= 4.5


def schemes(text):
    first, second = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
    return [dict(re.findall(r"(--[a-z0-9-]+): ([^;]+);", block)) for block in (first, second)]


def contrast(one, other):
    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_a_bare_report_is_still_a_page(report):
    bare = report.model_copy(
        update={
            "verdict": "untrained",
            "stand_in": None,
            "notes": (),
            "tests": (),
            "gate": (),
            "pairwise": (),
            "service": {},
            "per_class": {},
            "confusion": {},
            "calibration": {},
            "curves": {},
            "examples": (),
            "flips": {},
            "rows": {},
            "seconds": {},
            "created": "",
            "machine": "",
            "weaknesses": type(report.weaknesses)("accuracy", 0, ()),
        }
    )
    page = Page(html(bare))

    assert (page.open, page.wrong) == ([], [])
    assert len(page.all("section")) == 2


def test_what_goes_beyond_the_test_has_sections_of_its_own(report):
    from srlr.evaluation.compare import Interval
    from srlr.evaluation.findings import Finding
    from srlr.evaluation.value import Contamination, Generalised, Sampled

    finding = Finding(
        id="w-abc123", kind="slice", title="domain: <web>", where={"key": "domain"}, rows=9,
        score=0.4, rest=0.8, gap=-0.4, low=-0.6, high=-0.2, p=0.001, p_holm=0.01, clear=True,
        train_share=None, do="generate", suggestion="more of these", examples=(),
    )  # fmt: skip
    chance = replace(finding, id="w-chance", clear=False)
    ends = Interval(0.5, 0.4, 0.6)
    full = report.model_copy(
        update={
            "findings": (finding, chance),
            "generalised": (
                Generalised(what="typos", tasks=9, before=0.8, after=0.6, gap=ends, changed=0.25),
                Generalised(what="negation", tasks=9, changed=0.5, note="may turn"),
            ),
            "contamination": Contamination(
                tasks=9, exact=1, near=2, ngrams=3, share=0.6, examples=("t1",)
            ),
            "sampled": Sampled(
                samples=4, temperature=1.0, figures={"srl": ends}, tests=(),
                pass_at={"srl": {1: ends, 2: ends, 4: ends}},
            ),
        }
    )  # fmt: skip
    text, told = html(full), markdown(full)
    page = Page(text)

    assert (page.open, page.wrong) == ([], [])
    assert {"h-findings", "h-beyond", "h-pairs", "h-service"} <= {
        attrs.get("id") for attrs in page.all("h2")
    }
    assert "domain: &lt;web&gt;" in text
    assert text.count("may be chance") == told.count("may be chance") == 1
    assert "1 tasks exactly, 2 nearly, 3 in half of their words" in text
    assert "| negation | 9 | – | – | – | 50% |" in told
    assert "| SRL | 0.500 [0.400, 0.600] | 0.500" in told
    assert type(report).model_validate_json(full.model_dump_json()) == full


def test_three_files_are_written_from_one_value(tmp_path, report):
    rundir = RunDir.create(tmp_path / "run", config_yaml="", command="srlr evaluate", facts={})
    path = write(report, rundir)

    assert path == tmp_path / "run" / "evaluate" / "report.html"
    assert type(report).model_validate(rundir.read_json("evaluate/report.json")) == report
    assert report.headline in rundir.read_text("evaluate/report.md")
    assert rundir.read_text("evaluate/report.html") == html(report)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (402, "6 min 42 s"), (7505, "2 h 05 min")],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said


def test_figures_have_a_real_minus_and_a_dash_for_none():
    assert [number(-0.0214), number(None), number(35.6, 0)] == ["−0.021", "–", "36"]


@pytest.fixture
def chromium(tmp_path):
    """A call of headless Chromium on a page's text; returns the finished process."""
    return Browser(tmp_path).call


def pixels(path):
    from matplotlib.image import imread

    return imread(path)[:, :, :3]


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "ground"), [(LIGHT, (251, 251, 249)), (DARK, (20, 23, 26))])
def test_the_page_is_drawn_in_both_schemes_without_complaint(
    chromium, tmp_path, text, scheme, ground
):
    shot = tmp_path / "shot.png"
    done = chromium(text, f"--screenshot={shot}", "--window-size=1280,3000", scheme=scheme)
    image = pixels(shot) * 255
    drawn = abs(image - ground).max(axis=2) > 24

    assert tuple(image[2, 2].round()) == ground
    assert 0.02 < drawn.mean() < 0.6
    assert drawn[:800].any(axis=0).mean() > 0.5  # the first screen is filled in its width
    assert "CONSOLE" not in done.stderr


@pytest.mark.browser
def test_nothing_runs_over_the_edge_of_a_phone(chromium, text):
    """A window cannot be 390 pixels wide, a frame can; its measure is left in the title."""
    measure = "<script>parent.document.title = document.documentElement.scrollWidth</script>"
    inner = re.sub(r"<meta http-equiv[^>]*>", "", text).replace("</body>", measure + "</body>")
    frame = (
        f'<iframe style="width:390px;height:844px;border:0" srcdoc="{html_module.escape(inner)}">'
    )
    done = chromium(f"<!doctype html><title>?</title>{frame}</iframe>", "--dump-dom")

    assert "<title>390</title>" in done.stdout


@pytest.mark.browser
def test_the_page_of_a_real_run_is_drawn_without_complaint(chromium, tmp_path, toy_run):
    shot = tmp_path / "shot.png"
    text = (toy_run / "evaluate" / "report.html").read_text()
    done = chromium(text, f"--screenshot={shot}", "--window-size=1280,3000")
    drawn = abs(pixels(shot) * 255 - (251, 251, 249)).max(axis=2) > 24

    assert 0.02 < drawn.mean() < 0.6
    assert "CONSOLE" not in done.stderr
