"""``docs/evidence.md`` from the figures: every number on the page is one of the JSON's."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.evidence import cells
from tests.benchmarks.evidence.corpora import CORPORA
from tests.benchmarks.evidence.judging import SHOWN
from tests.benchmarks.evidence.questions import questions
from tests.benchmarks.evidence.training import NUM_FOLDS

_ALT = {
    "gains": "Gain of the tuned decision over the largest logit of the same cross-entropy, with 95 % intervals, by "
    "corpus and features",
    "recalls": "Mean recall of levels by their share of the rows",
    "rows": "Gain of a decision tuned on few rows, on the others: mean and 5th percentile",
}


def render(evidence: dict[str, Any]) -> str:
    """The page, as Markdown."""
    settings = evidence["settings"]
    parts = [
        "# What works: evidence on public corpora",
        "<!-- Rendered by python -m tests.benchmarks evidence --page_only; edit the renderer, not this page. -->",
        _opening(evidence),
        "\n".join(in_a_minute(evidence)),
        _picture("gains"),
        "## The corpora\n\n" + _corpora(settings),
        "## What a tuned decision brings to cross-entropy\n\n" + _gains(evidence),
        "## Which loss\n\n" + _losses(evidence),
        _picture("recalls"),
        "## Questions\n\n" + "\n\n".join(f"### {title}\n\n{text}" for title, text in questions(evidence)),
        "## How many rows a decision needs\n\n" + _rows_needed(settings),
        _picture("rows"),
        "## What 217 rows can show\n\n" + _power(evidence),
        "## How it was made\n\n" + _conditions(evidence),
    ]
    return "\n\n".join(parts) + "\n"


def _opening(evidence: dict[str, Any]) -> str:
    settings = evidence["settings"]
    rows = sum(s["n"] for s in cells.first_of_each(settings, "corpus"))
    losses = len({e["loss"] for s in settings for e in s["entries"] if s["frozen"]})
    return (
        f"{losses} losses, each with raw and tuned decisions, on {len({s['corpus'] for s in settings})} public corpora "
        f"({rows:,} texts) whose levels are ordered and uneven. Every row is judged by models that did not see it "
        f"({NUM_FOLDS} folds, seeds {cells.listed(evidence['seeds'])}); decisions are tuned on the other folds. "
        "Differences are in points of accuracy and macro accuracy, and in levels of macro RMSE, where "
        'less is better. "Better in 3" counts settings (a corpus with one kind of features) whose paired 95 % interval '
        "lies off zero on the better side."
    )


def in_a_minute(evidence: dict[str, Any]) -> list[str]:
    """What to use, a line each, with the figures that say so."""
    settings = cells.frozen(evidence["settings"])
    tuned = cells.entries(settings, "cross_entropy", "tuned")
    lines = [
        f"- **Cross-entropy with a tuned decision** has, over {cells.settings(settings)}, against the largest logit of "
        f"the same models: {cells.mean_gains(tuned)}."
    ]
    grouped = [s for s in settings if cells.tuned(s, "groups")]
    if grouped:
        steps = [(cells.of(s, 0, "raw", "answers"), cells.tuned(s, "groups")) for s in grouped]
        gains = {m: float(np.mean([b["values"][m] - a["values"][m] for a, b in steps])) for m in SHOWN}
        lines.append(
            "- **Where a person gives several answers, pool them**: from single answers by the largest logit to whole "
            f"people with a tuned decision ({cells.titles(grouped)}), {cells.gains_in_words(gains)}."
        )
    found = cells.against_tuned(settings)
    keeping = [title for title, own in found.items() if not cells.better_and_worse(own, "accuracy", "to_tuned")[1]]
    if keeping:
        best = max(keeping, key=lambda title: cells.balance(found[title]))
        lines.insert(
            1,
            f"- **{best} with a tuned decision** is the best loss of those that lose accuracy in no setting; against "
            f"cross-entropy with a tuned decision: {cells.mean_gains(found[best], of='to_tuned')}.",
        )
    raw, blv = (cells.entries(settings, "blv:sigma=6", kind) for kind in ("raw", "tuned"))
    if raw:
        lines.append(
            f"- **BLV** (sigma 6) decided by its largest logit has {cells.mean_gains(raw, ('macro_accuracy', 'qwk'))} "
            f"against cross-entropy's; with a tuned decision {cells.mean_gains(blv, ('macro_accuracy', 'qwk'))}."
        )
    if found:
        best = max(found, key=lambda title: cells.balance(found[title]))
        lines.append(
            f"- **Where rare levels count most** {best}, tuned, has the highest macro accuracy + QWK - macro RMSE / 2, "
            f"at a price; against tuned cross-entropy: {cells.mean_gains(found[best], of='to_tuned')}."
        )
    return lines


def _corpora(settings: list[dict[str, Any]]) -> str:
    rows = []
    for s in cells.first_of_each(settings, "corpus"):
        corpus = CORPORA[s["corpus"]]
        size = f"{s['n']:,}" + (f" of {s['num_groups']:,} ({corpus.group_column})" if s.get("num_groups") else "")
        counts = f"{min(s['counts']):,} to {max(s['counts']):,}"
        rows.append([corpus.title, corpus.language, size, f"{len(s['levels'])}: {counts} rows each", corpus.level])
        rows[-1] += [corpus.beware, corpus.terms]
    header = ["corpus", "language", "texts", "levels", "a level is", "beware", "terms"]
    return cells.table(header, rows)


def _gains(evidence: dict[str, Any]) -> str:
    rows = []
    for s in evidence["settings"]:
        for level in ("answers", "groups"):
            raw, tuned = cells.of(s, 0, "raw", level), cells.tuned(s, level)
            if tuned:
                row = [f"{cells.value(m, raw['values'][m])} {cells.difference(tuned, m)}" for m in SHOWN]
                rows.append([s["title"], s["features"], f"{cells.judged(s, level)}, {raw['n']:,}", *row])
    for s in cells.first_of_each(evidence["settings"], "corpus"):
        if s["human"]:
            row = [cells.value(m, s["human"][m]) for m in SHOWN]
            rows.append([s["title"], "*human raters*", "*among themselves*", *row])
    text = (
        "The figure of the largest logit; then what the tuned decision adds, with its paired 95 % bootstrap interval "
        f"({evidence['num_resamples']:,} resamples of groups where there are any, else of rows). Bold: p < .05 after "
        f"Holm's correction over all {evidence['summary']['num_comparisons']:,} comparisons of this page for the same "
        "metric (normal approximation with the bootstrap's standard error). Human raters: each against the other; they "
        "are no bound where the label is made of both."
    )
    return text + "\n\n" + cells.table(["corpus", "features", "judged", *cells.HEADINGS.values()], rows)


def _losses(evidence: dict[str, Any]) -> str:
    settings, ranks = cells.frozen(evidence["settings"]), evidence["summary"]["ranks"]
    if not ranks["tuned"]:
        return "One setting has no mean ranks."
    tables = []
    for decision, of in (("raw", "differences"), ("tuned", "to_tuned")):
        own = ranks[decision]
        lines = []
        for title, rank in sorted(own["mean_rank"].items(), key=lambda item: item[1]):
            found = [
                e for s in settings for e in s["entries"] if cells.is_of(e, title, decision, "answers") and of in e
            ]
            row = [cells.with_counts(found, m, of) for m in SHOWN] if found else ["-"] * len(SHOWN)
            lines.append([title, f"{rank:.1f}", *row])
        tables.append(
            f"**{'By the largest logit' if decision == 'raw' else 'With tuned decisions'}**, against {decision} "
            f"cross-entropy. Friedman's test: p {cells.p_value(own['friedman_p'])}; two losses whose mean ranks differ "
            f"by less than {own['critical_distance']:.1f} are not told apart by {own['num_settings']} settings "
            "(Nemenyi, 5 %)."
            "\n\n" + cells.table(["loss", "mean rank", *cells.HEADINGS.values()], lines)
        )
    text = (
        f"Ranked by macro accuracy + QWK - macro RMSE / 2 over {cells.settings(settings)}, answers. Cells: mean "
        "difference (settings better : worse)."
    )
    return "\n\n".join([text, *tables])


def _rows_needed(settings: list[dict[str, Any]]) -> str:
    shown = [s for s in settings if s.get("curve")]
    if not shown:
        return "Not measured."
    rows = [
        [s["title"], f"{point['rows']:,}"]
        + [
            f"{cells.signed(m, cells.turned(m, point[m][0]))} ({cells.signed(m, cells.turned(m, point[m][1]))})"
            for m in SHOWN
        ]
        for s in shown
        for point in s["curve"]
    ]
    first = {s["title"]: next((p["rows"] for p in s["curve"] if p["qwk"][1] >= 0), None) for s in shown}
    said = [f"from {size:,} rows on {title}" for title, size in first.items() if size]
    never = [title for title, size in first.items() if not size]
    text = (
        "A decision tuned on that many rows drawn at random from cross-entropy's out-of-fold logits (first encoder, "
        "frozen), judged on all others against the largest logit: mean of 30 draws, and in brackets what the worst 5 % "
        "of draws do not reach. QWK loses in fewer than 5 % of draws "
        + ", ".join(said + [f"at no size on {title}" for title in never])
        + ". `--folds` tunes on every row."
    )
    return text + "\n\n" + cells.table(["corpus", "rows", *cells.HEADINGS.values()], rows)


def _power(evidence: dict[str, Any]) -> str:
    rows = [
        [
            cells.NAMES[p["metric"]],
            f"{100 * p['alike']:.0f} %",
            cells.signed(p["metric"], p["difference"]),
            cells.value(p["metric"], p["standard_error"]),
            f"{100 * p['power']:.0f} %",
            f"{p['rows_for_80_percent']:,}",
        ]
        for metric in SHOWN
        for p in evidence["power"]
        if p["metric"] == metric
    ]
    found = [p["power"] for p in evidence["power"]]
    text = (
        "The comparison published for ICNALE (Tsai et al. 2025, Table 2) has 217 test rows and one run of each method. "
        "The confusion matrices of BLV (sigma 6) and focal loss are printed; 4,000 test sets of that size were drawn "
        "from them. What is not printed is on how many rows the two models answer alike, so three shares are shown. A "
        f"difference as large as the published one is found in {100 * min(found):.0f} to {100 * max(found):.0f} % of "
        "such comparisons. These are simulations of published figures, not results of ours."
    )
    header = ["metric", "alike on", "BLV - focal", "standard error", "found at 5 %", "rows for 80 %"]
    return text + "\n\n" + cells.table(header, rows)


def _conditions(evidence: dict[str, Any]) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in evidence["conditions"].items() if name != "load")
    words = (name.partition("@") for name in evidence["encoders"])
    encoders = " ".join(f"{name}=FOLDER{at}{corpora}" for name, at, corpora in words)
    seeds = " ".join(["--seeds", *map(str, evidence["seeds"])])
    tuned = " ".join(["--fine_tune", *evidence["fine_tuned"]]) if evidence["fine_tuned"] else ""
    seconds = [[name, f"{value:,.0f}"] for name, value in evidence["seconds"].items()]
    made = {(s["corpus"], s["features"]) for s in evidence["settings"]}
    kinds = [*dict.fromkeys(s["features"] for s in evidence["settings"])]
    missing = [
        f"{corpus.title} with {kind}"
        for kind in kinds
        for name, corpus in CORPORA.items()
        if (name, kind) not in made and not kind.endswith("fine-tuned")
    ]
    missing += ["fine-tuning " + ("of other corpora and losses" if evidence["fine_tuned"] else "at all")]
    missing += ["GPUs", "larger encoders", "ICNALE itself, whose texts need a registration"]
    return (
        f"    python -m tests.benchmarks evidence --data_dir CORPORA --encoders {encoders} {seeds} {tuned}".rstrip()
        + f"\n\n{facts}. Frozen encoders: mean-pooled, texts cut at 256 tokens, a linear head, 30 epochs, learning "
        f"rate 1e-2, batch 64{'; fine-tuned: 3 epochs, batch 32, learning rate 1e-4' if tuned else ''}. A run that "
        "was stopped goes on. The figures stand in [evidence.json](assets/evidence.json), from which this page is "
        "rendered; seconds are of training without features, and of judging, one thread beside other work.\n\n"
        f"**Not run**: {'; '.join(missing)}.\n\n" + cells.table(["part", "seconds"], seconds)
    )


def _picture(name: str) -> str:
    return f"![{_ALT[name]}](assets/evidence_{name}.png)"
