"""The questions of the page, each with its answer in figures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.benchmarks.evidence import cells
from tests.benchmarks.evidence.judging import SHOWN, THEORY
from tests.benchmarks.evidence.training import NUM_FOLDS_FINE_TUNED


def questions(evidence: dict[str, Any]) -> Iterable[tuple[str, str]]:
    settings = cells.frozen(evidence["settings"])
    plain = cells.entries(settings, "cross_entropy", "tuned")
    blv = {
        f"BLV, {name}, {decision}": cells.entries(settings, f"blv:{options}", decision)
        for name, options in (
            ("sigma 2", "sigma=2"),
            ("sigma 6", "sigma=6"),
            ("sigma 6, a draw for each sample", "scope=sample,sigma=6"),
            ("sigma 6, a draw for each element", "scope=element,sigma=6"),
            ("sigma 6, opposite sign", "sigma=6,sign=-1"),
        )
        for decision in ("raw", "shift added back", "tuned")
    }
    if any(blv.values()):
        yield (
            "Does BLV help? Does its sign matter?",
            "Against cross-entropy with the largest logit. The paper's noise is positive and one draw a step, so that "
            "training adds a mean shift to rare classes that the raw decision lacks; the opposite sign takes it "
            "off.\n\n"
            + _answered(
                blv | {"cross-entropy, tuned": plain},
                *(f"BLV, sigma 6, {how}" for how in ("raw", "shift added back", "tuned", "opposite sign, tuned")),
                "cross-entropy, tuned",
            ),
        )
    without_cost = cells.entries(settings, "cross_entropy", "tuned, no cost")
    ordered = {"cross-entropy, tuned": plain, "cross-entropy, tuned without a cost": without_cost}
    losses = {"ordinal log-loss": "ordinal_log_loss", "EMD": "emd", "SORD": "sord", "regression": "regression"}
    for name, loss in losses.items():
        ordered |= {f"{name}, {decision}": cells.entries(settings, loss, decision) for decision in ("raw", "tuned")}
    yield (
        "What does the cost of far errors bring: in the decision, in the loss?",
        "Against cross-entropy with the largest logit. Without a cost the decision has a temperature and a prior; its "
        "cost moves answers to where less is lost when they are wrong.\n\n"
        + _answered(ordered, "cross-entropy, tuned without a cost", "cross-entropy, tuned", "SORD, raw", "SORD, tuned"),
    )
    theory = {
        f"theory for {cells.NAMES[m]}": cells.entries(settings, "cross_entropy", f"theory for {m}") for m in THEORY
    }
    yield (
        "How far is theory's decision from the tuned one?",
        "A temperature fitted on the other folds, then what theory says for one metric, against the largest logit of "
        "the same cross-entropy. Tuned is for macro accuracy, QWK and macro RMSE together, with accuracy held.\n\n"
        + _answered(theory | {"tuned": plain}, "theory for QWK", "tuned"),
    )
    grouped = [s for s in settings if cells.tuned(s, "groups")]
    if grouped:
        yield (
            "What do loss, decision and pooling bring, one by one?",
            "What each adds to single answers of cross-entropy with the largest logit. Pooled figures are of whole "
            "people, of those who have one level.\n\n" + _one_by_one(grouped),
        )
    fine_tuned = [s for s in evidence["settings"] if s["features"].endswith("fine-tuned")]
    if fine_tuned:
        yield (
            "And where the encoder is fine-tuned?",
            f"In {NUM_FOLDS_FINE_TUNED} folds, with fewer losses and seeds. The figures of cross-entropy's largest "
            "logit, then what the others add to it, with 95 % intervals, bold as above.\n\n" + _fine_tuned(fine_tuned),
        )


def _answered(named: dict[str, list[cells.Entry]], *keys: str) -> str:
    """A sentence of some of the rows, then all."""
    said = [
        f"{key}: {cells.mean_gains(named[key], ('accuracy', 'macro_accuracy', 'qwk'))}" for key in keys if named[key]
    ]
    return f"**In short**: {'; '.join(said)}.\n\n" + cells.side_by_side(named)


def _fine_tuned(settings: list[dict[str, Any]]) -> str:
    rows = []
    for s in settings:
        seeds = f"{s['num_seeds']} seed{'s' * (s['num_seeds'] > 1)}"
        for e in s["entries"]:
            if e["level"] == "answers" and e["decision"] in ("raw", "tuned"):
                row = [cells.difference(e, m) if "differences" in e else cells.value(m, e["values"][m]) for m in SHOWN]
                rows.append([f"{s['title']}, {seeds}", f"{e['title']}, {e['decision']}", *row])
    return cells.table(["corpus", "loss, decision", *cells.HEADINGS.values()], rows)


def _one_by_one(settings: list[dict[str, Any]]) -> str:
    rows, said = [], []
    for s in settings:
        base = cells.of(s, 0, "raw", "answers")["values"]
        losses = [e for e in s["entries"] if e["decision"] == "raw" and e["level"] == "answers"]
        best = max(losses, key=lambda e: e["values"]["qwk"])
        steps = {
            f"the best loss by QWK ({best['title']})": best,
            "the tuned decision": cells.tuned(s, "answers"),
            "pooling": cells.of(s, 0, "raw", "groups"),
            "pooling and the tuned decision": cells.tuned(s, "groups"),
        }
        for name, entry in steps.items():
            row = [cells.signed(m, entry["values"][m] - base[m]) for m in SHOWN]
            rows.append([f"{s['title']}, {s['features']}", name, *row])
            said.append(
                f"{name} {cells.gains_in_words({m: entry['values'][m] - base[m] for m in ('accuracy', 'qwk')})}"
            )
    return f"**In short**: {'; '.join(said)}.\n\n" + cells.table(["setting", "adds", *cells.HEADINGS.values()], rows)
