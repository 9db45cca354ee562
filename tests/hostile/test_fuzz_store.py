"""A store of transcripts whose lines were damaged: what can be read is used, the rest is transcribed again."""

import json

import pyarrow.parquet as pq
import pytest
from hypothesis import strategies as st

from blv_trainer.asr.checks import suspicions
from blv_trainer.asr.record import is_complete, make_record, options_hash
from blv_trainer.asr.store import TranscriptStore
from blv_trainer.corpora.icnale.transcripts import read_transcripts

DESCRIPTION = {"backend": "openai-whisper", "model": "tiny"}
HASH = options_hash(DESCRIPTION)
SEGMENT = {"id": 0, "seek": 0, "start": 0.0, "end": 2.5, "text": " I think so.", "tokens": [1, 2], "temperature": 0.0}


def row(id):
    return make_record(
        id,
        {"text": "I think so.", "segments": [SEGMENT], "language": "en"},
        duration_s=2.0,
        audio_path=f"{id}.wav",
        audio_fingerprint="f00d",
        audio_notes=["silent"],
        description=DESCRIPTION,
        versions={"torch": "2"},
    )


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """The lines of a store as they are written, three transcripts and a failure."""
    store = TranscriptStore(tmp_path_factory.mktemp("store"))
    for id in "abc":
        store.append(row(id))
    store.append({"id": "d", "options_hash": HASH, "audio_fingerprint": "f00d", "error": "AudioError: empty"})
    store.close()
    (part,) = (store.folder / "parts").iterdir()
    return part.read_bytes()


def used(folder):
    """Everything that is done with a store after it was opened."""
    store = TranscriptStore(folder)
    rows = store.rows(HASH)
    for id, found in rows.items():
        assert isinstance(id, str)
        assert isinstance(found["audio_fingerprint"], str)
        if is_complete(found):
            suspicions(found)
    path = store.merge(HASH)
    assert pq.read_table(path).num_rows <= len(rows)
    read_transcripts(path)
    return rows


def test_damaged_lines_are_passed_over(fuzz, mutations, valid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    (folder / "parts").mkdir()

    def check(content):
        (folder / "parts" / "000001-0-1.jsonl").write_bytes(content)
        used(folder)

    fuzz(check, st.one_of(mutations(valid), st.binary(max_size=100).map(lambda junk: junk + b"\n" + valid)))


def test_values_of_wrong_types_are_passed_over(fuzz, words, valid, tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    (folder / "parts").mkdir()
    first, *others = valid.splitlines(keepends=True)
    names = sorted(json.loads(first))
    scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), words)
    values = st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2)
    )

    def check(name, value, remove):
        damaged = json.loads(first)
        damaged[name] = value
        if remove:
            del damaged[name]
        lines = [json.dumps(damaged).encode() + b"\n", *others]
        (folder / "parts" / "000001-0-1.jsonl").write_bytes(b"".join(lines))
        assert {"b", "c"} <= used(folder).keys()

    fuzz(check, st.sampled_from(names), values, st.booleans())


@pytest.mark.parametrize(
    "line",
    [
        b'{"id": ["a"], "options_hash": "%s", "audio_fingerprint": "f"}',
        b'{"id": "a", "options_hash": "%s", "audio_fingerprint": "f", "text": 5}',
        b'{"id": "a", "options_hash": "%s", "audio_fingerprint": "f", "text": "\\ud800"}',
        b'{"id": "a", "options_hash": "%s", "text": "x"}',
        b"[" * 100_000,
        b"9" * 5000,
        b"\xff\xfe",
    ],
    ids=lambda line: repr(line[:60]),
)
def test_a_damaged_line_is_counted_and_the_others_are_used(line, valid, tmp_path, caplog):
    (tmp_path / "parts").mkdir()
    line = line.replace(b"%s", HASH.encode()).replace(b"{", b'{"format": 1, ', 1) + b"\n"
    (tmp_path / "parts" / "000001-0-1.jsonl").write_bytes(line + valid)
    assert used(tmp_path).keys() == set("abcd")
    assert "line 1 is damaged; what it held will be transcribed again." in caplog.text
