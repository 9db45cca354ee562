import json
import os
import re

import pyarrow.parquet as pq
import pytest

from blv_trainer.asr.record import SCHEMA, make_record, options_hash
from blv_trainer.asr.store import MERGED_FILE, TranscriptStore

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


def parts(folder):
    return sorted((folder / "parts").iterdir())


def test_rows_come_back_as_they_were(tmp_path):
    store = TranscriptStore(tmp_path / "new" / "folder")
    store.append(row("b"))
    store.append(row("a", text="ünï"))
    assert TranscriptStore(store.folder).rows(HASH) == {"b": row("b"), "a": row("a", text="ünï")}


def test_each_writer_has_a_part_of_its_own(tmp_path):
    first, second = TranscriptStore(tmp_path), TranscriptStore(tmp_path, rank=1)
    first.append(row("a"))
    second.append(row("b"))
    first.append(row("c"))
    assert [len(part.read_text().splitlines()) for part in parts(tmp_path)] == [2, 1]
    assert re.fullmatch(rf"\d+-1-{os.getpid()}\.jsonl", parts(tmp_path)[1].name)


def test_the_last_row_of_an_id_counts(tmp_path):
    for text in ("old", "new"):
        store = TranscriptStore(tmp_path)
        store.append(row("a", text=text))
        store.close()
    assert TranscriptStore(tmp_path).rows(HASH)["a"]["text"] == "new"


def test_a_line_cut_at_any_byte_does_not_count_and_hides_nothing(tmp_path):
    store = TranscriptStore(tmp_path)
    store.append(row("a"))
    store.append(row("b"))
    store.close()
    (part,) = parts(tmp_path)
    content = part.read_bytes()
    first = content.index(b"\n") + 1
    for end in range(first, len(content), 7):
        part.write_bytes(content[:end])
        assert TranscriptStore(tmp_path).rows(HASH).keys() == {"a"}


def test_a_new_writer_does_not_continue_a_torn_line(tmp_path):
    store = TranscriptStore(tmp_path)
    store.append(row("a"))
    store.close()
    (part,) = parts(tmp_path)
    part.write_bytes(part.read_bytes()[:-20])
    store = TranscriptStore(tmp_path)
    store.append(row("b"))
    assert store.rows(HASH).keys() == {"b"}


def test_a_damaged_line_is_named_and_the_others_count(tmp_path, caplog):
    store = TranscriptStore(tmp_path)
    for id in "abc":
        store.append(row(id))
    store.close()
    (part,) = parts(tmp_path)
    lines = part.read_bytes().splitlines(keepends=True)
    part.write_bytes(lines[0] + b'{"id": "b", "te\n' + lines[2])
    assert store.rows(HASH).keys() == {"a", "c"}
    assert "line 2 is damaged" in caplog.text


def test_every_row_is_on_disk_before_append_returns(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: (synced.append(os.fstat(descriptor).st_size), fsync(descriptor))
    )
    store = TranscriptStore(tmp_path)
    for id in "ab":
        store.append(row(id))
        assert synced[-1] == parts(tmp_path)[0].stat().st_size


def test_the_merged_file_holds_the_transcripts_of_one_set_of_options_by_id(tmp_path):
    other = {**DESCRIPTION, "language": "de"}
    store = TranscriptStore(tmp_path)
    for written in (row("b"), row("a"), failure("c"), row("d", description=other)):
        store.append(written)
    path = store.merge(HASH)
    assert path == tmp_path / MERGED_FILE
    table = pq.read_table(path)
    assert table.schema.equals(SCHEMA)
    assert table.column("id").to_pylist() == ["a", "b"]
    assert table.slice(0, 1).to_pylist()[0]["segments"][0]["tokens"] == SEGMENT["tokens"]
    assert store.merge(options_hash(other)) == path
    assert pq.read_table(path).column("id").to_pylist() == ["d"]
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


def test_the_merged_file_loads_as_a_dataset_without_this_package(tmp_path):
    from datasets import Dataset

    store = TranscriptStore(tmp_path)
    store.append(row("a"))
    assert Dataset.from_parquet(str(store.merge(HASH)), cache_dir=str(tmp_path / "cache"))[0]["text"] == "I think so."


def test_a_failure_is_kept_and_replaced_by_a_later_transcript(tmp_path):
    store = TranscriptStore(tmp_path)
    store.append(failure())
    assert store.rows(HASH)["a"]["error"] == "AudioError: empty"
    store.append(row("a"))
    assert "error" not in store.rows(HASH)["a"]


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    path = tmp_path / "out"
    path.write_text("")
    with pytest.raises(NotADirectoryError, match="out is a file. Give a folder"):
        TranscriptStore(path)


def test_a_record_sums_up_its_segments():
    segments = [
        {**SEGMENT, "tokens": [1] * 3, "avg_logprob": -0.2, "no_speech_prob": 0.1},
        {**SEGMENT, "tokens": [1] * 1, "avg_logprob": -0.8, "no_speech_prob": 0.4},
    ]
    record = make_record(
        "a",
        {"text": " one two three", "segments": segments, "language": "en"},
        duration_s=1.5,
        audio_path="a.wav",
        audio_fingerprint="f00d",
        audio_notes=("clipped",),
        description=DESCRIPTION,
        versions={},
    )
    assert record.keys() == set(SCHEMA.names)
    assert record["text"] == "one two three"
    assert record["avg_logprob"] == pytest.approx((4 * -0.2 + 2 * -0.8) / 6)
    assert record["no_speech_prob"] == 0.4
    assert record["words_per_second"] == 2.0
    assert record["audio_notes"] == ["clipped"]
    assert json.loads(record["options"]) == DESCRIPTION


def test_what_upstream_does_not_know_is_none_not_nan():
    record = row()
    assert record["segments"][0]["no_speech_prob"] is None
    assert record["no_speech_prob"] is None
    json.dumps(record, allow_nan=False)


def test_equal_options_have_equal_hashes_whatever_their_order():
    assert options_hash({"b": (1, 2), "a": 1}) == options_hash({"a": 1, "b": [1, 2]})
    assert options_hash({"a": 1}) != options_hash({"a": 2})
