"""The settings of a run: ``BLVTrainingArguments``, and what the command line needs beside them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from transformers import TrainingArguments

from blv_trainer.losses import check_loss
from blv_trainer.metrics import METRICS, Metric

__all__ = [
    "BLVTrainingArguments",
    "CorpusArguments",
    "DataArguments",
    "DecisionArguments",
    "ModelArguments",
    "changed_settings",
    "metric_of_ours",
    "output_folder",
]


@dataclass(repr=False)  # the parent's hides tokens
class BLVTrainingArguments(TrainingArguments):
    """``transformers.TrainingArguments`` with the choice of a loss; no other default is changed.

    ``greater_is_better`` is by default False where ``metric_for_best_model`` is one of ``METRICS`` that is better low.

    Args:
        loss: a key of ``blv_trainer.LOSSES``.
        loss_kwargs: the loss's options, such as ``{"sigma": 2, "scope": "element"}``; on the command line as JSON.

    Raises:
        TypeError: an option that needs a number and has none.
        ValueError: an unknown loss or option, a value out of its range, options that are no mapping.

    Examples:
        >>> args = BLVTrainingArguments("out", loss="blv", loss_kwargs='{"sigma": 2}')
        >>> args.loss_kwargs
        {'sigma': 2}
    """

    _VALID_DICT_FIELDS = [*TrainingArguments._VALID_DICT_FIELDS, "loss_kwargs"]  # noqa: RUF012 - as in the parent

    loss: str = field(default="blv", metadata={"help": "Name of the loss; `blv-trainer list` shows all."})
    loss_kwargs: dict[str, Any] | str | None = field(
        default=None, metadata={"help": "Options of the loss as JSON, such as '{\"sigma\": 2}'."}
    )

    def __post_init__(self) -> None:
        self.loss_kwargs = _read_options(self.loss_kwargs)
        self.chose_direction = self.greater_is_better is not None
        metric = metric_of_ours(self.metric_for_best_model)
        if metric and not self.chose_direction:
            self.greater_is_better = metric.better == "higher"
        super().__post_init__()
        check_loss(self.loss, self.loss_kwargs or {})

    def __getstate__(self) -> dict[str, Any]:
        # Trainer pickles its arguments beside every checkpoint: a token has no place there.
        return {**self.__dict__, "hub_token": None}


def metric_of_ours(name: str | None, *, datasets: Collection[str] = ()) -> Metric | None:
    """The metric of ``METRICS`` that ``metric_for_best_model`` names, for one of several evaluation sets or for all."""
    name = (name or "").removeprefix("eval_")
    dataset = next((f"{dataset}_" for dataset in datasets if name.startswith(f"{dataset}_")), "")
    return METRICS.get(name.removeprefix(dataset).removeprefix("abs_"))


def output_folder(args: TrainingArguments) -> Path:
    """The folder of a run; transformers sets one where none is given, though it declares None as possible."""
    return Path(cast(str, args.output_dir))


def _read_options(given: Any) -> dict[str, Any] | None:
    """A loss's options, read where they are JSON."""
    options = given
    if isinstance(given, str):
        with contextlib.suppress(json.JSONDecodeError):
            options = json.loads(given)
    if options is None or isinstance(options, dict):
        return options
    raise ValueError(f"""loss_kwargs={given!r} is no JSON object: write options as '{{"sigma": 2}}'.""")


def changed_settings(training_args: BLVTrainingArguments, *, always: Collection[str] = ()) -> dict[str, Any]:
    """The settings that differ from their defaults, and those named in ``always``, in plain types.

    Building plain arguments looks for processes and devices anew, and would make each of several processes on the
    processor believe that it is alone; these take over what ``training_args`` found.
    """
    plain = BLVTrainingArguments(training_args.output_dir, accelerator_config={"use_configured_state": True}).to_dict()
    return {name: value for name, value in training_args.to_dict().items() if name in always or value != plain[name]}


@dataclass
class ModelArguments:
    """Which model is trained."""

    model_name_or_path: str = field(
        default="bert-base-uncased", metadata={"help": "Encoder or classifier to start from: a Hub id or a folder."}
    )
    head: Literal["mean_pooled", "stock"] = field(
        default="mean_pooled",
        metadata={
            "help": "mean_pooled: mean over the token embeddings, dropout, linear layer, as in the paper; stock: the "
            "head that AutoModelForSequenceClassification builds."
        },
    )
    classifier_dropout: float = field(default=0.1, metadata={"help": "Dropout before the mean-pooled head."})
    max_length: int | None = field(
        default=None,
        metadata={
            "help": "Tokens after which a text is cut, in training and wherever the saved model is used; default: what "
            "the model takes."
        },
    )


@dataclass
class CorpusArguments:
    """The ICNALE corpus in place of files."""

    data_dir: str | None = field(default=None, metadata={"help": "Instead of files: the folder of the ICNALE corpus."})
    split_by: Literal["speaker", "sample"] = field(
        default="speaker", metadata={"help": "How the ICNALE corpus is split; by sample, speakers leak into test."}
    )
    transcripts: Literal["human", "whisper"] = field(default="human", metadata={"help": "Texts of the ICNALE corpus."})
    whisper_transcripts: str | None = field(
        default=None, metadata={"help": "Transcripts of the ICNALE corpus that blv-trainer transcribe wrote."}
    )
    whisper_model: str | None = field(
        default=None, metadata={"help": "Whisper model, name or path, that first transcribes what is missing."}
    )


@dataclass
class DecisionArguments:
    """How logits become levels, and on what that is tuned."""

    decision: str | None = field(
        default=None,
        metadata={
            "help": "raw: the largest logit; consistent: training's shift added back; tuned: temperature, prior and "
            "cost of far errors, chosen on the validation rows or with --folds; or a metric, for what theory says is "
            "best for it. It is folded into the model. Default: tuned where there is something to tune on, else raw."
        },
    )
    folds: int | None = field(
        default=None,
        metadata={
            "help": "Folds of cross-validation: decisions are tuned on every row, no row is held out, and the model is "
            "trained on all."
        },
    )
    freeze_encoder: bool = field(
        default=False, metadata={"help": "Train the head alone on features computed once: seconds a run."}
    )
    tune_for: list[str] | None = field(
        default=None,
        metadata={
            "help": "Metrics, with weights where wanted, for which decisions are tuned: qwk, or accuracy=1 "
            "macro_accuracy=2. Default: balanced (macro accuracy + QWK - macro RMSE / 2, accuracy kept)."
        },
    )


@dataclass
class DataArguments:
    """Where the labelled texts are: the arguments of ``corpora.table.load_table`` under their own names."""

    train_file: str | None = field(
        default=None, metadata={"help": "Training rows: .csv, .tsv, .jsonl, .json (also .gz), .parquet, .xlsx."}
    )
    validation_file: str | None = field(default=None, metadata={"help": "Validation rows."})
    test_file: str | None = field(default=None, metadata={"help": "Test rows."})
    dataset_name: str | None = field(
        default=None, metadata={"help": "Instead of files: a dataset on the Hub or a local folder of data files."}
    )
    dataset_config_name: str | None = field(default=None, metadata={"help": "Configuration of that dataset."})
    text_column: str = field(default="text", metadata={"help": "Column with the texts."})
    label_column: str = field(default="label", metadata={"help": "Column with the labels."})
    label_order: list[str] | None = field(
        default=None,
        metadata={"help": "All labels, lowest first; default: the dataset's own order, else a natural sort."},
    )
    group_column: str | None = field(
        default=None,
        metadata={
            "help": "Column that says whose answers belong together, such as the speaker; default: the column speaker "
            "where there is one."
        },
    )
    rater_columns: list[str] | None = field(
        default=None, metadata={"help": "Columns with the levels that single human raters gave."}
    )
    encoding: str = field(default="utf-8-sig", metadata={"help": "Encoding of text files."})
    quoting: bool | None = field(
        default=None, metadata={"help": "Whether quotes enclose fields; default: in CSV yes, in TSV no."}
    )
    delimiter: str | None = field(
        default=None,
        metadata={"help": "What separates fields: a character or its name; default: comma, semicolon, tab or bar."},
    )
    validation_fraction: float = field(
        default=0.1, metadata={"help": "Share of train to hold out where no validation rows are given."}
    )
