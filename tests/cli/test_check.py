"""``check``: what would be read, and how long a training would take; and its short form before a training."""

import re
from types import SimpleNamespace

import pytest

from blv_trainer.cli import main
from blv_trainer.experiments import progress

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "like", "tea", "milk"]
TRAIN = [("i like tea", "A2", "s1"), ("i  like tea", "B1", "s1"), ("i like milk", "A2", "s2"), ("milk", "B1", "s3")]
TEST = [("i like tea and milk", "A2", "s3"), ("milk", "B1", "s4"), ("milk", "B1", "s4")]


@pytest.fixture
def words(tmp_path, save_tiny_bert):
    for name, rows in (("train", TRAIN), ("test", TEST)):
        lines = ["answer,level,who", *map(",".join, rows)]
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    encoder = save_tiny_bert(tmp_path / "encoder", WORDS)
    flags = f"--train_file {tmp_path}/train.csv --test_file {tmp_path}/test.csv --text_column answer --use_cpu"
    flags += f" --label_column level --group_column who --model_name_or_path {encoder} --max_length 5"
    return [*flags.split(), "--validation_fraction", "0"]


def test_rows_levels_lengths_and_repeated_texts_are_counted(words, capsys):
    assert main(["check", *words]) == 0
    printed, told = capsys.readouterr()
    assert "Tokenizing" not in told  # nor another bar
    table = [line.split() for line in printed.splitlines()[2:7]]
    assert table == [["level", "train", "test"], ["---------------------"], ["A2", "2", "1"], ["B1", "2", "2"],
                     ["all", "rows", "4", "3"]]  # fmt: skip
    assert "words a text: median 3, 95 % up to 3, longest 5" in printed
    assert "1 of 4 train rows repeat the text of another one." in printed  # blanks do not count
    assert "1 of 3 test rows repeat the text of another one." in printed
    assert "1 texts stand both in train and in test." in printed
    assert "1 texts have more than one level, such as A2 and B1: 'i like tea'" in printed
    assert "groups (who): 3 train, 2 test" in printed
    assert "groups that stand both in train and in test: 1" in printed
    # With [CLS] and [SEP]: 5, 5, 5, 3 and 7, 3, 3 tokens.
    assert "tokens a text: median 5, 95 % up to 5, longest 7; the first 5 are read" in printed
    assert "1 of 7 texts are cut after 5 tokens and lose 29 % of theirs." in printed
    assert "cut" not in told  # which its own steps on a few of the rows would say again
    assert re.search(r"training: about \d+ s here, going by \d+ of its steps", printed)


def test_a_frozen_encoder_reads_each_row_once(words, monkeypatch, capsys):
    clock = iter(range(0, 1000, 2))  # asked before and after a step, which takes two seconds
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    assert main(["check", *words, "--freeze_encoder"]) == 0
    # 7 rows, 8 to a step, a third of it each
    assert "training: about 1 s here, going by 6 of its steps" in capsys.readouterr().out


def test_without_a_model_all_that_needs_none_is_told(words, capsys):
    where = words.index("--model_name_or_path")
    assert main(["check", *words[:where], *words[where + 2 :]]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert "words a text: median 3, 95 % up to 3, longest 5" in printed
    assert printed[-1].startswith("tokens a text, how many are cut, and how long training takes are not known: ")
    assert ": --model_name_or_path bert-base-uncased is no folder, was not downloaded before" in printed[-1]
    assert main(["check", *words, "--model_name_or_path", "nobody/nothing"]) == 2


def test_nothing_is_written(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert main(["check", *words]) == 0
    assert sorted(tmp_path.rglob("*")) == before


def test_the_short_form_stands_before_a_training(words, tmp_path, capsys):
    assert main(["train", *words, "--output_dir", str(tmp_path / "out"), "--max_steps", "1"]) == 0
    told = capsys.readouterr().err
    assert "train.csv: 4 train, 3 test rows; words a text: median 3, 95 % up to 3, longest 5" in told
    assert "Levels of train: A2 (2), B1 (2)" in told
    assert "1 texts stand both in train and in test." in told
    assert told.index("Levels of train") < told.index("Settings:")
