"""Which candidates can be measured here."""

import pytest

from srlr.core.compose import compose
from srlr.core.hardware import Machine
from srlr.stages import select_here

LAPTOP = Machine("cpu", "laptop", 2, 24.0, 20.0, 100.0, "float32")


@pytest.mark.parametrize("said", ["nowhere", "", "path:nowhere"])
def test_a_source_that_is_nothing_is_not_here(said):
    card = compose(("model=auto",), environ={}).settings.model.model_copy(update={"source": said})

    assert "neither an asset nor a folder" in select_here.not_here(card, None)


def test_an_asset_and_a_folder_are_here(tmp_path):
    card = compose(("model=smollm2-135m-instruct",), environ={}).settings.model

    assert select_here.not_here(card, None) == ""
    assert select_here.not_here(card.model_copy(update={"source": str(tmp_path)}), None) == ""


def test_weights_in_the_hubs_cache_are_here(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--org--name" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").touch()
    card = compose(("model=auto",), environ={}).settings.model

    here = card.model_copy(update={"source": "hub:org/name@v1"})
    assert select_here.not_here(here, None) == ""


def test_a_for_pay_card_has_no_weights():
    card = compose(("model=auto",), environ={}).settings.model
    paid = {"for_pay": {"value": True, "source": "https://x", "date": "2026-11-23"}}
    card = type(card).model_validate({"name": "paid", "source": "api:x/y", "facts": paid})

    assert "paid for by the token" in select_here.not_here(card, None)


def test_what_does_not_fit_says_what_it_needs(tmp_path):
    """3.21e9 parameters in float32, half of them there twice; the process; and the keys and values
    of 10 rows of 100 tokens, 8 heads of 128 in 28 layers.
    """
    settings = compose(("model=llama-3.2-3b-instruct", "hardware.memory_gb=8"), environ={}).settings
    why = select_here.too_large(tmp_path, settings.model, settings, LAPTOP)

    assert why.startswith("it needs 20 GB (process 0.47, weights 19, kv cache 0.23")
    assert why.endswith("8 GB are free")
