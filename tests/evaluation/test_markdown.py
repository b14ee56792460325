import pytest

from srlr.evaluation.markdown import markdown, plain, table


def test_the_closing_table_and_the_notes_come_first(report):
    text = markdown(report)
    lines = text.splitlines()

    assert lines[0] == f"# {report.headline}"
    assert "- RLVR: +" in text
    assert report.stand_in in text
    assert [line for line in lines if line.startswith("| ")][2].startswith("| Baseline (3-shot) |")


def test_every_table_is_rectangular(report):
    blocks = [b.splitlines() for b in markdown(report).split("\n\n") if b.startswith("| ")]

    assert len(blocks) >= 4
    for block in blocks:
        assert len({line.count(" | ") for line in block}) == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a | b", r"a \| b"),
        ("<script>x</script>", r"&lt;script\>x&lt;/script\>"),
        ("two\nlines # here", r"two lines \# here"),
        ("[link](http://x) *b* `c`", r"\[link\](http://x) \*b\* \`c\`"),
        ("&lt;", "&amp;lt;"),
    ],
)
def test_foreign_text_stays_text(text, shown):
    assert plain(text) == shown


def test_a_table_without_lines_is_nothing():
    assert table(["a", "b"], []) == ""
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |"


def test_a_report_of_a_baseline_alone_has_no_empty_sections(report):
    bare = report.model_copy(
        update={
            "tests": (),
            "gate": (),
            "pairwise": (),
            "service": {},
            "per_class": {},
            "examples": (),
            "rows": {},
            "weaknesses": type(report.weaknesses)("accuracy", 0, ()),
        }
    )

    assert [line for line in markdown(bare).splitlines() if line.startswith("## ")] == [
        "## Figures, with 95% intervals"
    ]
