import json
import os

import pyarrow.parquet as pq
import pytest

from blv_trainer.asr.store import MERGED_FILE, SCHEMA, TranscriptStore, make_record, options_hash

DESCRIPTION = {"backend": "openai-whisper", "model": "tiny", "language": "en"}
HASH = options_hash(DESCRIPTION)
SEGMENT = {
    "id": 0,
    "seek": 0,
    "start": 0.0,
    "end": 2.5,
    "text": " I think so.",
    "tokens": [50364, 286, 519, 370, 13, 50489],
    "temperature": 0.0,
    "avg_logprob": -0.25,
    "compression_ratio": 0.6,
    "no_speech_prob": float("nan"),
}


def row(id="a", text=" I think so.", description=DESCRIPTION):
    return make_record(
        id,
        {"text": text, "segments": [SEGMENT], "language": "en"},
        duration_s=2.0,
        audio_path=f"{id}.wav",
        audio_fingerprint="f00d",
        description=description,
        versions={"torch": "2"},
    )


def failure(id="a"):
    return {"id": id, "options_hash": HASH, "audio_fingerprint": "f00d", "error": "AudioError: empty"}


def write(folder, *rows, **options):
    """Appends rows in one part; its path."""
    before = {*folder.glob("parts/*")}
    store = TranscriptStore(folder, **options)
    for row in rows:
        store.append(row)
    store.close()
    (part,) = {*folder.glob("parts/*")} - before
    return part


def test_rows_come_back_as_they_were(tmp_path):
    write(tmp_path / "new" / "folder", row("b"), row("a", text="ünï"))
    assert TranscriptStore(tmp_path / "new" / "folder").rows(HASH) == {"b": row("b"), "a": row("a", text="ünï")}


def test_the_last_row_of_an_id_counts(tmp_path):
    write(tmp_path, row("a", text="old"))
    assert write(tmp_path, row("a", text="new"), rank=1).name == f"000002-1-{os.getpid()}.jsonl"
    assert TranscriptStore(tmp_path).rows(HASH)["a"]["text"] == "new"


def test_a_line_cut_at_any_byte_does_not_count_and_hides_nothing(tmp_path):
    part = write(tmp_path, row("a"), row("b"))
    content = part.read_bytes()
    first = content.index(b"\n") + 1
    for end in range(first, len(content), 7):
        part.write_bytes(content[:end])
        assert TranscriptStore(tmp_path).rows(HASH).keys() == {"a"}
    write(tmp_path, row("c"))  # does not go on with the torn line
    assert TranscriptStore(tmp_path).rows(HASH).keys() == {"a", "c"}


@pytest.mark.parametrize("damaged", ['{"id": "b", "te', ""])
def test_a_damaged_line_is_named_and_the_others_count(tmp_path, caplog, damaged):
    part = write(tmp_path, *map(row, "abc"))
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(lines[0] + damaged.encode() + b"\n" + lines[2])
    assert TranscriptStore(tmp_path).rows(HASH).keys() == {"a", "c"}
    assert "line 2 is damaged; what it held will be transcribed again" in caplog.text


def test_a_single_bit_that_flips_anywhere_is_found_and_hides_no_other_row(tmp_path):
    part = write(tmp_path, *map(row, "abc"))
    content = part.read_bytes()
    first, second = content.index(b"\n") + 1, content.index(b"\n", content.index(b"\n") + 1)
    for place in range(first, second):
        for bit in range(0, 8, 3):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            part.write_bytes(flipped)
            rows = TranscriptStore(tmp_path).rows(HASH)
            assert rows.keys() == {"a", "c"}
            assert (rows["a"], rows["c"]) == (row("a"), row("c"))


def test_rows_from_before_there_were_checksums_count(tmp_path):
    part = write(tmp_path, row("a"))
    part.write_text(json.dumps({"format": 1, **row("a")}) + "\n")
    assert TranscriptStore(tmp_path).rows(HASH) == {"a": row("a")}


def test_every_row_is_on_disk_before_append_returns(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_size), fsync(file)))
    store = TranscriptStore(tmp_path)
    for id in "ab":
        store.append(row(id))
        assert [synced[-1]] == [part.stat().st_size for part in tmp_path.glob("parts/*")]


def test_the_merged_file_holds_the_transcripts_of_one_set_of_options_by_id(tmp_path):
    other, store = {**DESCRIPTION, "language": "de"}, TranscriptStore(tmp_path)
    write(tmp_path, row("b"), row("a"), failure("c"), row("d", description=other))
    path = store.merge(HASH)
    assert path == tmp_path / MERGED_FILE
    table = pq.read_table(path)
    assert table.schema.equals(SCHEMA)
    assert table.column("id").to_pylist() == ["a", "b"]
    assert table.slice(0, 1).to_pylist()[0]["segments"][0]["tokens"] == SEGMENT["tokens"]
    assert store.merge(options_hash(other)) == path
    assert pq.read_table(path).column("id").to_pylist() == ["d"]


def test_the_merged_file_loads_as_a_dataset_without_this_package(tmp_path):
    from datasets import Dataset

    write(tmp_path, row("a"))
    path = str(TranscriptStore(tmp_path).merge(HASH))
    assert Dataset.from_parquet(path, cache_dir=str(tmp_path / "cache"))[0]["text"] == "I think so."


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    path = tmp_path / "out"
    path.write_text("")
    with pytest.raises(NotADirectoryError, match="out is a file. Give a folder"):
        TranscriptStore(path)


def test_a_record_has_the_columns_of_the_store_and_none_where_a_number_is_unknown():
    record = row(text=" I think so.")
    assert record.keys() == set(SCHEMA.names)
    assert (record["text"], record["words_per_second"]) == ("I think so.", 1.5)
    assert record["avg_logprob"] == SEGMENT["avg_logprob"]
    assert json.loads(record["options"]) == DESCRIPTION
    assert record["no_speech_prob"] is record["segments"][0]["no_speech_prob"] is None


def test_equal_options_have_equal_hashes_whatever_their_order():
    assert options_hash({"b": (1, 2), "a": 1}) == options_hash({"a": 1, "b": [1, 2]})
    assert options_hash({"a": 1}) != options_hash({"a": 2})
