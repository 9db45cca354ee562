"""Transcripts are read, made where they are missing, kept, and compared with the human ones."""

import json

import datasets
import pyarrow
import pyarrow.parquet
import pytest
from planting import write_sounds

import blv_trainer  # noqa: F401  registers the builder
from blv_trainer.asr.word_errors import WordErrors
from blv_trainer.corpora.icnale import IcnaleConfig, whisper_word_errors
from blv_trainer.corpora.icnale.names import Answer, Transcript
from blv_trainer.corpora.icnale.transcripts import read_transcripts
from blv_trainer.corpora.synthetic import write_corpus

pytestmark = pytest.mark.filterwarnings("ignore:.* test speakers also stand in train")

ROWS = [
    {"id": "SM_JPN_PTJ1_001", "text": "I agree.", "duration_s": 59.5, "language": "en"},
    {"id": "SM_JPN_PTJ2_001_B1_1.mp3", "text": "", "duration_s": None, "language": "en"},
]
EXPECTED = {"SM_JPN_PTJ1_001": Transcript("I agree.", 59.5), "SM_JPN_PTJ2_001": Transcript("", None)}


def write(path, rows):
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl"])
def test_both_formats_are_read_ids_may_be_file_names_and_a_row_may_stand_twice(tmp_path, name):
    assert read_transcripts(write(tmp_path / name, ROWS + ROWS)) == EXPECTED


def test_two_transcripts_of_one_answer_get_a_sentence(tmp_path):
    rows = [{"id": "SM_JPN_PTJ1_001", "text": "a"}, {"id": "SM_JPN_PTJ1_001_B1_1", "text": "b"}]
    with pytest.raises(ValueError, match="two different transcripts of SM_JPN_PTJ1_001"):
        read_transcripts(write(tmp_path / "t.jsonl", rows))


@pytest.mark.parametrize("row", [{"id": "a"}, {"text": "a"}, {"id": "a", "text": None}, {"id": 3, "text": "a"}])
def test_rows_without_id_or_text_get_a_sentence(tmp_path, row):
    with pytest.raises(ValueError, match="every row needs an id and a text"):
        read_transcripts(write(tmp_path / "t.jsonl", [row]))


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
    fresh = type("Listener", (Listener,), {"heard": []})
    monkeypatch.setattr("blv_trainer.asr.whisper.OpenAIWhisper", fresh)
    return fresh


@pytest.fixture(autouse=True)
def _quiet():
    datasets.disable_progress_bars()


@pytest.fixture
def corpus(tmp_path):
    corpus = write_corpus(tmp_path / "c", 5, has_audio=True)
    write_sounds(corpus.folder)
    return corpus


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


def test_missing_transcripts_of_wanted_answers_are_made_once_beside_the_corpus(load, corpus, listener):
    assert len(load(topics="PTJ")) == len(listener.heard) == len(corpus.answers) / 2
    rows = load(transcripts="both")
    assert {id_: row["text_human"] for id_, row in rows.items()} == {a.id: a.text for a in corpus.answers}
    stems = {answer.id: path.stem for answer in corpus.answers for path in corpus.folder.rglob(f"{answer.id}_*.wav")}
    assert {id_: row["text"] for id_, row in rows.items()} == {id_: f"heard {stem}" for id_, stem in stems.items()}
    assert {row["duration_s"] for row in rows.values()} == {0.25}
    assert sorted(listener.heard) == sorted(stems.values())
    assert (corpus.folder.parent / "c_whisper" / "transcripts.parquet").is_file()
    listener.heard.clear()
    load()
    load(split_seed=7)
    assert listener.heard == []


def test_a_stopped_run_goes_on_where_it_was(load, corpus, listener, tmp_path):
    listener.stops_after = 3
    with pytest.raises(KeyboardInterrupt):
        load(whisper_transcripts=str(tmp_path / "kept"))
    listener.stops_after = None
    made = load(whisper_transcripts=str(tmp_path / "kept"))
    assert len(listener.heard) == len(set(listener.heard)) == len(corpus.answers)
    assert load(whisper_transcripts=str(tmp_path / "kept"), whisper_model=None) == made


def test_recordings_that_fail_get_a_sentence_unless_they_may_be_missing(load, corpus, listener, caplog):
    stem = next(corpus.folder.rglob("*.wav")).stem
    listener.fails_on = (stem,)
    with pytest.raises(ValueError, match=r"c_whisper lacks 1 of \d+ recordings.*cannot be transcribed; the log says"):
        load()
    assert "RuntimeError: deaf" in caplog.text
    assert len(load(allow_missing=True)) == len(corpus.answers) - 1


def test_word_errors_are_counted_by_level_and_region_where_there_are_both_texts(tmp_path):
    answers = [
        Answer(region, number, "PTJ1", label, text)
        for region, number, label, text in [
            ("JPN", "001", "A2", "I agree with this"),
            ("JPN", "002", "B2", "Smoking is bad"),
            ("THA", "001", "A2", None),
            ("THA", "002", "A2", "not heard"),
        ]
    ]
    heard = ("I agree with it", "smoking is very bad", "something")
    rows = [{"id": answer.id, "text": text} for answer, text in zip(answers, heard, strict=False)]
    path = write(tmp_path / "t.jsonl", rows)
    config = IcnaleConfig(data_dir="c", transcripts="whisper", whisper_transcripts=str(path))
    assert whisper_word_errors(answers, config) == {
        "all": {"all": WordErrors(2, 7, 2)},
        "label": {"A2": WordErrors(1, 4, 1), "B2": WordErrors(1, 3, 1)},
        "region": {"JPN": WordErrors(2, 7, 2)},
    }
    assert whisper_word_errors(answers[2:], config) == {}
