"""What nobody could use of a card written by hand is refused, each with a sentence."""

import pytest
import yaml

from blv_trainer.hub.before_push import check_card


def put(folder, data, body="# A card\n"):
    text = data if isinstance(data, str) else f"---\n{yaml.safe_dump(data)}---\n{body}"
    (folder / "README.md").write_text(text, encoding="utf-8")
    return folder


def test_a_good_card_passes(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    body = "![a](a.png) ![b](https://example.org/b.png) /usr/bin, see https://example.org/home/x and and/or\n"
    result = {"task": {"type": "text-classification"}, "dataset": {"name": "x", "type": "x"}}
    index = [{"name": "x", "results": [{**result, "metrics": [{"type": "qwk", "value": 0.5}]}]}]
    data = {"license": "mit", "language": ["en", "zh-TW"], "base_model": "google-bert/bert-base-uncased"}
    assert check_card(put(tmp_path, data | {"datasets": ["user/x"], "model-index": index}, body)) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("# no metadata\n", "has no metadata: it must begin with"),
        ("---\na: b: c\n---\n", "metadata cannot be read: mapping values are not allowed here"),
        ("---\n- a\n---\n", "metadata cannot be read: repo card metadata block should be a dict"),
        ({"model-index": [{"name": "x"}]}, "metadata cannot be read: Invalid `model_index`.*'results'"),
    ],
)
def test_bad_metadata_is_named(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        check_card(put(tmp_path, data))


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="the card shows a.png, which is not in"):
        check_card(put(tmp_path, {"license": "mit"}, "![a](a.png)"))
