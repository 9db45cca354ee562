"""The settings of a run: ``BLVTrainingArguments``, opened on demand, and what the command line needs beside them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from blv_trainer._door import opened_on_demand

if TYPE_CHECKING:
    from blv_trainer.training_arguments import BLVTrainingArguments, changed_settings, metric_of_ours, output_folder

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

# transformers' arguments come with torch, which a misspelt flag shall not wait for
_HEAVY = ("BLVTrainingArguments", "changed_settings", "metric_of_ours", "output_folder")
__getattr__ = opened_on_demand("blv_trainer", {"training_arguments": _HEAVY})

# Numbers, by flag, and what each must exceed.
MUST_EXCEED = {
    **dict.fromkeys(("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"), 0),
    **dict.fromkeys(("num_train_epochs", "learning_rate", "max_length", "num_resamples", "num_speakers"), 0),
    **dict.fromkeys(("seed", "seeds", "tsne_rows", "tsne_iterations", "warmup_steps"), -1),
}


# ruff: noqa: RUF009 - each call makes a field of its own
def _flag(default: Any, about: str) -> Any:
    """A field, and what ``--help`` says of it."""
    return field(default=default, metadata={"help": about})


@dataclass
class ModelArguments:
    """Which model is trained."""

    model_name_or_path: str = _flag("bert-base-uncased", "Encoder or classifier to start from: a Hub id or a folder.")
    head: Literal["mean_pooled", "stock"] = _flag(
        "mean_pooled",
        "mean_pooled: mean over the token embeddings, dropout, linear layer, as in the paper; stock: the head that "
        "AutoModelForSequenceClassification builds.",
    )
    classifier_dropout: float = _flag(0.1, "Dropout before the mean-pooled head.")
    max_length: int | None = _flag(
        None,
        "Tokens after which a text is cut, in training and wherever the saved model is used; default: what the model "
        "takes.",
    )


@dataclass
class CorpusArguments:
    """The ICNALE corpus in place of files."""

    data_dir: str | None = _flag(None, "Instead of files: the folder of the ICNALE corpus.")
    split_by: Literal["speaker", "sample"] = _flag(
        "speaker", "How the ICNALE corpus is split; by sample, speakers leak into test."
    )
    transcripts: Literal["human", "whisper"] = _flag("human", "Texts of the ICNALE corpus.")
    whisper_transcripts: str | None = _flag(None, "Transcripts of the ICNALE corpus that blv-trainer transcribe wrote.")
    whisper_model: str | None = _flag(None, "Whisper model, name or path, that first transcribes what is missing.")


@dataclass
class DecisionArguments:
    """How logits become levels, and on what that is tuned."""

    decision: str | None = _flag(
        None,
        "raw: the largest logit; consistent: training's shift added back; tuned: temperature, prior and cost of far "
        "errors, chosen on the validation rows or with --folds; or a metric, for what theory says is best for it. It "
        "is folded into the model. Default: tuned where there is something to tune on, else raw.",
    )
    folds: int | None = _flag(
        None,
        "Folds of cross-validation: decisions are tuned on every row, no row is held out, and the model is trained on "
        "all.",
    )
    freeze_encoder: bool = _flag(False, "Train the head alone on features computed once: seconds a run.")
    tune_for: list[str] | None = _flag(
        None,
        "Metrics, with weights where wanted, for which decisions are tuned: qwk, or accuracy=1 macro_accuracy=2. "
        "Default: balanced (macro accuracy + QWK - macro RMSE / 2, accuracy kept).",
    )


@dataclass
class DataArguments:
    """Where the labelled texts are: the arguments of ``corpora.table.load_table`` under their own names."""

    train_file: str | None = _flag(None, "Training rows: .csv, .tsv, .jsonl, .json (also .gz), .parquet, .xlsx.")
    validation_file: str | None = _flag(None, "Validation rows.")
    test_file: str | None = _flag(None, "Test rows.")
    dataset_name: str | None = _flag(None, "Instead of files: a dataset on the Hub or a local folder of data files.")
    dataset_config_name: str | None = _flag(None, "Configuration of that dataset.")
    text_column: str = _flag("text", "Column with the texts.")
    label_column: str = _flag("label", "Column with the labels.")
    label_order: list[str] | None = _flag(
        None, "All labels, lowest first; default: the dataset's own order, else a natural sort."
    )
    group_column: str | None = _flag(
        None,
        "Column that says whose answers belong together, such as the speaker; default: the column speaker where there "
        "is one.",
    )
    rater_columns: list[str] | None = _flag(None, "Columns with the levels that single human raters gave.")
    subgroup_columns: list[str] | None = _flag(
        None,
        "Columns of groups that should fare alike, such as gender; default: region, task, sex, gender and l1, where "
        "there are such columns.",
    )
    encoding: str = _flag("utf-8-sig", "Encoding of text files.")
    quoting: bool | None = _flag(None, "Whether quotes enclose fields; default: in CSV yes, in TSV no.")
    delimiter: str | None = _flag(
        None, "What separates fields: a character or its name; default: comma, semicolon, tab or bar."
    )
    validation_fraction: float = _flag(0.1, "Share of train to hold out where no validation rows are given.")
