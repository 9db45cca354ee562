"""The page's three pictures, drawn from the figures alone."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from blv_trainer.evaluation import figures
from blv_trainer.metrics import METRICS
from tests.benchmarks.evidence.judging import SHARES, SHOWN

_GAINS = {
    "accuracy": ("accuracy, points", 100),
    "macro_accuracy": ("macro accuracy, points", 100),
    "qwk": ("QWK", 1),
    "macro_rmse": ("macro RMSE, levels less", 1),
}
_LINES = (
    ("cross-entropy", "raw"),
    ("cross-entropy", "tuned"),
    ("SORD", "tuned"),
    ("BLV, sigma 6", "raw"),
    ("BLV, sigma 6", "tuned"),
    ("logit adjustment", "raw"),
)


def forest(settings: list[dict[str, Any]]) -> bytes:
    """What the tuned decision brings to cross-entropy, with intervals, on every corpus; to the right is better."""
    rows = [(s, entry) for s in settings for entry in s["entries"] if is_tuned_cross_entropy(entry, s)]
    order = list(dict.fromkeys((s["title"], entry["level"]) for s, entry in rows))
    kinds = list(dict.fromkeys(s["features"] for s, _ in rows))
    figure = Figure(figsize=(7, 2.2 + 0.95 * len(order)), layout="constrained")
    axes = figure.subplots(2, 2, sharey=True)
    for ax, metric in zip(axes.flat, SHOWN, strict=True):
        heading, scale = _GAINS[metric]
        sign = METRICS[metric].goodness(1.0) * scale
        for s, entry in rows:
            k = kinds.index(s["features"])
            value, *ends = (sign * end for end in entry["differences"][metric])
            low, high = sorted(ends)
            place = order.index((s["title"], entry["level"])) + 0.2 * (k - (len(kinds) - 1) / 2)
            looks = figures.style(k)
            ax.plot([low, high], [place, place], color=looks["color"], linewidth=1.8)
            ax.plot(value, place, looks["marker"], color=looks["color"], markersize=4.5)
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_xlabel(heading)
        ax.grid(axis="x", alpha=0.3)
    axes[0, 0].set_yticks(
        range(len(order)),
        [figures.plain(name if level == "answers" else f"{name},\nwhole people") for name, level in order],
    )
    axes[0, 0].invert_yaxis()
    for k, kind in enumerate(kinds):
        looks = figures.style(k)
        axes[0, 0].plot([], [], looks["marker"] + "-", color=looks["color"], label=figures.plain(kind))
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figures.as_png(figure)


def recalls(summary: dict[str, Any]) -> bytes:
    """Mean recall of levels by their share of the rows."""
    ax = figures.new_axes(6.2, 3.6)
    by_key = {(line["title"], line["decision"]): line for line in summary["recalls"]}
    for k, key in enumerate(key for key in _LINES if key in by_key):
        values = [np.nan if recall is None else 100 * recall for recall in by_key[key]["recalls"]]
        ax.plot(values, **figures.style(k), markersize=5, label=figures.plain(f"{key[0]}, {key[1]}"))
    ends = [f"{100 * share:g}" for share in SHARES]
    ax.set_xticks(range(len(ends) - 1), [f"{low} to {high} %" for low, high in itertools.pairwise(ends)])
    ax.set_xlabel("share of the level among the rows")
    ax.set_ylabel("mean recall, %")
    ax.legend(fontsize=8)
    ax.grid(alpha=0.3)
    return figures.as_png(ax.get_figure())


def curve(settings: list[dict[str, Any]]) -> bytes:
    """What a decision tuned on some rows only brings to all others: the mean of draws, and their 5th percentile."""
    shown = [s for s in settings if s.get("curve")]
    figure = Figure(figsize=(7, 5.4), layout="constrained")
    axes = figure.subplots(2, 2)
    for ax, metric in zip(axes.flat, SHOWN, strict=True):
        heading, scale = _GAINS[metric]
        for k, s in enumerate(shown):
            sizes = [point["rows"] for point in s["curve"]]
            means, lows = (scale * np.array([point[metric][j] for point in s["curve"]]) for j in range(2))
            looks = figures.style(k)
            ax.plot(
                sizes,
                means,
                color=looks["color"],
                marker=looks["marker"],
                markersize=4,
                label=figures.plain(s["title"]),
            )
            ax.plot(sizes, lows, color=looks["color"], linestyle=":", linewidth=1)
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set_xscale("log")
        ax.set_xlabel("rows tuned on")
        ax.set_ylabel(heading)
        ax.grid(alpha=0.3)
    if shown:
        axes[0, 0].legend(fontsize=8)
    return figures.as_png(figure)


def is_tuned_cross_entropy(entry: dict[str, Any], setting: dict[str, Any]) -> bool:
    """Whether an entry is the tuned decision of the plain loss, of answers or groups."""
    return entry["decision"] == "tuned" and entry["loss"] == setting["entries"][0]["loss"]
