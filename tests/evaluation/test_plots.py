import re
import xml.etree.ElementTree as ET

import pytest

from srlr.evaluation import plots
from srlr.evaluation.page import drawings

NAMES = ["bars", "learning", "loss", "reward", "kl", "confusion", "reliability"]


@pytest.fixture(scope="module")
def drawn(report):
    return {name: str(svg) for name, svg in drawings(report).items()}


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_is_one_named_element_that_loads_nothing(drawn, name):
    svg = drawn[name]
    root = ET.fromstring(svg)

    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext("title")
    assert "http" not in svg
    assert "<style" not in svg
    assert "<metadata" not in svg
    assert "width" not in root.attrib


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_has_no_colour_but_variables(drawn, name):
    colours = set(re.findall(r"(?:fill|stroke): ([^;\"]+)", drawn[name]))

    assert not [c for c in colours if c != "none" and not c.startswith("var(--")]
    assert "var(--ink)" in drawn[name]


def test_ids_are_unique_across_drawings_and_references_resolve(drawn):
    text = "".join(drawn.values())
    ids = re.findall(r' id="([^"]+)"', text)

    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^)"]+)', text)) <= set(ids)


def test_the_same_report_is_drawn_the_same(report, drawn):
    assert {name: str(svg) for name, svg in drawings(report).items()} == drawn


def test_text_stays_text(drawn):
    assert ">RLVR</text>" in drawn["bars"]
    assert "DejaVu" not in "".join(drawn.values())


def test_labels_are_escaped_and_a_dollar_is_no_formula():
    svg = plots.confusion([[1, 0, 2], [0, 3, 0]], ["<b>$x$", "b & c"], "“x” <i>")

    assert "&lt;b&gt;$x$</text>" in svg
    assert "b &amp; c</text>" in svg
    assert "<i>" not in svg
    assert "invalid</text>" in svg


def test_the_invalid_column_is_left_out_where_nothing_is_invalid(drawn):
    assert "invalid</text>" not in drawn["confusion"]
    assert "invalid</text>" in plots.confusion([[1, 0, 1], [1, 0, 0]], ["a", "b"], "x")


@pytest.mark.parametrize("labels", [["a" * 500, "b"], [f"label number {n}" for n in range(25)]])
@pytest.mark.filterwarnings("error")
def test_long_or_many_labels_leave_room_for_the_cells(labels):
    counts = [[1] * (len(labels) + 1) for _ in labels]
    svg = plots.confusion(counts, labels, "x")

    assert "…</text>" in svg or "label number 24</text>" in svg


@pytest.mark.filterwarnings("error")
def test_many_rewards_with_long_names_fit():
    curves = {f"reward_{'long_name_' * 4}{n}": [(1, 0.1), (2, 0.2)] for n in range(8)}

    assert "…</text>" in plots.rewards({"rlvr": curves})


def test_nothing_to_draw_is_an_empty_text():
    assert plots.before_after([], "accuracy") == ""
    assert plots.learning({}, "accuracy") == ""
    assert plots.rewards({"srl": {"loss": [(1, 1.0)]}}) == ""
    assert plots.losses({"srl": {"kl": [(1, 1.0)]}}) == ""
    assert plots.divergence({}) == ""
    assert plots.reliability({}) == ""


def test_one_point_and_one_line_are_drawn_without_a_legend():
    svg = plots.losses({"srl": {"loss": [(1, 1.0)]}})

    assert ">SRL</text>" in svg
    assert ">loss</text>" not in svg
