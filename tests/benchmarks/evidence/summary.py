"""What all corpora say together: Holm over every comparison, ranks of losses, recalls by the share of a level."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from blv_trainer.decision import BALANCED
from blv_trainer.evaluation import holm
from blv_trainer.metrics import METRICS
from tests.benchmarks.evidence.judging import SHARES, SHOWN

RANKED = ("raw", "tuned")


def summarise(settings: list[dict[str, Any]]) -> dict[str, Any]:
    """Adds ``holm`` to every entry of every setting, and returns what is known of all together.

    A setting is a corpus with features; it has ``corpus``, ``features``, ``counts``, and ``entries`` from ``judge``.
    """
    for metric in SHOWN:
        tested = {
            f"{k} {j}": entry["p"][metric]
            for k, setting in enumerate(settings)
            for j, entry in enumerate(setting["entries"])
            if metric in entry.get("p", {})
        }
        for place, p in holm(tested).items():
            k, j = map(int, place.split())
            settings[k]["entries"][j].setdefault("holm", {})[metric] = p
    return {
        "num_comparisons": sum("p" in entry for setting in settings for entry in setting["entries"]),
        "ranks": {decision: _ranks(settings, decision) for decision in RANKED},
        "recalls": _recalls(settings),
    }


def _ranks(settings: list[dict[str, Any]], decision: str) -> dict[str, Any]:
    """Mean rank of each loss by the balanced objective over frozen encoders, Friedman's test, Nemenyi's distance.

    Losses whose mean ranks differ by less than the critical distance are not told apart at the 5 % level.
    Reference: Demsar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, 2006.
    """
    blocks = []
    titles: list[str] = []
    for setting in settings:
        own = {
            entry["title"]: sum(w * METRICS[name].goodness(entry["values"][name]) for name, w in BALANCED.items())
            for entry in setting["entries"]
            if entry["level"] == "answers" and entry["decision"] == decision
        }
        if setting["frozen"]:
            titles = titles or [*own]
            blocks.append([own[title] for title in titles])
    if len(blocks) < 2:
        return {}
    scores = np.array(blocks)  # (num_settings, num_losses)
    count, k = scores.shape
    ranks = rankdata(-scores, axis=1).mean(axis=0)
    distance = studentized_range.ppf(0.95, k, np.inf) / np.sqrt(2) * np.sqrt(k * (k + 1) / (6 * count))
    return {
        "mean_rank": dict(zip(titles, ranks.tolist(), strict=True)),
        "num_settings": count,
        "friedman_p": float(friedmanchisquare(*scores.T).pvalue),
        "critical_distance": float(distance),
    }


def _recalls(settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean recall of the levels of each share of rows, over the settings with frozen encoders, by loss and decision."""
    found: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for setting in settings:
        if setting["frozen"]:
            shares = np.array(setting["counts"]) / sum(setting["counts"])
            bins = np.searchsorted(SHARES, shares, side="left") - 1
            for entry in setting["entries"]:
                if entry["level"] == "answers":
                    for k, recall in zip(bins.tolist(), entry["recalls"], strict=True):
                        found[entry["title"], entry["decision"]][k].append(recall)
    return [
        {
            "title": title,
            "decision": decision,
            "recalls": [float(np.mean(by_bin[k])) if by_bin[k] else None for k in range(len(SHARES) - 1)],
            "levels": [len(by_bin[k]) for k in range(len(SHARES) - 1)],
        }
        for (title, decision), by_bin in found.items()
    ]
