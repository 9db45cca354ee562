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
        ("id\tsplit\na\t../x\n", "line 2: '../x' cannot name a split; use letters, digits and _"),
        (f"id\tsplit\na\t{'x' * 101}\n", "line 2: 'x+' cannot name a split"),
        ("id\tsplit\na\té\n", "line 2: 'é' cannot name a split"),
        (f"id\tsplit\na\t{'x' * 200_000}\n", r"is no TSV in UTF-8 \(field larger than field limit"),
    ],
)
def test_bad_file_gets_a_sentence(tmp_path, content, message):
    (tmp_path / "split.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_assignment(tmp_path / "split.tsv")


def test_another_encoding_gets_a_sentence(tmp_path):
    (tmp_path / "split.tsv").write_bytes("id\tsplit\né\ttest\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"split.tsv is no TSV in UTF-8 \("):
        read_assignment(tmp_path / "split.tsv")


def test_an_id_may_stand_twice_with_one_split_and_ids_and_names_may_hold_what_files_hold(tmp_path):
    write_assignment(tmp_path / "split.tsv", {"Zoë": "train.b", "李": "x" * 100})
    with open(tmp_path / "split.tsv", "a", encoding="utf-8") as file:
        file.write("Zoë\ttrain.b\n")
    assert read_assignment(tmp_path / "split.tsv") == {"Zoë": "train.b", "李": "x" * 100}


def test_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="Give a TSV with the columns id and split"):
        read_assignment(tmp_path / "none.tsv")
