"""Safetensors headers, read without the weights."""

import model_files
import pytest

from srlr.core.errors import MissingArtifact
from srlr.models import headers
from srlr.models.headers import Tensor


def test_tensors_are_told_with_their_shapes_and_no_weight_is_needed(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(model_files.safetensors({"a": (2, 3), "b": ()}))

    assert list(headers.read(path)) == [Tensor("a", "BF16", (2, 3)), Tensor("b", "BF16", ())]
    assert [one.elements for one in headers.read(path)] == [6, 1]


def test_the_library_counts_the_same(tiny_model_folder):
    from safetensors import safe_open

    path = tiny_model_folder / "model.safetensors"
    with safe_open(path, "np") as file:
        shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118

    assert {one.name: one.shape for one in headers.read(path)} == shapes


WHOLE = model_files.safetensors({"a": (2, 3)})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "longer than the file"),
        (b"\xff" * 20, "longer than the file"),
        (WHOLE[:-1], "its last 1 bytes are missing"),
        (WHOLE[:20], "longer than the file"),
        ((9).to_bytes(8, "little") + b"[1, 2, 3]", "has no attribute"),
        ((9).to_bytes(8, "little") + b"not JSON!", "Expecting value"),
        ((9).to_bytes(8, "little") + b'{"a": {}}', "data_offsets"),
    ],
)
def test_a_broken_file_is_named(tmp_path, content, said):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(MissingArtifact, match="not a whole safetensors file") as error:
        list(headers.read(path))

    assert said in error.value.what
    assert error.value.hint == "fetch or save it again"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingArtifact, match="No such file"):
        list(headers.read(tmp_path / "gone.safetensors"))
