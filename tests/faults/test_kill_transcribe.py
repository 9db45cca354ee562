"""``transcribe`` killed at any moment and given again leaves the transcripts of an undisturbed run."""

import importlib.util
import json
import os
from pathlib import Path

import pytest
import soundfile
import torch

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")


@pytest.fixture(scope="module")
def transcribe_words(tmp_path_factory):
    """``transcribe`` of six recordings by Whisper in miniature, one window at a time: beside others, floats differ."""
    where = Path(__file__).parents[1] / "asr" / "conftest.py"
    spec = importlib.util.spec_from_file_location("miniature_whisper", where)
    miniature = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(miniature)
    folder = tmp_path_factory.mktemp("recordings")
    for k in range(6):
        soundfile.write(folder / f"SM_THA_PTJ1_{k:03d}_B1_1.wav", miniature.noise(1 + k, k), 16_000)
    model = miniature.build_whisper(likelier={**miniature.LIKELIER, "eot": 9.0})  # short texts, so that it is fast
    content = {"dims": miniature.dataclasses.asdict(model.dims), "model_state_dict": model.state_dict()}
    torch.save(content, folder / "miniature.pt")
    words = f"transcribe --data_dir {folder} --whisper_model {folder / 'miniature.pt'} --output_dir {{out}}"
    return f"{words} --batch_size 1 --device cpu".split()


@pytest.mark.slow
def test_killed_and_given_again_the_transcripts_are_equal_byte_for_byte(transcribe_words, kill_and_repeat, tmp_path):
    undisturbed, trials = kill_and_repeat(transcribe_words, tmp_path, kills=6)
    expected = (undisturbed / "transcripts.parquet").read_bytes()
    for trial in trials:
        out = Path(trial["trial"], "out")
        assert trial["again"] == 0, trial["log"]
        assert (out / "transcripts.parquet").read_bytes() == expected
        written = [line for part in out.glob("parts/*.jsonl") for line in part.read_bytes().splitlines(keepends=True)]
        ids = [json.loads(line)["id"] for line in written if line.endswith(b"\n")]
        assert len(ids) == len(set(ids)) == 6  # nothing was done twice
        assert json.loads((out / "summary.json").read_text())["transcripts"] == 6
        assert not [path for path in out.rglob("*") if "unfinished" in path.name or path.name.startswith("_")]
