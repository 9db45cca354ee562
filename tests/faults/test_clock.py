"""A clock that was set back decides nothing: what is newest is told by number, what is stale by content."""

import os
import time

from blv_trainer.asr.store import TranscriptStore

AN_HOUR_AGO = time.time() - 3600


def test_the_later_transcript_of_a_recording_counts(tmp_path, monkeypatch):
    row = {"id": "a", "options_hash": "1f", "audio_fingerprint": "c0"}
    for text, now in (("old", 2_000_000_000.0), ("new", 1_000_000_000.0)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        monkeypatch.setattr(time, "time_ns", lambda now=now: int(now * 1e9))
        store = TranscriptStore(tmp_path)
        store.append({**row, "text": text})
        store.close()
    assert TranscriptStore(tmp_path).rows("1f")["a"]["text"] == "new"


def test_a_part_that_was_named_by_the_time_comes_before_a_new_one(tmp_path):
    row = {"id": "a", "options_hash": "1f", "audio_fingerprint": "c0"}
    store = TranscriptStore(tmp_path)
    store.append({**row, "text": "old"})
    store.close()
    (part,) = (tmp_path / "parts").iterdir()
    part.rename(part.with_name(f"{time.time_ns()}-0-1.jsonl"))
    store.append({**row, "text": "new"})
    assert store.rows("1f")["a"]["text"] == "new"


def test_a_corpus_file_that_became_older_is_read_again(corpus):
    from blv_trainer.corpora.icnale import IcnaleConfig

    ids = []
    text = sorted(corpus.rglob("*.txt"))[0]
    for times in (time.time(), AN_HOUR_AGO):
        os.utime(text, times=(times, times))
        ids.append(IcnaleConfig(name="default", data_dir=str(corpus)).create_config_id({}))
    assert ids[0] != ids[1]
