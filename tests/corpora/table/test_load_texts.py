import gzip
import json
import logging
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from blv_trainer.corpora import iter_texts, load_texts
from blv_trainer.corpora.table.read import SUFFIXES


def write(path, content):
    path.write_text(content, encoding="utf-8")
    return path


def test_texts_need_no_labels_and_each_row_keeps_its_line_number(tmp_path):
    path = write(tmp_path / "x.csv", 'label,essay\n1,"one\ntwo"\n2, \n,four\n')
    data = load_texts(path, text_column="essay")
    assert data.dataset[:] == {"text": ["one\ntwo", "four"], "label": ["1", ""]}
    assert data.rows == data.as_read.rows == [2, 5]
    assert data.as_read.columns.to_pylist() == [{"label": "1", "essay": "one\ntwo"}, {"label": "", "essay": "four"}]
    assert [(row.split, row.row, row.reason, row.value) for row in data.unusable] == [("", 4, "empty text", " ")]


def test_labels_are_read_with_the_names_that_a_model_knows(tmp_path):
    known = '{"text": "a", "level": 3}\n' * 20
    path = write(tmp_path / "x.jsonl", known + '{"text": "b", "level": 4}\n{"text": "c"}\n')
    data = load_texts(path, label_column="level", label_order=["2", "3"])
    assert data.dataset[:] == {"text": ["a"] * 20, "label": [1] * 20}
    assert data.dataset.features["label"].names == ["2", "3"]
    assert [(row.row, row.reason) for row in data.unusable] == [(21, "unknown label"), (22, "missing label")]


def test_levels_of_raters_are_read_with_the_labels(tmp_path):
    path = write(tmp_path / "x.csv", "text,label,ann,bob\na,B1,A2,\nb,A2,B1,B1\n")
    labels = {"label_column": "label", "label_order": ["A2", "B1"]}
    data = load_texts(path, **labels, rater_columns=["ann", "bob"])
    assert data.dataset.remove_columns("text").to_dict() == {"label": [1, 0], "ann": [0, 1], "bob": [None, 1]}
    assert data.dataset.features["bob"] == data.dataset.features["label"]
    with pytest.raises(ValueError, match="line 2: 'A2' in the rater column 'ann' is none of the levels 'B1', 'B2'"):
        load_texts(
            write(path, "text,label,ann\na,B1,A2\n"),
            label_column="label",
            label_order=["B1", "B2"],
            rater_columns=["ann"],
        )
    with pytest.raises(ValueError, match="rater_columns hold levels as label_column does: give label_column and"):
        load_texts(path, rater_columns=["ann"])
    with pytest.raises(TypeError, match="rater_columns='ann' must be a list"):
        load_texts(path, **labels, rater_columns="ann")


def test_a_missing_column_is_named_with_the_choices_that_were_made_in_reading(tmp_path):
    book = Workbook()
    book.active.append(["about"])
    book.active.append(["essays of 2023"])
    book.create_sheet("Data").append(["text"])
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(ValueError, match=r"no text column 'text'.*sheet 'Sheet' is read, the first of 2\.$"):
        load_texts(tmp_path / "x.xlsx")


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


@pytest.mark.parametrize("rows_at_a_time", [1, None])
def test_a_file_of_empty_texts_gives_one_sentence(tmp_path, rows_at_a_time):
    path = write(tmp_path / "x.csv", "text,id\n,1\n ,2\n")
    with pytest.raises(ValueError, match=r"none of the 2 rows can be used: 2 x empty text \(lines 2, 3\)"):
        next(iter_texts(path, rows_at_a_time=rows_at_a_time))


ROWS = [{"text": f"text {i}\nof two lines" if i % 3 else " ", "id": i} for i in range(1, 12)]


def write_as(path, rows):
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(write_as(path.with_suffix(""), rows).read_bytes()))
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".xlsx":
        book = Workbook()
        for row in [["text", "id"], *([row["text"], row["id"]] for row in rows)]:
            book.active.append(row)
        book.save(path)
    elif path.suffix == ".csv":
        write(path, "text,id\n" + "".join('"{text}",{id}\n'.format(**row) for row in rows))
    elif path.suffix == ".tsv":
        write(path, "text\tid\n" + "".join(f"{row['text'][:6]}\t{row['id']}\n" for row in rows))
    else:
        write(path, "\n".join(map(json.dumps, rows)) if path.suffix == ".jsonl" else json.dumps(rows))
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("rows_at_a_time", [1, 4, 100])
def test_chunks_hold_the_texts_and_row_numbers_of_the_whole_file(tmp_path, suffix, rows_at_a_time):
    path = write_as(tmp_path / f"x{suffix}", ROWS)
    chunks = list(iter_texts(path, rows_at_a_time=rows_at_a_time))
    whole = load_texts(path)
    assert [text for chunk in chunks for text in chunk.dataset["text"]] == whole.dataset["text"][:]
    assert [row for chunk in chunks for row in chunk.rows] == whole.rows
    assert max(len(chunk.rows) for chunk in chunks) <= rows_at_a_time


def test_a_fault_far_into_the_file_comes_after_the_chunks_before_it(tmp_path):
    chunks = iter_texts(write(tmp_path / "x.csv", "text\na\nb\nc,d\n"), rows_at_a_time=2)
    assert next(chunks).rows == [2, 3]
    with pytest.raises(ValueError, match="line 4: 2 fields, but the header names 1 columns"):
        next(chunks)


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
