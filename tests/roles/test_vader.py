import io
import tarfile

import pytest

from srlr.core.errors import ResourceError
from srlr.roles import vader

STEMS = tuple(vader.FILES.values())


def packed(path, files):
    """A .tar.gz of text files at `path`."""
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(f"hutto/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def ground_truth(**snippets):
    """The eight files; `snippets` are (id, ratings, text) by the stem of the file they are in."""
    files = {}
    for stem in STEMS:
        rows = snippets.get(stem, [])
        truth = "".join(f"{i}\t{sum(r) / len(r)}\t{text}\r\n" for i, r, text in rows)
        raw = "".join(f"{i}\t{sum(r) / len(r)}\t0.5\t{r}\r\n" for i, r, text in rows)
        files[f"{stem}_GroundTruth.txt"] = truth.encode()
        files[f"{stem}_anonDataRatings.txt"] = b"\xef\xbb\xbf" + raw.encode()
    return files


def test_a_snippet_gets_its_label_confidence_and_slices(tmp_path):
    path = packed(
        tmp_path / "a.tar.gz",
        ground_truth(tweets=[("7", [1, 2, -1, 0], "Salt &amp; pepper,  but not\tsweet")]),
    )
    (task,) = vader.read(path)

    assert task.id == "tweets/7"
    assert task.prompt == "Salt & pepper, but not sweet"
    assert task.answer == {"sentiment": "positive", "confidence": 0.5}  # mean 0.5; 2 of 4 agree
    assert task.meta["domain"] == "tweets"
    assert task.meta["group"] == "tweets/7"
    assert task.meta["length"] == "short"
    assert task.meta["has_negation"]
    assert task.meta["has_contrast"]


@pytest.mark.parametrize(
    ("mean", "label"),
    [(0.5, "positive"), (0.49, "neutral"), (-0.49, "neutral"), (-0.5, "negative"), (4, "positive")],
)
def test_the_label_turns_at_one_half(mean, label):
    assert vader.label_of(mean) == label


@pytest.mark.parametrize(
    ("ratings", "label", "share"),
    [
        ([1, 2, -1, 0], "positive", 0.5),
        ([1, 2, -1, 0], "negative", 0.25),
        ([0, 0, 0, 1], "neutral", 0.75),
    ],
)
def test_agreement_is_the_share_of_raters_with_the_labels_sign(ratings, label, share):
    assert vader.agreement(ratings, label) == share


def test_sentences_of_one_review_share_a_split(tmp_path):
    rows = [(f"{r}_{s}", [1], f"sentence {s} of review {r}") for r in range(200) for s in range(3)]
    tasks = vader.read(packed(tmp_path / "a.tar.gz", ground_truth(amazonReviewSnippets=rows)))
    splits = {}
    for task in tasks:
        splits.setdefault(task.meta["group"], set()).add(task.meta["split"])

    assert len(splits) == 200
    assert all(len(found) == 1 for found in splits.values())
    shares = [
        sum(found == {name} for found in splits.values()) for name in ("train", "dev", "test")
    ]
    assert 140 <= shares[0] <= 180
    assert min(shares[1:]) >= 8


def test_movies_are_only_ever_for_testing(tmp_path):
    rows = [(str(n), [1], f"movie number {n}") for n in range(50)]
    tasks = vader.read(packed(tmp_path / "a.tar.gz", ground_truth(movieReviewSnippets=rows)))

    assert {task.meta["split"] for task in tasks} == {"test"}


def test_a_repeated_text_is_kept_once_over_all_domains(tmp_path):
    path = packed(
        tmp_path / "a.tar.gz",
        ground_truth(
            amazonReviewSnippets=[("1_1", [1], "So good!"), ("2_1", [1], "so GOOD")],
            movieReviewSnippets=[("1", [1], "So good.")],
        ),
    )

    assert [task.id for task in vader.read(path)] == ["reviews/1_1"]


def test_the_archive_may_lie_inside_another(tmp_path):
    inner = packed(tmp_path / "in.tar.gz", ground_truth(tweets=[("1", [0], "hm")]))
    outer = packed(tmp_path / "out.tar.gz", {"in.tar.gz": inner.read_bytes()})

    assert [task.id for task in vader.read(outer)] == ["tweets/1"]


@pytest.mark.parametrize("damage", ["no archive", "a file is missing", "a line is short"])
def test_a_damaged_archive_is_refused_with_the_command_that_mends_it(tmp_path, damage):
    path = tmp_path / "a.tar.gz"
    if damage == "no archive":
        path.write_bytes(b"\x1f\x8b broken")
    elif damage == "a file is missing":
        packed(path, {"tweets_GroundTruth.txt": b"1\t0.0\thm\n"})
    else:
        packed(path, ground_truth() | {"tweets_GroundTruth.txt": b"1\t0.0\n"})

    with pytest.raises(ResourceError) as caught:
        vader.read(path)

    assert "srlr assets" in caught.value.hint
