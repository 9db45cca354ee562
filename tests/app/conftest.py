"""A tiny classifier with a hostile label, Whisper in miniature, and one exported folder that all tests here share."""

import contextlib
import dataclasses
import io
import os
import socket
import subprocess
import sys
import time

import httpx
import numpy as np
import pytest
import soundfile
import torch
import whisper
from whisper.model import ModelDimensions, Whisper

from blv_trainer.app import Limits, export_space

HOSTILE_LABEL = '<img src=x onerror="alert(1)">'
LEVELS = ["A2", "B1_1", HOSTILE_LABEL, "B2"]
SAID = " I think part time jobs are good because students need money."
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "think", "part", "time", "jobs", "are", "good", "because"]


@pytest.fixture(scope="session")
def said():
    return SAID.strip()


@pytest.fixture(scope="session")
def levels():
    return LEVELS


@pytest.fixture(scope="session")
def classifier(tmp_path_factory, save_tiny_bert):
    folder = tmp_path_factory.mktemp("models") / "tiny-classifier"
    save_tiny_bert(folder, WORDS, levels=LEVELS, max_length=128)
    (folder / "training_args.bin").write_bytes(b"a pickle")
    return str(folder)


@pytest.fixture(scope="session")
def whisper_checkpoint(tmp_path_factory):
    """Weights of the English-only kind that say ``SAID`` and let it last for nine seconds, whatever they hear."""
    torch.manual_seed(0)
    width = 64
    dims = ModelDimensions(80, 1500, width, 2, 1, 51864, 448, width, 2, 1)
    model, tokenizer = Whisper(dims), whisper.tokenizer.get_tokenizer(False)
    times = [tokenizer.timestamp_begin, tokenizer.timestamp_begin + 450]  # in steps of 0.02 s
    said = [times[0], *tokenizer.encode(SAID), times[1], tokenizer.eot]
    with torch.no_grad():
        # Each position has a direction of its own, in which the token that comes next lies.
        model.decoder.positional_embedding.copy_(50 * torch.eye(448, width))
        model.decoder.token_embedding.weight *= 0.05
        for position, token in enumerate(said):
            model.decoder.token_embedding.weight[token] += 4 * torch.eye(width)[position]
    path = tmp_path_factory.mktemp("whisper") / "miniature.pt"
    torch.save({"dims": dataclasses.asdict(dims), "model_state_dict": model.state_dict()}, path)
    return str(path)


@pytest.fixture(scope="session")
def make_wav():
    def wav(seconds, *, loudness=0.2, sampling_rate=16_000):
        samples = loudness * np.random.default_rng(0).standard_normal(int(seconds * sampling_rate))
        file = io.BytesIO()
        soundfile.write(file, samples, sampling_rate, format="WAV")
        return file.getvalue()

    return wav


@pytest.fixture(scope="session")
def space(classifier, whisper_checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("spaces") / "space"
    limits = Limits(max_characters=500, max_seconds=20, max_megabytes=1)
    return export_space(classifier, folder, whisper_model=whisper_checkpoint, limits=limits)


@pytest.fixture(scope="session")
def running_space(space, tmp_path_factory):
    """``python app.py`` in the exported folder; its address."""
    with running([sys.executable, "app.py"], tmp_path_factory.mktemp("log"), cwd=space) as address:
        yield address


@pytest.fixture(scope="session")
def running_with_real_whisper(classifier, tmp_path_factory):
    """``blv-trainer app`` with the weights that BLV_WHISPER_WEIGHTS names; its address."""
    command = [sys.executable, "-m", "blv_trainer", "app", os.environ.get("BLV_APP_MODEL", classifier)]
    weights = ["--whisper_model", os.environ["BLV_WHISPER_WEIGHTS"]]
    with running([*command, *weights], tmp_path_factory.mktemp("log")) as address:
        yield address


@contextlib.contextmanager
def running(command, folder, **options):
    """A page that runs until the end; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log, uploads = folder / "page.log", folder / "uploads"
    uploads.mkdir()
    settings = {"GRADIO_SERVER_PORT": str(port), "OMP_NUM_THREADS": "1", "TMPDIR": str(uploads)}
    with open(log, "w") as file:
        start = {"env": os.environ | settings, "stdout": file, "stderr": subprocess.STDOUT, **options}
        process = subprocess.Popen(command, **start)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(address, timeout=2).is_success:
                    break
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(20)
    assert not [*uploads.glob("blv_trainer_app_*")]
