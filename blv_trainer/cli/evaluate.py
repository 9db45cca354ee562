"""``blv-trainer evaluate``: a saved model on labelled texts, answer by answer and by whole groups."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

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
    parser.add_argument(
        "--group_column",
        help="whose answers belong together: also judge whole groups (default: speaker, where there is such a column)",
    )
    parser.add_argument(
        "--rater_columns", nargs="+", help="levels that single human raters gave: also say how far they agree"
    )
    parser.add_argument("--output_dir", help="write metrics.json and predictions.parquet here")
    parser.set_defaults(run=run)


def add_text_flags(parser) -> None:
    """Flags that reading texts and running a model share."""
    parser.add_argument("--text_column", default="text", help="column with the texts")
    parser.add_argument("--encoding", default="utf-8-sig", help="encoding of text files")
    parser.add_argument(
        "--quoting", type=_yes_or_no, help="whether quotes enclose fields; default: in CSV yes, in TSV no"
    )
    parser.add_argument(
        "--delimiter",
        help="what separates fields: a character or its name; default: found among comma, semicolon, tab and bar",
    )
    parser.add_argument(
        "--batch_size",
        type=int,
        help="texts in one forward pass; default: by their length, 1,024 tokens on a processor",
    )
    parser.add_argument(
        "--max_length", type=int, help="tokens after which a text is cut; default: what the model takes"
    )
    parser.add_argument(
        "--trust_remote_code", action="store_true", help="run model code that comes with the checkpoint"
    )


def _yes_or_no(word: str) -> bool:
    if word.lower() not in ("true", "false", "yes", "no"):
        raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false")
    return word.lower() in ("true", "yes")


def run(args) -> int:
    """Evaluate, print, write; 0 when done."""
    if not args.model or not args.test_file:
        raise ValueError("evaluate needs a model and --test_file: blv-trainer evaluate MODEL --test_file rows.csv")

    from transformers import utils

    from blv_trainer import prediction
    from blv_trainer.corpora import load_texts
    from blv_trainer.files import write_json
    from blv_trainer.prediction import label_names, load_classifier, predict_logits, prediction_table
    from blv_trainer.run_folder import METRICS_FILE, predictions_of_split, write_predictions

    utils.logging.disable_progress_bar()
    model, tokenizer = load_classifier(args.model, trust_remote_code=args.trust_remote_code)
    names = label_names(model)
    data = load_texts(
        args.test_file,
        text_column=args.text_column,
        label_column=args.label_column,
        label_order=names,
        group_column=args.group_column,
        rater_columns=args.rater_columns,
        encoding=args.encoding,
        quoting=args.quoting,
        delimiter=args.delimiter,
    )
    human = agreement_of_raters(data.dataset, args.rater_columns, len(names)) if args.rater_columns else {}
    most = prediction.max_tokens(model, tokenizer, args.max_length)
    prediction.note_cut(prediction.num_tokens(tokenizer, data.dataset["text"]), most)
    logits = predict_logits(
        model, tokenizer, data.dataset["text"], batch_size=args.batch_size, max_length=args.max_length
    )
    test: dict[str, Any] = _judge(data.dataset["label"], logits, names)
    metrics, columns = {"test": test}, {"test": test}
    if by_group := _judge_groups(data, logits, names, model.config, asked_for=args.group_column is not None):
        metrics["test_by_group"] = columns[f"test, by {data.group_column}"] = by_group
    if human:
        test["human"] = columns["human"] = human  # within its rows: no results of a model
    print(format_metrics(columns, names))
    if args.output_dir:
        folder = Path(args.output_dir)
        write_predictions(folder, [predictions_of_split(data.dataset, "test", prediction_table(logits, names))])
        write_json(folder / METRICS_FILE, metrics)
        write_unusable(data.unusable, folder)
    return 0


def _judge(labels: Any, scores: Any, names: Sequence[str]) -> dict[str, float]:
    from blv_trainer.evaluation import Scores

    return {**Scores(labels, scores, names).as_metrics, "num_rows": len(scores)}


def _judge_groups(data: Any, logits: Any, names: Sequence[str], config: Any, *, asked_for: bool) -> dict[str, float]:
    """Metrics of whole groups; none where they would be those of single answers, or have no label."""
    import numpy as np

    from blv_trainer.corpora import groups_of
    from blv_trainer.decision import labels_of_groups, one_label_each
    from blv_trainer.prediction import group_scores

    if data.group_column is None:
        return {}
    labels, groups = np.asarray(data.dataset["label"][:]), groups_of(data.dataset, data.group_column)
    single = one_label_each(labels, groups)
    kept = [group for group, is_single in zip(groups, single, strict=True) if is_single]
    column, num_groups, torn = repr(data.group_column), len({*groups}), sorted({*groups} - {*kept})
    if len({*kept}) == len(kept):
        if asked_for:
            why = "of one label has more than one answer" if kept else "has one label"
            logger.warning("Whole groups of the column %s are not judged: no group %s.", column, why)
        return {}
    if torn:
        found = f"{len(torn)} of {num_groups} groups of the column {column} have more than one label, such as"
        logger.warning("%s %.60r: whole groups are judged without them.", found, torn[0])
    _, pooled = group_scores(logits[single], kept, config)
    return _judge(labels_of_groups(labels[single], kept), pooled, names)


def agreement_of_raters(rows: Any, columns: Sequence[str], num_classes: int) -> dict[str, float]:
    """How far the raters agree, over the rows that two or more of them judged."""
    import numpy as np

    from blv_trainer.evaluation import human_agreement

    levels = [[-1 if level is None else level for level in rows[name][:]] for name in columns]
    num_rows = ((np.asarray(levels) >= 0).sum(axis=0) > 1).sum()
    return {**human_agreement(levels, num_classes), "num_rows": int(num_rows)}
