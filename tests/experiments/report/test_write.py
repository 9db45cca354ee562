"""The report of drawn logits: its numbers, what it leaves alone, and what it escapes."""

import csv
import json
import re

import numpy as np
import pytest

from blv_trainer.experiments.report import write_report
from blv_trainer.experiments.report.tables import _PUBLISHED, as_markdown, formatted_p, make_tables, published_table
from blv_trainer.experiments.results import read_results
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


def test_the_summary_gives_each_difference_with_its_interval_and_corrected_p(report):
    page = (report / "report.html").read_text()
    analysis = json.loads((report / "results.json").read_text())
    chosen = analysis["rows"][analysis["chosen"]]
    difference, p = chosen["differences"]["qwk"], chosen["p_values"]["qwk"]["holm"]
    low, high = (f"{difference[end]:.4f}" for end in ("low", "high"))
    expected = f"difference {difference['value']:.4f}, 95 % interval {low} to {high}"
    assert f"{expected}, which excludes zero (Holm-corrected {formatted_p(p)})".replace("<", "&lt;") in page


def test_rows_with_the_baselines_answers_are_counted(report):
    analysis = json.loads((report / "results.json").read_text())
    analysis["rows"]["cross_entropy tuned"]["differences"] = {}
    differences = make_tables(analysis)[1]
    assert differences.note.endswith("Left out: 1 row(s) with the baseline's very answers.")
    assert ["cross-entropy", "tuned"] not in [row[:2] for row in differences.rows]
    assert "Left out" not in (report / "table.md").read_text()


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
    assert len(published_table().rows) == len(_PUBLISHED) == 4


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
