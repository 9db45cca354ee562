"""The command line with any words after its verbs, and on folders and files that are broken."""

import pytest
from hypothesis import strategies as st

from blv_trainer.cli import main
from blv_trainer.corpora.synthetic import write_corpus

TRACES = ("Traceback", "ArrowInvalid", "KeyError", "IndexError", "AssertionError")


@pytest.fixture
def ends_well(capfd):
    """Runs a command: it ends with 0, 1 or 2, and where it was refused with a sentence on stderr."""

    def run(words):
        code = main(words)
        said = capfd.readouterr().err
        assert code in (0, 1, 2)
        assert not any(trace in said for trace in TRACES)
        if code:
            assert said.strip()
            assert "blv-trainer" in said

    return run


def flags(names, value):
    pair = st.tuples(st.sampled_from(names), value).map(list)
    return st.lists(pair, max_size=4).map(lambda pairs: [word for pair in pairs for word in pair])


def test_any_words_after_list_and_no_verb(fuzz, ends_well, words):
    printable = words.map(lambda text: text.replace("\0", ""))

    def check(verb, rest):
        ends_well([*verb, *rest])

    fuzz(check, st.sampled_from([["list"], [], ["no_such_verb"]]), st.lists(printable, max_size=3))


def test_any_words_after_evaluate_and_predict(fuzz, ends_well, words, tmp_path):
    (tmp_path / "broken.csv").write_text("text,label\n\x00")
    places = st.sampled_from([str(tmp_path), str(tmp_path / "broken.csv"), str(tmp_path / "none.csv"), "/dev/null", ""])
    value = st.one_of(places, words.map(lambda text: text.replace("\0", "")), st.integers().map(str))
    names = ["--test_file", "--input_file", "--text", "--batch_size", "--max_length", "--encoding", "--quoting"]
    names += ["--output_dir", "--label_column", "--format", "--config", "--trust_remote_code", "--no_such_flag"]

    def check(verb, model, rest):
        ends_well([verb, model, *rest])

    fuzz(check, st.sampled_from(["evaluate", "predict"]), places, flags(names, value))


def test_any_words_after_prepare(fuzz, ends_well, words, tmp_path):
    folder = write_corpus(tmp_path / "corpus", 5).folder
    (tmp_path / "file").write_bytes(b"\xff\x00")
    places = st.sampled_from([str(folder), str(tmp_path), str(tmp_path / "file"), "/dev/null", ""])
    value = st.one_of(places, words.map(lambda text: text.replace("\0", "")), st.integers(-2, 9).map(str))
    names = ["--audio_dir", "--text_tree", "--background", "--transcripts", "--whisper_transcripts", "--level_from"]
    names += ["--levels", "--regions", "--topics", "--split_by", "--folds", "--split_file", "--durations"]

    def check(rest):
        ends_well(["prepare", "--data_dir", str(folder), *rest])

    fuzz(check, flags(names, value), slower=5)


def test_prepare_on_a_broken_corpus(fuzz, ends_well, mutations, tmp_path_factory, monkeypatch):
    """What can be read is written, or the command says why not."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
    valid = b"\xef\xbb\xbfI like tea very much because it is good for me.\n"

    def check(contents, junk):
        root = tmp_path_factory.mktemp("root")
        folder = write_corpus(root / "corpus", 12).folder
        texts = sorted(folder.rglob("*.txt"))
        for content, path in zip(contents, texts, strict=False):
            path.write_bytes(content)
        (folder / "sheet.xlsx").write_bytes(junk)
        (folder / "split.tsv").write_bytes(b"id\tsplit\n" + junk)
        base = ["prepare", "--data_dir", str(folder)]
        ends_well([*base, "--output_dir", str(root / "out")])
        ends_well([*base, "--output_dir", str(root / "two"), "--background", str(folder / "sheet.xlsx")])
        ends_well([*base, "--output_dir", str(root / "three"), "--split_file", str(folder / "split.tsv")])

    contents = st.lists(st.one_of(mutations(valid), st.binary(max_size=50)), max_size=6)
    fuzz(check, contents, st.one_of(st.binary(max_size=50), mutations(valid)), slower=300)
