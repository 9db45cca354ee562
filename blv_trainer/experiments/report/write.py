"""``report/``: tables, figures, ``results.json`` and one self-contained ``report.html``, all from finished runs."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from blv_trainer.decision import Decision
from blv_trainer.evaluation import NUM_RESAMPLES, figures
from blv_trainer.experiments.report.analysis import analyse, as_csv
from blv_trainer.experiments.report.panels import Panel, make_panels
from blv_trainer.experiments.report.rows import Row, make_rows
from blv_trainer.experiments.report.rsmeval import write_rsmeval
from blv_trainer.experiments.report.tables import Table, as_markdown, formatted_p, make_tables, objective_in_words
from blv_trainer.experiments.results import Results, read_results
from blv_trainer.files import staged_folder, write_json, write_text, write_whole
from blv_trainer.metrics import METRICS

TEMPLATE = "report.html.jinja"


def write_report(
    output_dir: str | Path,
    *,
    tune_for: Mapping[str, float] | None = None,
    num_resamples: int = NUM_RESAMPLES,
    tsne_iterations: int = 5000,
) -> dict[str, Any]:
    """Write the report of a finished comparison; nothing is trained.

    Args:
        output_dir: as given to ``compare``; the report goes into its folder ``report``.
        tune_for: weights of the metrics for which decisions are tuned; by default "balanced", as ``tune`` has it.
        num_resamples: of each bootstrap and permutation test.
        tsne_iterations: of t-SNE; 0 for none.

    Returns:
        What ``results.json`` holds.

    Raises:
        FileNotFoundError: runs are missing.
        ValueError: an unknown metric or weight in ``tune_for``.
    """
    results = read_results(output_dir)
    rows = make_rows(results, tune_for, num_resamples=num_resamples)
    analysis = analyse(results, rows, tune_for=tune_for)
    tables = make_tables(analysis)
    panels = make_panels(results, rows, analysis, tsne_iterations=tsne_iterations)
    images = {panel.name: figures.as_png(panel.figure) for panel in panels}
    with staged_folder(output_dir) as staging:  # an earlier report stays until this one is whole, then goes
        folder = staging / "report"
        write_text(folder / "table.md", as_markdown(tables))
        write_text(folder / "table.csv", as_csv(analysis))
        write_json(folder / "results.json", analysis)
        for name, image in images.items():
            write_whole(folder / f"{name}.png", partial(Path.write_bytes, data=image))
        for row in rows:
            write_rsmeval(row, folder / "rsmeval", seed=results.seeds[0])
        write_text(folder / "report.html", render(results, rows, analysis, tables, panels, images))
    return analysis


def render(
    results: Results,
    rows: list[Row],
    analysis: dict[str, Any],
    tables: list[Table],
    panels: list[Panel],
    images: Mapping[str, bytes],
    errors: Sequence[Mapping[str, Any]] = (),
) -> str:
    """The HTML page of a comparison or of one model, figures inside; every text is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    shown = dict.fromkeys([analysis["baseline"], analysis["chosen"]])
    titles = {row.key: Decision.in_words(row.decision) if "judged" in analysis else row.title for row in rows}
    main = [it for it in tables if it.title.startswith(("Results", "Differences")) or "judged" in analysis]
    return environment.get_template(TEMPLATE).render(
        description=results.description,
        analysis=analysis,
        summary=_summary(analysis, titles),
        sizes={split: sum(counts) for split, counts in results.class_counts.items()},
        main_tables=main,
        other_tables=tables[len(main) :],
        errors=errors,
        figures=[{"panel": panel, "tiles": _tiles(panel, images[panel.name])} for panel in panels],
        subgroups={titles[key]: analysis["subgroups"][key] for key in shown if analysis["subgroups"][key]},
        conditions=_conditions(results),
        runs=[
            {"method": runs.method.title, "seed": seed, "seconds": seconds, "spec": runs.method.spec}
            for runs in results.methods
            for seed, seconds in zip(results.seeds, runs.seconds, strict=True)
        ],
    )


def _tiles(panel: Panel, png: bytes) -> list[tuple[str, float]]:
    return [(base64.b64encode(tile).decode("ascii"), inches) for tile, inches in figures.as_tiles(panel.figure, png)]


def _summary(analysis: dict[str, Any], titles: dict[str, str]) -> list[str]:
    """Sentences that answer the question: which loss with which decision, and is the difference real?"""
    chosen_title, base_title = titles[analysis["chosen"]], titles[analysis["baseline"]]
    judged = "with each fold decided by the others" if analysis["num_folds"] else "on validation alone"
    is_choice = "judged" not in analysis
    sentences = [f"Chosen {judged}, by {objective_in_words(analysis)}: {chosen_title}."] if is_choice else []
    levels = [("rows", "")]
    if analysis["by_group"]:
        levels.append(("by_group", f"Whole groups ({analysis['judged_groups']['column']}): "))
    for level, whose in levels:
        chosen, base = analysis[level][analysis["chosen"]], analysis[level][analysis["baseline"]]
        for metric in ("accuracy", "macro_accuracy", "qwk", "macro_rmse"):
            own, other = (METRICS[metric].format(entry["test"][metric]["mean"]) for entry in (chosen, base))
            text = f"{whose}{METRICS[metric].title}: {own}"
            text += "" if chosen is base else f", against {other} for {base_title}"
            if found := chosen["differences"].get(metric):
                value, low, high = (METRICS[metric].format(found[part]) for part in ("value", "low", "high"))
                p = chosen["p_values"][metric]["holm"]
                verdict = "clear" if p == p and p < 0.05 else "not clear"
                text += f"; the difference of {value} [{low}, {high}] is {verdict} among the rows compared"
                text += f" ({formatted_p(p) or 'p undefined'}, Holm-corrected)"
            sentences.append(text + ".")
    return sentences


def _conditions(results: Results) -> list[dict[str, Any]]:
    """Versions and machine of the runs, each set once, with the number of runs it holds for."""
    found: list[dict[str, Any]] = []
    for run in (run for runs in results.methods for run in runs.conditions):
        for entry in found:
            if entry["conditions"] == run["conditions"]:
                entry["num_runs"] += 1
                break
        else:
            settings = {key: value for key, value in run["settings"].items() if key not in ("method", "seed")}
            found.append({"conditions": run["conditions"], "settings": settings, "num_runs": 1})
    return found
