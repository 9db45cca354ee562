"""A split that somebody wrote in a table."""

import pytest

from blv_trainer.corpora.icnale.selection import read_assignment


def test_bom_windows_line_ends_other_columns_and_repeated_rows_are_accepted(tmp_path):
    content = "\ufeffsplit\tid\tlevel\r\ntest\t李\tB2\r\ntrain.b\tb\tB2\r\ntest\t李\tB1\r\n"
    (tmp_path / "split.tsv").write_bytes(content.encode())
    assert read_assignment(tmp_path / "split.tsv") == {"李": "test", "b": "train.b"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name\tsplit\na\ttrain\n", r"split.tsv: the header must name id and split; missing: \['id'\]"),
        ("id\tsplit\na\t\n", "line 2: id and split must both be filled in"),
        ("id\tsplit\na\ttrain\na\ttest\n", "line 3: a is in 'train' and in 'test'"),
        ("id\tsplit\na\t../x\n", "line 2: '../x' cannot name a split; use letters, digits and _"),
        (f"id\tsplit\na\t{'x' * 101}\n", "line 2: 'x+' cannot name a split"),
        ("id\tsplit\na\té\n", "line 2: 'é' cannot name a split"),
    ],
)
def test_bad_file_gets_a_sentence(tmp_path, content, message):
    (tmp_path / "split.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_assignment(tmp_path / "split.tsv")
