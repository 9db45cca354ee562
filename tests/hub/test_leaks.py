"""Each kind of token and local path that a published file may not hold, and what only looks like one."""

from pathlib import Path

import pytest

from blv_trainer.hub.leaks import leaks, leaks_of_text


def found(text, **options):
    return list(leaks_of_text(text, **options))


@pytest.mark.parametrize(
    "path",
    ["/home/ann", "/Users/ann", "/root/x", "/tmp/out", "/mnt/disk", "/data/essays.csv", "/work/run"],
)
@pytest.mark.parametrize("text", ["trained on {}/a b", '{{"path": "{}"}}', "see `{}`", "({})", "path={}"])
def test_local_paths_are_found(path, text):
    assert found(text.format(path)) == [f"the local path {path!r}"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("see C:\\Users\\someone", "C:\\Users"),
        ("at d:\\essays", "d:\\essays"),
        ("at C:\\temp\\x", "C:\\temp"),
        (r'{"x": "C:\\new"}', r"C:\\new"),
    ],
)
def test_windows_paths_are_found_in_text_and_in_json(text, path):
    assert found(text) == [f"the local path {path!r}"]


def test_urls_relative_paths_words_and_line_breaks_are_no_local_paths():
    text = (
        "see https://hf.co/data/x, data/train.csv, ../tmp/x, and/or, [A2](figures/home/a.png), ~/x, /usr/bin, </home/x"
    )
    assert found(text) == []
    assert found(r'{"chat_template": "Q:\nA:\tno"}') == []


def test_tokens_are_found_and_not_shown():
    assert found(f"hf_{'a' * 34}") == found(f"api_org_{'a' * 34}") == ["a token of the Hub"]
    assert found("my secret", token="secret") == ["the token in use"]
    assert found("hf_hub and hf_short are words") == []


def test_a_list_of_words_is_searched_for_the_folders_of_this_computer_alone(tmp_path):
    (tmp_path / "vocab.txt").write_text("/home/ann\n/tmp/x\n")
    assert list(leaks(tmp_path / "vocab.txt")) == []
    (tmp_path / "vocab.txt").write_text(f"{Path.cwd()}/x\n")
    assert list(leaks(tmp_path / "vocab.txt")) == [f"the local path {str(Path.cwd())!r}"]


def test_other_formats_are_searched_for_the_token_in_use_and_the_folders_of_this_computer(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\0\1/home/ann \xff" + b"hf_" + b"a" * 34)
    assert list(leaks(path, token="secret")) == []
    path.write_bytes(b"\0\1" + str(Path.cwd()).encode() + b"/x.py secret")
    assert list(leaks(path, token="secret")) == ["the token in use", f"the local path {str(Path.cwd())!r}"]
