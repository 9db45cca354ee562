"""The figures of a report: which pictures, of which values, side by side."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from scipy.special import softmax

from blv_trainer.decision import Decision
from blv_trainer.evaluation import figures
from blv_trainer.experiments.report.rows import DECISIONS, Row, side_by_side
from blv_trainer.experiments.results import MethodRuns, Results
from blv_trainer.losses import BLVLoss
from blv_trainer.metrics import METRICS

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Panel:
    """A figure with the name of its file and the sentence below it."""

    name: str
    title: str
    caption: str
    figure: Figure


def make_panels(results: Results, rows: list[Row], analysis: dict[str, Any], *, tsne_iterations: int) -> list[Panel]:
    """All figures for which there is something to show."""
    one = "judged" in analysis  # of one model the table says enough of intervals, and the axes of class sizes
    panels = [
        None if one else _intervals(results, rows, analysis),
        None if one else _class_distribution(results),
        *_confusions(results, rows),
        _by_class_size(results, rows),
        _shifts(results),
        _tsne(results, tsne_iterations),
        _reliability(results, rows),
        _learning_curves(results),
        _score_distributions(results, rows),
    ]
    return [panel for panel in panels if panel is not None]


def grid(count: int, *, width: float, height: float, columns: int = 4) -> tuple[Figure, list[Axes]]:
    """A figure with ``count`` axes of that size in inches, at most ``columns`` side by side."""
    columns = min(columns, count)
    lines = -(-count // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.09)  # inches; else the last tick label touches the next axes' first
    figure = Figure(figsize=(columns * width, lines * height), layout=layout)
    axes = figure.subplots(lines, columns, squeeze=False).flatten()
    for unused in axes[count:]:
        unused.remove()
    return figure, list(axes[:count])


def _legend_below(figure: Figure, ax: Axes, columns: int = 4) -> None:
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(columns, len(labels)), frameon=False, markerscale=1.5
    )


def _name(results: Results, runs: MethodRuns) -> str:
    """Of a method among others; one by itself needs none."""
    return runs.method.title if len(results.methods) > 1 else ""


def _mean(number: int, of: str = "seeds") -> str:
    return f", mean over {number} {of}" if number > 1 else ""


def _intervals(results: Results, rows: list[Row], analysis: dict[str, Any]) -> Panel:
    metrics = ("accuracy", "macro_accuracy", "qwk")
    figure, axes = grid(3, width=3.6, height=1.0 + 0.24 * len(rows), columns=3)
    for ax, metric in zip(axes, metrics, strict=True):
        factor = 100 if METRICS[metric].percent else 1
        intervals = {}
        for row in rows:
            found = analysis["rows"][row.key]
            low, high = found["intervals"][metric].values()
            title = row.title if len(results.methods) > 1 else Decision.in_words(row.decision)
            intervals[title] = tuple(factor * value for value in (found["test"][metric]["mean"], low, high))
        figures.plot_intervals(intervals, xlabel=METRICS[metric].heading, ax=ax)
        if ax is not axes[0]:
            ax.set_yticklabels([])
    caption = f"95 % bootstrap interval over {analysis['num_groups']} {analysis['resampled']}"
    caption += f"{_mean(len(results.seeds))}."
    if len(rows) > 1:
        caption += (
            " The dashed line is the baseline. Intervals of two rows may overlap although the paired difference is "
            "clear, and the reverse: see the table of differences."
        )
    return Panel("intervals", "At a glance", caption, figure)


def _class_distribution(results: Results) -> Panel:
    ax = figures.plot_class_distribution(results.class_counts, results.names)
    figure = cast(Figure, ax.figure)  # not a part of one
    return Panel("class_distribution", "Class distribution", "Numbers above the bars are rows.", figure)


def _confusions(results: Results, rows: list[Row]) -> list[Panel]:
    panels = []
    size = 1.4 + 0.42 * len(results.names)
    columns = 4 if len(results.names) <= 5 else 3
    caption = f"Rows = human, columns = machine; percent of the row, below it samples{_mean(len(results.seeds))}."
    for decision, shown in side_by_side(results, rows).items():
        figure, axes = grid(len(shown), width=size, height=size + 0.4, columns=columns)
        for (title, row), ax in zip(shown.items(), axes, strict=True):
            figures.plot_confusion(row.test.confusion, results.names, title=title, ax=ax)
        name, whose = (f"confusion_{decision}", f", {decision} decision") if decision else ("confusion", "")
        panels.append(Panel(name, f"Confusion{whose}", caption, figure))
    return panels


def _by_class_size(results: Results, rows: list[Row]) -> Panel:
    sides = side_by_side(results, rows)
    figure, axes = grid(2 * len(sides), width=5.0, height=3.3, columns=2)
    for k, (decision, shown) in enumerate(sides.items()):
        recalls = {title: 100 * row.test.recalls for title, row in shown.items()}
        errors = {title: row.test.class_rmse for title, row in shown.items()}
        for ax, values, label in ((axes[2 * k], recalls, "recall (%)"), (axes[2 * k + 1], errors, "RMSE (levels)")):
            if "train" in results.class_counts:
                counts = [max(count, 1) for count in results.train_counts]
                figures.plot_by_class_size(counts, values, results.names, ylabel=label, ax=ax)
            else:
                figures.plot_by_class(values, results.names, ylabel=label, ax=ax)
            ax.set_title(f"{decision} decision" if decision else "", fontsize=10)
    _legend_below(figure, axes[0])
    return Panel("by_class_size", "Recall and RMSE by level", "On the judged rows of each level.", figure)


def _shifts(results: Results) -> Panel | None:
    shifting = [runs for runs in results.methods if runs.loss.expected_shift().abs().max() > 0]
    if not shifting:
        return None
    alphas = {runs.method.title: runs.loss.alpha.numpy() for runs in shifting if isinstance(runs.loss, BLVLoss)}
    alphas = {"BLV": next(iter(alphas.values()))} if alphas else {}  # it depends on the class counts alone
    figure, axes = grid(1 + bool(alphas), width=5.0, height=3.3, columns=2)
    shifts = {runs.method.title: runs.loss.expected_shift().numpy() for runs in shifting}
    numbers = [results.methods.index(runs) for runs in shifting]  # the looks that they have in the other figures
    figures.plot_by_class(shifts, results.names, ylabel="expected shift (logits)", numbers=numbers, ax=axes[-1])
    axes[-1].legend(frameon=False, fontsize=8)
    if alphas:
        figures.plot_by_class(alphas, results.names, ylabel="alpha (0 to 1)", ax=axes[0])
        axes[0].set_ylim(-0.03, 1.03)
    caption = (
        "alpha is BLV's scale of each class, 1 for the rarest. The expected shift is what training adds to each "
        'class\'s logit on average; "shift added back" undoes it.'
    )
    return Panel("expected_shift", "What training adds to the logits", caption, figure)


def _tsne(results: Results, iterations: int) -> Panel | None:
    from blv_trainer.experiments.report.tsne import MIN_ROWS, PERPLEXITY, embed, separation  # with numba, scikit-learn

    shown = [
        (runs.method.title, runs.train_logits, runs.train_labels)
        for runs in results.methods
        if runs.train_logits is not None and runs.train_labels is not None and len(runs.train_logits) >= MIN_ROWS
    ]
    if not shown or iterations == 0:
        return None
    figure, axes = grid(len(shown), width=3.0, height=3.2)
    num_rows = len(shown[0][1])
    logger.info("t-SNE of %d training logits for %d methods", num_rows, len(shown))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # one panel a core
        maps = pool.map(lambda of_method: embed(of_method[1], iterations=iterations), shown)
        for (title, logits, labels), points, ax in zip(shown, maps, axes, strict=True):
            title = f"{title}\nsilhouette {separation(logits, labels):.3f}"
            figures.plot_points(points, labels, results.names, title=title, ax=ax)
    _legend_below(figure, axes[0], columns=min(len(results.names), 5))
    caption = (
        f"t-SNE (perplexity {PERPLEXITY}, {iterations:,} iterations) of the logits of {num_rows:,} "
        f"training rows, seed {results.seeds[0]}. The silhouette is that of the logits themselves, from -1 to 1; "
        "higher means that classes lie further apart."
    )
    return Panel("tsne", "Training logits", caption, figure)


def _reliability(results: Results, rows: list[Row]) -> Panel:
    figure, axes = grid(len(results.methods), width=2.9, height=3.7)
    for runs, ax in zip(results.methods, axes, strict=True):
        curves, errors = {}, []
        for row in rows:
            if row.runs is runs:
                labels = np.tile(results.test.labels, len(row.test.logits))
                curves[row.decision] = (labels, softmax(np.concatenate(row.test.logits), axis=1))
                errors.append(f"{Decision.in_words(row.decision)} {row.test.values['ece']:.3f}".replace(" 0.", " ."))
        title = f"{_name(results, runs)}\nECE: {', '.join(errors)}".strip()
        looks = [*dict.fromkeys([*DECISIONS, *curves])]  # the same for a decision in all plots
        figures.plot_reliability(curves, title=title, numbers=[looks.index(name) for name in curves], ax=ax)
        ax.title.set_fontsize(8)
    most = max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[1]))
    _legend_below(figure, most)
    caption = "Accuracy against confidence on the judged rows; a larger point stands for more samples."
    return Panel("reliability", "Calibration", caption, figure)


def _curve(runs: MethodRuns, key: str) -> list[tuple[list[float], list[float]]]:
    curves = []
    for history in runs.histories:
        if points := [(entry["epoch"], entry[key]) for entry in history if entry.get(key) is not None]:
            epochs, values = zip(*points, strict=True)
            curves.append((list(epochs), list(values)))
    return curves


def _learning_curves(results: Results) -> Panel | None:
    keys = {"eval_loss": "cross-entropy on validation", "eval_macro_accuracy": "macro accuracy", "eval_qwk": "QWK"}
    found = {key: {runs.method.title: _curve(runs, key) for runs in results.methods} for key in keys}
    if not all(curve for curves in found.values() for curve in curves.values()):
        return None
    figure, axes = grid(3, width=3.8, height=3.2, columns=3)
    for ax, (key, label) in zip(axes, keys.items(), strict=True):
        figures.plot_learning_curves(found[key], ylabel=label, ax=ax)
    _legend_below(figure, axes[0])
    runs = _mean(len(results.methods[0].histories), "runs")
    caption = f"On the validation rows after each epoch, raw decision{runs}."
    return Panel("learning_curves", "Learning curves", caption, figure)


def _score_distributions(results: Results, rows: list[Row]) -> Panel:
    num_classes = len(results.names)
    human = np.bincount(results.test.labels, minlength=num_classes)
    figure, axes = grid(len(results.methods), width=3.2, height=2.7)
    for runs, ax in zip(results.methods, axes, strict=True):
        machine = {
            row.decision: row.test.confusion.sum(axis=0)
            for row in rows
            if row.runs is runs and (row.decision != "consistent" or len(rows) == 2)  # beside raw alone
        }
        figures.plot_score_distribution(human, machine, results.names, title=_name(results, runs), ax=ax)
    highest = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(0, highest)
    _legend_below(figure, axes[0])
    caption = f"Judged samples at each level{_mean(len(results.seeds))}."
    return Panel("score_distributions", "Human and machine scores", caption, figure)
