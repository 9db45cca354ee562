"""The one-page report of a single model: what its predictions are worth, and the errors to read."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from blv_trainer.evaluation import NUM_RESAMPLES, figures
from blv_trainer.experiments.methods import Method
from blv_trainer.experiments.report.analysis import analyse
from blv_trainer.experiments.report.panels import make_panels
from blv_trainer.experiments.report.rows import Row
from blv_trainer.experiments.report.tables import make_tables
from blv_trainer.experiments.report.write import render
from blv_trainer.experiments.results import MethodRuns, Results
from blv_trainer.files import write_text
from blv_trainer.run_folder import (
    HISTORY_FILE,
    METRICS_FILE,
    RUN_FILE,
    Predictions,
    predicted_labels,
    read_json,
    read_predictions,
)

_NUM_ERRORS = 20
# The first of these that was predicted is what the report is about.
_JUDGED = {
    "test": "Test rows",
    "out_of_fold": "Out-of-fold rows, each judged by a model that was trained on the other folds, not by this very one",
    "validation": "Validation rows; what was chosen on them flatters the model",
}

logger = logging.getLogger(__name__)


def write_model_report(
    output_dir: str | Path,
    texts: Mapping[str, Sequence[str]],
    *,
    source: str,
    config: Mapping[str, Any] | None = None,
    group_column: str | None = None,
    subgroup_columns: Sequence[str] | None = None,
    num_resamples: int = NUM_RESAMPLES,
) -> Path | None:
    """Write ``report/report.html`` beside the predictions of ``train`` or ``evaluate``; what fails is a warning.

    The page shows texts, so it is for whoever has the data: nothing publishes it.

    Args:
        output_dir: with ``predictions.parquet`` and ``metrics.json``.
        texts: of the rows of each split, in the order of the predictions.
        source: what the rows are, in words.
        config: of another folder's model; None for the model that was trained in ``output_dir``.
        group_column: whose answers belong together; None for no column.
        subgroup_columns: as ``Scores`` has it.
        num_resamples: of each bootstrap and permutation test.

    Returns:
        The page; None where there is nothing to report, or it could not be drawn.
    """
    folder = Path(output_dir)
    try:
        predictions = read_predictions(folder)
        split = next((name for name in _JUDGED if name in predictions), "test")
        if split not in predictions or len(predictions[split].labels) < 2:
            return None
        description = {"title": "What the model is worth", "source": source, "subgroup_columns": subgroup_columns}
        if human := (read_json(folder / METRICS_FILE) or {}).get(split, {}).get("human"):
            description["human"] = human
        run, history = (read_json(folder / name) if config is None else None for name in (RUN_FILE, HISTORY_FILE))
        config = config or read_json(folder / "config.json") or {}
        names, found = predicted_labels(folder), predictions[split]
        # A comparison of one method: no text of the page depends on its loss.
        method, counts = Method("cross_entropy"), np.bincount(found.labels, minlength=len(names)).tolist()
        loss, logits = method.build([max(count, 1) for count in counts]), found.logits[None]
        runs = MethodRuns(method, loss, logits, None, None, None, [history or []], [run] if run else [], [0.0])
        of_splits = {"train": config["class_counts"]} if config.get("class_counts") else {}
        of_splits[split] = counts
        results = Results(names, of_splits, [0], [runs], found, None, None, group_column, description)
        page = _draw(results, config, _JUDGED[split], texts[split], num_resamples)
        write_text(folder / "report" / "report.html", page)
    except Exception as error:  # the run is finished, and a figure of it must not make it fail
        logger.warning("The report was not drawn (%s: %s); all else is in %s.", type(error).__name__, error, folder)
        return None
    return folder / "report" / "report.html"


def _draw(results: Results, config: Mapping[str, Any], judged: str, texts: Sequence[str], num_resamples: int) -> str:
    """The page, from the predictions of one split."""
    found, runs = results.test, results.methods[0]
    decision = config.get("decision")
    kind = decision.get("kind", "tuned") if isinstance(decision, dict) else "raw"
    groups = found.by_group if found.by_group is not None and len(found.by_group.labels) > 1 else None
    rows = []
    for name in ("raw", kind) if kind != "raw" and found.raw_logits is not None else (kind,):
        scores, *by_group = (
            results.scores(of, of.logits if name == kind or of.raw_logits is None else of.raw_logits, num_resamples)
            for of in (found, groups)
            if of is not None
        )
        rows.append(Row(runs, name, [], scores, scores, by_group[0] if by_group else None))
    analysis = analyse(results, rows) | {"judged": judged, "chosen": rows[-1].key}
    tables = make_tables(analysis)
    panels = make_panels(results, rows, analysis, tsne_iterations=0)
    images = {panel.name: figures.as_png(panel.figure) for panel in panels}
    return render(results, rows, analysis, tables, panels, images, _largest_errors(found, results.names, texts))


def _largest_errors(found: Predictions, names: Sequence[str], texts: Sequence[str]) -> list[dict[str, Any]]:
    """The rows whose level is furthest from the human one, of equal ones those that the model is surest of."""
    predicted, probabilities = found.logits.argmax(axis=1), softmax(found.logits, axis=1).max(axis=1)
    distance = np.abs(predicted - found.labels)
    worst = [k for k in np.lexsort((-probabilities, -distance)).tolist() if distance[k]][:_NUM_ERRORS]
    ids = found.columns.get("id") or [f"{k}" for k in range(1, len(predicted) + 1)]
    columns = ("row", "human", "machine", "probability", "text")
    cells = ((ids[k], names[found.labels[k]], names[predicted[k]], probabilities[k], texts[k]) for k in worst)
    return [dict(zip(columns, row, strict=True)) for row in cells]
