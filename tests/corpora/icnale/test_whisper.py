"""Transcripts that are missing are made, kept, and compared with the human ones."""

import sys
import types

import datasets
import pytest
import soundfile

import blv_trainer  # noqa: F401  registers the builder
from blv_trainer.asr.word_errors import WordErrors
from blv_trainer.corpora.icnale.answer import Answer
from blv_trainer.corpora.icnale.config import IcnaleConfig
from blv_trainer.corpora.icnale.transcripts import Transcript
from blv_trainer.corpora.icnale.whisper import transcript_errors
from blv_trainer.corpora.synthetic import write_corpus


class Listener:
    """A backend that says which recording it heard."""

    heard: list
    stops_after = None
    fails_on = ()

    def __init__(self, model, *, language):
        self.model, self.language = model, language

    def describe(self):
        return {"backend": "listener", "model": self.model, "language": self.language}

    def transcribe(self, files):
        for name, _ in files:
            if self.stops_after is not None and len(self.heard) == self.stops_after:
                raise KeyboardInterrupt
            self.heard.append(name)
            outcome = {"text": f" heard {name}", "segments": [], "language": "en"}
            yield name, RuntimeError("deaf") if name in self.fails_on else outcome


@pytest.fixture
def listener(monkeypatch):
    module = types.ModuleType("listener")
    module.Listener = type("Listener", (Listener,), {"heard": []})
    monkeypatch.setitem(sys.modules, "listener", module)
    monkeypatch.setitem(sys.modules["blv_trainer.asr.backends"].BACKENDS, "openai-whisper", "listener:Listener")
    return module.Listener


@pytest.fixture(autouse=True)
def _backends():
    import blv_trainer.asr.backends  # noqa: F401  so that its table can be patched

    datasets.disable_progress_bars()


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "c", 5, layout="flat", audio="wav", duration_s=0.25)


@pytest.fixture
def load(corpus, tmp_path):
    def load(**options):
        options = {"transcripts": "whisper", "whisper_model": "tiny", "split_by": "sample", **options}
        options = {name: value for name, value in options.items() if value is not None}
        splits = datasets.load_dataset(
            "icnale_asa", data_dir=str(corpus.folder), cache_dir=str(tmp_path / "cache"), **options
        )
        return {row["id"]: row for split in splits.values() for row in split}

    return load


pytestmark = pytest.mark.filterwarnings("ignore:.* test speakers also stand in train")


def test_missing_transcripts_are_made_once_beside_the_corpus(load, corpus, listener):
    rows = load()
    stems = {answer.id: path.stem for answer in corpus.answers for path in corpus.folder.glob(f"{answer.id}_*.wav")}
    assert {id_: row["text"] for id_, row in rows.items()} == {id_: f"heard {stem}" for id_, stem in stems.items()}
    assert {row["duration_s"] for row in rows.values()} == {0.25}
    assert sorted(listener.heard) == sorted(stems.values())
    assert (corpus.folder.parent / "c_whisper" / "transcripts.parquet").is_file()
    listener.heard.clear()
    load()
    load(split_seed=7)
    assert listener.heard == []


def test_a_changed_recording_or_model_is_transcribed_again(load, corpus, listener):
    load()
    listener.heard.clear()
    path = next(corpus.folder.glob("*.wav"))
    soundfile.write(path, [0.1] * 8_000, 16_000)
    assert load()[path.stem.rsplit("_", 2)[0]]["duration_s"] == 0.5
    assert listener.heard == [path.stem]
    load(whisper_model="base")
    assert len(listener.heard) == 1 + len(corpus.answers)


def test_a_stopped_run_goes_on_where_it_was(load, corpus, listener, tmp_path):
    listener.stops_after = 3
    with pytest.raises(KeyboardInterrupt):
        load(whisper_transcripts=str(tmp_path / "kept"))
    listener.stops_after = None
    load(whisper_transcripts=str(tmp_path / "kept"))
    assert len(listener.heard) == len(set(listener.heard)) == len(corpus.answers)


def test_a_folder_of_transcripts_is_read_without_a_model(load, listener, tmp_path):
    made = load(whisper_transcripts=str(tmp_path / "kept"))
    read = load(whisper_transcripts=str(tmp_path / "kept"), whisper_model=None)
    assert read == made


def test_only_answers_that_are_wanted_are_transcribed(load, listener):
    rows = load(topics="PTJ")
    assert len(listener.heard) == len(rows) > 0
    assert all("_PTJ" in name for name in listener.heard)


def test_recordings_that_fail_get_a_sentence_unless_they_may_be_missing(load, corpus, listener, caplog):
    stem = next(corpus.folder.glob("*.wav")).stem
    listener.fails_on = (stem,)
    with pytest.raises(ValueError, match=r"c_whisper lacks 1 of \d+ recordings.*cannot be transcribed; the log says"):
        load()
    assert "RuntimeError: deaf" in caplog.text
    assert len(load(allow_missing=True)) == len(corpus.answers) - 1


def test_both_has_the_human_texts_beside(load, corpus, listener):
    rows = load(transcripts="both")
    assert {id_: row["text_human"] for id_, row in rows.items()} == {a.id: a.text for a in corpus.answers}
    assert all(row["text"].startswith("heard SM_") for row in rows.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transcripts": "human", "whisper_model": "tiny"}, "whisper_model='tiny' has nothing to do with"),
        (
            {"transcripts": "both", "whisper_model": "tiny", "whisper_transcripts": "w.parquet"},
            "whisper_transcripts='w.parquet' is a finished file",
        ),
        ({"transcripts": "whisper"}, "Or whisper_model=NAME, which transcribes"),
    ],
)
def test_options_that_do_not_go_together_get_a_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        IcnaleConfig(data_dir="c", **options)


def test_word_errors_are_counted_by_level_and_region_where_there_are_both_texts():
    def answer(region, number, label, text):
        return Answer(
            id=f"SM_{region}_PTJ1_{number}",
            text=text,
            label=label,
            region=region,
            speaker=f"{region}_{number}",
            task="PTJ1",
            topic="PTJ",
            trial=1,
        )

    answers = [
        answer("JPN", "001", "A2", "I agree with this"),
        answer("JPN", "002", "B2", "Smoking is bad"),
        answer("THA", "001", "A2", None),
        answer("THA", "002", "A2", "not heard"),
    ]
    heard = ("I agree with it", "smoking is very bad", "something")
    transcripts = {a.id: Transcript(text) for a, text in zip(answers, heard, strict=False)}
    table = transcript_errors(answers, transcripts)
    assert table == {
        "all": {"all": WordErrors(2, 7, 2)},
        "label": {"A2": WordErrors(1, 4, 1), "B2": WordErrors(1, 3, 1)},
        "region": {"JPN": WordErrors(2, 7, 2)},
    }
    assert transcript_errors(answers, {}) == {}
