import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blv_trainer.corpora.table.formats import plain_text, read_delimited, read_json

CSV, TSV, JSONL, JSON = Path("x.csv"), Path("x.tsv"), Path("x.jsonl"), Path("x.json")
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def read_csv(text):
    table, lines = next(read_delimited(io.StringIO(text, newline=""), CSV, delimiter=",", quoting=True))
    return table.to_pylist(), lines


def read_tsv(text, quoting=False):
    table, lines = next(read_delimited(io.StringIO(text, newline=""), TSV, delimiter="\t", quoting=quoting))
    return table.to_pylist(), lines


def parse_json(text, path=JSONL):
    table, rows = next(read_json(io.StringIO(text), path, single_valued=["text", "label"]))
    return table.to_pylist(), rows


def physical_line(text):
    """The 1-based line on which something appended to ``text`` would begin."""
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n") + 1


@given(rows=st.lists(st.tuples(CELL, CELL, CELL), max_size=8), terminator=st.sampled_from(["\n", "\r\n"]))
def test_whatever_the_csv_writer_writes_is_read_back_unchanged_with_its_line(rows, terminator):
    file = io.StringIO(newline="")
    # QUOTE_ALL: before Python 3.13 the writer leaves a lone "\r" bare when lines end in "\n".
    writer = csv.writer(file, lineterminator=terminator, quoting=csv.QUOTE_ALL)
    writer.writerow(["text", "label", "id"])
    expected_lines = []
    for row in rows:
        expected_lines.append(physical_line(file.getvalue()))
        writer.writerow(row)
    found, lines = read_csv(file.getvalue())
    assert [tuple(row.values()) for row in found] == rows
    assert lines == expected_lines


@given(st.lists(st.tuples(CELL, CELL).filter(lambda row: not set("\t\r\n") & set("".join(row))), max_size=8))
def test_a_plain_tsv_is_read_back_unchanged_quotes_and_all(rows):
    found, lines = read_tsv("text\tlabel\n" + "".join("\t".join(row) + "\n" for row in rows))
    assert [tuple(row.values()) for row in found] == rows
    assert lines == list(range(2, len(rows) + 2))


@given(st.lists(st.dictionaries(st.sampled_from(["text", "label", "id"]), CELL, min_size=1), max_size=8), st.booleans())
def test_json_lines_are_read_back_unchanged_and_a_missing_key_is_none(rows, ensure_ascii):
    found, lines = parse_json("".join(json.dumps(row, ensure_ascii=ensure_ascii) + "\n" for row in rows))
    names = {name for row in rows for name in row}
    assert found == [{name: row.get(name) for name in names} for row in rows]
    assert lines == list(range(1, len(rows) + 1))


def test_words_that_pandas_takes_for_missing_values_stay_words():
    words = ["NA", "None", "null", "nan", "N/A", "-", "007", "1e3", "true"]
    rows, _ = read_csv("text,label\n" + "".join(f"{word},x\n" for word in words))
    assert [row["text"] for row in rows] == words


def test_a_row_after_a_text_of_several_lines_has_the_line_that_an_editor_shows():
    rows, lines = read_csv('text,label\n"one\ntwo\r\nthree",1\n\n\n"four",2\n')
    assert [row["text"] for row in rows] == ["one\ntwo\r\nthree", "four"]
    assert lines == [2, 7]


def test_quotes_in_csv_follow_rfc_4180():
    rows, _ = read_csv('text,label\n"He said ""yes"", twice",B1\n')
    assert rows == [{"text": 'He said "yes", twice', "label": "B1"}]


def test_tsv_can_be_read_with_quotes():
    assert read_tsv('text\tlabel\n"a\tb"\tB1\n', quoting=True)[0] == [{"text": "a\tb", "label": "B1"}]


def test_space_around_a_column_name_is_no_part_of_it():
    assert read_csv("text, label\na,B1\n")[0] == [{"text": "a", "label": "B1"}]


@pytest.fixture
def small_limit():
    before = csv.field_size_limit(1000)
    yield 1000
    csv.field_size_limit(before)


def test_a_text_longer_than_the_csv_modules_limit_is_read_and_the_limit_is_restored(small_limit):
    long = "word " * 100_000
    assert read_csv(f"text,label\n{long},B1\n")[0][0]["text"] == long
    assert csv.field_size_limit() == small_limit


def test_the_csv_modules_limit_is_restored_after_an_error(small_limit):
    with pytest.raises(ValueError, match="line 2"):
        read_csv("text,label\na\n")
    assert csv.field_size_limit() == small_limit


def test_a_row_with_too_many_fields_is_an_error_with_its_line():
    message = r"x\.csv, line 4: 3 fields, but the header names 2 columns \('text', 'label'\).*comma in quotes"
    with pytest.raises(ValueError, match=message):
        read_csv('text,label\n"a\nb",B1\nI came, I saw,B1\n')


def test_a_row_with_too_few_fields_is_an_error_with_its_line():
    with pytest.raises(ValueError, match=r"x\.csv, line 3: 1 fields"):
        read_csv("text,label\na,B1\nb\n")


def test_a_tab_inside_a_plain_tsv_text_is_an_error_that_names_the_ways_out():
    with pytest.raises(ValueError, match=r"x\.tsv, line 2: 3 fields.*tab inside a text.*quoting=True"):
        read_tsv('text\tlabel\n"a\tb"\tB1\n')


@pytest.mark.parametrize("broken", ['"never closed,B1\nb,B2\n', '"closed" too early,B1\n'])
def test_broken_quoting_is_an_error_with_the_line_on_which_the_row_begins(broken):
    with pytest.raises(ValueError, match=r"x\.csv, row beginning on line 3: .*quoting=False"):
        read_csv("text,label\na,B1\n" + broken)


def test_json_lines_may_be_separated_by_empty_lines_and_contain_a_line_separator():
    rows, lines = parse_json('{"text": "a\u2028b"}\r\n\r\n{"text": "c"}')
    assert [row["text"] for row in rows] == ["a\u2028b", "c"]
    assert lines == [1, 3]


def test_a_json_file_may_hold_one_list_of_objects():
    assert parse_json('[\n {"text": "a"},\n {"text": "b"}\n]', JSON) == ([{"text": "a"}, {"text": "b"}], [1, 2])


def test_a_json_file_may_hold_one_object_a_line():
    assert parse_json('{"text": "a"}\n{"text": "b"}\n', JSON) == ([{"text": "a"}, {"text": "b"}], [1, 2])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, "one", None], ["1", "one", None]),
        ([2.0, "two"], ["2", "two"]),
        ([True, 1], ["true", "1"]),
        ([10**30, 1], [str(10**30), "1"]),
        ([[1], "x"], ["[1]", "x"]),
        ([1, 2.5], [1.0, 2.5]),
    ],
)
def test_a_json_column_of_mixed_types_becomes_text(values, expected):
    rows, _ = parse_json("".join(json.dumps({"id": value}) + "\n" for value in values))
    assert [row["id"] for row in rows] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"text": "a"}\n{"text": \n', r"x\.jsonl, line 2: not JSON .*one JSON object a line"),
        ('{"text": "a"}\n["b"]\n', r"x\.jsonl, line 2: a list where an object"),
        ('{"text": "a"}\n\n{"text": ["b"]}\n', r"x\.jsonl, line 3: 'text' holds a list; it must be a single value"),
        ('{"text": "a", "label": {"b": 1}}\n', r"x\.jsonl, line 1: 'label' holds a dict"),
        ('{"text": "\\ud83d"}\n', r"x\.jsonl, line 1: '\\ud83d' is half of a surrogate pair"),
        ('{"text": ' + "9" * 5000 + "}\n", r"x\.jsonl, line 1: not JSON \(Exceeds the limit"),
        ("[" * 100_000 + "\n", r"x\.jsonl, line 1: not JSON"),
    ],
)
def test_bad_json_is_an_error_with_its_line(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text)


def test_a_bad_item_in_a_json_list_is_an_error_with_its_position():
    with pytest.raises(ValueError, match=r"x\.json, item 2: a str where an object"):
        parse_json('[{"text": "a"}, "b"]', JSON)


def test_plain_text_of_infinity_and_large_floats_does_not_fail():
    assert [plain_text(value) for value in (float("inf"), 1e20, None, " a ")] == [
        "inf",
        "100000000000000000000",
        None,
        " a ",
    ]
