"""What many files together give is what ``whisper.transcribe`` gives for each alone."""

import contextlib
import hashlib
import os
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
import whisper

from blv_trainer.asr import load_audio
from blv_trainer.asr.whisper import load_whisper
from blv_trainer.asr.whisper_batches import BatchDecoder
from blv_trainer.asr.whisper_rows import RowDecoder
from blv_trainer.asr.whisper_windows import draw_seed, transcribe_in_flight

GREEDY = {"language": "en", "temperature": 0.0, "sample_len": 24, "condition_on_previous_text": False, "fp16": False}
FAST = ("greedy", "sampled", "no timestamps", "beams with patience")  # every way of decoding once; the others are slow
OPTIONS = {
    "greedy": {},
    "language detected": {"language": None},
    "initial prompt": {"initial_prompt": "Students, part-time jobs and smoking."},
    "carried prompt": {"initial_prompt": "Jobs.", "carry_initial_prompt": True},
    "no timestamps": {"without_timestamps": True},
    "clip timestamps": {"clip_timestamps": "1.5,9,11"},
    "word timestamps": {"word_timestamps": True},
    "silence skipped in words": {"word_timestamps": True, "hallucination_silence_threshold": 2.0},
    "no suppressed tokens": {"suppress_tokens": "", "suppress_blank": False},
    "late first timestamp": {"max_initial_timestamp": None},
    "translation": {"task": "translate"},
    "conditioned on the text before": {"condition_on_previous_text": True},
    "sampled": {"temperature": 0.7},
    "falling back to higher temperatures": {"temperature": (0.0, 0.4, 0.8), "logprob_threshold": -0.1},
}
GROUP_OPTIONS = {
    "beams": {"beam_size": 3},
    "beams with patience": {"beam_size": 2, "patience": 2.0, "length_penalty": 0.5},
    "best of three": {"temperature": 0.7, "best_of": 3},
}


def rows(model):
    return RowDecoder(model, 3)


def batches(model):
    return BatchDecoder(model, 3)


def together(model, files, decoder, **options):
    return dict(transcribe_in_flight(files, decoder, model, seed=7, **{**GREEDY, **options}))


@contextlib.contextmanager
def seeded_like_ours(model, samples):
    """Gives each of upstream's decodings of one file our stream: by seed, sound, number of the window, temperature."""
    sound, windows = hashlib.blake2b(samples.tobytes(), digest_size=16).hexdigest(), []
    detect_language, decode = model.detect_language, model.decode

    def seen(mel):
        if not windows or not torch.equal(windows[-1], mel):
            windows.append(mel)
        return mel

    def seeded_decode(mel, options):
        seen(mel)
        torch.manual_seed(draw_seed(7, sound, len(windows) - 1, float(options.temperature)))
        return decode(mel, options)

    model.decode, model.detect_language = seeded_decode, lambda mel: detect_language(seen(mel))
    try:
        yield
    finally:
        del model.decode, model.detect_language


def alone(model, files, **options):
    results = {}
    for name, samples in files:
        with seeded_like_ours(model, samples):
            results[name] = whisper.transcribe(model, samples, **{**GREEDY, **options})
    return results


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        result = ours[name]
        assert not isinstance(result, Exception), result
        assert (result["text"], result["language"]) == (expected["text"], expected["language"])
        for segment, other in zip(result["segments"], expected["segments"], strict=True):
            assert segment.keys() == other.keys()
            for key in segment.keys() - {"avg_logprob", "no_speech_prob", "words"}:
                assert segment[key] == other[key], key
            for key in ("avg_logprob", "no_speech_prob"):
                assert segment[key] == pytest.approx(other[key], abs=1e-4)
            for word, other_word in zip(segment.get("words", []), other.get("words", []), strict=True):
                assert word["word"] == other_word["word"]
                assert (word["start"], word["end"]) == (other_word["start"], other_word["end"])
                assert word["probability"] == pytest.approx(other_word["probability"], abs=1e-4)


def by_name(options):
    marks = {name: () if name in FAST else pytest.mark.slow for name in options}
    return pytest.mark.parametrize("options", [pytest.param(options[n], id=n, marks=marks[n]) for n in options])


@pytest.mark.parametrize("make_decoder", [rows, batches])
@by_name(OPTIONS)
def test_many_files_give_what_each_gives_alone(whisper_model, sounds, options, make_decoder):
    if "clip_timestamps" in options:
        sounds = [sound for sound in sounds if sound[0] != "very short"]  # upstream never ends on a clip after the end
    decoder = make_decoder(whisper_model)
    assert_same(together(whisper_model, sounds, decoder, **options), alone(whisper_model, sounds, **options))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["greedy", "falling back to higher temperatures"])
def test_a_model_of_tinys_own_size_gives_what_upstream_gives(make_whisper, make_noise, name):
    model = make_whisper(width=384, layers=4, heads=6, likelier={"eot": 12.0, "timestamps": 5.0, "no_speech": 0.0})
    files = [(str(seed), make_noise(duration, seed)) for seed, duration in enumerate((31.5, 12.0, 4.0))]
    expected = alone(model, files, **OPTIONS[name])
    for decoder in (RowDecoder(model, 8), RowDecoder(model, 2), BatchDecoder(model, 4)):
        assert_same(together(model, files, decoder, **OPTIONS[name]), expected)


@by_name(GROUP_OPTIONS)
def test_several_samples_a_window_give_what_each_file_gives_alone(whisper_model, sounds, options):
    options = {"sample_len": 12, **options}
    assert_same(
        together(whisper_model, sounds, batches(whisper_model), **options), alone(whisper_model, sounds, **options)
    )


@pytest.mark.parametrize("make_decoder", [rows, batches])
def test_windows_that_upstream_takes_for_silence_are_skipped(make_whisper, sounds, make_decoder):
    model = make_whisper(likelier={"eot": 5.0, "timestamps": 2.2, "no_speech": 8.0})
    options = {"logprob_threshold": None, "no_speech_threshold": 0.6}
    theirs = alone(model, sounds, **options)
    silent = [name for name, result in theirs.items() if not result["segments"]]
    assert 0 < len(silent) < len(sounds)
    assert_same(together(model, sounds, make_decoder(model), **options), theirs)


def test_the_miniature_model_ends_at_different_lengths_and_keeps_time(whisper_model, sounds):
    segments = [segment for result in alone(whisper_model, sounds).values() for segment in result["segments"]]
    assert len({len(segment["tokens"]) for segment in segments}) >= 3
    assert any(segment["seek"] % 3_000 for segment in segments)  # a window that starts where the last segment ended


@pytest.mark.slow
def test_the_miniature_model_falls_back_for_some_windows_only(whisper_model, sounds):
    results = alone(whisper_model, sounds, **OPTIONS["falling back to higher temperatures"]).values()
    assert {segment["temperature"] for result in results for segment in result["segments"]} >= {0.0, 0.8}


@pytest.mark.slow
@pytest.mark.parametrize("slots", [1, 2, 5])
def test_the_number_of_slots_changes_nothing(whisper_model, sounds, slots):
    options = OPTIONS["falling back to higher temperatures"]
    ours = together(whisper_model, sounds, RowDecoder(whisper_model, slots), **options)
    assert_same(ours, together(whisper_model, sounds[::-1], RowDecoder(whisper_model, 3), **options))


def test_a_tie_is_decided_by_upstream_itself(whisper_model, sounds, monkeypatch):
    monkeypatch.setattr("blv_trainer.asr.whisper_rows.TIE", np.inf)
    decoder, sounds = rows(whisper_model), sounds[-2:]
    assert_same(together(whisper_model, sounds, decoder), alone(whisper_model, sounds))
    assert decoder.redecoded >= len(sounds)


@pytest.mark.slow
def test_text_up_to_the_end_of_the_context_is_cut_where_upstream_cuts_it(make_whisper, make_noise):
    model = make_whisper(likelier={"eot": -50.0, "timestamps": -50.0, "no_speech": 0.0})
    files = [("a", make_noise(3, 0)), ("b", make_noise(2, 1))]
    options = {"sample_len": 440, "initial_prompt": "Students should work. " * 60, "without_timestamps": True}
    assert_same(together(model, files, rows(model), **options), alone(model, files, **options))


# ---- Real weights, real learners


SPEECH = Path(__file__).parents[3] / "shared" / "data" / "l2_speech"
WEIGHTS = os.environ.get("BLV_WHISPER_WEIGHTS", "")
WHISPERS_OWN = {"temperature": (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), "logprob_threshold": -1.0}
REAL_OPTIONS = OPTIONS | GROUP_OPTIONS | {"falling back": WHISPERS_OWN}


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.skipif(
    not (SPEECH.is_dir() and os.path.isfile(WEIGHTS)),
    reason="needs ../shared/data/l2_speech, and BLV_WHISPER_WEIGHTS with the path of whisper-base.pt",
)
@pytest.mark.parametrize("join", ["by speaker", "shuffled"])
@pytest.mark.parametrize("name", ["greedy", "word timestamps", "initial prompt", "beams", "falling back"])
def test_real_weights_hear_in_real_learners_what_upstream_hears(name, join):
    model, joined = load_whisper(WEIGHTS), defaultdict(list)
    paths, pause = sorted(SPEECH.rglob("*.wav")), np.zeros(8_000, np.float32)  # half a second
    order = np.random.default_rng(0).permutation(len(paths)) if join == "shuffled" else range(len(paths))
    for k, place in enumerate(order):
        path = paths[place]
        joined[path.name[:4] if join == "by speaker" else str(k // 12)] += [load_audio(path).samples, pause]
    files = [(name_of_file, np.concatenate(sounds)) for name_of_file, sounds in joined.items()]
    options = {**REAL_OPTIONS[name], "sample_len": None}
    decoders = [BatchDecoder(model, 8)] if name == "beams" else [RowDecoder(model, 16), BatchDecoder(model, 8)]
    theirs = alone(model, files, **options)
    for decoder in decoders:
        assert_same(together(model, files, decoder, **options), theirs)
