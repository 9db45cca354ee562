"""What a cell of the page says: entries found among the figures, and numbers in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from blv_trainer.metrics import METRICS
from tests.benchmarks.evidence.corpora import CORPORA
from tests.benchmarks.evidence.judging import SHOWN
from tests.benchmarks.evidence.pictures import is_tuned_cross_entropy

Entry = dict[str, Any]
HEADINGS = {"accuracy": "accuracy %", "macro_accuracy": "macro accuracy %", "qwk": "QWK", "macro_rmse": "macro RMSE"}
NAMES = {metric: heading.removesuffix(" %") for metric, heading in HEADINGS.items()}
_LEVEL = 0.05


def frozen(settings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [s for s in settings if s["frozen"]]


def of(setting: dict[str, Any], loss: int, decision: str, level: str) -> Entry:
    """The entry of the first loss with a decision; {} where there is none."""
    wanted = setting["entries"][loss]["loss"]
    found = (e for e in setting["entries"] if e["loss"] == wanted and e["decision"] == decision and e["level"] == level)
    return next(found, {})


def tuned(setting: dict[str, Any], level: str) -> Entry:
    return next((e for e in setting["entries"] if is_tuned_cross_entropy(e, setting) and e["level"] == level), {})


def entries(settings: list[dict[str, Any]], loss: str, decision: str) -> list[Entry]:
    """Of answers, those that are held against something."""
    everything = (e for s in settings for e in s["entries"] if e["level"] == "answers" and "differences" in e)
    return [e for e in everything if e["loss"] == loss and e["decision"] == decision]


def against_tuned(settings: list[dict[str, Any]]) -> dict[str, list[Entry]]:
    """By loss, its tuned entries of answers, held against tuned cross-entropy."""
    found: dict[str, list[Entry]] = {}
    for s in settings:
        for e in s["entries"]:
            if "to_tuned" in e and e["level"] == "answers":
                found.setdefault(e["title"], []).append(e)
    return found


def balance(entries: list[Entry]) -> float:
    means = {m: METRICS[m].goodness(_mean(entries, m, "to_tuned")) for m in SHOWN}
    return means["macro_accuracy"] + means["qwk"] + means["macro_rmse"] / 2


def is_of(entry: Entry, title: str, decision: str, level: str) -> bool:
    return (entry["title"], entry["decision"], entry["level"]) == (title, decision, level)


def judged(setting: dict[str, Any], level: str) -> str:
    return "texts" if level == "answers" else f"{CORPORA[setting['corpus']].group_column}s"


def _mean(entries: list[Entry], metric: str, of: str = "differences") -> float:
    return float(np.mean([entry[of][metric][0] for entry in entries]))


def better_and_worse(entries: list[Entry], metric: str, of: str) -> tuple[int, int]:
    """In how many settings the interval lies off zero, on either side."""
    ends = [sorted(METRICS[metric].goodness(end) for end in entry[of][metric][1:]) for entry in entries]
    return sum(low > 0 for low, _ in ends), sum(high < 0 for _, high in ends)


def mean_gains(entries: list[Entry], metrics: Sequence[str] = SHOWN, of: str = "differences") -> str:
    said = []
    for metric in metrics:
        better, worse = better_and_worse(entries, metric, of)
        counts = [f"better in {better}"] * bool(better) + [f"worse in {worse}"] * bool(worse)
        said.append(f"{NAMES[metric]} {signed(metric, _mean(entries, metric, of))} ({', '.join(counts) or 'open'})")
    return ", ".join(said)


def gains_in_words(gains: dict[str, float]) -> str:
    return ", ".join(f"{NAMES[metric]} {signed(metric, gain)}" for metric, gain in gains.items())


def with_counts(entries: list[Entry], metric: str, of: str = "differences") -> str:
    better, worse = better_and_worse(entries, metric, of)
    return f"{signed(metric, _mean(entries, metric, of))} ({better}:{worse})"


def side_by_side(named: dict[str, list[Entry]]) -> str:
    rows = [[name, *(with_counts(entries, m) for m in SHOWN)] for name, entries in named.items() if entries]
    size = max(map(len, named.values()))
    return table(["", *HEADINGS.values()], rows) + f"\n\nMean difference (settings better : worse), {size} settings."


def settings(settings: Sequence[dict[str, Any]]) -> str:
    corpora = len({s["corpus"] for s in settings})
    features = listed(sorted({s["features"] for s in settings}), "; ")
    return f"{len(settings)} settings ({corpora} corpora; {features})"


def titles(settings: Sequence[dict[str, Any]]) -> str:
    return listed(f"{s['title']}, {s['features']}" for s in settings)


def listed(values: Iterable[Any], between: str = ", ") -> str:
    return between.join(map(str, values))


def first_of_each(settings: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    for setting in settings:
        found.setdefault(setting[key], setting)
    return [*found.values()]


def value(metric: str, value: float) -> str:
    return f"{value * 100:.1f}" if METRICS[metric].percent else f"{value:.3f}"


def signed(metric: str, value: float) -> str:
    text = f"{value * 100:+.1f}" if METRICS[metric].percent else f"{value:+.3f}"
    return text.lstrip("+-") if float(text) == 0 else text


def turned(metric: str, gain: float) -> float:
    """A gain, for which higher is better, as a difference of the metric."""
    return METRICS[metric].goodness(gain)


def difference(entry: Entry, metric: str) -> str:
    value, low, high = entry["differences"][metric]
    text = f"{signed(metric, value)} [{signed(metric, low)}, {signed(metric, high)}]"
    return f"**{text}**" if entry["holm"][metric] < _LEVEL else text


def p_value(p: float) -> str:
    return f"= {p:.3f}" if p >= 0.001 else "< .001"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
