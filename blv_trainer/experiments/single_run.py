"""One training run: data and settings in, a folder with model, metrics and predictions out."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from datasets import Dataset, DatasetDict
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    set_seed,
)

from blv_trainer.arguments import BLVTrainingArguments, ModelArguments, output_folder
from blv_trainer.experiments.decisions import Decided, Found
from blv_trainer.files import staged_folder, write_json
from blv_trainer.levels import spell_levels
from blv_trainer.metrics import make_compute_metrics
from blv_trainer.modeling import MeanPooledConfig, MeanPooledForSequenceClassification
from blv_trainer.prediction import load_errors, max_tokens, note_cut, num_tokens, prediction_table
from blv_trainer.run_folder import (
    COMPARISON_FILE,
    HISTORY_FILE,
    METRICS_FILE,
    RUN_FILE,
    SPEED_FILE,
    is_finished,
    predictions_of_split,
    write_predictions,
)
from blv_trainer.trainer import BLVTrainer
from blv_trainer.training import EvaluationLines

_MEASURED = ("_runtime", "_per_second", "_time", "train_loss")  # of the process at work, not of the whole run


class Learner(NamedTuple):
    """A trainer, ready to train, and how its rows and its model are come by."""

    trainer: BLVTrainer
    # Of a split and the places of some of its rows: what the model takes, and which place each of it has.
    inputs: Callable[[str, np.ndarray], tuple[Any, np.ndarray]]
    save: Callable[[Decided | None], None]  # writes the whole model, with these decisions, into the output folder
    is_tiny: bool = False  # a step is so little work that several threads would only wait for one another


def train_and_evaluate(
    dataset: DatasetDict,
    names: Sequence[str],
    *,
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    learn: Callable[..., Learner] | None = None,
    decide: Callable[[Mapping[str, Found]], Decided] | None = None,
    keep_model: bool = True,
    quiet: bool = False,
    num_train_predictions: int = 0,
) -> dict[str, dict[str, float]]:
    """Train on "train", evaluate on "validation" and "test" as far as there are any, write all to the output folder.

    Writes the model (safetensors, config, code of the mean-pooled head), the tokenizer, ``history.json`` (what was
    logged on the way), ``speed.json`` (seconds, and the training loss of the steps that this process made),
    ``predictions.parquet`` (both splits, with logits) and ``metrics.json``. A resumed run leaves the same predictions
    and metrics, byte for byte, as one that nobody stopped.

    Args:
        dataset: splits with columns ``text`` and ``label``.
        names: the labels, lowest first.
        model_args: which model.
        training_args: how; ``output_dir`` is where.
        learn: what makes the trainer of the four arguments above; None for one that trains the whole model on texts.
        decide: from the raw predictions by split to decisions, which are folded into the model and into what is
            written; the largest logit's metrics stand beside under ``<split>_raw``. None for raw.
        keep_model: save the model.
        quiet: log no line for each evaluation on the way.
        num_train_predictions: predict as many training rows too, drawn at random, the same ones in every run.

    Returns:
        Metrics by split: "train" has epochs, "validation" and "test" have all of ``METRICS``, per-class recall and the
        histogram of predictions.

    Raises:
        FileExistsError: the output folder already holds a run and ``resume_from_checkpoint`` is not set.
        FileNotFoundError: there is no such encoder.
        OSError: something could not be written; finished files are as they were.
        ValueError: what ``BLVTrainer`` and ``decide`` refuse.
    """
    refuse_used_folder(training_args)
    if not torch.cuda.is_available():
        training_args.dataloader_pin_memory = False  # torch warns of it where there is no accelerator
    set_seed(training_args.seed)  # before the model, whose head starts from random weights
    learner = (learn or text_learner)(dataset, names, model_args, training_args)
    trainer = learner.trainer
    EvaluationLines(trainer, quiet=quiet)
    with _threads(1 if learner.is_tiny else torch.get_num_threads()):
        metrics = {"train": run_training(trainer)}
    places = {split: np.arange(len(dataset[split])) for split in ("validation", "test") if split in dataset}
    if num_train_predictions:
        places = {"train": sample_rows(len(dataset["train"]), num_train_predictions), **places}
    found: dict[str, Found] = {}
    for split, own in places.items():
        inputs, order = learner.inputs(split, own)
        output = trainer.predict(inputs, metric_key_prefix=split)
        found[split] = dataset[split].select(own), output.predictions[np.argsort(order)]
        if split != "train":
            metrics[split] = {key.removeprefix(f"{split}_"): value for key, value in (output.metrics or {}).items()}
            metrics[split]["num_rows"] = len(own)
    decided = decide(found) if decide else None
    if keep_model:
        learner.save(decided)
    return write_results(trainer, metrics, found, names, decided)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def text_learner(
    dataset: DatasetDict,
    names: Sequence[str],
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    *,
    class_counts: Sequence[int] | None = None,
) -> Learner:
    """What ``train_and_evaluate`` needs to train a whole model on texts; the loss counts the training rows if None."""
    model, tokenizer = build_model(model_args, names)
    tokenized = tokenize(dataset, tokenizer)
    trainer = BLVTrainer(
        model,
        training_args,
        train_dataset=tokenized["train"],
        eval_dataset=by_length(tokenized["validation"])[0] if "validation" in tokenized else None,
        processing_class=tokenizer,
        class_counts=class_counts,
        compute_metrics=make_compute_metrics(names),
    )

    def save(decided: Decided | None) -> None:
        if decided is not None:
            decided.fold_into(trainer.model)
        save_model_whole(trainer)

    return Learner(trainer, lambda split, places: by_length(tokenized[split].select(places)), save)


def run_training(trainer: BLVTrainer) -> dict[str, float]:
    """Train, from the checkpoint that the arguments name if any; what ``trainer.train()`` gives."""
    checkpoint = trainer.args.resume_from_checkpoint
    last = str(checkpoint).lower() == "true"  # as words on the command line have it
    try:
        return trainer.train(resume_from_checkpoint=last or checkpoint).metrics
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{checkpoint} holds a file with more than numbers in it, or a damaged one, so it was not read: go on from "
            "another checkpoint, or start anew in another --output_dir."
        ) from error


def write_results(
    trainer: BLVTrainer,
    metrics: dict[str, dict[str, float]],
    found: Mapping[str, Found],
    names: Sequence[str],
    decided: Decided | None,
) -> dict[str, dict[str, float]]:
    """Write history, speed, predictions and metrics, all of them or none; returns the metrics without the times."""
    speed = {split: {key: of[key] for key in of if f"_{key}".endswith(_MEASURED)} for split, of in metrics.items()}
    metrics = {split: {key: of[key] for key in of if key not in speed[split]} for split, of in metrics.items()}
    if decided is not None:
        metrics, found = decided.judge(metrics, found, names)
    if trainer.is_world_process_zero():
        with staged_folder(output_folder(trainer.args)) as folder:
            write_json(folder / HISTORY_FILE, trainer.state.log_history)
            write_json(folder / SPEED_FILE, speed)
            tables = [
                predictions_of_split(rows, split, prediction_table(logits, names))
                for split, (rows, logits) in found.items()
            ]
            if tables:
                write_predictions(folder, tables)
            write_json(folder / METRICS_FILE, metrics)
    return metrics


def save_model_whole(trainer: BLVTrainer) -> None:
    """Write model and tokenizer into the output folder, all of their files or none; push them where that is asked."""
    folder = output_folder(trainer.args)
    with staged_folder(folder, active=trainer.args.should_save) as staging:
        trainer.save_model(str(staging), _internal_call=True)  # every process takes part, one of them writes
        trainer.accelerator.wait_for_everyone()
    if trainer.args.push_to_hub:
        trainer.push_to_hub(commit_message="Model save", revision=trainer.args.hub_revision)


def sample_rows(num_rows: int, num_wanted: int) -> np.ndarray:
    """Places of ``num_wanted`` of ``num_rows`` rows, or of all if there are fewer; the same at each call."""
    return np.sort(np.random.default_rng(0).permutation(num_rows)[:num_wanted])


def refuse_used_folder(training_args: BLVTrainingArguments) -> None:
    """Raise a FileExistsError if the output folder holds a run that this one does not go on with."""
    folder = output_folder(training_args)
    if training_args.resume_from_checkpoint or ((folder / RUN_FILE).is_file() and not is_finished(folder)):
        return
    marks = [METRICS_FILE, "model.safetensors", "adapter_model.safetensors"]
    found = [name for name in marks if (folder / name).exists()] or [path.name for path in folder.glob("checkpoint-*")]
    if (folder / COMPARISON_FILE).exists():
        raise FileExistsError(f"{folder} already holds a comparison ({COMPARISON_FILE}): choose another --output_dir.")
    if found:
        raise FileExistsError(
            f"{folder} already holds a run ({found[0]}): choose another --output_dir, continue it with "
            "--resume_from_checkpoint PATH_OF_A_CHECKPOINT, or remove the folder."
        )


def build_model(model_args: ModelArguments, names: Sequence[str]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """The model to train, with ``names`` as its labels in order, and its tokenizer; both know where texts are cut."""
    model, tokenizer = _load(model_args, names)
    tokenizer.model_max_length = max_tokens(model, tokenizer, model_args.max_length)
    if isinstance(model.config, MeanPooledConfig):
        model.config.max_tokens = tokenizer.model_max_length
    return model, tokenizer


def _load(model_args: ModelArguments, names: Sequence[str]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    source = model_args.model_name_or_path
    labels: dict[str, Any] = {"num_labels": len(names), "id2label": dict(enumerate(names))}
    labels["label2id"] = {name: k for k, name in enumerate(names)}
    # Neither code nor pickles of the model are run; weights saved in half precision are trained in float32.
    safely = {"trust_remote_code": False, "use_safetensors": True, "dtype": torch.float32}
    with load_errors(source, flag="--model_name_or_path"):
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=False)
        config = AutoConfig.from_pretrained(source, trust_remote_code=False)
    is_ours = config.model_type == MeanPooledConfig.model_type
    if is_ours or (model_args.head == "stock" and any("ForSequence" in name for name in config.architectures or ())):
        _check_labels(config, source, names)
    with load_errors(source, flag="--model_name_or_path"):
        if not is_ours and model_args.head == "mean_pooled":
            labels["classifier_dropout"] = model_args.classifier_dropout
            return MeanPooledForSequenceClassification.from_encoder(source, encoder_kwargs=safely, **labels), tokenizer
        model = AutoModelForSequenceClassification.from_pretrained(source, **labels, **safely)
    if hasattr(model.config, "decision"):
        model.config.decision, model.config.group_decision = "raw", None  # it is decided anew
    return model, tokenizer


def tokenize(dataset: DatasetDict, tokenizer: PreTrainedTokenizerBase) -> DatasetDict:
    """Add token ids, and their number as ``length`` for length-grouped sampling; the log says how much is cut."""

    def encode(batch: Mapping[str, Any]) -> dict[str, Any]:
        encoded = tokenizer(batch["text"], truncation=True)
        return {**encoded, "length": [len(ids) for ids in encoded["input_ids"]]}

    texts = [text for rows in dataset.values() for text in rows["text"][:]]
    note_cut(num_tokens(tokenizer, texts), tokenizer.model_max_length)
    return dataset.map(encode, batched=True, desc="Tokenizing")


def by_length(rows: Dataset) -> tuple[Dataset, np.ndarray]:
    """Rows sorted by length, so that batches hold little padding, and the place that each came from."""
    order = np.argsort(rows["length"], kind="stable")
    return rows.select(order), order


def _check_labels(config: PretrainedConfig, source: str, names: Sequence[str]) -> None:
    """Rows of the head mean labels, in order; names that transformers made up (LABEL_0) mean the data's, in order."""
    known = spell_levels(str(name) for _, name in sorted((config.id2label or {}).items()))
    if known != list(names) and known != [f"LABEL_{k}" for k in range(len(names))]:
        raise ValueError(
            f"{source} is a classifier for {', '.join(known)}, the data has {', '.join(names)}: give the same labels "
            "in the same order (--label_order), or start from an encoder."
        )
