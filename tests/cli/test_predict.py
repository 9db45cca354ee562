"""``blv-trainer predict`` from disk to disk: in chunks, in order, whole or not at all."""

import csv
import datetime
import io
import json

import numpy as np
import openpyxl
import pandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import BertTokenizerFast

from blv_trainer import prediction
from blv_trainer.cli import main
from blv_trainer.cli.prediction_files import write_predictions

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefghij"]
NUM_TEXTS = 9000  # three chunks


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A saved tiny classifier."""
    from blv_trainer import MeanPooledConfig, MeanPooledForSequenceClassification

    folder = tmp_path_factory.mktemp("model")
    encoder = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8}
    config = MeanPooledConfig({"model_type": "bert", "vocab_size": 20, **encoder}, num_labels=3)
    MeanPooledForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)}).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(list("abcdefghij"), size=rng.integers(1, 9))) for _ in range(NUM_TEXTS)]


@pytest.fixture(scope="module")
def input_file(texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("input") / "texts.csv"
    path.write_text("text\n" + "\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_a_file_is_predicted_in_chunks_of_which_one_is_held_and_comes_out_in_order(
    model, texts, input_file, tmp_path, monkeypatch, capsys
):
    sizes, predict_logits = [], prediction.predict_logits
    counted = lambda *args, **kw: sizes.append(len(args[2])) or predict_logits(*args, **kw)  # noqa: E731
    monkeypatch.setattr(prediction, "predict_logits", counted)
    path = tmp_path / "out.parquet"
    assert main(["predict", model, "--input_file", str(input_file), "--output_file", str(path)]) == 0
    assert sizes == [4096, 4096, NUM_TEXTS - 2 * 4096]
    assert f"\n{NUM_TEXTS} rows are in {path}\n" in capsys.readouterr().err
    rows = pq.read_table(path).to_pylist()
    assert [row["text"] for row in rows] == texts
    assert [row["row"] for row in rows] == list(range(2, NUM_TEXTS + 2))
    loaded, tokenizer = prediction.load_classifier(model)
    few = [0, 1, 4095, 4096, NUM_TEXTS - 1]
    expected = prediction.prediction_table(
        predict_logits(loaded, tokenizer, [texts[i] for i in few]), prediction.label_names(loaded)
    ).to_pylist()
    for i, row in zip(few, expected, strict=True):
        assert rows[i]["level"] == row["level"]
        assert rows[i]["expected_score"] == pytest.approx(row["expected_score"], abs=1e-5)


def test_a_fault_in_a_late_row_leaves_no_file_and_the_one_before_as_it_was(model, input_file, tmp_path, capsys):
    broken, out = tmp_path / "broken.csv", tmp_path / "out" / "out.csv"
    broken.write_text(input_file.read_text() + "one,two\n")
    out.parent.mkdir()
    out.write_text("from before")
    assert main(["predict", model, "--input_file", str(broken), "--output_file", str(out)]) == 2
    assert f"line {NUM_TEXTS + 2}: 2 fields" in capsys.readouterr().err
    assert [path.name for path in out.parent.iterdir()] == ["out.csv"]
    assert out.read_text() == "from before"


# ---- One row a group


def write_answers(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["speaker", "text"], *rows])
    return str(path)


def test_answers_of_a_speaker_that_lie_far_apart_become_one_row(model, texts, tmp_path):
    texts = texts[:4200]  # two chunks
    speakers = [f"S{i % 1400}" for i in range(len(texts))]
    path = write_answers(tmp_path / "x.csv", zip(speakers, texts, strict=True))
    assert (
        main(["predict", model, "--input_file", path, "--group_column", "speaker", "--output_file", f"{path}.parquet"])
        == 0
    )
    rows = pq.read_table(f"{path}.parquet").to_pylist()
    assert [row["speaker"] for row in rows] == speakers[:1400]
    assert {row["num_answers"] for row in rows} == {3}
    loaded, tokenizer = prediction.load_classifier(model)
    names = prediction.label_names(loaded)
    for i in (0, 7, 1399):
        logits = prediction.predict_logits(loaded, tokenizer, texts[i::1400]).astype(float)
        log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        p = np.exp(log_p.mean(axis=0)) / np.exp(log_p.mean(axis=0)).sum()
        assert [rows[i][f"p_{name}"] for name in names] == pytest.approx(p, abs=1e-6)
        assert rows[i]["level"] == names[p.argmax()]
        assert rows[i]["expected_score"] == pytest.approx(1 + p[1] + 2 * p[2], abs=1e-6)


def test_rows_without_a_speaker_are_groups_of_their_own_named_by_their_row(model, tmp_path, capsys):
    path = write_answers(tmp_path / "x.csv", [("7", "a b"), (" ", "c"), ("", "c"), ("9", ""), (" 7", "d")])
    assert main(["predict", model, "--input_file", path, "--group_column", "speaker"]) == 0
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:4] == ["speaker", "num_answers", "level", "expected_score"]
    assert [row.split("  ")[0] for row in rows] == ["7", "row 3", "row 4"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--text", "a", "--group_column", "speaker"], "--group_column goes with --input_file"),
        (["--audio", "a.wav", "--group_column", "speaker"], "--group_column goes with --input_file"),
        (["--text", "a", "--one_speaker"], "--one_speaker goes with --audio"),
        (["--text", "a", "--language", "de"], "--language goes with --audio"),
    ],
)
def test_groups_of_what_has_no_column_are_misuse(model, words, message, capsys):
    assert main(["predict", model, *words]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_group_column_is_named(model, tmp_path, capsys):
    path = write_answers(tmp_path / "x.csv", [("7", "a b")])
    assert main(["predict", model, "--input_file", path, "--group_column", "speakr"]) == 2
    assert (
        "has no group column 'speakr'. Its columns: 'speaker', 'text'. Did you mean 'speaker'?"
        in capsys.readouterr().err
    )


# ---- Files


CHUNKS = [
    [{"row": 2, "text": "Grüße,\nall", "score": 0.25}],
    [{"row": 3, "text": "=1+1", "score": 1.5}, {"row": 5, "text": "c", "score": 2.0}],
]
ROWS = [row for chunk in CHUNKS for row in chunk]


def chunks():
    return map(pa.Table.from_pylist, CHUNKS)


READERS = {
    "json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    "jsonl": lambda path: [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]],
    "parquet": lambda path: pq.read_table(path).to_pylist(),
    "xlsx": lambda path: pandas.read_excel(path).to_dict("records"),
    "csv": lambda path: read_delimited(path, "excel"),
    "tsv": lambda path: read_delimited(path, "excel-tab"),
}


def read_delimited(path, dialect):
    with open(path, encoding="utf-8", newline="") as file:
        return [
            {"row": int(row["row"]), "text": row["text"].removeprefix("'"), "score": float(row["score"])}
            for row in csv.DictReader(file, dialect=dialect)
        ]


@pytest.mark.parametrize("suffix", READERS)
def test_the_suffix_chooses_the_format_and_chunks_join_to_one_file(suffix, tmp_path):
    path = tmp_path / f"out.{suffix}"
    write_predictions(chunks(), output_file=str(path))
    assert READERS[suffix](path) == ROWS


def test_a_column_that_begins_with_nothing_may_hold_something_later(tmp_path):
    parts = [pa.table({"note": pa.nulls(2)}), pa.table({"note": ["late", None]})]
    write_predictions(parts, output_file=str(tmp_path / "out.parquet"))
    assert pq.read_table(tmp_path / "out.parquet")["note"].to_pylist() == [None, None, "late", None]


def test_the_format_wins_over_the_suffix(tmp_path):
    write_predictions(chunks(), output_file=str(tmp_path / "out.csv"), format="jsonl")
    assert len(READERS["jsonl"](tmp_path / "out.csv")) == 3


@pytest.mark.parametrize("format", ["parquet", "xlsx"])
def test_a_binary_format_is_not_for_the_terminal(format):
    with pytest.raises(ValueError, match=f"--format {format} is not for the terminal"):
        write_predictions(chunks(), format=format)


@pytest.mark.parametrize("name", ["preds.xls", "preds", "preds.txt", "preds.table", "preds.csv.gz"])
def test_another_ending_is_refused_before_a_model_is_looked_for(name, tmp_path, capsys):
    words = ["predict", "nobody/nothing", "--text", "a", "--output_file", str(tmp_path / name)]
    assert main(words) == 2
    message = f"{name}: name a file that ends in .json, .jsonl, .csv, .tsv, .parquet, .xlsx, or give --format"
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_spreadsheet_holds_texts_as_they_are_and_a_longer_one_than_it_can_is_refused(tmp_path):
    day = datetime.datetime(2024, 5, 1)
    rows = [{"text": "=1+1", "n": 1.5, "day": day}, {"text": "a\x07b", "n": float("nan"), "day": None}]
    write_predictions([pa.Table.from_pylist(rows)], output_file=str(tmp_path / "x.xlsx"))
    header, *found = openpyxl.load_workbook(tmp_path / "x.xlsx").active.iter_rows()
    assert [cell.value for cell in header] == ["text", "n", "day"]
    assert [[cell.value for cell in row] for row in found] == [["=1+1", 1.5, day], ["a\ufffdb", None, None]]
    assert found[0][0].data_type == "s"
    with pytest.raises(ValueError, match="a text of 32,768 characters is too long for a cell of a spreadsheet"):
        write_predictions([pa.table({"text": ["a" * 32_768]})], output_file=str(tmp_path / "y.xlsx"))
    assert [path.name for path in tmp_path.iterdir()] == ["x.xlsx"]


# ---- The columns of the input

OWN = ["row", "level", "expected_score", "p_LABEL_0", "p_LABEL_1", "p_LABEL_2"]
TABLE = {
    "id": [7, 8, 9],
    "level": ["B1", "A2", None],
    "essay": ["a b", "c", "d"],
    "row": ["x", "y", "z"],
    "text": ["own", "", None],
    "tags": [["a"], [], ["b"]],
}


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv", "xlsx", "json"])
def test_all_columns_of_the_input_come_out_in_order_then_ours_which_give_way(model, tmp_path, capsys, suffix):
    path, out = tmp_path / "in.parquet", tmp_path / f"out.{suffix}"
    table = pa.table(TABLE)
    pq.write_table(table.replace_schema_metadata({"huggingface": '{"info": {"features": {}}}'}), path)
    words = ["predict", model, "--input_file", str(path), "--text_column", "essay", "--output_file", str(out)]
    assert main(words) == 0
    printed = capsys.readouterr().err
    assert "The input has columns called row, level: ours begin with predicted_ there." in printed
    assert "expected_score is on a scale from 1 (LABEL_0) to 3 (LABEL_2)." in printed
    names = [*TABLE, *(f"predicted_{name}" if name in TABLE else name for name in OWN)]
    if suffix == "csv":
        with open(out, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["id"] for row in rows] == ["7", "8", "9"]
    elif suffix == "xlsx":
        rows = pandas.read_excel(out).to_dict("records")
    else:
        rows = READERS[suffix](out)
        assert [{name: row[name] for name in TABLE} for row in rows] == table.to_pylist()
    assert [list(row) for row in rows] == [names] * 3
    assert [int(row["predicted_row"]) for row in rows] == [1, 2, 3]
    if suffix == "parquet":
        assert pq.read_schema(out).field("id").type == pa.int64()
        assert pq.read_schema(out).metadata is None


def test_what_was_predicted_may_be_predicted_again(model, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,level\na,x\n")
    for number in (1, 2):
        out = tmp_path / f"{number}.csv"
        assert main(["predict", model, "--input_file", str(path), "--output_file", str(out)]) == 0
        path = out
    header = out.read_text().splitlines()[0].split(",")
    assert len({*header}) == len(header)
    assert header[:4] == ["text", "level", "row", "predicted_level"]
    assert header[8:11] == ["predicted_row", "predicted_predicted_level", "predicted_expected_score"]


def test_columns_that_come_late_are_kept_in_json_lines_and_refused_where_a_header_is_written(model, tmp_path, capsys):
    path = tmp_path / "in.jsonl"
    path.write_text('{"text": "a"}\n' * 4096 + '{"text": "b", "late": 1}\n')
    out = tmp_path / "out.jsonl"
    assert main(["predict", model, "--input_file", str(path), "--output_file", str(out)]) == 0
    assert READERS["jsonl"](out)[-1]["late"] == 1
    for suffix in ("csv", "parquet", "xlsx"):
        out = tmp_path / f"out.{suffix}"
        assert main(["predict", model, "--input_file", str(path), "--output_file", str(out)]) == 2
        assert "the column 'late' of --input_file comes after rows without it" in capsys.readouterr().err
        assert not out.exists()


def test_a_group_column_may_have_a_name_of_ours(model, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("text,level\na,x\nb,x\nc,y\n")
    words = ["predict", model, "--input_file", str(path), "--group_column", "level", "--output_file"]
    assert main([*words, str(tmp_path / "out.jsonl")]) == 0
    rows = READERS["jsonl"](tmp_path / "out.jsonl")
    assert [(row["level"], row["num_answers"]) for row in rows] == [("x", 2), ("y", 1)]
    assert {row["predicted_level"] for row in rows} <= {"LABEL_0", "LABEL_1", "LABEL_2"}


# ---- Standard input


STREAMS = {
    "csv": lambda frame: frame.to_csv(index=False).encode(),
    "tsv": lambda frame: frame.to_csv(index=False, sep="\t").encode(),
    "jsonl": lambda frame: frame.to_json(orient="records", lines=True).encode(),
    "json": lambda frame: frame.to_json(orient="records").encode(),
}


@pytest.mark.parametrize("kind", STREAMS)
def test_standard_input_is_read_as_a_table_or_as_json(model, kind, monkeypatch, capsys):
    frame = pandas.DataFrame({"id": [5, 6], "text": ["a b", "c"]})
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(STREAMS[kind](frame))))
    assert main(["predict", model, "--input_file", "-", "--format", "jsonl"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(int(row["id"]), row["text"]) for row in found] == [(5, "a b"), (6, "c")]


def test_a_fault_in_standard_input_is_named_with_its_line(model, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"id,text\n1,a\n2,b,c\n")))
    assert main(["predict", model, "--input_file", "-"]) == 2
    assert capsys.readouterr().err.startswith("blv-trainer predict: standard input, line 3: 3 fields")
