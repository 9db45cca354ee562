"""``blv-trainer evaluate``: a saved model on labelled texts, answer by answer and by whole groups."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from blv_trainer.cli.config import flags_of, truth
from blv_trainer.cli.labelled_data import check_columns, check_raters, torn_groups
from blv_trainer.cli.terminal_tables import format_metrics, write_unusable

logger = logging.getLogger(__name__)


def add_parser(subparsers) -> None:
    """Register the verb."""
    parser = subparsers.add_parser(
        "evaluate",
        usage="blv-trainer evaluate MODEL --test_file FILE [FLAGS]",
        help="evaluate a saved model on labelled texts",
    )
    parser.add_argument("model", nargs="?", help="folder or Hub id of a saved classifier")
    parser.add_argument("--test_file", help="labelled rows: .csv, .tsv, .jsonl, .json (also .gz), .parquet, .xlsx")
    add_text_flags(parser)
    parser.add_argument("--label_column", default="label", help="column with the labels")
    parser.add_argument("--group_column", help="whose answers belong together, judged as wholes too; default: speaker")
    parser.add_argument("--rater_columns", nargs="+", help="levels by two human raters or more: say how far they agree")
    parser.add_argument("--subgroup_columns", nargs="+", help="judged apart; default: region, task, sex, gender, l1")
    parser.add_argument("--output_dir", help="write metrics.json, predictions.parquet and report/report.html here")
    parser.set_defaults(run=run)


def add_text_flags(parser) -> None:
    """Flags that reading texts and running a model share."""
    parser.add_argument("--text_column", default="text", help="column with the texts")
    parser.add_argument("--encoding", default="utf-8-sig", help="encoding of text files")
    parser.add_argument("--quoting", type=truth, help="whether quotes enclose fields; default: in CSV yes, in TSV no")
    parser.add_argument("--delimiter", help="between fields: a character or its name; default: one of , ; tab and |")
    parser.add_argument("--batch_size", type=int, help="texts in one pass; default: by length, 1,024 tokens on a CPU")
    parser.add_argument("--max_length", type=int, help="tokens after which a text is cut; default: the model's own")
    parser.add_argument("--trust_remote_code", action="store_true", help="run model code that comes with the model")


def run(args) -> int:
    """Evaluate, print, write; 0 when done."""
    if not args.model or not args.test_file:
        raise ValueError("evaluate needs a model and --test_file: blv-trainer evaluate MODEL --test_file rows.csv")
    check_raters(args.rater_columns)
    logger.info("Evaluating %s on %s", args.model, args.test_file)

    from transformers import utils

    from blv_trainer.corpora import load_texts
    from blv_trainer.decision import folded, raw
    from blv_trainer.experiments import Chosen, Decided, predict_with_time_left
    from blv_trainer.prediction import label_names, load_classifier, max_tokens, note_cut

    utils.logging.disable_progress_bar()
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    names = label_names(model)
    named = ("text_column", "label_column", "group_column", "rater_columns", "encoding", "quoting", "delimiter")
    data = load_texts(args.test_file, label_order=names, **{name: getattr(args, name) for name in named})
    check_columns("--subgroup_columns", args.subgroup_columns, data.dataset.column_names)
    human = agreement_of_raters(data.dataset, args.rater_columns, len(names)) if args.rater_columns else {}
    config, decision, back = model.config.to_dict(), *_before_decision(model)
    how = {"batch_size": args.batch_size, "max_length": args.max_length}
    logits, lengths = predict_with_time_left("evaluation", model, tokenizer, data.dataset["text"][:], **how)
    logits = back(logits)
    note_cut(lengths, max_tokens(model, tokenizer, args.max_length))
    chosen = Chosen(decision or raw(len(names)), folded(model.config, of_groups=True))
    measured: Any = {"test": {"num_rows": len(logits)}}
    judged, found = Decided(chosen, data.group_column).judge(measured, {"test": (data.dataset, logits)}, names)
    metrics: dict[str, Any] = judged
    torn_groups([data.dataset], data.group_column)
    if args.group_column and "test_by_group" not in metrics:
        why = "no group of one label has more than one answer"
        logger.warning("Whole groups of the column %r are not judged: %s.", args.group_column, why)
    by_group = f"test, by {data.group_column}"
    shown = {name.replace("test_by_group", by_group).replace("_raw", ", raw"): of for name, of in metrics.items()}
    if human:
        metrics["test"]["human"] = shown["human"] = human  # within its rows: no results of a model
    print(format_metrics(shown, names))
    if args.output_dir:
        _write(args, data, metrics, *found["test"], names, config)
    return 0


def _before_decision(model: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The decision that a model holds, None where it holds or shows none; from its logits to those from before it."""
    from blv_trainer.decision import folded
    from blv_trainer.onnx_classifier import OnnxClassifier

    decision = folded(model.config)
    if decision is not None and decision.power == 0:  # it stands in the last layer
        return decision, lambda logits: logits * decision.temperature - decision.shift
    if decision is None or isinstance(model, OnnxClassifier):  # whose graph applies the cost
        return None, lambda logits: logits
    model.config.decision = "raw"  # or its forward pass applies it
    return decision, lambda logits: logits


def _write(args: Any, data: Any, metrics: Any, rows: Any, scores: Any, names: Sequence[str], config: Any) -> None:
    """What ``--output_dir`` gets."""
    from blv_trainer import run_folder
    from blv_trainer.experiments import still_at, write_model_report
    from blv_trainer.files import write_json
    from blv_trainer.prediction import prediction_table

    folder = Path(args.output_dir)
    table = run_folder.predictions_of_split(rows, "test", prediction_table(scores, names))
    run_folder.write_predictions(folder, [table])
    write_json(folder / run_folder.METRICS_FILE, metrics)
    write_unusable(data.unusable, folder)
    run_folder.write_config(folder, "evaluate", flags_of(args), name=run_folder.EVALUATION_FILE)
    named = {"group_column": data.group_column, "subgroup_columns": args.subgroup_columns}
    source = f"{args.model} on {Path(args.test_file).name}"
    with still_at("the report, with its intervals"):
        write_model_report(folder, {"test": rows["text"]}, source=source, config=config, **named)


def agreement_of_raters(rows: Any, columns: Sequence[str], num_classes: int) -> dict[str, float]:
    """How far the raters agree, over the rows that two or more of them judged."""
    import numpy as np

    from blv_trainer.evaluation import human_agreement

    levels = [[-1 if level is None else level for level in rows[name][:]] for name in columns]
    num_rows = ((np.asarray(levels) >= 0).sum(axis=0) > 1).sum()
    return {**human_agreement(levels, num_classes), "num_rows": int(num_rows)}
