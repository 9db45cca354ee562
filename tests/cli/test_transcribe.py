import argparse
import dataclasses
import json
from unittest.mock import Mock

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import torch
import yaml
from whisper.model import ModelDimensions, Whisper

from blv_trainer.cli import transcribe


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(0)
    model = Whisper(ModelDimensions(80, 1500, 16, 2, 1, 51865, 448, 16, 2, 1))
    with torch.no_grad():  # a model that ends every text at once
        model.decoder.positional_embedding.zero_()
        model.decoder.ln.bias.fill_(1)
        model.decoder.token_embedding.weight[50_257] = 5  # end of text
    path = tmp_path / "small.pt"
    torch.save({"dims": dataclasses.asdict(model.dims), "model_state_dict": model.state_dict()}, path)
    return path


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "audio"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(3):
        soundfile.write(folder / f"SM_CHN_PTJ1_{i:03d}_B1_1.wav", 0.1 * rng.standard_normal(8_000), 16_000)
    return folder


def call(*words):
    parser = argparse.ArgumentParser()
    transcribe.add_parser(parser.add_subparsers(dest="verb"))
    args = parser.parse_args(["transcribe", *map(str, words)])
    return args.run(args)


def test_a_folder_becomes_a_store_with_summary_and_config(data_dir, checkpoint, tmp_path, capsys):
    out = tmp_path / "out"
    assert call("--data_dir", data_dir, "--output_dir", out, "--whisper_model", checkpoint, "--limit", 2) == 0
    assert pq.read_table(out / "transcripts.parquet").column("id").to_pylist() == [
        "SM_CHN_PTJ1_000_B1_1",
        "SM_CHN_PTJ1_001_B1_1",
    ]
    captured = capsys.readouterr()
    assert "2 of 2 recordings have a transcript (0 had one before)" in captured.out
    assert "of audio" in captured.err
    assert "x real time" in captured.err
    summary = json.loads((out / "summary.json").read_text())
    assert summary["transcripts"] == 2
    assert summary["failures"] == {}
    settings = yaml.safe_load((out / "config.yaml").read_text())
    assert settings["limit"] == 2
    assert settings["whisper_model"] == str(checkpoint)

    assert call("--data_dir", data_dir, "--output_dir", out, "--whisper_model", checkpoint) == 0
    assert "3 of 3 recordings have a transcript (2 had one before)" in capsys.readouterr().out


def test_failures_are_named_and_make_the_exit_code_one(data_dir, checkpoint, tmp_path, capsys):
    (data_dir / "broken.mp3").write_bytes(b"")
    out = tmp_path / "out"
    assert call("--data_dir", data_dir, "--output_dir", out, "--whisper_model", checkpoint) == 1
    printed = capsys.readouterr().out
    assert "3 of 4 recordings have a transcript" in printed
    assert "Failed: 1; the next run tries them again." in printed
    assert "broken.mp3 is empty (0 bytes)" in printed
    assert json.loads((out / "summary.json").read_text())["failures"].keys() == {"broken"}


def test_many_failures_of_one_kind_are_told_in_one_line(data_dir, checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("blv_trainer.asr.whisper_rows.encode", Mock(side_effect=RuntimeError("a broken library")))
    out = tmp_path / "out"
    assert call("--data_dir", data_dir, "--output_dir", out, "--whisper_model", checkpoint) == 1
    printed = capsys.readouterr().out
    assert printed.count("RuntimeError: a broken library") == 1
    assert "3 (SM_CHN_PTJ1_000_B1_1, SM_CHN_PTJ1_001_B1_1, SM_CHN_PTJ1_002_B1_1): RuntimeError" in printed
    assert pq.read_table(out / "transcripts.parquet").num_rows == 0


def test_lengths_that_add_up_otherwise_leave_no_warning_and_no_negative_time(data_dir, checkpoint, tmp_path, capsys):
    for i in range(7):  # tenths, whose sum depends on the order
        soundfile.write(data_dir / f"{i}.wav", 0.1 * np.ones(1_600 * (i % 3 + 1)), 16_000)
    call("--data_dir", data_dir, "--output_dir", tmp_path / "out", "--whisper_model", checkpoint)
    told = capsys.readouterr().err
    assert "Warning" not in told
    assert "-1:" not in told


def test_suspicious_transcripts_are_named_with_their_reason(data_dir, checkpoint, tmp_path, capsys):
    soundfile.write(data_dir / "quiet.wav", np.zeros(16_000), 16_000)
    call("--data_dir", data_dir, "--output_dir", tmp_path / "out", "--whisper_model", checkpoint)
    printed = capsys.readouterr().out
    assert "the recording is silent, clipped, truncated or damaged: 1 (quiet)" in printed


def test_the_folders_are_asked_for_by_name():
    with pytest.raises(ValueError, match="transcribe needs folders: "):
        call("--data_dir", "somewhere")


def test_a_batch_size_that_is_no_number_is_misuse(capsys):
    with pytest.raises(SystemExit):
        call("--batch_size", "many")
    assert "'many' is neither a number nor 'auto'" in capsys.readouterr().err


def test_an_unknown_model_is_named(data_dir, tmp_path):
    with pytest.raises(ValueError, match="Whisper model 'huge' is unknown"):
        call("--data_dir", data_dir, "--output_dir", tmp_path / "out", "--whisper_model", "huge")
