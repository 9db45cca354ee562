"""``--freeze_encoder``: pooled features once for each dataset and encoder, then the head alone: seconds a run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import transformers
from datasets import DatasetDict
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import nn
from torch.utils.data import Dataset
from transformers import PretrainedConfig, PrinterCallback, set_seed

from blv_trainer import __version__
from blv_trainer.arguments import BLVTrainingArguments, ModelArguments, output_folder
from blv_trainer.experiments.runs import data_digest, encoder_digest
from blv_trainer.experiments.single_run import (
    build_model,
    predict_and_write,
    refuse_used_folder,
    run_training,
    sample_rows,
)
from blv_trainer.files import staged_folder, write_whole
from blv_trainer.losses import describe_loss
from blv_trainer.metrics import make_compute_metrics
from blv_trainer.prediction import predict_logits
from blv_trainer.trainer import BLVTrainer
from blv_trainer.training import count_classes

logger = logging.getLogger(__name__)


class FrozenHead(nn.Module):
    """The head of ``MeanPooledForSequenceClassification`` alone: dropout and a linear layer over pooled features.

    Shape:
        - features: ``(batch, hidden_size)``.
        - logits: ``(batch, num_classes)``.
    """

    def __init__(self, hidden_size: int, names: Sequence[str], *, dropout: float):
        super().__init__()
        self.config = PretrainedConfig(id2label=dict(enumerate(names)))
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(hidden_size, len(names))
        nn.init.normal_(self.classifier.weight, std=0.02)  # as transformers initialises a new head
        nn.init.zeros_(self.classifier.bias)

    def forward(self, features: torch.Tensor) -> dict[str, torch.Tensor]:
        """Logits of features."""
        return {"logits": self.classifier(self.dropout(features))}


class FeatureRows(Dataset):
    """Features ``(n, hidden_size)`` and labels ``(n,)`` as the trainer takes them; a batch is one look-up."""

    def __init__(self, features: np.ndarray, labels: Sequence[int]):
        self.features, self.labels = torch.from_numpy(features), torch.tensor(labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, row: int) -> dict[str, torch.Tensor]:
        return {"features": self.features[row], "labels": self.labels[row]}

    def __getitems__(self, rows: list[int]) -> dict[str, torch.Tensor]:
        return {"features": self.features[rows], "labels": self.labels[rows]}


def pooled_features(dataset: DatasetDict, model_args: ModelArguments, cache_dir: Path) -> dict[str, np.ndarray]:
    """What the mean-pooled head sees of every row, ``(n, hidden_size)`` float32 by split; kept in ``cache_dir``."""
    if model_args.head != "mean_pooled":
        raise ValueError(f"--freeze_encoder trains the mean-pooled head, not --head {model_args.head}: leave one out.")
    names = dataset["train"].features["label"].names
    made_by = [__version__, transformers.__version__]  # another version may pool or tokenise otherwise
    key = [data_digest(dataset, names), encoder_digest(model_args.model_name_or_path), model_args.max_length, made_by]
    path = cache_dir / f"{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]}.safetensors"
    kept = _kept_features(path, dataset)
    if kept is not None:
        logger.info("features of the frozen encoder: read from %s", path)
        return kept
    model, tokenizer = build_model(model_args, names)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)  # type: ignore[arg-type]  # transformers wraps Module.to, which hides self from mypy
    model.classifier = nn.Identity()  # the model then returns what its head would see
    features = {}
    for split, rows in dataset.items():
        logger.info("features of the frozen encoder: %d %s rows", len(rows), split)
        features[split] = predict_logits(model, tokenizer, list(rows["text"]), max_length=model_args.max_length)
    write_whole(path, lambda temporary: save_file(features, temporary))
    return features


def _kept_features(path: Path, dataset: DatasetDict) -> dict[str, np.ndarray] | None:
    """The features in a file; None where there is none, or not one row of them for each row of the dataset."""
    if not path.is_file():
        return None
    try:
        features = load_file(path)
    except SafetensorError as error:
        logger.warning("%s is damaged (%s); its features are computed again.", path, error)
        return None
    sizes = {split: len(of_split) for split, of_split in features.items()}
    return features if sizes == {split: len(rows) for split, rows in dataset.items()} else None


def train_head_and_evaluate(
    features: Mapping[str, np.ndarray],
    dataset: DatasetDict,
    names: Sequence[str],
    *,
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    quiet: bool = False,
    num_train_predictions: int = 0,
    keep_model: bool = False,
) -> dict[str, dict[str, float]]:
    """``train_and_evaluate`` for a frozen encoder: the same files, from features in place of texts.

    ``keep_model`` saves the whole classifier, encoder and trained head, to be loaded like any other.
    """
    refuse_used_folder(training_args)
    training_args.dataloader_pin_memory = False
    training_args.remove_unused_columns = False  # batches come whole, not as lists of rows
    training_args.train_sampling_strategy = "random"  # features have no length to group by
    set_seed(training_args.seed)
    head = FrozenHead(features["train"].shape[1], names, dropout=model_args.classifier_dropout)
    rows = {split: FeatureRows(features[split], dataset[split]["label"]) for split in dataset}
    trainer = BLVTrainer(
        head,
        training_args,
        data_collator=lambda batch: batch,  # FeatureRows gives whole batches
        train_dataset=rows["train"],
        eval_dataset=rows.get("validation"),
        class_counts=count_classes(dataset["train"], len(names)),
        compute_metrics=make_compute_metrics(names),
    )
    if quiet:
        trainer.remove_callback(PrinterCallback)
    train_metrics = run_training(trainer)
    chosen = {split: np.arange(len(dataset[split])) for split in ("validation", "test") if split in dataset}
    if num_train_predictions:
        chosen = {"train": sample_rows(len(dataset["train"]), num_train_predictions), **chosen}
    inputs = {
        split: (FeatureRows(features[split][places], dataset[split].select(places)["label"]), np.arange(len(places)))
        for split, places in chosen.items()
    }
    if keep_model and trainer.is_world_process_zero():
        _save_classifier(trainer, head, names, model_args)
    columns = {split: dataset[split].select(places) for split, places in chosen.items()}
    return predict_and_write(trainer, train_metrics, inputs, columns, names)


def _save_classifier(trainer: BLVTrainer, head: FrozenHead, names: Sequence[str], model_args: ModelArguments) -> None:
    model, tokenizer = build_model(model_args, names)
    trained = {key: value.cpu() for key, value in head.classifier.state_dict().items()}
    model.get_submodule("classifier").load_state_dict(trained)
    model.config.class_counts, model.config.training_loss = trainer.class_counts, describe_loss(trainer.loss_fn)
    model.config.decision = "raw"
    with staged_folder(output_folder(trainer.args)) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
