"""Recordings to levels: with the real engine and random weights, and with a stand-in where those cannot say it."""

import csv
import dataclasses
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
from transformers import pipeline
from transformers.pipelines.pt_utils import KeyDataset
from whisper.model import ModelDimensions, Whisper

from blv_trainer import SpeakingAssessmentPipeline
from blv_trainer.asr.whisper import OpenAIWhisper
from blv_trainer.cli import main

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "i", "think", "part", "time", "jobs", "are", "good", "because"]
FAST = {"language": "en", "temperature": 0.0, "sample_len": 8}
SPEECH = " I think part time jobs are good because I think jobs are good."


@pytest.fixture(scope="module")
def classifier(tmp_path_factory, save_tiny_bert):
    """A tiny random classifier with three levels, saved."""
    return save_tiny_bert(tmp_path_factory.mktemp("model"), WORDS, levels=["low", "mid", "high"], max_length=64)


@pytest.fixture(scope="module")
def whisper_checkpoint(tmp_path_factory):
    """Whisper's architecture and vocabulary with few random weights."""
    torch.manual_seed(0)
    dims = ModelDimensions(80, 1500, 16, 2, 1, 51865, 448, 16, 2, 1)
    model = Whisper(dims)
    torch.nn.init.normal_(model.decoder.positional_embedding)  # upstream leaves it as memory happened to be
    path = tmp_path_factory.mktemp("whisper") / "miniature.pt"
    torch.save({"dims": dataclasses.asdict(dims), "model_state_dict": model.state_dict()}, path)
    return str(path)


def noise(seconds, seed=0, sampling_rate=16_000):
    return (0.2 * np.random.default_rng(seed).standard_normal(int(seconds * sampling_rate))).astype("float32")


def as_wav(samples, sampling_rate=16_000):
    file = io.BytesIO()
    soundfile.write(file, samples, sampling_rate, format="WAV", subtype="FLOAT")
    return file.getvalue()


def segment(text, start, end, **changes):
    sound = {"no_speech_prob": 0.1, "avg_logprob": -0.3, "compression_ratio": 1.2, "tokens": [1], "temperature": 0.0}
    return {"id": 0, "seek": 0, "start": start, "end": end, "text": text, **sound, **changes}


class StandIn:
    """A transcriber that hears what it is told to; the last recording is finished first."""

    def __init__(self, *segments):
        self.result = {"text": "".join(s["text"] for s in segments), "segments": [*segments], "language": "en"}
        self.heard = []

    def describe(self):
        return {"backend": "stand-in", "model": "none"}

    def transcribe(self, files):
        drawn = [*files]
        self.heard = [len(samples) / 16_000 for _, samples in drawn]
        for name, samples in reversed(drawn):
            yield name, {**self.result, "text": f"{self.result['text']} {len(samples)}"}


@pytest.fixture
def assess_with(classifier):
    def build(backend, **options):
        return pipeline("speaking-assessment", model=classifier, backend=backend, device="cpu", **options)

    return build


# ---- With the real engine


@pytest.fixture
def assess(classifier, whisper_checkpoint):
    options = {"whisper_model": whisper_checkpoint, "whisper_options": FAST, "min_speech_s": 0.5}
    return pipeline("speaking-assessment", model=classifier, **options)


def test_a_recording_becomes_a_transcript_and_the_level_of_that_transcript(
    assess, classifier, whisper_checkpoint, tmp_path
):
    path = tmp_path / "answer.wav"
    path.write_bytes(as_wav(noise(12, sampling_rate=22_050), 22_050))
    assert type(assess) is SpeakingAssessmentPipeline
    result = assess(str(path))
    [(_, heard)] = OpenAIWhisper(whisper_checkpoint, **FAST).transcribe(
        [("other name", assess.preprocess(path).samples)]
    )
    assert result["transcript"] == heard["text"].strip() != ""
    assert result["refusal"] is None
    [[plain, *_]] = pipeline("text-classification", model=classifier, top_k=None)([result["transcript"]])
    assert result["level"] == plain["label"]
    assert list(result["scores"]) == ["low", "mid", "high"]
    assert result["scores"][plain["label"]] == pytest.approx(plain["score"], abs=1e-5)
    assert result["expected_score"] == pytest.approx(1 + result["scores"]["mid"] + 2 * result["scores"]["high"])
    assert result["duration_s"] == pytest.approx(12, abs=0.01)
    assert 0.5 <= result["speech_s"] <= 12


def test_a_batch_gives_what_each_gives_alone(assess):
    sounds = [as_wav(noise(seconds, seed)) for seed, seconds in enumerate([9.0, 3.0, 6.0])]
    together = assess(sounds, batch_size=2)
    for sound, result in zip(sounds, together, strict=True):
        alone = assess(sound)
        assert alone["transcript"] == result["transcript"]
        assert alone["scores"] == pytest.approx(result["scores"], abs=1e-5)


# ---- What goes in


def test_a_file_its_bytes_and_its_samples_give_the_same(assess_with, tmp_path):
    samples, path = noise(8), tmp_path / "answer.wav"
    path.write_bytes(as_wav(samples))
    arrays = {"raw": samples}, {"raw": torch.from_numpy(samples)}, {"path": None, "array": samples.tolist()}
    sounds = [str(path), path, as_wav(samples), *({**array, "sampling_rate": 16_000} for array in arrays)]
    results = assess_with(StandIn(segment(SPEECH, 0, 8)))(sounds)
    assert all(result == results[0] for result in results)
    assert results[0]["level"] in ("low", "mid", "high")


def test_results_come_in_the_order_of_the_recordings(assess_with):
    sounds = [as_wav(noise(seconds)) for seconds in (6.0, 9.0, 7.0, 9.0)]
    sounds.insert(2, as_wav(np.zeros(16_000, "float32")))
    results = assess_with(StandIn(segment(SPEECH, 0, 8)))(sounds, batch_size=2)
    assert [result["duration_s"] for result in results] == [6.0, 9.0, 1.0, 7.0, 9.0]
    assert [result["refusal"] is None for result in results] == [True, True, False, True, True]


def test_a_generator_and_a_dataset_give_an_iterator(assess_with):
    assess = assess_with(StandIn(segment(SPEECH, 0, 8)))
    rows = [{"audio": as_wav(noise(s))} for s in (6, 7)]
    for sounds in (row["audio"] for row in rows), KeyDataset(rows, "audio"):
        assert [result["duration_s"] for result in assess(sounds)] == [6, 7]
    assert assess([]) == []


@pytest.mark.parametrize(
    ("sound", "error", "message"),
    [
        ("gone.wav", FileNotFoundError, r"gone\.wav does not exist"),
        (np.zeros(16_000), TypeError, r"takes a path, bytes, or \{'raw': samples, 'sampling_rate': Hz\}.* not ndarray"),
        ({"raw": np.zeros(9)}, ValueError, "a dictionary with 'raw' is no sound: it needs .* 'sampling_rate' in Hz"),
        ({"sampling_rate": 8_000}, ValueError, "a dictionary with 'sampling_rate' is no sound"),
    ],
)
def test_what_is_no_recording_is_named(assess_with, sound, error, message):
    with pytest.raises(error, match=message):
        assess_with(StandIn())(sound)


# ---- Several recordings of one person


def sounds_of(*seconds):
    return [as_wav(noise(s)) for s in seconds]


def test_a_persons_recordings_give_one_level_of_the_pooled_answers(assess_with):
    assess = assess_with(StandIn(segment(SPEECH, 0, 8)))
    sounds = sounds_of(8, 9, 11)
    person = assess({"recordings": sounds})
    assert list(person) == ["level", "scores", "expected_score", "num_answers", "answers", "refusal"]
    assert person["answers"] == assess(sounds)
    assert (person["num_answers"], person["refusal"]) == (3, None)
    log_p = np.mean([np.log([*answer["scores"].values()]) for answer in person["answers"]], axis=0)
    p = np.exp(log_p) / np.exp(log_p).sum()
    assert [*person["scores"].values()] == pytest.approx(p, abs=1e-6)
    assert person["level"] == ["low", "mid", "high"][p.argmax()]
    assert person["expected_score"] == pytest.approx(1 + p[1] + 2 * p[2], abs=1e-6)


def test_a_decision_for_whole_persons_is_not_that_of_an_answer(assess_with):
    assess = assess_with(StandIn(segment(SPEECH, 0, 8)))
    answer = assess(sounds_of(8)[0])
    last = min(answer["scores"], key=answer["scores"].get)
    assess.model.config.group_decision = {"shift": [100.0 * (name == last) for name in answer["scores"]]}
    person = assess({"recordings": sounds_of(8)})
    assert person["level"] == last
    assert person["answers"] == [answer]


def test_persons_and_single_recordings_mix_in_lists_and_streams_and_share_whispers_rows(assess_with):
    one, two, three, four, five = sounds_of(6, 7, 8, 9, 10)
    inputs = [{"recordings": [one, two]}, three, {"recordings": (four,)}, {"recordings": [five, one, two]}]
    backend = StandIn(segment(SPEECH, 0, 6))
    assess = assess_with(backend)
    results = assess(inputs, batch_size=2)
    assert backend.heard == [6, 7, 8, 9, 10, 6, 7]  # in one call
    assert [len(result.get("answers", "")) for result in results] == [2, 0, 1, 3]
    assert [answer["duration_s"] for answer in results[3]["answers"]] == [10, 6, 7]
    assert results[1]["duration_s"] == 8
    assert [*assess((given for given in inputs), batch_size=2)] == results
    assert [assess(given)["scores"] for given in inputs] == [pytest.approx(r["scores"], abs=1e-5) for r in results]


def test_one_bad_recording_does_not_spoil_the_person(assess_with):
    assess = assess_with(StandIn(segment(SPEECH, 0, 8)))
    [good] = sounds_of(8)
    person = assess({"recordings": [b"no sound", good, as_wav(np.zeros(16_000, "float32"))]})
    assert (person["num_answers"], person["refusal"]) == (1, None)
    assert [(answer["refusal"] or {}).get("reason") for answer in person["answers"]] == ["unreadable", None, "silence"]
    assert person["scores"] == pytest.approx(assess(good)["scores"])


def test_answers_too_short_by_themselves_are_judged_together_where_a_person_gave_no_longer_one(assess_with):
    assess = assess_with(StandIn(segment(SPEECH, 0, 2)))
    two, three = assess({"recordings": sounds_of(2, 2.5)}), assess({"recordings": sounds_of(2, 2.5, 3)})
    assert (two["level"], two["num_answers"], two["refusal"]["reason"]) == (None, 0, "too_short")  # 4 s together
    assert (three["num_answers"], three["refusal"]) == (3, None)
    assert [answer["refusal"]["reason"] for answer in three["answers"]] == ["too_short"] * 3
    assert three["scores"] == pytest.approx(assess(sounds_of(3), min_speech_s=1)[0]["scores"])  # all say the same
    assert assess({"recordings": sounds_of(2, 2.5)}, min_speech_s=3)["num_answers"] == 2


def test_a_person_of_whom_nothing_can_be_judged_is_refused_with_every_reason(assess_with):
    silence = as_wav(np.zeros(16_000, "float32"))
    person = assess_with(StandIn())({"recordings": [silence, silence, b"no sound"]})
    assert person["level"] is person["scores"] is person["expected_score"] is None
    assert person["num_answers"] == 0
    assert person["refusal"]["reason"] == "silence"
    assert person["refusal"]["message"].count("No speech was heard") == 1
    assert "cannot be read" in person["refusal"]["message"]


@pytest.mark.parametrize("recordings", [[], "answer.wav", None])
def test_a_person_without_a_list_of_recordings_is_named(assess_with, recordings):
    with pytest.raises(ValueError, match="'recordings' of one person must be a list of one or more, not "):
        assess_with(StandIn())([{"recordings": recordings}])


# ---- When there is no level


def test_silence_is_refused_without_asking_whisper(assess_with):
    backend = StandIn(segment(SPEECH, 0, 8))
    result = assess_with(backend)(as_wav(np.zeros(160_000, "float32")))
    assert result["refusal"] == {"reason": "silence", "message": "No speech was heard in the recording."}
    assert result["level"] is result["scores"] is result["expected_score"] is None
    assert (result["transcript"], result["duration_s"], backend.heard) == ("", 10, [])


@pytest.mark.parametrize(
    ("segments", "options", "refusal"),
    [
        ([], {}, ("silence", "No speech was heard")),
        ([segment(" Thank you.", 0, 20, no_speech_prob=0.9, avg_logprob=-1.4)], {}, ("silence", "No speech was heard")),
        ([segment(SPEECH, 2.0, 6.2)], {}, ("too_short", "Only 4.2 s of speech was heard; a level takes at least 5 s.")),
        ([segment(SPEECH, 2.0, 6.2)], {"min_speech_s": 4}, None),
        (
            [segment(SPEECH, 0, 15)],
            {"expected_language": "ja"},
            ("other_language", "English; the model knows Japanese"),
        ),
        ([segment(SPEECH, 0, 15)], {"expected_language": None}, None),
    ],
)
def test_no_level_is_given_without_enough_speech_in_the_language(assess_with, segments, options, refusal):
    result = assess_with(StandIn(*segments))(as_wav(noise(20)), **options)
    assert (result["level"] is None) == (refusal is not None)
    if refusal:
        assert result["refusal"]["reason"] == refusal[0]
        assert refusal[1] in result["refusal"]["message"]


def test_a_damaged_file_stops_no_other(assess_with):
    bad, good = assess_with(StandIn(segment(SPEECH, 0, 8)))([b"RIFF, but no sound", as_wav(noise(8))])
    assert bad["refusal"]["reason"] == "unreadable"
    assert "not a sound" in bad["refusal"]["message"]
    assert good["level"] is not None


def test_a_sound_that_whisper_fails_on_stops_no_other(assess_with):
    class Failing(StandIn):
        def transcribe(self, files):
            for name, result in super().transcribe(files):
                yield name, RuntimeError("nan logits") if name == "0" else result

    bad, good = assess_with(Failing(segment(SPEECH, 0, 8)))([as_wav(noise(8)), as_wav(noise(9))])
    message = "The recording cannot be read: Whisper fails on it (RuntimeError: nan logits)."
    assert (bad["level"], bad["refusal"]) == (None, {"reason": "unreadable", "message": message})
    assert good["level"] is not None


@pytest.mark.parametrize(("text", "warnings"), [(" you know" * 30, ["repetition"]), (SPEECH, [])])
def test_a_suspicious_transcript_is_judged_with_a_warning(assess_with, text, warnings):
    result = assess_with(StandIn(segment(text, 0, 18)))(as_wav(noise(20)))
    assert result["level"] is not None
    assert result["warnings"] == warnings


# ---- Set-up


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"whisper_model": "large-v9"}, ValueError, "Whisper model 'large-v9' is unknown"),
        ({"min_speech": 3}, TypeError, "min_speech: unknown to speaking-assessment. Choose from: expected_language,"),
        ({"expected_language": "English"}, ValueError, "'English' is no language code of Whisper's"),
        ({"backend": "whisper"}, ValueError, "backend='whisper' is unknown"),
    ],
)
def test_options_that_cannot_be_used_are_named(classifier, options, error, message):
    with pytest.raises(error, match=message):
        pipeline("speaking-assessment", model=classifier, **options)


def test_a_saved_pipeline_is_a_plain_model_folder(assess_with, tmp_path):
    assess_with(StandIn()).save_pretrained(tmp_path)
    assert "custom_pipelines" not in json.loads((tmp_path / "config.json").read_text())
    assert not [*tmp_path.glob("*.py")]


@pytest.mark.slow
def test_the_task_is_known_where_this_file_is_the_first_to_be_imported():
    code = "import blv_trainer.pipelines, transformers.pipelines as p; print(p.check_task('speaking-assessment')[1])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert "blv_trainer.pipelines.SpeakingAssessmentPipeline" in done.stdout, done.stderr


# ---- On the command line


def test_predict_gives_levels_and_refusals_of_recordings(classifier, tmp_path, capsys, monkeypatch):
    asked = []

    def build_backend(name, model, **options):
        asked.append((name, model))
        return StandIn(segment(SPEECH, 0, 8))

    monkeypatch.setattr("blv_trainer.pipelines.build_backend", build_backend)
    spoken, silent = tmp_path / "spoken.wav", tmp_path / "silent.wav"
    spoken.write_bytes(as_wav(noise(8)))
    silent.write_bytes(as_wav(np.zeros(16_000, "float32")))
    words = ["predict", classifier, "--audio", str(spoken), str(silent), "--whisper_model", "tiny"]
    assert main([*words, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert asked == [("openai-whisper", "tiny")]
    assert [row["file"] for row in rows] == [str(spoken), str(silent)]
    assert [row["refusal_reason"] for row in rows] == [None, "silence"]
    assert rows[0]["level"] in ("low", "mid", "high")
    assert rows[1]["level"] is rows[1]["p_low"] is None
    assert sum(rows[0][f"p_{level}"] for level in ("low", "mid", "high")) == pytest.approx(1)
    assert main([*words, "--format", "tsv"]) == 0
    table = [*csv.DictReader(io.StringIO(capsys.readouterr().out), dialect="excel-tab")]
    assert [row["level"] for row in table] == [rows[0]["level"], ""]
    assert main(words) == 0
    assert "No speech was heard" in capsys.readouterr().out
    assert main(["predict", classifier, "--audio", "gone.wav"]) == 2
    assert "no such recording: gone.wav" in capsys.readouterr().err


def test_a_language_that_whisper_doubts_may_be_given_as_known(classifier, tmp_path, capsys, monkeypatch):
    class Hears(StandIn):
        def __init__(self, *, language, **_):
            super().__init__(segment(SPEECH, 0, 8))
            self.result["language"] = language or "zh"  # what it takes a strong accent for

    monkeypatch.setattr("blv_trainer.pipelines.build_backend", lambda *_, **options: Hears(**options))
    path = tmp_path / "a.wav"
    path.write_bytes(as_wav(noise(8)))
    words = ["predict", classifier, "--format", "json", "--audio", str(path)]
    for more, language, refusal in ([], "zh", "other_language"), (["--language", "de"], "de", None):
        assert main([*words, *more]) == 0
        printed = capsys.readouterr()
        [row] = json.loads(printed.out)
        assert (row["language"], row["refusal_reason"]) == (language, refusal)
        assert ("1 of 1 recordings sound like another language" in printed.err) == (refusal is not None)
        assert "warnings" not in row or ("other_language" in row["warnings"]) == (refusal is not None)


def test_predict_ends_with_the_row_of_the_person_where_all_recordings_are_one_speakers(
    classifier, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("blv_trainer.pipelines.build_backend", lambda *_, **__: StandIn(segment(SPEECH, 0, 8)))
    files = []
    for name, sound in {"a": noise(8), "b": noise(9), "silent": np.zeros(16_000, "float32")}.items():
        files.append(str(tmp_path / f"{name}.wav"))
        (tmp_path / f"{name}.wav").write_bytes(as_wav(sound))
    words = ["predict", classifier, "--one_speaker", "--format", "json", "--audio"]
    for given, shown in (files[:2], "all 2"), (files, "2 of 3"), (files[2:], "0 of 1"):
        assert main([*words, *given]) == 0
        rows = json.loads(capsys.readouterr().out)
        assert [row["file"] for row in rows] == [*given, shown]
        assert rows[-1]["duration_s"] == sum(row["duration_s"] for row in rows[:-1])
        assert rows[-1].keys() == rows[0].keys()
        assert (rows[-1]["level"] is None) == (rows[-1]["refusal_reason"] == "silence") == (shown == "0 of 1")
    assert main([*words[:3], "--audio", *files[:2]]) == 0
    assert "all 2" in capsys.readouterr().out.splitlines()[-1]
