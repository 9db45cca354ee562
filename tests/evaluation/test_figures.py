"""Figures say what the values are; nothing here needs a display."""

import colorsys
import io

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from blv_trainer.evaluation import figures

NAMES = ["A2", "B1", "B2"]


def test_the_class_distribution_has_a_bar_for_each_class_and_split():
    ax = figures.plot_class_distribution({"train": [10, 60, 30], "test": [1, 6, 3]}, NAMES)
    heights = [bar.get_height() for bar in ax.patches]
    assert heights == pytest.approx([10, 60, 30, 10, 60, 30])
    assert [text.get_text() for text in ax.texts] == ["10", "60", "30", "1", "6", "3"]
    assert [label.get_text() for label in ax.get_xticklabels()] == NAMES


def test_a_confusion_matrix_shows_percent_of_the_row_and_counts():
    ax = figures.plot_confusion([[3, 1, 0], [0, 10, 0], [0, 0, 0]], NAMES, title="one run")
    texts = [text.get_text() for text in ax.texts]
    assert texts[:4] == ["75 %", "3", "25 %", "1"]
    assert ax.get_ylabel() == "human"
    assert ax.get_xlabel() == "machine"
    means = figures.plot_confusion([[2.5, 0.5, 0], [0, 1, 0], [0, 0, 1]], NAMES)
    assert means.texts[1].get_text() == "2.5"


def test_classes_are_sorted_by_size_with_their_counts():
    ax = figures.plot_by_class_size([50, 5, 20], {"blv": [0.5, 0.1, 0.3]}, NAMES, ylabel="recall")
    assert [label.get_text() for label in ax.get_xticklabels()] == ["B1\n5", "B2\n20", "A2\n50"]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.1, 0.3, 0.5])


def test_points_of_each_class_are_apart_in_colour_and_marker():
    points = np.arange(12.0).reshape(6, 2)
    ax = figures.plot_points(points, [0, 0, 1, 1, 2, 2], NAMES)
    handles, labels = ax.get_legend_handles_labels()
    assert labels == NAMES
    assert sum(len(handle.get_offsets()) for handle in handles) == 6
    greys = [np.dot(handle.get_facecolor()[0][:3], [0.3, 0.6, 0.1]) for handle in handles]
    assert min(np.diff(greys)) > 0.15  # levels grow lighter, in grey as well


def test_reliability_is_accuracy_against_confidence():
    probabilities = np.array([[0.75, 0.25]] * 4 + [[0.05, 0.95]] * 2)
    ax = figures.plot_reliability({"raw": ([0, 0, 1, 1, 1, 1], probabilities)})
    (dots,) = ax.collections
    np.testing.assert_allclose(dots.get_offsets(), [[0.75, 0.5], [0.95, 1.0]])


def test_learning_curves_are_means_over_runs():
    ax = figures.plot_learning_curves({"blv": [([1, 2], [0.0, 1.0]), ([1, 2], [1.0, 3.0])]}, ylabel="loss")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.5, 2.0])


def test_score_distributions_stand_side_by_side():
    ax = figures.plot_score_distribution([1, 2, 3], {"raw": [0, 4, 2]}, NAMES)
    assert [bar.get_height() for bar in ax.patches] == [1, 2, 3, 0, 4, 2]
    assert ax.patches[0].get_hatch() != ax.patches[3].get_hatch()


def test_intervals_are_drawn_from_top_to_bottom():
    ax = figures.plot_intervals({"a": (0.5, 0.4, 0.6), "b": (0.7, 0.6, 0.75)}, xlabel="accuracy")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert list(ax.lines[0].get_ydata()) == [1, 0]


def test_a_given_axes_is_drawn_on():
    ax = figures.new_axes()
    assert figures.plot_by_class({"blv": [1, 2, 3]}, NAMES, ylabel="alpha", ax=ax) is ax
    assert isinstance(ax, Axes)


def test_methods_differ_in_grey_too():
    looks = [figures.style(k) for k in range(8)]
    assert len({str((look["marker"], look["linestyle"])) for look in looks}) == 8
    assert len({look["color"] for look in looks}) == 8
    assert all(colorsys.rgb_to_hls(*to_rgb(look["color"]))[1] < 0.75 for look in looks)  # visible on white


def test_figures_show_dollars_and_underscores_as_they_are():
    ax = figures.plot_by_class({"_hidden": [1, 2]}, ["$5$", r"$\frac{$"], ylabel="y")
    figures.as_png(ax.figure)  # a formula that is none would raise here
    assert [label.get_text() for label in ax.legend().get_texts()] == [" _hidden"]
    assert [label.get_text() for label in ax.get_xticklabels()] == [r"\$5\$", r"\$\frac{\$"]


@pytest.mark.parametrize("name", ["$\\frac", "_^{}", "%&#~ \n\t", "\x00é", "$$"])
def test_any_names_can_be_drawn(name):
    for ax in (
        figures.plot_points(np.eye(3)[:, :2], [0, 1, 2], [f"{name}{k}" for k in range(3)], title=name),
        figures.plot_by_class({name: [1, 2, 3]}, [f"{name}{k}" for k in range(3)], ylabel="y"),
    ):
        ax.legend()
        ax.figure.set_layout_engine("none")  # which would draw everything several times
        ax.figure.savefig(io.BytesIO(), dpi=20)
