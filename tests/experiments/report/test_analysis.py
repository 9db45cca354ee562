"""The numbers of the report are those of the statistics, put in their places."""

import json

import numpy as np
import pytest

from blv_trainer.evaluation import (
    bootstrap_differences,
    bootstrap_intervals,
    holm,
    minimum_detectable_difference,
    permutation_p_values,
    subgroup_table,
)
from blv_trainer.experiments.report.analysis import analyse
from blv_trainer.experiments.report.rows import choose, make_rows
from blv_trainer.experiments.results import read_results


@pytest.fixture(scope="module")
def results(make_comparison, tmp_path_factory):
    return read_results(make_comparison(tmp_path_factory.mktemp("analysis")))


@pytest.fixture(scope="module")
def rows(results):
    return make_rows(results, num_resamples=300)


@pytest.fixture(scope="module")
def analysis(results, rows):
    return analyse(results, rows)


def test_intervals_and_differences_are_those_of_the_statistics(results, rows, analysis):
    settings = {"groups": results.test.columns["speaker"], "seed": 0, "num_resamples": 300}
    for row in rows[1:]:
        entry = analysis["rows"][row.key]
        interval = bootstrap_intervals(results.test.labels, row.test.predictions, **settings)["qwk"]
        assert entry["intervals"]["qwk"] == {"low": interval.low, "high": interval.high}
        assert entry["test"]["qwk"] == {"mean": row.test.values["qwk"], "sd_over_seeds": row.test.metrics["qwk"].sd}
        pair = {"baseline": rows[0].test.predictions, **settings}
        difference = bootstrap_differences(results.test.labels, row.test.predictions, **pair)["qwk"]
        assert entry["differences"]["qwk"] == difference._asdict()
        assert difference.value == pytest.approx(row.test.values["qwk"] - rows[0].test.values["qwk"])
    assert analysis["rows"][rows[0].key]["differences"] == {}


def test_p_values_are_corrected_over_the_rows_of_a_metric(results, rows, analysis):
    plain = {
        row.key: permutation_p_values(
            results.test.labels,
            row.test.predictions,
            baseline=rows[0].test.predictions,
            groups=results.test.columns["speaker"],
            num_permutations=300,
        )["macro_f1"]
        for row in rows[1:]
    }
    found = {key: analysis["rows"][key]["p_values"]["macro_f1"] for key in plain}
    assert {key: entry["p"] for key, entry in found.items()} == plain
    assert {key: entry["holm"] for key, entry in found.items()} == holm(plain)


def test_the_detectable_difference_is_that_of_the_median_pair(rows, analysis):
    errors = [analysis["rows"][row.key]["differences"]["accuracy"]["standard_error"] for row in rows[1:]]
    expected = minimum_detectable_difference(np.median(errors))
    assert analysis["detectable_difference"]["accuracy"] == pytest.approx(expected)


def test_choice_subgroups_and_facts_stand_beside_them(results, rows, analysis):
    assert analysis["baseline"] == "cross_entropy raw"
    assert analysis["chosen"] == choose(rows).key
    (*_, last), row = analysis["subgroups"][rows[-1].key], rows[-1]
    group = subgroup_table(results.test.labels, row.test.predictions, {"region": results.test.columns["region"]})[-1]
    assert last == {**vars(group), "flagged": group.flagged}
    assert analysis["num_test"] == 200
    json.dumps(analysis)  # plain types throughout


@pytest.mark.parametrize(("speakers", "resampled", "count"), [(True, "speakers", 50), (False, "samples", 200)])
def test_speakers_are_resampled_where_they_are_known(make_comparison, tmp_path, speakers, resampled, count):
    results = read_results(make_comparison(tmp_path, seeds=(1,), speakers=speakers))
    analysis = analyse(results, make_rows(results, num_resamples=50))
    assert (analysis["resampled"], analysis["num_groups"]) == (resampled, count)


def test_the_same_answers_as_the_baselines_are_not_tested(make_comparison, tmp_path):
    results = read_results(make_comparison(tmp_path, seeds=(1,), methods=("cross_entropy", "focal")))
    results.methods[1].test_logits[:] = results.methods[0].test_logits
    rows = [row for row in make_rows(results, num_resamples=50) if row.decision == "raw"]
    analysis = analyse(results, rows)
    assert analysis["rows"]["focal raw"]["differences"] == {}
    assert analysis["rows"]["focal raw"]["p_values"] == {}
    assert analysis["detectable_difference"] == {}
