"""The report of drawn logits: its numbers, what it leaves alone, and what it escapes."""

import csv
import html
import json
import re
import string

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from blv_trainer.experiments.report import write_report
from blv_trainer.experiments.report.analysis import analyse
from blv_trainer.experiments.report.rows import make_rows
from blv_trainer.experiments.report.tables import (
    Table,
    as_markdown,
    formatted_p,
    make_tables,
    published_table,
    table_cells,
)
from blv_trainer.experiments.report.write import _summary
from blv_trainer.experiments.results import read_results
from blv_trainer.metrics import METRICS
from blv_trainer.run_folder import COMPARISON_FILE, PREDICTIONS_FILE

QUICK = {"num_resamples": 200, "tsne_iterations": 250}
FIGURES = {
    "intervals", "class_distribution", "confusion_raw", "confusion_tuned", "by_class_size", "expected_shift", "tsne",
    "reliability", "learning_curves", "score_distributions",
}  # fmt: skip
# They mean something to HTML, Markdown, matplotlib or a spreadsheet.
SCRIPT, IMAGE = "<script>alert('x')</script>", "<img src=x onerror=alert(1)>"
NAMES = (SCRIPT, r"$\frac{$ 5$", "_=cmd|' /C calc'!A0", "a|b](javascript:x)\n\x1b[2J")
GROUPS = ["=1+1", IMAGE, "-5", "{{ 7 * 7 }}"]


@pytest.fixture(scope="module")
def report(make_comparison, tmp_path_factory):
    """The report of a comparison whose every name is hostile."""
    folder = make_comparison(tmp_path_factory.mktemp("report"), names=NAMES)
    for path in folder.rglob(PREDICTIONS_FILE):
        table = pq.read_table(path)
        groups = [GROUPS[k % 4] for k in range(len(table))]
        table = table.drop_columns(["region"]).append_column("region", pa.array(groups))
        pq.write_table(table.append_column("id", pa.array([f"@id{k}" for k in range(len(table))])), path)
    path = folder / COMPARISON_FILE
    path.write_text(path.read_text().replace("</i>", "</i> of ICNALE"))
    write_report(folder, **QUICK)
    return folder / "report"


def test_every_file_is_there_under_a_plain_name(report):
    assert {path.stem for path in report.glob("*.png")} == FIGURES
    assert {path.name for path in report.iterdir() if path.suffix != ".png"} == {
        "table.md", "table.csv", "results.json", "report.html", "rsmeval",
    }  # fmt: skip
    allowed = set(string.ascii_letters + string.digits + "._-")
    assert all(set(path.name) <= allowed for path in report.rglob("*"))


def test_the_page_stands_alone_and_escapes_every_text(report):
    page = (report / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'alt="(.*), 1"', page) == re.findall(r"<h2>(.*)</h2>\n<figure>", page)
    assert page.count("data:image/png;base64,") == page.count("<img ") > len(FIGURES)  # each plot by itself
    assert not re.search(r'(src|href)="(?!data:)', page)
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "javascript:" not in re.sub(r">[^<]*<", "><", page)  # as text it may stand there
    for text in (SCRIPT, IMAGE, "{{ 7 * 7 }}", "drawn <i>logits", "a & b"):
        assert html.escape(text).replace("&#x27;", "&#39;") in page


def test_cells_of_rsmeval_are_no_formulas_and_numbers_stay_numbers(report):
    paths = sorted((report / "rsmeval").glob("*.csv"))
    assert paths
    for path in paths:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["region"] for row in rows} == {"'=1+1", IMAGE, "-5", "{{ 7 * 7 }}"}
        assert all(row["spkitemid"].startswith("'@id") for row in rows)
        assert all(float(row["raw"]) >= 1 for row in rows)


def test_numbers_are_those_of_the_metrics(report):
    results = read_results(report.parent)
    with open(report / "table.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    for spec, runs in zip(("cross_entropy", "blv:sigma=6"), results.methods, strict=True):
        for metric in ("accuracy", "macro_rmse", "qwk"):
            expected = [METRICS[metric](results.test.labels, logits.argmax(axis=1)) for logits in runs.test_logits]
            key = ("answers", spec, "raw", metric)
            (line,) = [it for it in lines if (it["of"], it["method"], it["decision"], it["metric"]) == key]
            assert float(line["mean"]) == pytest.approx(np.mean(expected))
            assert float(line["sd_over_seeds"]) == pytest.approx(np.std(expected, ddof=1))
            assert float(line["low"]) < float(line["mean"]) < float(line["high"])


@pytest.mark.slow
def test_the_same_runs_give_the_same_tables(report):
    before = {name: (report / name).read_bytes() for name in ("table.md", "table.csv", "results.json", "report.html")}
    write_report(report.parent, **QUICK)
    assert {name: (report / name).read_bytes() for name in before} == before


def test_the_summary_gives_each_difference_with_its_interval_and_the_verdict_of_the_corrected_test(report):
    page = html.unescape((report / "report.html").read_text())
    analysis = json.loads((report / "results.json").read_text())
    chosen = analysis["rows"][analysis["chosen"]]
    difference, p = chosen["differences"]["qwk"], chosen["p_values"]["qwk"]["holm"]
    value, low, high = (f"{difference[part]:.4f}" for part in ("value", "low", "high"))
    verdict = "clear" if p < 0.05 else "not clear"
    expected = (
        f"the difference of {value} [{low}, {high}] is {verdict} among the rows compared ({formatted_p(p)}, Holm-"
    )
    assert expected in page


@pytest.fixture(scope="module")
def folded(make_comparison, tmp_path_factory):
    """The report of a comparison with folds, speakers and two raters."""
    folder = make_comparison(tmp_path_factory.mktemp("folded"), num_folds=3, raters=True)
    write_report(folder, **QUICK)
    return folder / "report"


@pytest.mark.parametrize(("p", "verdict"), [(0.049, "clear"), (0.13, "not clear"), (float("nan"), "not clear")])
def test_one_sentence_carries_one_verdict(folded, p, verdict):
    """The corrected test decides, whatever the interval says by itself."""
    analysis = json.loads((folded / "results.json").read_text())
    for level in ("rows", "by_group"):
        chosen = analysis[level][analysis["chosen"]]
        for metric in chosen["differences"]:
            chosen["differences"][metric] |= {"value": 0.1, "low": 0.01, "high": 0.2}  # excludes zero
            chosen["p_values"][metric] = {"p": 0.001, "holm": p}
    sentences = _summary(analysis, dict.fromkeys(analysis["rows"], "title"))
    found = [sentence for sentence in sentences if "difference" in sentence]
    assert len(found) == 8  # four metrics, of answers and of speakers
    for sentence in found:
        assert f" is {verdict} among" in sentence
        assert len(re.findall(r"clear|exclud|includ|significant", sentence)) == 1


def test_groups_are_shaped_as_rows_beside_answers_and_human_raters(folded):
    text = (folded / "results.json").read_text()
    analysis = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert (analysis["num_folds"], analysis["num_test"], analysis["num_groups"]) == (3, 200, 51)
    assert analysis["judged_groups"] == {"column": "speaker", "number": 50, "with_two_labels": 1}
    assert list(analysis["by_group"]) == list(analysis["rows"])
    for key, entry in analysis["rows"].items():
        assert analysis["by_group"][key].keys() == entry.keys()
        assert analysis["by_group"][key]["test"].keys() == entry["test"].keys()
    assert analysis["human"]["qwk"] == 0.75
    table = (folded / "table.md").read_text()
    assert "| human raters | among themselves | 62.50 | - |" in table
    assert "All rows, n = 200, each tested once a seed in 3 folds" in table
    assert "Whole groups (speaker), n = 50" in table
    assert "Not judged: 1 group(s) whose answers have more than one label." in table
    with open(folded / "table.csv", newline="") as file:
        assert {line["of"] for line in csv.DictReader(file)} == {"answers", "groups"}
    header, rows = table_cells(analysis)
    assert [row[0] for row in rows][-1] == "human raters"
    assert all(len(row) == len(header) for row in rows)
    assert len(table_cells(analysis, level="by_group")[1]) == len(rows) - 1


def test_the_error_stands_in_the_levels_own_units_too_where_they_are_numbers(make_comparison, folded, tmp_path):
    results = read_results(make_comparison(tmp_path, names=("1", "1.5", "2", "2.5"), num_folds=3, raters=True))
    tables = make_tables(analyse(results, make_rows(results, num_resamples=50)))
    results, by_group = (table for table in tables if table.title.startswith("Results"))
    assert results.rows.pop()[-1] == "-"  # human raters, among themselves
    for table in (results, by_group):
        assert table.header[-1] == "RMSE in units"
        for row in table.rows:
            in_places = float(row[table.header.index("RMSE")].split()[0])
            assert float(row[-1]) == pytest.approx(in_places / 2, abs=1e-4)
    assert "in units" not in (folded / "table.md").read_text()


def test_no_table_or_sentence_speaks_of_validation_where_there_was_none(folded):
    page = re.sub('base64,[^"]*', "", (folded / "report.html").read_text())
    assert "validation" not in page
    assert (
        "Chosen with each fold decided by the others, by macro accuracy + QWK - 0.5 macro RMSE, accuracy at m" in page
    )


def test_published_rows_stand_apart_and_only_beside_the_corpus_that_they_are_of(report, folded):
    assert "Tsai" in (report / "report.html").read_text()
    for name in ("table.md", "report.html"):
        assert "Tsai" not in (folded / name).read_text()
    ours, published = (report / "table.md").read_text().split("## Published on ICNALE-ASA")
    assert "Tsai et al." not in ours
    assert "published, n = 217, one run" in published
    row = "| BERT (Tsai et al. 2025) | 55.30 | 47.96 | 91.71 | 85.79 | 0.8614 | 0.9449 | 0.6690 | 0.4672 |"
    assert row in published
    for name in ("results.json", "table.csv"):
        assert "Tsai" not in (report / name).read_text()
    assert len(published_table().rows) == 4


def test_rows_with_the_baselines_answers_are_counted(report):
    analysis = json.loads((report / "results.json").read_text())
    analysis["rows"]["cross_entropy tuned"]["differences"] = {}
    differences = make_tables(analysis)[1]
    assert differences.note.endswith("Left out: 1 row(s) with the baseline's very answers.")
    assert ["cross-entropy", "tuned"] not in [row[:2] for row in differences.rows]


def test_markdown_cells_hold_text_alone():
    text = as_markdown([Table("t", "n", ["method"], [[f"{SCRIPT} a|b [x](javascript:y)\nz p < .001"]])])
    assert text.splitlines()[-1] == r"| &lt;script>alert('x')&lt;/script> a\|b [x]\(javascript:y) z p < .001 |"
