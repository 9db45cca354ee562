"""The page of one model, from drawn predictions: what it says, shows and leaves out."""

import html
import re

import numpy as np
import pytest
from datasets import ClassLabel, Dataset

from blv_trainer.decision import Decision
from blv_trainer.evaluation import Scores
from blv_trainer.experiments.decisions import Chosen, Decided
from blv_trainer.experiments.report import write_model_report
from blv_trainer.files import write_json
from blv_trainer.prediction import prediction_table
from blv_trainer.run_folder import METRICS_FILE, RESULTS_FILE, predictions_of_split, write_predictions

NAMES = ["A2", "B1", "B2", "<b>C1</b>"]
DECISION = Decision((1.0, 0.5, 0.0, 1.5), kind="tuned", power=1.0)
COUNTS = [12, 60, 120, 8]


def draw(num_rows=200):
    """Rows of two answers a speaker; one of them is far off and sure of it."""
    rng = np.random.default_rng(0)
    labels = rng.choice(4, num_rows, p=[0.1, 0.3, 0.5, 0.1])
    labels[1::2] = labels[: 2 * (num_rows // 2) : 2]
    logits = rng.normal(size=(num_rows, 4)) + 2 * np.eye(4)[labels]
    labels[10:12], logits[10:11] = 0, [0, 0, 0, 9]
    columns = {
        "text": [f"answer {k} <script>" for k in range(num_rows)],
        "label": labels.tolist(),
        "speaker": [f"s{k // 2}" for k in range(num_rows)],
        "school": rng.choice(["north", "south"], num_rows).tolist(),
    }
    return Dataset.from_dict(columns).cast_column("label", ClassLabel(names=NAMES)), logits


def write_run(folder, splits=("test",), decision=DECISION, num_rows=200):
    """What train or evaluate leaves of a decision."""
    rows, logits = draw(num_rows)
    chosen = Chosen(decision or Decision((0.0,) * 4, kind="raw"), decision)
    measured = {split: {"num_rows": num_rows} for split in splits}
    found = dict.fromkeys(splits, (rows, logits))
    metrics, found = Decided(chosen, "speaker").judge(measured, found, NAMES)
    tables = [predictions_of_split(of, split, prediction_table(z, NAMES)) for split, (of, z) in found.items()]
    write_predictions(folder, tables)
    write_json(folder / METRICS_FILE, metrics)
    write_json(folder / "config.json", {"class_counts": COUNTS, "decision": decision.to_dict() if decision else "raw"})
    return rows, metrics


def page_of(folder, rows, splits=("test",), **options):
    """The page's text, pictures taken out."""
    texts = dict.fromkeys(splits, rows["text"])
    options = {"group_column": "speaker", "num_resamples": 200, **options}
    path = write_model_report(folder, texts, source="essays.csv", **options)
    return re.sub('base64,[^"]*', "", path.read_text(encoding="utf-8"))


def cells(page, heading):
    """The table below a heading: its rows by the first cell."""
    section = page.split(f"<h2>{heading}</h2>")[1].split("<h2>")[0]
    rows = [re.findall(r"<t[dh]>(.*?)</t[dh]>", row, flags=re.S) for row in section.split("<tr")[1:]]
    return {row[0]: row[1:] for row in rows}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    rows, metrics = write_run(folder)
    return folder, rows, metrics, page_of(folder, rows, subgroup_columns=["school"])


def test_raw_stands_beside_decided_for_answers_and_groups(run):
    _, _, metrics, page = run
    for heading, split in (("Results", "test"), ("Results by group", "test_by_group")):
        table = cells(page, heading)
        assert list(table) == ["decision", "raw", "tuned"]
        for row, key in (("raw", f"{split}_raw"), ("tuned", split)):
            assert table[row][0].split("<br>")[0].strip() == f"{100 * metrics[key]['accuracy']:.2f}"
    assert "Test rows, n = 200; in brackets the 95 % bootstrap interval (BCa, 200 resamples of 100 speakers)" in page
    assert "Whole groups (speaker), n = 100" in page
    assert "essays.csv: 200 rows" in page


def test_every_figure_that_a_model_has_is_shown(run):
    titles = re.findall(r"<h2>(.*)</h2>\n<figure>", run[3])
    assert titles == ["Confusion", "Recall and RMSE by level", "Calibration", "Human and machine scores"]


def test_the_largest_errors_stand_first_with_their_texts(run):
    errors = cells(run[3], "Largest errors")
    first = list(errors)[1]  # below the header
    assert (first, errors[first][:2]) == ("11", ["A2", html.escape(NAMES[3])])
    assert html.escape("answer 10 <script>") in errors[first][3]
    assert "<script>" not in run[3]
    assert len(errors) == 1 + 20
    levels = [html.escape(name) for name in NAMES]
    gaps = [abs(levels.index(human) - levels.index(machine)) for human, machine, *_ in [*errors.values()][1:]]
    assert gaps == sorted(gaps, reverse=True)


def test_flags_are_those_of_the_thresholds_and_of_subgroups(run):
    _, rows, metrics, page = run
    values = metrics["test"]
    limits = {"QWK below .70": values["qwk"] < 0.7, "PCC below .70": values["pcc"] < 0.7}
    limits |= {"Acc % below 50 %": values["accuracy"] < 0.5, "Adj % below 95 %": values["adjacent_accuracy"] < 0.95}
    limits["SMD beyond ±.15"] = abs(values["smd"]) > 0.15
    (told,) = cells(page, "Thresholds of assessment practice")["tuned"]
    assert {words: words in told for words in limits} == limits
    _, logits = draw()
    scores = Scores(
        rows["label"], DECISION.apply(logits), NAMES, {"school": rows["school"]}, subgroup_columns=["school"]
    )
    for group in scores.subgroups:
        assert (f"school {group.value}" in told) == group.flagged
    assert "school north" in page


def test_a_raw_model_has_one_row_and_no_differences(tmp_path):
    rows, _ = write_run(tmp_path, decision=None)
    page = page_of(tmp_path, rows)
    assert list(cells(page, "Results")) == ["decision", "raw"]
    assert "Differences" not in page
    assert "school" not in page


def test_validation_rows_are_said_to_flatter_and_test_rows_come_first(tmp_path):
    rows, _ = write_run(tmp_path, ("validation",))
    assert "Validation rows; what was chosen on them flatters the model, n = 200" in page_of(
        tmp_path, rows, ("validation",)
    )
    rows, _ = write_run(tmp_path, ("validation", "out_of_fold"))
    assert "Out-of-fold rows, each judged by a model that" in page_of(tmp_path, rows, ("validation", "out_of_fold"))


def test_human_raters_stand_below(tmp_path):
    rows, metrics = write_run(tmp_path)
    metrics["test"]["human"] = {"accuracy": 0.625, "qwk": 0.75, "num_rows": 40}
    write_json(tmp_path / METRICS_FILE, metrics)
    assert cells(page_of(tmp_path, rows), "Results")["human raters"][0] == "62.50"


def test_it_leaves_no_results_of_a_comparison(run):
    assert not (run[0] / RESULTS_FILE).exists()
    assert [path.name for path in (run[0] / "report").iterdir()] == ["report.html"]


@pytest.mark.parametrize("num_rows", [2, 3])
def test_few_rows_are_enough_for_a_page(tmp_path, num_rows):
    rows, _ = write_run(tmp_path, num_rows=num_rows)
    assert f"n = {num_rows};" in page_of(tmp_path, rows)


def test_without_two_rows_there_is_no_page(tmp_path, caplog):
    rows, _ = write_run(tmp_path, num_rows=1)
    assert write_model_report(tmp_path, {"test": rows["text"]}, source="a") is None
    assert write_model_report(tmp_path / "none", {}, source="a") is None
    assert caplog.text == ""


def test_a_page_that_cannot_be_drawn_is_a_warning_that_says_why(tmp_path, caplog):
    write_run(tmp_path, num_rows=20)
    assert write_model_report(tmp_path, {"validation": []}, source="a", num_resamples=10) is None
    assert f"The report was not drawn (KeyError: 'test'); all else is in {tmp_path}." in caplog.text
