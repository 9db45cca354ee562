"""One kind of picture a function: ``plot_x(values, *, ax: Axes | None = None) -> Axes``; nothing is shown or written.

Colours are told apart by colour-blind people (Okabe and Ito; cividis), and every difference in colour is one in
marker, line style, hatching or position as well, so that grey prints can be read.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave
from numpy.typing import ArrayLike

_DPI = 130
_NO_VERSION: Any = {"Software": None}  # in a PNG file
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#E69F00", "#7F7F7F")
MARKERS = "osD^vPX*"
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (8, 3)))
HATCHES = ("", "//", "..", "xx", "\\\\", "oo", "++", "--")


def new_axes(width: float = 5.0, height: float = 3.6) -> Axes:
    """Axes of a new figure, in inches."""
    return Figure(figsize=(width, height), layout="constrained").subplots()


def as_png(figure: Figure) -> bytes:
    """The figure as a PNG file, without a date or version in it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata=_NO_VERSION)
    return buffer.getvalue()


def as_tiles(figure: Figure, png: bytes) -> list[tuple[bytes, float]]:
    """What ``as_png`` gave in pieces, for narrow pages: plots, then legends, each with its width in inches."""
    pixels: np.ndarray = imread(io.BytesIO(png))  # (height, width, 4)
    tiles, height = [], len(pixels)
    parts: list[Any] = [*figure.axes, *figure.legends]
    for part in parts:
        left, low, right, high = (np.asarray(part.get_tightbbox().extents) * (_DPI / figure.dpi)).astype(int)
        buffer = io.BytesIO()
        piece = pixels[max(height - high - 4, 0) : height - low + 4, max(left - 4, 0) : right + 4]
        imsave(buffer, piece, metadata=_NO_VERSION)
        tiles.append((buffer.getvalue(), piece.shape[1] / _DPI))
    return tiles


def plain(text: str) -> str:
    """Text that matplotlib shows letter by letter: "$" begins no formula, "_" hides nothing from a legend."""
    text = "".join(character if character.isprintable() or character == "\n" else " " for character in text)
    return (" " if text.startswith("_") else "") + text.replace("$", r"\$")


def style(k: int) -> dict:
    """Colour, marker and line style of the k-th method."""
    return {"color": COLOURS[k % 8], "marker": MARKERS[k % 8], "linestyle": LINES[k % 8]}


def _name_levels(ax: Axes, names: Sequence[str], *, room: int, **looks: Any) -> None:
    """The ticks of the levels, slanted where a name has more letters than there is room for."""
    if max(len(line) for name in names for line in name.split("\n")) > room:
        looks |= {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(len(names)), [plain(name) for name in names], **looks)


def plot_class_distribution(
    class_counts: Mapping[str, Sequence[int]], names: Sequence[str], *, ax: Axes | None = None
) -> Axes:
    """Share of each class in each split; above the bars the numbers of rows."""
    ax = ax or new_axes(1.6 + 1.1 * len(names))
    width = 0.84 / len(class_counts)
    for k, (split, counts) in enumerate(class_counts.items()):
        places = np.arange(len(names)) + (k - (len(class_counts) - 1) / 2) * width
        shares = 100 * np.asarray(counts) / max(sum(counts), 1)
        label = plain(f"{split} (n = {sum(counts):,})")
        looks: dict[str, Any] = {"color": COLOURS[k], "hatch": HATCHES[k], "edgecolor": "white", "linewidth": 0}
        bars = ax.bar(places, shares, width, label=label, **looks)
        ax.bar_label(bars, [f"{count:,}" for count in counts], padding=2, fontsize=7)
    _name_levels(ax, names, room=12)
    ax.set(xlabel="level", ylabel="share of the split (%)")
    ax.margins(y=0.1)
    ax.legend(frameon=False)
    return ax


def plot_confusion(matrix: ArrayLike, names: Sequence[str], *, title: str = "", ax: Axes | None = None) -> Axes:
    """A confusion matrix, rows = human, columns = machine: percent of the row, and counts below.

    Args:
        matrix: ``(num_classes, num_classes)``; counts need not be whole where they are means over runs.
        names: the labels, lowest first.
        title: above the picture.
        ax: where to draw.
    """
    ax = ax or new_axes(4.2, 4.0)
    matrix = np.asarray(matrix, dtype=np.float64)
    percent = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1e-12)
    ax.imshow(percent, cmap="Greys", vmin=0, vmax=100)
    size = 9 if len(names) <= 5 else 7.5
    for i, j in np.ndindex(matrix.shape):
        count = f"{matrix[i, j]:.0f}" if np.allclose(matrix, matrix.round()) else f"{matrix[i, j]:.1f}"
        colour = "white" if percent[i, j] > 60 else "black"  # the better contrast
        ax.text(j, i - 0.12, f"{percent[i, j]:.0f} %", ha="center", va="center", color=colour, fontsize=size)
        ax.text(j, i + 0.26, count, ha="center", va="center", color=colour, fontsize=size - 2)
    _name_levels(ax, names, room=4)
    ax.set_yticks(range(len(names)), [plain(name) for name in names])
    ax.set(xlabel="machine", ylabel="human")
    ax.set_title(plain(title), fontsize=10)
    return ax


def plot_points(
    points: ArrayLike, labels: ArrayLike, names: Sequence[str], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """A map of samples in two dimensions, such as a t-SNE, ``(n, 2)``; one colour and marker for each class."""
    ax = ax or new_axes(4.2, 4.0)
    points, labels = np.asarray(points), np.asarray(labels)
    colours = matplotlib.colormaps["cividis"](np.linspace(0.0, 0.95, len(names)))
    for k, name in enumerate(names):
        inside = labels == k
        looks = {"marker": MARKERS[k % 8], "color": colours[k], "linewidths": 0}
        x, y = points[inside].T
        ax.scatter(x, y, s=11, label=plain(name), zorder=3 - inside.mean(), **looks)  # rare classes on top
    ax.set(xticks=[], yticks=[])
    ax.set_title(plain(title), fontsize=10)
    return ax


def plot_by_class_size(
    class_counts: Sequence[int],
    values: Mapping[str, ArrayLike],
    names: Sequence[str],
    *,
    ylabel: str,
    ax: Axes | None = None,
) -> Axes:
    """A value of each class, ``(num_classes,)`` for each method, classes in order of their training rows."""
    order = np.argsort(class_counts, kind="stable")
    ticks = [f"{names[k]}\n{class_counts[k]:,}" for k in order]
    ax = plot_by_class(
        {title: np.asarray(of_class)[order] for title, of_class in values.items()},
        ticks,
        ylabel=ylabel,
        ax=ax or new_axes(5.6, 3.8),
    )
    ax.set_xlabel("level and its training rows, rarest first")
    return ax


def plot_by_class(
    values: Mapping[str, ArrayLike],
    names: Sequence[str],
    *,
    ylabel: str,
    numbers: Sequence[int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A value of each class, ``(num_classes,)`` for each method, in the order of ``names``.

    Args:
        values: of each method.
        names: of the classes.
        ylabel: what the values are, with their unit.
        numbers: of the methods, which decide on their looks; 0, 1, 2 ... unless given.
        ax: where to draw.
    """
    ax = ax or new_axes()
    for k, (title, of_class) in zip(numbers or range(len(values)), values.items(), strict=True):
        ax.plot(range(len(names)), of_class, label=plain(title), linewidth=1.2, markersize=5, **style(k))
    _name_levels(ax, names, room=50 // len(names))
    ax.set(xlabel="level", ylabel=ylabel)
    ax.grid(axis="y", color="0.9")
    return ax


def plot_reliability(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    num_bins: int = 10,
    title: str = "",
    numbers: Sequence[int] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Accuracy against confidence in bins of equal width; the diagonal is perfect calibration.

    Args:
        curves: for each name the labels ``(n,)`` and probabilities ``(n, num_classes)``.
        num_bins: number of bins; empty ones have no point, and a point's size follows its number of samples.
        title: above the picture.
        numbers: of the curves, which decide on their looks; 0, 1, 2 ... unless given.
        ax: where to draw.
    """
    ax = ax or new_axes(3.6, 3.6)
    ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    for k, (name, (labels, probabilities)) in zip(numbers or range(len(curves)), curves.items(), strict=True):
        probabilities = np.asarray(probabilities)
        confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == np.asarray(labels)
        bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
        counts = np.bincount(bins, minlength=num_bins)
        filled = counts > 0
        x = np.bincount(bins, confidence, num_bins)[filled] / counts[filled]
        y = np.bincount(bins, right, num_bins)[filled] / counts[filled]
        looks = style(k)
        ax.plot(x, y, color=looks["color"], linestyle=looks["linestyle"], linewidth=1)
        looks = {"color": looks["color"], "marker": looks["marker"], "label": plain(name)}
        ax.scatter(x, y, 8 + 90 * counts[filled] / len(bins), **looks)
    ax.set(xlabel="confidence", ylabel="accuracy", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    ax.set_title(plain(title), fontsize=10)
    return ax


def plot_learning_curves(
    curves: Mapping[str, Sequence[tuple[Sequence[float], Sequence[float]]]], *, ylabel: str, ax: Axes | None = None
) -> Axes:
    """The mean over runs of what each evaluation gave, for each method pairs of epochs and values, one pair a run."""
    ax = ax or new_axes()
    for k, (title, of_runs) in enumerate(curves.items()):
        shortest = min(len(epochs) for epochs, _ in of_runs)
        epochs = of_runs[0][0][:shortest]
        mean = np.mean([values[:shortest] for _, values in of_runs], axis=0)
        looks = style(k) | {"markevery": max(1, shortest // 8)}
        ax.plot(epochs, mean, label=plain(title), linewidth=1.2, markersize=4, **looks)
    ax.set(xlabel="epoch", ylabel=ylabel)
    ax.grid(axis="y", color="0.9")
    return ax


def plot_score_distribution(
    human: ArrayLike,
    machine: Mapping[str, ArrayLike],
    names: Sequence[str],
    *,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Number of samples at each level: human and machine side by side."""
    ax = ax or new_axes()
    series = {"human": human, **machine}
    width = 0.84 / len(series)
    for k, (name, counts) in enumerate(series.items()):
        places = np.arange(len(names)) + (k - (len(series) - 1) / 2) * width
        colour = ("0.25", COLOURS[5], COLOURS[6], COLOURS[2])[k % 4]
        looks: dict[str, Any] = {"color": colour, "hatch": HATCHES[k % 8], "label": plain(name)}
        ax.bar(places, counts, width, edgecolor="white", linewidth=0, **looks)
    _name_levels(ax, names, room=40 // len(names), fontsize=8)
    ax.set(xlabel="level", ylabel="test samples")
    ax.set_title(plain(title), fontsize=10)
    return ax


def plot_intervals(intervals: Mapping[str, tuple[float, float, float]], *, xlabel: str, ax: Axes | None = None) -> Axes:
    """Values with their intervals (value, low, high), one line each, the first on top."""
    ax = ax or new_axes(5.6, 0.9 + 0.3 * len(intervals))
    places = np.arange(len(intervals))[::-1]
    values, low, high = np.array(list(intervals.values()), dtype=np.float64).T
    errors = np.maximum([values - low, high - values], 0)
    ax.errorbar(values, places, xerr=errors, fmt="o", color="black", markersize=4, capsize=2.5, linewidth=1)
    if len(values):
        ax.axvline(values[0], color="0.6", linewidth=0.8, linestyle="--")
    ax.set_yticks(places, [plain(name) for name in intervals], fontsize=8)
    ax.set(xlabel=xlabel)
    ax.grid(axis="x", color="0.9")
    return ax
