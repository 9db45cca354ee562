"""``docs/evidence.md`` from the figures: every number on the page is one of the JSON's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from blv_trainer.metrics import METRICS
from tests.benchmarks.evidence.corpora import CORPORA
from tests.benchmarks.evidence.judging import SHOWN, THEORY
from tests.benchmarks.evidence.pictures import is_tuned_cross_entropy

_HEADINGS = {"accuracy": "accuracy %", "macro_accuracy": "macro accuracy %", "qwk": "QWK", "macro_rmse": "macro RMSE"}
_LEVEL = 0.05


def render(evidence: dict[str, Any]) -> str:
    """The page, as Markdown."""
    settings = evidence["settings"]
    parts = [
        "# What works: evidence on public corpora",
        "<!-- Rendered by python -m tests.benchmarks evidence --page_only; edit the renderer, not this page. -->",
        _in_a_minute(evidence),
        "![Gain of the tuned decision over the largest logit of the same cross-entropy, with 95 % intervals, by corpus "
        "and features](assets/evidence_gains.png)",
        "## The corpora\n\n" + _corpora(settings),
        "## What a tuned decision brings to cross-entropy\n\n" + _gains(evidence),
        "## Which loss\n\n" + _losses(evidence),
        "![Mean recall of levels by their share of the rows](assets/evidence_recalls.png)",
        "## Questions\n\n" + _questions(evidence),
        "## How many rows a decision needs\n\n" + _rows_needed(settings),
        "![Gain of a decision tuned on few rows, on the others: mean and 5th percentile](assets/evidence_rows.png)",
        "## What 217 rows can show\n\n" + _power(evidence),
        "## How it was made\n\n" + _conditions(evidence),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _in_a_minute(evidence: dict[str, Any]) -> str:
    settings = [s for s in evidence["settings"] if s["frozen"]]
    answers = [_tuned(s, "answers") for s in settings]
    lines = [
        "- **Train with cross-entropy and tune the decision.** Over "
        f"{_settings(settings)}, against the largest logit of the same models: " + _mean_gains(answers) + ".",
    ]
    grouped = [s for s in settings if _tuned(s, "groups")]
    if grouped:
        steps = [(_of(s, 0, "raw", "answers"), _tuned(s, "groups")) for s in grouped]
        gains = {m: np.mean([b["values"][m] - a["values"][m] for a, b in steps]) for m in SHOWN}
        lines.append(
            "- **Where a person gives several answers, pool them.** From single answers decided by the largest logit "
            f"to whole groups with a tuned decision ({_settings(grouped)}): "
            + ", ".join(f"{_HEADINGS[m].removesuffix(' %')} {_signed(m, gains[m])}" for m in SHOWN)
            + "."
        )
    blv = [e for s in settings for e in s["entries"] if e["loss"] == "blv:sigma=6" and e["level"] == "answers"]
    raw, tuned = ([e for e in blv if e["decision"] == kind] for kind in ("raw", "tuned"))
    if raw:
        lines.append(
            "- **BLV's raw decisions hold rare levels down**: macro accuracy "
            f"{_signed('macro_accuracy', _mean(raw, 'macro_accuracy'))} against cross-entropy, lower in "
            f"{_count(raw, lambda e: e['differences']['macro_accuracy'][0] < 0)}; tuned it is "
            f"{_signed('macro_accuracy', _mean(tuned, 'macro_accuracy'))}, where tuned cross-entropy has "
            f"{_signed('macro_accuracy', _mean(answers, 'macro_accuracy'))}."
        )
    lines.append("- **With few rows to tune on** use every row out of fold (`--folds`): see below.")
    return "\n".join(lines)


def _corpora(settings: list[dict[str, Any]]) -> str:
    rows = []
    for s in _first_of_each(settings, "corpus"):
        corpus = CORPORA[s["corpus"]]
        size = f"{s['n']:,}" + (f" of {s['num_groups']:,} ({corpus.group_column})" if s.get("num_groups") else "")
        counts = f"{min(s['counts']):,} to {max(s['counts']):,}"
        rows.append([corpus.title, corpus.language, size, f"{len(s['levels'])}: {counts} rows each", corpus.level])
        rows[-1] += [corpus.beware, corpus.terms]
    header = ["corpus", "language", "texts", "levels", "a level is", "beware", "terms"]
    return _table(header, rows)


def _gains(evidence: dict[str, Any]) -> str:
    rows = []
    for s in evidence["settings"]:
        for level in ("answers", "groups"):
            raw, tuned = _of(s, 0, "raw", level), _tuned(s, level)
            if tuned:
                cells = [f"{_value(m, raw['values'][m])} {_difference(tuned, m)}" for m in SHOWN]
                rows.append([s["title"], s["features"], f"{level}, {raw['n']:,}", *cells])
    for s in _first_of_each(evidence["settings"], "corpus"):
        if s["human"]:
            cells = [_value(m, s["human"][m]) for m in SHOWN]
            rows.append([s["title"], "*human raters*", "*among themselves*", *cells])
    text = (
        "The figure of the largest logit; then what the tuned decision adds, with its paired 95 % bootstrap interval "
        f"({evidence['num_resamples']:,} resamples of groups where there are any, else of rows). Five folds, every row "
        f"judged by models that did not see it, seeds {', '.join(map(str, evidence['seeds']))}; decisions for each "
        f"fold tuned on the others. Bold: p < .05 after Holm's correction over all "
        f"{evidence['summary']['num_comparisons']:,} comparisons of this page for the same metric (normal "
        "approximation with the bootstrap's standard error). Human raters: each against the other."
    )
    return text + "\n\n" + _table(["corpus", "features", "judged", *_HEADINGS.values()], rows)


def _losses(evidence: dict[str, Any]) -> str:
    ranks = evidence["summary"]["ranks"]
    if not ranks["tuned"]:
        return "One setting has no mean ranks."
    settings = [s for s in evidence["settings"] if s["frozen"]]
    rows = []
    for title, rank in sorted(ranks["tuned"]["mean_rank"].items(), key=lambda item: item[1]):
        cells = []
        for decision in ("raw", "tuned"):
            found = [e for s in settings for e in s["entries"] if _is(e, title, decision, "answers")]
            cells += [_signed(m, _mean(found, m)) if "differences" in found[0] else "-" for m in SHOWN]
        rows.append([title, f"{ranks['raw']['mean_rank'][title]:.1f}", *cells[:4], f"{rank:.1f}", *cells[4:]])
    short = ["acc.", "macro acc.", "QWK", "macro RMSE"]
    header = ["loss", "rank, raw", *(f"{name}, raw" for name in short), "rank, tuned", *(f"{n}, tuned" for n in short)]
    apart = ranks["tuned"]
    text = (
        f"Mean rank among {len(rows)} losses by macro accuracy + QWK - macro RMSE / 2, and mean difference to "
        f"cross-entropy with the largest logit, over {_settings(settings)}, answers. Friedman's test: p "
        f"{_p(ranks['raw']['friedman_p'])} raw, {_p(apart['friedman_p'])} tuned. Two losses whose mean ranks differ by "
        f"less than {apart['critical_distance']:.1f} are not told apart by {apart['num_settings']} settings "
        "(Nemenyi, 5 %)."
    )
    return text + "\n\n" + _table(header, rows)


def _questions(evidence: dict[str, Any]) -> str:
    settings = [s for s in evidence["settings"] if s["frozen"]]
    everything = [e | {"setting": k} for k, s in enumerate(settings) for e in s["entries"] if e["level"] == "answers"]

    def entries(loss: str, decision: str) -> list[dict[str, Any]]:
        return [e for e in everything if e["loss"] == loss and e["decision"] == decision and "differences" in e]

    parts: list[tuple[str, str]] = []
    for title, loss in (("Does BLV help?", "blv:sigma=6"), ("Does its sign matter?", "blv:sigma=6,sign=-1")):
        said = [
            f"{decision}: {_mean_gains(entries(loss, decision))}"
            for decision in ("raw", "shift added back", "tuned")
            if entries(loss, decision)
        ]
        if said:
            name = "sigma 6" if loss == "blv:sigma=6" else "sigma 6 with the opposite sign"
            parts.append((title, f"Against cross-entropy with the largest logit, {name} has, " + "; ".join(said) + "."))
    scopes = ["blv:scope=sample,sigma=6", "blv:scope=element,sigma=6"]
    said = [
        f"{loss.split('=')[1].split(',')[0]}: {_mean_gains(entries(loss, 'raw'))}"
        for loss in scopes
        if entries(loss, "raw")
    ]
    if said:
        parts.append(
            ("And one draw a step, a sample or an element?", "Raw, with one draw for each " + "; ".join(said) + ".")
        )
    plain = entries("cross_entropy", "tuned")
    others = {e["title"]: e["loss"] for e in everything if e["decision"] == "tuned" and e["loss"] != "cross_entropy"}
    if plain and others:
        better = {
            title: _count(
                entries(loss, "tuned"),
                lambda e: (
                    e["differences"]["qwk"][1] > _same(plain, e)["differences"]["qwk"][0]
                    and e["differences"]["macro_accuracy"][1] > _same(plain, e)["differences"]["macro_accuracy"][0]
                ),
            )
            for title, loss in others.items()
        }
        best = [f"{title} in {count}" for title, count in better.items() if not count.startswith("0 ")]
        said_best = ", ".join(best) or "none"
        parts.append(
            (
                "Is a tuned cross-entropy enough?",
                "Tuned losses whose whole interval (to cross-entropy raw) lies above tuned cross-entropy's value in "
                f"both QWK and macro accuracy: {said_best}.",
            )
        )
    theory = {metric: entries("cross_entropy", f"theory for {metric}") for metric in THEORY}
    if all(theory.values()) and plain:
        said = [
            f"{_HEADINGS[m].removesuffix(' %')} {_signed(m, _mean(found, m))} by theory for it, "
            f"{_signed(m, _mean(plain, m))} tuned for all three"
            for m, found in theory.items()
        ]
        costs = ", ".join(f"{_signed('accuracy', _mean(found, 'accuracy'))}" for found in theory.values())
        parts.append(
            (
                "How far is theory's decision from the tuned one?",
                "A temperature fitted on other folds, then what theory says for one metric, against the largest logit: "
                + "; ".join(said)
                + f". In accuracy theory's three give {costs}, the tuned one "
                + f"{_signed('accuracy', _mean(plain, 'accuracy'))}.",
            )
        )
    shares = [_shares(s) for s in settings if _tuned(s, "groups")]
    if shares:
        said = [
            f"{s['title']} ({s['features']}): "
            + ", ".join(f"{kind} {_signed('qwk', value)}" for kind, value in own.items())
            for s, own in zip((s for s in settings if _tuned(s, "groups")), shares, strict=True)
        ]
        parts.append(("What do loss, decision and pooling bring, one by one?", "In QWK: " + "; ".join(said) + "."))
    return "\n\n".join(f"**{title}** {text}" for title, text in parts)


def _shares(setting: dict[str, Any]) -> dict[str, float]:
    """Gain in QWK of the best loss alone, of the decision alone, of pooling alone, and of decision and pooling."""
    raw = _of(setting, 0, "raw", "answers")["values"]["qwk"]
    losses = [e["values"]["qwk"] for e in setting["entries"] if e["decision"] == "raw" and e["level"] == "answers"]
    return {
        "best loss": max(losses) - raw,
        "decision": _tuned(setting, "answers")["values"]["qwk"] - raw,
        "pooling": _of(setting, 0, "raw", "groups")["values"]["qwk"] - raw,
        "decision and pooling": _tuned(setting, "groups")["values"]["qwk"] - raw,
    }


def _rows_needed(settings: list[dict[str, Any]]) -> str:
    shown = [s for s in settings if s.get("curve")]
    rows = [
        [s["title"], f"{point['rows']:,}"]
        + [f"{_signed(m, _turned(m, point[m][0]))} ({_signed(m, _turned(m, point[m][1]))})" for m in SHOWN]
        for s in shown
        for point in s["curve"]
    ]
    text = (
        "A decision tuned on that many rows drawn at random from cross-entropy's out-of-fold logits (first encoder, "
        "frozen), judged on all others against the largest logit: mean of 30 draws, and in brackets what the worst 5 % "
        "of draws do not reach."
    )
    return text + "\n\n" + _table(["corpus", "rows", *_HEADINGS.values()], rows) if rows else ""


def _power(evidence: dict[str, Any]) -> str:
    rows = [
        [
            _HEADINGS[p["metric"]].removesuffix(" %"),
            f"{100 * p['alike']:.0f} %",
            _signed(p["metric"], p["difference"]),
            _value(p["metric"], p["standard_error"]),
            f"{100 * p['power']:.0f} %",
            f"{p['rows_for_80_percent']:,}",
        ]
        for metric in SHOWN
        for p in evidence["power"]
        if p["metric"] == metric
    ]
    text = (
        "The comparison published for ICNALE (Tsai et al. 2025, Table 2) has 217 test rows and one run of each method. "
        "The confusion matrices of BLV (sigma 6) and focal loss are printed; 4,000 test sets of that size were drawn "
        "from them. What is not printed is on how many rows the two models answer alike, so three shares are shown. "
        "These are simulations of published figures, not results of ours."
    )
    header = [
        "metric",
        "alike on",
        "BLV - focal",
        "standard error",
        "found at the 5 % level",
        "rows needed to find it in 80 %",
    ]
    return text + "\n\n" + _table(header, rows)


def _conditions(evidence: dict[str, Any]) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in evidence["conditions"].items() if name != "load")
    encoders = " ".join(f"{name}=FOLDER" for name in evidence["encoders"])
    tuned = " ".join(["--fine_tune", *evidence["fine_tuned"]]) if evidence["fine_tuned"] else ""
    seconds = [[name, f"{value:,.0f}"] for name, value in evidence["seconds"].items()]
    made = {s["corpus"] for s in evidence["settings"]}
    left_out = [corpus.title for name, corpus in CORPORA.items() if name not in made]
    said = (
        "Not run: "
        + (f"{', '.join(left_out)}; " if left_out else "")
        + "GPUs, larger encoders, ICNALE itself, whose texts "
    )
    said += "need a registration; fine-tuning " + ("elsewhere" if evidence["fine_tuned"] else "at all") + "."
    return (
        f"    python -m tests.benchmarks evidence --data_dir CORPORA --encoders {encoders} {tuned}".rstrip()
        + f"\n\n{facts}. Frozen encoders: mean-pooled, texts cut at 256 tokens, a linear head, 30 epochs, learning "
        "rate 1e-2, batch 64; fine-tuned: 3 epochs, batch 32, learning rate 1e-4. A run that was stopped goes on. The "
        "figures stand in "
        f"[evidence.json](assets/evidence.json), from which this page is rendered. {said}\n\n"
        + _table(["part", "seconds"], seconds)
    )


def _of(setting: dict[str, Any], loss: int, decision: str, level: str) -> dict[str, Any]:
    """The entry of the first loss with a decision; {} where there is none."""
    wanted = setting["entries"][loss]["loss"]
    found = (e for e in setting["entries"] if e["loss"] == wanted and e["decision"] == decision and e["level"] == level)
    return next(found, {})


def _tuned(setting: dict[str, Any], level: str) -> dict[str, Any]:
    return next((e for e in setting["entries"] if is_tuned_cross_entropy(e, setting) and e["level"] == level), {})


def _same(entries: list[dict[str, Any]], other: dict[str, Any]) -> dict[str, Any]:
    return next(e for e in entries if e["setting"] == other["setting"])


def _is(entry: dict[str, Any], title: str, decision: str, level: str) -> bool:
    return (entry["title"], entry["decision"], entry["level"]) == (title, decision, level)


def _mean(entries: list[dict[str, Any]], metric: str) -> float:
    return float(np.mean([entry["differences"][metric][0] for entry in entries if "differences" in entry]))


def _mean_gains(entries: list[dict[str, Any]]) -> str:
    """Mean differences, and in how many settings the interval lies off zero on the better side."""
    said = []
    for metric in SHOWN:
        better = [sorted(METRICS[metric].goodness(np.array(e["differences"][metric][1:])))[0] > 0 for e in entries]
        worse = [sorted(METRICS[metric].goodness(np.array(e["differences"][metric][1:])))[1] < 0 for e in entries]
        name = _HEADINGS[metric].removesuffix(" %")
        said.append(
            f"{name} {_signed(metric, _mean(entries, metric))} (better in {sum(better)}, worse in {sum(worse)})"
        )
    return ", ".join(said)


def _count(entries: list[dict[str, Any]], holds: Callable[[dict[str, Any]], bool]) -> str:
    return f"{sum(map(holds, entries))} of {len(entries)}"


def _settings(settings: Sequence[dict[str, Any]]) -> str:
    corpora = len({s["corpus"] for s in settings})
    features = sorted({s["features"] for s in settings})
    return f"{len(settings)} settings ({corpora} corpora; {', '.join(features)})"


def _first_of_each(settings: list[dict[str, Any]], key: str) -> Iterable[dict[str, Any]]:
    return {s[key]: s for s in reversed(settings)}.values().__reversed__()


def _scale(metric: str) -> int:
    return 100 if METRICS[metric].percent else 1


def _value(metric: str, value: float) -> str:
    return f"{value * 100:.1f}" if METRICS[metric].percent else f"{value:.3f}"


def _signed(metric: str, value: float) -> str:
    text = f"{value * 100:+.1f}" if METRICS[metric].percent else f"{value:+.3f}"
    return text.lstrip("+-") if float(text) == 0 else text


def _turned(metric: str, gain: float) -> float:
    """A gain, for which higher is better, as a difference of the metric."""
    return METRICS[metric].goodness(gain)


def _difference(entry: dict[str, Any], metric: str) -> str:
    value, low, high = entry["differences"][metric]
    text = f"{_signed(metric, value)} [{_signed(metric, low)}, {_signed(metric, high)}]"
    return f"**{text}**" if entry["holm"][metric] < _LEVEL else text


def _p(p: float) -> str:
    return f"= {p:.3f}" if p >= 0.001 else "< .001"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
