import csv
import json
import logging
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blv_trainer.corpora.table.sources import SUFFIXES
from blv_trainer.corpora.table.texts import iter_texts, load_texts


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


ROWS = [{"text": f"text {i}\nof two lines" if i % 3 else " ", "id": i} for i in range(1, 12)]


def write_as(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["text", "id"])
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".tsv":
        lines = ["text\tid", *(f"{row['text']}\t{row['id']}".replace("\n", " ") for row in rows)]
        path.write_text("\n".join(lines), encoding="utf-8")
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    else:
        path.write_text(json.dumps(rows), encoding="utf-8")
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rows_at_a_time", [1, 4, 11, 100])
def test_chunks_hold_the_texts_and_row_numbers_of_the_whole_file(tmp_path, suffix, rows_at_a_time):
    path = write_as(tmp_path / f"x{suffix}", ROWS)
    chunks = list(iter_texts(path, rows_at_a_time=rows_at_a_time))
    whole = load_texts(path)
    assert [text for chunk in chunks for text in chunk.dataset["text"]] == whole.dataset["text"][:]
    assert [row for chunk in chunks for row in chunk.rows] == whole.rows
    assert max(len(chunk.rows) for chunk in chunks) <= rows_at_a_time


def test_a_key_that_later_lines_lack_is_an_empty_text(tmp_path):
    path = write(tmp_path / "x.jsonl", '{"text": "a"}\n{"id": 1}\n{"text": "b"}\n')
    assert [chunk.rows for chunk in iter_texts(path, rows_at_a_time=1)] == [[1], [3]]


def test_chunks_without_any_text_give_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"none of the 2 rows can be used: 2 x empty text \(lines 2, 3\)"):
        list(iter_texts(write(tmp_path / "x.csv", "text,id\n,1\n ,2\n"), rows_at_a_time=1))


def test_a_fault_far_into_the_file_comes_after_the_chunks_before_it(tmp_path):
    chunks = iter_texts(write(tmp_path / "x.csv", "text\na\nb\nc,d\n"), rows_at_a_time=2)
    assert next(chunks).rows == [2, 3]
    with pytest.raises(ValueError, match="line 4: 2 fields, but the header names 1 columns"):
        next(chunks)


def test_a_missing_text_column_is_named_with_those_there_are(tmp_path):
    with pytest.raises(ValueError, match="Its columns: 'txt', 'id'. Did you mean 'txt'"):
        next(iter_texts(write(tmp_path / "x.csv", "txt,id\na,1\n")))


def test_no_more_than_a_chunk_is_in_memory(tmp_path):
    line = "a learner's answer of some length, " * 10 + "\n"
    path = write(tmp_path / "x.tsv", "text\n" + line * 30_000)  # 10 MB
    tracemalloc.start()
    arrow_before, arrow_peak = pa.total_allocated_bytes(), 0
    for _ in iter_texts(path, rows_at_a_time=500):
        arrow_peak = max(arrow_peak, pa.total_allocated_bytes() - arrow_before)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak + arrow_peak < path.stat().st_size / 2
