"""``blv-trainer prepare``: from a folder to a report and to Parquet files that need no package of ours."""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys

import datasets
import pytest
import soundfile
import torch
import yaml

from blv_trainer.cli import prepare
from blv_trainer.corpora.icnale.selection import read_assignment
from blv_trainer.corpora.synthetic import write_corpus


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """With a recording whose name gives another level than the text's, and a text that was downloaded twice."""
    corpus = write_corpus(tmp_path_factory.mktemp("corpus") / "c", 60, seed=6, has_audio=True)
    recording = next(corpus.folder.rglob("*_B1_2.mp3"))
    recording.rename(recording.with_name(recording.name.replace("B1_2", "B2_0")))
    text = next(corpus.folder.rglob("*.txt"))
    text.with_stem(f"{text.stem} (1)").write_bytes(text.read_bytes())
    return corpus


@pytest.fixture
def call(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")

    def call(*words, data_dir=corpus.folder):
        parser = argparse.ArgumentParser()
        prepare.add_parser(parser.add_subparsers(dest="verb"))
        args = parser.parse_args(["prepare", "--data_dir", str(data_dir), *map(str, words)])
        return args.run(args)

    return call


def test_report_is_printed_and_nothing_written_without_output_dir(call, corpus, capsys):
    assert call() == 0
    printed = capsys.readouterr().out
    assert "level_conflict (1): text name and audio name give different levels" in printed
    assert "copy (1): copy of a file" in printed
    assert "release 2.1, audio names" in printed


def test_written_folder_loads_without_the_package(call, corpus, tmp_path):
    assert call("--output_dir", tmp_path / "out") == 0
    code = (
        "import sys, datasets\n"
        "data = datasets.load_dataset(sys.argv[1], cache_dir=sys.argv[2])\n"
        "assert 'blv_trainer' not in sys.modules\n"
        "print({name: split.num_rows for name, split in data.items()}, data['train'].features['label'].names)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out"), str(tmp_path / "other_cache")],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with_text = [answer for answer in corpus.answers if answer.text is not None]
    rows = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["splits"]
    sizes = {name: sum(labels.values()) for name, labels in rows.items()}
    assert sum(sizes.values()) == len(with_text)
    assert printed.strip() == f"{sizes} ['A2', 'B1_1', 'B1_2', 'B2', 'native']"


def test_nothing_written_names_folders_of_this_computer(call, corpus, tmp_path):
    call("--output_dir", tmp_path / "out")
    data = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache2"))
    paths = [path for split in data.values() for path in split["audio"] if path is not None]
    assert all((corpus.folder / path).is_file() and not os.path.isabs(path) for path in paths)
    for path in (tmp_path / "out" / "data").iterdir():
        assert os.fsencode(corpus.folder) not in path.read_bytes()
    assert str(corpus.folder) not in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


def test_recordings_elsewhere_have_paths_below_their_own_folder(call, tmp_path):
    folder = write_corpus(tmp_path / "c", 5, has_audio=True).folder
    texts, audio = folder / "ICNALE_SM_2.1", folder / "ICNALE_SM_Audio"
    call("--audio_dir", audio, "--output_dir", tmp_path / "out", data_dir=texts)
    data = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache2"), split="train")
    assert all((audio / path).is_file() for path in data["audio"])


def test_split_and_settings_repeat_the_run(call, tmp_path):
    flags = ("--split_by", "kfold", "--folds", 3, "--topics", "PTJ", "--learners_only", "--drop_fillers", "--levels", 4)
    call("--output_dir", tmp_path / "out", *flags)
    settings = yaml.safe_load((tmp_path / "out" / "config.yaml").read_text(encoding="utf-8"))
    assert settings["folds"] == 3
    assert settings["topics"] == ["PTJ"]
    assert settings["learners_only"] is settings["drop_fillers"] is True
    assert not {"run", "verb", "config", "overwrite_output_dir"} & set(settings)
    assignment = read_assignment(tmp_path / "out" / "split.tsv")
    assert set(assignment.values()) == {"fold_0", "fold_1", "fold_2"}
    call("--output_dir", tmp_path / "again", *flags[4:], "--split_file", tmp_path / "out" / "split.tsv")
    assert read_assignment(tmp_path / "again" / "split.tsv") == assignment
    for name in ("fold_0", "fold_1", "fold_2"):
        first, second = (tmp_path / run / "data" / f"{name}-00000-of-00001.parquet" for run in ("out", "again"))
        assert first.read_bytes() == second.read_bytes()


def test_full_folder_is_refused_unless_told_otherwise(call, tmp_path):
    call("--output_dir", tmp_path / "out", "--split_by", "kfold")
    with pytest.raises(
        FileExistsError, match="is not empty: choose another --output_dir or add --overwrite_output_dir"
    ):
        call("--output_dir", tmp_path / "out")
    call("--output_dir", tmp_path / "out", "--overwrite_output_dir")
    names = sorted(path.name.partition("-")[0] for path in (tmp_path / "out" / "data").iterdir())
    assert names == ["test", "train", "validation"]


@pytest.fixture
def deaf_checkpoint(tmp_path):
    """Whisper's architecture, with weights that end every text at once."""
    from whisper.model import ModelDimensions, Whisper

    model = Whisper(ModelDimensions(80, 1500, 16, 2, 1, 51865, 448, 16, 2, 1))
    with torch.no_grad():
        model.decoder.positional_embedding.zero_()
        model.decoder.ln.bias.fill_(1)
        model.decoder.token_embedding.weight[50_257] = 5  # end of text
    path = tmp_path / "deaf.pt"
    torch.save({"dims": dataclasses.asdict(model.dims), "model_state_dict": model.state_dict()}, path)
    return path


@pytest.mark.filterwarnings("ignore:.* test speakers also stand in train")
def test_missing_transcripts_are_made_and_compared_with_the_human_ones(call, deaf_checkpoint, tmp_path, capsys):
    folder = write_corpus(tmp_path / "c", 5, has_audio=True).folder
    for path in folder.rglob("*.mp3"):
        soundfile.write(path, [0.0] * 3_200, 16_000)
    words = ("--transcripts", "both", "--whisper_model", deaf_checkpoint, "--split_by", "sample")
    assert call(*words, "--output_dir", tmp_path / "out", data_dir=folder) == 0
    printed = capsys.readouterr().out
    assert re.search(r"^all +100.00 +\d+ +20$", printed, re.MULTILINE)
    assert re.search(r"^published for Whisper large on this corpus +18.62$", printed, re.MULTILINE)
    errors = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))["word_errors"]
    assert sum(group["texts"] for group in errors["region"].values()) == errors["all"]["all"]["texts"] == 20
    assert errors["all"]["all"]["rate"] == 1
    data = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache2"))
    assert {text for split in data.values() for text in split["text"]} == {""}
    assert all(text for split in data.values() for text in split["text_human"])
    assert (tmp_path / "c_whisper" / "transcripts.parquet").is_file()


def test_report_comes_before_an_error_of_the_build(call, tmp_path, capsys):
    with pytest.raises(ValueError, match="num_folds=1 is not possible"):
        call("--output_dir", tmp_path / "out", "--split_by", "kfold", "--folds", 1)
    assert "Texts read" in capsys.readouterr().out


def test_data_dir_is_needed():
    parser = argparse.ArgumentParser()
    prepare.add_parser(parser.add_subparsers(dest="verb"))
    args = parser.parse_args(["prepare"])
    with pytest.raises(ValueError, match="prepare needs --data_dir"):
        args.run(args)
