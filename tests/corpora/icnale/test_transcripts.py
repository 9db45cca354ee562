import json

import pyarrow
import pyarrow.parquet
import pytest

from blv_trainer.corpora.icnale.transcripts import Transcript, read_transcripts

ROWS = [
    {"id": "SM_JPN_PTJ1_001", "text": "I agree.", "duration": 59.5, "language": "en"},
    {"id": "SM_JPN_PTJ2_001_B1_1.mp3", "text": "", "duration": None, "language": "en"},
]
EXPECTED = {"SM_JPN_PTJ1_001": Transcript("I agree.", 59.5), "SM_JPN_PTJ2_001": Transcript("", None)}


def write(path, rows):
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n")
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl"])
def test_both_formats_are_read_and_ids_may_be_file_names(tmp_path, name):
    assert read_transcripts(write(tmp_path / name, ROWS)) == EXPECTED


def test_column_of_seconds_may_be_called_duration_s(tmp_path):
    path = write(tmp_path / "t.jsonl", [{"id": "a", "text": "b", "duration_s": 3}])
    assert read_transcripts(path)["a"].duration_s == 3


def test_same_transcript_twice_is_no_conflict(tmp_path):
    assert len(read_transcripts(write(tmp_path / "t.jsonl", ROWS + ROWS))) == 2


def test_two_transcripts_of_one_answer_get_a_sentence(tmp_path):
    rows = [{"id": "SM_JPN_PTJ1_001", "text": "a"}, {"id": "SM_JPN_PTJ1_001_B1_1", "text": "b"}]
    with pytest.raises(ValueError, match="two different transcripts of SM_JPN_PTJ1_001"):
        read_transcripts(write(tmp_path / "t.jsonl", rows))


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl"])
@pytest.mark.parametrize("row", [{"id": "a"}, {"text": "a"}, {"id": "a", "text": None}, {"id": 3, "text": "a"}])
def test_rows_without_id_or_text_get_a_sentence(tmp_path, name, row):
    with pytest.raises(ValueError, match="every row needs an id and a text"):
        read_transcripts(write(tmp_path / name, [row]))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.jsonl", "{", "line 1: not JSON"),
        ("t.jsonl", "[1]", "line 1: every line must be a JSON object"),
        ("t.parquet", "text", "cannot be read as Parquet"),
        ("t.csv", "id,text", r"transcripts are read from .parquet and .jsonl files"),
    ],
)
def test_unreadable_files_get_a_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        read_transcripts(tmp_path / name)


def test_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file of transcripts .* with the columns id and text"):
        read_transcripts(tmp_path / "none.parquet")
