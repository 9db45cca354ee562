"""Names in files, configurations and stores lead nowhere outside the folder that they belong to."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blv_trainer.asr.store import TranscriptStore
from blv_trainer.cli import main
from blv_trainer.corpora.icnale import read_corpus
from blv_trainer.corpora.synthetic import write_corpus
from blv_trainer.experiments.methods import parse_method
from blv_trainer.experiments.results import read_results
from blv_trainer.experiments.runs import folder_of
from blv_trainer.run_folder import COMPARISON_FILE

OUTSIDE = ["../../etc/passwd", "/etc/passwd", "..", "a/../../../b", "C:\\Windows", "~/secret", "a\\..\\b"]


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


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_split_cannot_be_written_elsewhere(name, corpus, tmp_path, capsys):
    ids = sorted({answer.id for answer in read_corpus(corpus).answers})
    (tmp_path / "split.tsv").write_text("id\tsplit\n" + "".join(f"{id}\t{name}\n" for id in ids))
    out = tmp_path / "deep" / "er" / "out"
    words = ["prepare", "--data_dir", str(corpus), "--output_dir", str(out)]
    assert main([*words, "--split_file", str(tmp_path / "split.tsv")]) == 2
    assert "cannot name a split" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("id", OUTSIDE)
def test_an_id_in_a_store_is_a_name_and_no_path(id, tmp_path):
    store = TranscriptStore(tmp_path / "store")
    store.append({"id": id, "options_hash": "1f", "audio_fingerprint": "c0", "text": "x", "audio_path": id})
    store.close()
    assert pq.read_table(store.merge("1f"))["id"].to_pylist() == [id]
    files = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert files == {"store"}


@pytest.mark.parametrize("spec", ["blv:scope=../../x", "../../x", "blv:sigma=/etc/passwd", "..", "blv:../x=1"])
def test_a_method_names_no_folder_outside(spec):
    with pytest.raises(ValueError, match="method "):
        parse_method(spec)


def test_every_run_lies_in_the_folder_of_the_comparison(tmp_path):
    folder = folder_of(tmp_path, parse_method("blv:sigma=2,scope=element"), 1)
    assert folder.parent.parent.parent == tmp_path


@pytest.mark.parametrize("seed", ["1/../../../../elsewhere", "../x", 1.5, None, True, [1]])
def test_seeds_of_a_comparison_are_numbers(seed, tmp_path):
    facts = {"label_names": ["A", "B"], "class_counts": {"train": [1, 1]}, "seeds": [seed], "methods": ["blv"]}
    (tmp_path / COMPARISON_FILE).write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=f"{COMPARISON_FILE} is damaged"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"seeds": 1}', '{"label_names": 1, "class_counts": {}, "seeds": [], "methods": []}'],
)
def test_a_damaged_comparison_is_refused_with_a_sentence(content, tmp_path, capsys):
    (tmp_path / COMPARISON_FILE).write_text(content)
    assert main(["compare", "--report_only", "--output_dir", str(tmp_path)]) == 2
    assert f"{COMPARISON_FILE} is damaged" in capsys.readouterr().err


def test_paths_in_a_table_are_texts_and_open_nothing(tmp_path, secret):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.table({"text": ["x"] * 2, "label": ["a", "b"], "audio": [str(secret), "../secret"]}), path)
    from blv_trainer.corpora.table import load_table

    data = load_table(path, validation_fraction=0)
    assert data.dataset["train"]["audio"][:] == [str(secret), "../secret"]
