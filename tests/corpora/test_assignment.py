import pytest

from blv_trainer.corpora.assignment import read_assignment, write_assignment


def test_what_is_written_is_read_back_sorted_by_id(tmp_path):
    write_assignment(tmp_path / "split.tsv", {"b": "test", "a": "train"})
    assert (tmp_path / "split.tsv").read_bytes() == b"id\tsplit\na\ttrain\nb\ttest\n"
    assert read_assignment(tmp_path / "split.tsv") == {"a": "train", "b": "test"}


def test_bom_windows_line_ends_and_other_columns_are_accepted(tmp_path):
    (tmp_path / "split.tsv").write_bytes(b"\xef\xbb\xbfsplit\tid\tlevel\r\ntest\ta\tB2\r\n")
    assert read_assignment(tmp_path / "split.tsv") == {"a": "test"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,split\na,train\n", r"the header must name id and split.*missing: \['id', 'split'\]"),
        ("", "the header must name id and split"),
        ("id\tsplit\na\t\n", "line 2: id and split must both be filled in"),
        ("id\tsplit\na\n", "line 2: id and split must both be filled in"),
        ("id\tsplit\na\ttrain\na\ttest\n", "line 3: a is in 'train' and in 'test'"),
    ],
)
def test_bad_file_gets_a_sentence(tmp_path, content, message):
    (tmp_path / "split.tsv").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_assignment(tmp_path / "split.tsv")


def test_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="Give a TSV with the columns id and split"):
        read_assignment(tmp_path / "none.tsv")
