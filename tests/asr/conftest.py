"""Whisper in miniature: the real architecture and vocabulary, random weights that end and keep time like real ones."""

import dataclasses

import numpy as np
import pytest
import torch
import whisper
from whisper.model import ModelDimensions, Whisper

LIKELIER = {"eot": 5.0, "timestamps": 2.2, "no_speech": 0.0}  # logits added, so that texts end at different lengths
DURATIONS = {"long": 41.0, "one window": 30.0, "short": 12.5, "very short": 0.3}  # seconds


def build_whisper(*, width=64, layers=2, heads=2, seed=0, likelier=LIKELIER):
    torch.manual_seed(seed)
    dims = ModelDimensions(80, 1500, width, heads, layers, 51865, 448, width, heads, layers)
    model = Whisper(dims).eval()
    decoder, tokenizer = model.decoder, whisper.tokenizer.get_tokenizer(True)
    with torch.no_grad():
        # A direction that every hidden state has and no token looks at: along it, a token gains a constant.
        constant = torch.ones(width) / width**0.5
        decoder.ln.bias.copy_(5.0 * constant)
        embedding = decoder.token_embedding.weight
        embedding -= (embedding @ constant)[:, None] * constant
        embedding[tokenizer.eot] += likelier["eot"] * constant
        embedding[tokenizer.no_speech] += likelier["no_speech"] * constant
        embedding[tokenizer.timestamp_begin :] += likelier["timestamps"] * constant
        decoder.positional_embedding.normal_()
        # Louder ears, so that the text depends on the sound.
        model.encoder.conv1.weight.mul_(8)
        model.encoder.conv2.weight.mul_(8)
        for block in decoder.blocks:
            block.cross_attn.query.weight.mul_(16)
            block.cross_attn.out.weight.mul_(8)
    return model


def noise(duration, seed):
    """Bursts of noise with the rhythm of syllables, float32 at 16 kHz."""
    rng = np.random.default_rng(seed)
    length = int(16_000 * duration)
    loudness = np.repeat(rng.uniform(0, 1, length // 1_600 + 1), 1_600)[:length]
    return (0.2 * loudness * rng.standard_normal(length)).astype("float32")


@pytest.fixture(autouse=True)
def one_thread():
    """As tests/conftest.py sets it; numba, with which ``whisper.transcribe`` aligns words, sets it anew."""
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def make_whisper():
    return build_whisper


@pytest.fixture(scope="session")
def whisper_model():
    return build_whisper()


@pytest.fixture(scope="session")
def checkpoint(whisper_model, tmp_path_factory):
    path = tmp_path_factory.mktemp("whisper") / "miniature.pt"
    content = {"dims": dataclasses.asdict(whisper_model.dims), "model_state_dict": whisper_model.state_dict()}
    torch.save(content, path)
    return path


@pytest.fixture(scope="session")
def make_noise():
    return noise


@pytest.fixture(scope="session")
def sounds():
    return [(name, noise(duration, seed)) for seed, (name, duration) in enumerate(DURATIONS.items())]
