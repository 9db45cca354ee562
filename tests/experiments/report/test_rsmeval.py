"""The form of the export, and figures that RSMTool 12.0.0's ``rsmeval`` gave for it."""

import csv
import dataclasses
import json

import pytest

from blv_trainer.evaluation import Scores
from blv_trainer.experiments.report.rows import make_rows
from blv_trainer.experiments.report.rsmeval import write_rsmeval
from blv_trainer.experiments.results import read_results


@pytest.fixture(scope="module")
def row(make_comparison, tmp_path_factory):
    """BLV, raw decision, one run."""
    results = read_results(make_comparison(tmp_path_factory.mktemp("rsmeval"), seeds=(1,)))
    return {row.key: row for row in make_rows(results)}["blv:sigma=6 raw"]


def read_csv(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_files_are_those_that_rsmeval_was_seen_to_read(row, tmp_path):
    path = write_rsmeval(row, tmp_path / "rsmeval", seed=1)
    assert {file.name for file in path.parent.iterdir()} == {
        "blv_sigma_6_raw.csv", "blv_sigma_6_raw.json", "blv_sigma_6_raw_expected.json",
    }  # fmt: skip
    config = json.loads(path.read_text())
    assert config == {
        "experiment_id": "blv_sigma_6_raw",
        "description": "BLV, sigma 6 (raw), seed 1; levels 1 = A2, 2 = B1, 3 = B2, 4 = C1; predicted levels.",
        "system_score_column": "level",
        "predictions_file": "blv_sigma_6_raw.csv",
        "id_column": "spkitemid",
        "human_score_column": "sc1",
        "trim_min": 1,
        "trim_max": 4,
        "scale_with": "asis",
        "subgroups": ["region"],
        "candidate_column": "candidate",
    }
    expected = json.loads(path.with_name("blv_sigma_6_raw_expected.json").read_text())
    own = ("experiment_id", "description", "system_score_column")
    assert {key: value for key, value in expected.items() if key not in own} == {
        key: value for key, value in config.items() if key not in own
    }
    assert expected["system_score_column"] == "raw"
    lines = read_csv(path.with_suffix(".csv"))
    assert list(lines[0]) == ["spkitemid", "sc1", "level", "raw", "region", "candidate"]
    assert [int(line["sc1"]) for line in lines] == (row.test.labels + 1).tolist()  # no zeros
    assert [int(line["level"]) for line in lines] == (row.test.predictions[0] + 1).tolist()
    assert [float(line["raw"]) for line in lines] == pytest.approx(row.test.expected_positions[0].tolist(), abs=1e-6)
    assert [line["candidate"] for line in lines] == row.test.groups
    assert len({line["spkitemid"] for line in lines}) == 200


def test_our_figures_are_rsmevals(row):
    # exact_agr, adj_agr, wtkappa, SMD, corr, RMSE of "scale_trim", and DSM by region
    theirs = {
        "accuracy": 0.76,
        "adjacent_accuracy": 0.97,
        "qwk": 0.6351172047766477,
        "smd": 0.03912170248771767,
        "pcc": 0.66540009261678,
        "rmse": 0.5744562646538028,
    }
    assert {metric: row.test.values[metric] for metric in theirs} == pytest.approx(theirs)
    dsm = {group.value: group.dsm for group in row.test.subgroups}
    assert dsm == pytest.approx({"<b>KOR</b>": -0.030519316581003066, "JPN": 0.03176500297206494})


@pytest.mark.parametrize(
    ("ids", "first"), [([f"WR_{k}" for k in range(200)], "WR_0"), (["same"] * 200, "row_1")], ids=["own", "made"]
)
def test_ids_are_the_samples_own_where_they_differ(row, tmp_path, ids, first):
    other = dataclasses.replace(row, test=Scores(row.test.labels, row.test.logits, row.test.names, {"id": ids}))
    lines = read_csv(write_rsmeval(other, tmp_path, seed=1).with_suffix(".csv"))
    assert lines[0]["spkitemid"] == first
    assert set(lines[0]) == {"spkitemid", "sc1", "level", "raw"}  # neither speakers nor groups are known


def test_methods_that_differ_in_a_sign_get_files_of_their_own(make_comparison, tmp_path):
    methods = ("blv:sign=1", "blv:sign=-1")
    rows = make_rows(read_results(make_comparison(tmp_path, seeds=(1,), methods=methods)))
    paths = {write_rsmeval(row, tmp_path / "rsmeval", seed=1) for row in rows}
    assert len(paths) == len(rows) == 5
