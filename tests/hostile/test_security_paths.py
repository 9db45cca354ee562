"""Names in files, configurations and stores lead nowhere outside the folder that they belong to."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blv_trainer.asr.store import TranscriptStore
from blv_trainer.corpora.icnale import read_corpus
from blv_trainer.corpora.synthetic import write_corpus
from blv_trainer.corpora.table import load_table

OUTSIDE = ["../../etc/passwd", "/etc/passwd", "..", "C:\\Windows"]


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "corpus", 5).folder


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "elsewhere" / "secret"
    path.parent.mkdir()
    path.write_text("the password is swordfish " * 10)
    return path


def test_a_text_that_is_a_link_to_another_file_is_not_in_the_corpus(corpus, secret):
    text = next(path for path in sorted(corpus.rglob("SM_*.txt")))
    text.unlink()
    text.symlink_to(secret)
    found = read_corpus(corpus)
    assert not any("swordfish" in (answer.text or "") for answer in found.answers)
    assert [(finding.subject, finding.detail) for finding in found.report.of_kind("unreadable")] == [
        (text.relative_to(corpus).as_posix(), f"link to {secret}, outside the folder")
    ]


@pytest.mark.parametrize("tree", OUTSIDE)
def test_the_tree_of_texts_is_one_of_the_folder(tree, corpus):
    with pytest.raises(ValueError, match="text_tree=.* holds no texts. Choose from"):
        read_corpus(corpus, text_tree=tree)


@pytest.mark.parametrize("id", OUTSIDE)
def test_an_id_in_a_store_is_a_name_and_no_path(id, tmp_path):
    store = TranscriptStore(tmp_path / "store")
    store.append({"id": id, "options_hash": "1f", "audio_fingerprint": "c0", "text": "x", "audio_path": id})
    store.close()
    assert pq.read_table(store.merge("1f"))["id"].to_pylist() == [id]
    files = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert files == {"store"}


def test_paths_in_a_table_are_texts_and_open_nothing(tmp_path, secret):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["x"] * 2, "label": ["a", "b"], "audio": [str(secret), "../secret"]}), path)
    data = load_table(path, validation_fraction=0)
    assert data.dataset["train"]["audio"][:] == [str(secret), "../secret"]
