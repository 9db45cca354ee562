"""Which figures a report has, and that what they show was worked out from the logits."""

import dataclasses

import pytest
from matplotlib.figure import Figure

from blv_trainer.experiments.report.analysis import analyse
from blv_trainer.experiments.report.panels import grid, make_panels
from blv_trainer.experiments.report.rows import make_rows
from blv_trainer.experiments.results import read_results


@pytest.fixture(scope="module")
def results(make_comparison, tmp_path_factory):
    return read_results(make_comparison(tmp_path_factory.mktemp("panels")))


def panels_of(results):
    rows = make_rows(results, num_resamples=20)
    analysis = analyse(results, rows)
    return {panel.name: panel for panel in make_panels(results, rows, analysis, tsne_iterations=250)}


@pytest.fixture(scope="module")
def panels(results):
    return panels_of(results)


def test_every_panel_has_a_title_a_caption_and_a_figure_with_labelled_axes(panels):
    assert list(panels) == [
        "intervals", "class_distribution", "confusion_raw", "confusion_tuned", "by_class_size", "expected_shift",
        "tsne", "reliability", "learning_curves", "score_distributions",
    ]  # fmt: skip
    for name, panel in panels.items():
        assert panel.title
        assert panel.caption.endswith(".")
        assert isinstance(panel.figure, Figure)
        if name != "tsne":  # whose axes have no meaning
            assert all(ax.get_xlabel() for ax in panel.figure.axes)


def test_every_method_has_its_panel(panels):
    titles = [ax.get_title().splitlines() for ax in panels["tsne"].figure.axes]
    assert [title[0] for title in titles] == ["cross-entropy", "BLV, sigma 6"]
    assert all(title[1].startswith("silhouette ") for title in titles)
    assert [ax.get_title() for ax in panels["confusion_tuned"].figure.axes] == ["cross-entropy", "BLV, sigma 6"]


def test_only_what_there_is_to_show_is_shown(results):
    plain = dataclasses.replace(results.methods[0], train_logits=None, train_labels=None, histories=[[], []])
    panels = panels_of(dataclasses.replace(results, methods=[plain]))
    assert {"expected_shift", "tsne", "learning_curves"}.isdisjoint(panels)
    assert "reliability" in panels


@pytest.mark.parametrize(("count", "lines"), [(1, 1), (4, 1), (5, 2), (8, 2)])
def test_a_grid_has_as_many_axes_as_asked_for(count, lines):
    figure, axes = grid(count, width=2, height=3)
    assert len(axes) == len(figure.axes) == count
    assert figure.get_figheight() == 3 * lines
