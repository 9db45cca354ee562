"""What the Hub would refuse is refused here, each with a sentence."""

import pytest
import yaml

from blv_trainer.hub.card import check_card

METRIC = {"type": "qwk", "value": 0.5}


def index(metric):
    result = {"task": {"type": "text-classification"}, "dataset": {"name": "x", "type": "x"}, "metrics": [metric]}
    return {"model-index": [{"name": "x", "results": [result]}]}


def put(folder, data, body="# A card\n"):
    text = data if isinstance(data, str) else f"---\n{yaml.safe_dump(data)}---\n{body}"
    (folder / "README.md").write_text(text, encoding="utf-8")
    return folder


def test_a_good_card_passes(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    body = "![a](a.png) ![b](https://example.org/b.png) /usr/bin, see https://example.org/home/x and and/or\n"
    data = {"license": "mit", "language": ["en", "zh-TW"], "base_model": "google-bert/bert-base-uncased"}
    assert check_card(put(tmp_path, data | {"datasets": ["user/x"], "tags": ["a"]} | index(METRIC), body)) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("# no metadata\n", "has no metadata: it must begin with"),
        ("---\na: b: c\n---\n", "metadata is no YAML"),
        ("---\n- a\n---\n", "metadata is list, not"),
        ({"base_model": "/home/someone/bert"}, "base_model holds '/home/someone/bert', which is no name on the Hub"),
        ({"base_model": ["user/bert", "./bert"]}, "base_model holds './bert'"),
        ({"datasets": [["x"]]}, "datasets holds ..x.., which is no name|datasets holds \\['x'\\]: give text"),
        ({"datasets": {"a": 1}}, "datasets is {'a': 1}: give text, or a list of texts"),
        ({"license": "Apache License"}, "license is 'Apache License'.* such as 'apache-2.0'"),
        ({"license": "other"}, "give license_name and license_link, too"),
        ({"language": "English"}, "language is 'English'.* such as 'en'"),
        ({"tags": ["a", 5]}, "tags holds 5: give text"),
        (index({"type": "qwk", "value": float("nan")}), "model-index gives 'qwk' the value nan"),
        (index({"type": "qwk", "value": None}), "model-index gives 'qwk' the value None"),
        ({"model-index": [{"name": "x"}]}, "model-index cannot be read"),
        ({"model-index": [{"name": "x", "results": [{"metrics": [METRIC]}]}]}, "metadata cannot be read"),
    ],
)
def test_bad_metadata_is_named(tmp_path, data, message):
    with pytest.raises(ValueError, match=message):
        check_card(put(tmp_path, data))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("token hf_" + "a" * 34, "holds a token \\(hf_aaa...\\)"),
        ("see `/home/someone/out`", "a path of this machine \\(/home/someone/out\\)"),
        ("see C:\\Users\\someone", "a path of this machine"),
        ("(/tmp/out)", "a path of this machine \\(/tmp/out\\)"),
    ],
)
def test_tokens_and_paths_are_named(tmp_path, body, message):
    with pytest.raises(ValueError, match=message):
        check_card(put(tmp_path, {"license": "mit"}, body))


def test_a_missing_card_or_picture_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="README.md does not exist: write it with"):
        check_card(tmp_path)
    with pytest.raises(FileNotFoundError, match="shows a.png, which is not in the folder"):
        check_card(put(tmp_path, {"license": "mit"}, "![a](a.png)"))


@pytest.mark.parametrize("entries", ["- value: 1\n", "text", "- dataset: {id: x, task_id: y}\n", "a: [\n"])
def test_broken_eval_results_are_named(tmp_path, entries):
    put(tmp_path, {"license": "mit"})
    (tmp_path / ".eval_results").mkdir()
    (tmp_path / ".eval_results" / "x.yaml").write_text(entries)
    with pytest.raises(ValueError, match="x.yaml is no list of results"):
        check_card(tmp_path)


def test_eval_results_of_a_path_are_named(tmp_path):
    put(tmp_path, {"license": "mit"})
    (tmp_path / ".eval_results").mkdir()
    (tmp_path / ".eval_results" / "x.yaml").write_text("- dataset: {id: /home/x, task_id: y}\n  value: 1\n")
    with pytest.raises(ValueError, match="names the dataset '/home/x'"):
        check_card(tmp_path)
