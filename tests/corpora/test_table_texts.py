import logging

import pytest

from blv_trainer.corpora.table_texts import load_texts


def write(path, content):
    path.write_text(content, encoding="utf-8")
    return path


def test_texts_need_no_labels_and_each_row_keeps_its_line_number(tmp_path):
    path = write(tmp_path / "x.csv", 'id,essay\n1,"one\ntwo"\n2, \n3,four\n')
    data = load_texts(path, text_column="essay")
    assert data.dataset[:] == {"text": ["one\ntwo", "four"], "id": ["1", "3"]}
    assert data.rows == [2, 5]
    assert [(row.split, row.row, row.reason, row.value) for row in data.unusable] == [("", 4, "empty text", " ")]


def test_a_label_column_that_is_not_asked_for_is_a_column_like_any_other(tmp_path):
    data = load_texts(write(tmp_path / "x.tsv", "text\tlabel\na\tB1\nb\t\n"))
    assert data.dataset[:] == {"text": ["a", "b"], "label": ["B1", ""]}


def test_labels_are_read_with_the_names_that_a_model_knows(tmp_path):
    path = write(tmp_path / "x.jsonl", '{"text": "a", "level": 3}\n{"text": "b", "level": 4}\n{"text": "c"}\n')
    data = load_texts(path, label_column="level", label_order=["2", "3"])
    assert data.dataset[:] == {"text": ["a"], "label": [1]}
    assert data.dataset.features["label"].names == ["2", "3"]
    assert [(row.row, row.reason) for row in data.unusable] == [(2, "unknown label"), (3, "missing label")]


def test_one_label_is_enough_to_evaluate(tmp_path):
    path = write(tmp_path / "x.csv", "text,label\na,B1\nb,B1\n")
    assert load_texts(path, label_column="label", label_order=["A2", "B1"]).dataset["label"][:] == [1, 1]


def test_a_column_that_is_left_out_is_noted(tmp_path, caplog):
    path = write(tmp_path / "x.jsonl", '{"text": "a", "words": ["a"]}\n')
    with caplog.at_level(logging.INFO):
        data = load_texts(path)
    assert len(data.notes) == 1
    assert "column 'words' is left out" in data.notes[0]
    assert data.notes[0] in caplog.text


@pytest.mark.parametrize("given", [{"label_column": "label"}, {"label_order": ["A1", "A2"]}])
def test_a_label_column_and_its_names_go_together(tmp_path, given):
    with pytest.raises(ValueError, match="label_column and label_order go together"):
        load_texts(write(tmp_path / "x.csv", "text,label\na,A1\n"), **given)


def test_a_file_of_empty_texts_gives_a_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"none of the 2 rows can be used: 2 x empty text \(lines 2, 3\)"):
        load_texts(write(tmp_path / "x.csv", "text,id\n,1\n ,2\n"))
