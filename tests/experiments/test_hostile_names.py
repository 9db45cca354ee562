"""Labels, groups and ids that mean something to HTML, Markdown, matplotlib or a spreadsheet."""

import csv
import html
import io
import re
import string

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blv_trainer.evaluation import figures
from blv_trainer.evaluation.figures import as_png
from blv_trainer.experiments.report import write_report
from blv_trainer.experiments.report.tables import Table, as_markdown
from blv_trainer.experiments.results import read_results
from blv_trainer.run_folder import PREDICTIONS_FILE

SCRIPT = "<script>alert('x')</script>"
NAMES = (SCRIPT, r"$\frac{$ 5$", "_=cmd|' /C calc'!A0", "a|b](javascript:x)\n\x1b[2J")
GROUPS = ["=1+1", "<img src=x onerror=alert(1)>", "-5", "{{ 7 * 7 }}"]


@pytest.fixture(scope="module")
def report(make_comparison, tmp_path_factory):
    """The report of a comparison whose every name is hostile."""
    folder = make_comparison(tmp_path_factory.mktemp("hostile"), names=NAMES)
    for path in folder.rglob(PREDICTIONS_FILE):
        table = pq.read_table(path)
        groups = [GROUPS[k % 4] for k in range(len(table))]
        table = table.drop_columns(["region"]).append_column("region", pa.array(groups))
        pq.write_table(table.append_column("id", pa.array([f"@id{k}" for k in range(len(table))])), path)
    write_report(folder, num_resamples=20, tsne_iterations=0)
    return folder / "report"


def test_the_page_shows_every_name_and_runs_none(report):
    page = (report / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "javascript:" not in re.sub(r">[^<]*<", "><", page)  # as text it may stand there
    assert "{{ 7 * 7 }}" in page
    for name in (SCRIPT, GROUPS[1]):
        assert html.escape(name, quote=True).replace("&#x27;", "&#39;") in page


def test_cells_of_rsmeval_are_no_formulas_and_numbers_stay_numbers(report):
    paths = sorted((report / "rsmeval").glob("*.csv"))
    assert paths
    for path in paths:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["region"] for row in rows} == {"'=1+1", GROUPS[1], "-5", "{{ 7 * 7 }}"}
        assert all(row["spkitemid"].startswith("'@id") for row in rows)
        assert all(float(row["raw"]) >= 1 for row in rows)


def test_names_of_files_are_plain(report):
    allowed = set(string.ascii_letters + string.digits + "._-")
    assert all(set(path.name) <= allowed for path in report.rglob("*"))


def test_markdown_cells_hold_text_alone():
    text = as_markdown([Table("t", "n", ["method"], [[f"{SCRIPT} a|b [x](javascript:y)\nz p < .001"]])])
    assert text.splitlines()[-1] == r"| &lt;script>alert('x')&lt;/script> a\|b [x]\(javascript:y) z p < .001 |"


def shown(ax):
    legend = ax.legend()
    return [label.get_text() for label in legend.get_texts()], [label.get_text() for label in ax.get_xticklabels()]


def test_figures_show_dollars_and_underscores_as_they_are():
    ax = figures.plot_by_class({"_hidden": [1, 2]}, ["$5$", r"$\frac{$"], ylabel="y")
    as_png(ax.figure)  # a formula that is none would raise here
    legend, ticks = shown(ax)
    assert legend == [" _hidden"]
    assert ticks == [r"\$5\$", r"\$\frac{\$"]


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.lists(st.text(st.sampled_from("$\\_^{}%&#~ \n\tfracabc\x00é"), max_size=8), min_size=3, max_size=3))
def test_any_names_can_be_drawn(names):
    for ax in (
        figures.plot_points(np.eye(3)[:, :2], [0, 1, 2], [f"a{name}" for name in names], title=names[1]),
        figures.plot_by_class({f"b{names[0]}": [1, 2, 3]}, names, ylabel="y"),
    ):
        ax.legend()
        ax.figure.set_layout_engine("none")  # which would draw everything several times
        ax.figure.savefig(io.BytesIO(), dpi=20)


@pytest.mark.parametrize("name", [PREDICTIONS_FILE, "history.json", "run.json"])
def test_a_damaged_file_of_a_run_is_named(name, make_comparison, tmp_path):
    folder = make_comparison(tmp_path, methods=("cross_entropy",), seeds=(1,))
    path = folder / "runs" / "cross_entropy" / "seed_1" / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        read_results(folder)


def test_predictions_without_a_split_are_named(make_comparison, tmp_path):
    folder = make_comparison(tmp_path, methods=("cross_entropy",), seeds=(1,))
    path = folder / "runs" / "cross_entropy" / "seed_1" / PREDICTIONS_FILE
    table = pq.read_table(path)
    pq.write_table(table.filter(pc.not_equal(table["split"], "test")), path)
    with pytest.raises(ValueError, match="lacks validation or test rows"):
        read_results(folder)
