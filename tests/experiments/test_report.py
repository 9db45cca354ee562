"""The report of drawn logits: its numbers, what it leaves alone, and what it escapes."""

import csv
import json
import re

import numpy as np
import pyarrow.parquet as pq
import pytest

from blv_trainer.decision import consistent, tune
from blv_trainer.experiments.analysis import analyse
from blv_trainer.experiments.published import PUBLISHED
from blv_trainer.experiments.report import write_report
from blv_trainer.experiments.report_tables import as_markdown, published_table
from blv_trainer.experiments.results import read_results
from blv_trainer.experiments.rows import TUNE_FOR, choose, make_rows, validation_score
from blv_trainer.metrics import METRICS

QUICK = {"num_resamples": 200, "tsne_iterations": 250}
FIGURES = {
    "intervals", "class_distribution", "confusion_raw", "confusion_tuned", "by_class_size", "expected_shift", "tsne",
    "reliability", "learning_curves", "score_distributions",
}  # fmt: skip


@pytest.fixture(scope="module")
def report(make_comparison, tmp_path_factory):
    folder = make_comparison(tmp_path_factory.mktemp("report"), names=("A2", "<script>alert(1)</script>", "B2", "C1"))
    write_report(folder, **QUICK)
    return folder / "report"


def test_every_file_is_there(report):
    assert {path.stem for path in report.glob("*.png")} == FIGURES
    assert {path.name for path in report.iterdir()} >= {
        "table.md",
        "table.csv",
        "results.json",
        "report.html",
        "rsmeval",
    }


def test_the_page_stands_alone_and_escapes_every_text(report):
    page = (report / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(FIGURES)
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<b>KOR" not in page
    assert "&lt;b&gt;KOR" in page
    assert "drawn &lt;i&gt;logits" in page
    assert "a &amp; b" in page


def test_numbers_are_those_of_the_metrics(report):
    results = read_results(report.parent)
    with open(report / "table.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    for spec, runs in zip(("cross_entropy", "blv:sigma=6"), results.methods, strict=True):
        for metric in ("accuracy", "macro_rmse", "qwk"):
            expected = [METRICS[metric](results.test_labels, logits.argmax(axis=1)) for logits in runs.test_logits]
            (line,) = [
                line for line in lines if (line["method"], line["decision"], line["metric"]) == (spec, "raw", metric)
            ]
            assert float(line["mean"]) == pytest.approx(np.mean(expected))
            assert float(line["sd_over_seeds"]) == pytest.approx(np.std(expected, ddof=1))
            assert float(line["low"]) < float(line["mean"]) < float(line["high"])


def test_the_same_runs_give_the_same_tables(report):
    before = {name: (report / name).read_bytes() for name in ("table.md", "table.csv", "results.json", "report.html")}
    write_report(report.parent, **QUICK)
    assert {name: (report / name).read_bytes() for name in before} == before


def test_published_rows_stand_apart(report):
    table = (report / "table.md").read_text()
    ours, published = table.split("## Published on ICNALE-ASA")
    assert "Tsai et al." not in ours
    assert "published, n = 217, one run" in published
    assert (
        "| BERT (Tsai et al. 2025) | 55.30 | 47.96 | 91.71 | 85.79 | 0.8614 | 0.9449 | 0.6690 | 0.4672 |" in published
    )
    assert "published" not in json.dumps(list(json.loads((report / "results.json").read_text())["rows"]))
    assert "Tsai" not in (report / "table.csv").read_text()
    assert len(published_table().rows) == len(PUBLISHED) == 4


@pytest.mark.parametrize(("speakers", "resampled", "count"), [(True, "speakers", 50), (False, "samples", 200)])
def test_speakers_are_resampled_where_they_are_known(make_comparison, tmp_path, speakers, resampled, count):
    results = read_results(make_comparison(tmp_path, seeds=(1,), speakers=speakers))
    analysis = analyse(results, make_rows(results), tune_for=TUNE_FOR, num_resamples=200)
    assert (analysis["resampled"], analysis["num_groups"]) == (resampled, count)


def test_levels_for_rsmeval_start_at_one(report):
    config = json.loads((report / "rsmeval" / "blv_sigma_6_raw.json").read_text())
    with open(report / "rsmeval" / config["predictions_file"], newline="") as file:
        lines = list(csv.DictReader(file))
    labels = read_results(report.parent).test_labels
    assert [int(line["sc1"]) for line in lines] == (labels + 1).tolist()
    assert all(1 <= float(line["raw"]) <= 4 for line in lines)
    assert (config["trim_min"], config["trim_max"]) == (1, 4)
    assert set(config["subgroups"]) | {"spkitemid", "sc1", "raw", "candidate"} == set(lines[0])
    assert len({line["spkitemid"] for line in lines}) == 200


def test_markdown_cells_hold_no_bar_of_their_own():
    table = published_table()._replace(rows=[["a|b", *["1"] * 8]])
    assert "| a\\|b |" in as_markdown([table])


def test_a_report_without_runs_says_what_to_do(tmp_path, make_comparison):
    with pytest.raises(FileNotFoundError, match="make the runs first with blv-trainer compare"):
        write_report(tmp_path)
    folder = make_comparison(tmp_path)
    (folder / "runs" / "cross_entropy" / "seed_2" / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"seed_2 holds no finished run"):
        write_report(folder)


# ---- Rows


def test_each_decision_is_the_one_its_name_says(make_comparison, tmp_path):
    results = read_results(make_comparison(tmp_path))
    rows = {row.key: row for row in make_rows(results, {"qwk": 1.0})}
    assert list(rows) == [
        "cross_entropy raw", "cross_entropy tuned", "blv:sigma=6 raw", "blv:sigma=6 consistent", "blv:sigma=6 tuned",
    ]  # fmt: skip
    blv = results.methods[1]
    shifted = blv.test_logits + consistent(blv.loss).shift
    np.testing.assert_array_equal(rows["blv:sigma=6 consistent"].predictions, shifted.argmax(axis=2))
    counts = results.class_counts["train"]
    for run, decision in enumerate(rows["blv:sigma=6 tuned"].decisions):
        assert decision == tune(blv.validation_logits[run], results.validation_labels, "qwk", class_counts=counts)


def test_the_choice_is_made_without_the_test_rows(make_comparison, tmp_path):
    results = read_results(make_comparison(tmp_path))
    rows = make_rows(results)
    chosen = choose(rows)
    assert validation_score(chosen) == max(map(validation_score, rows))
    results.test_labels[:] = 0
    for runs in results.methods:
        runs.test_logits[:] = 0
    again = make_rows(results)
    assert choose(again).key == chosen.key
    assert [row.decisions for row in again] == [row.decisions for row in rows]


def test_runs_on_other_rows_are_not_mixed(make_comparison, tmp_path):
    folder = make_comparison(tmp_path / "a", seeds=(1,))
    other = make_comparison(tmp_path / "b", seeds=(1,), methods=("focal",))
    path = folder / "runs" / "blv_sigma=6" / "seed_1" / "predictions.parquet"
    table = pq.read_table(other / "runs" / "focal" / "seed_1" / "predictions.parquet")
    pq.write_table(table.take(list(range(table.num_rows))[::-1]), path)
    with pytest.raises(ValueError, match=r"blv_sigma=6/seed_1 was made on other rows"):
        read_results(folder)
