"""``--freeze_encoder``: pooled features once for each dataset and encoder, then the head alone: seconds a run."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from datasets import DatasetDict
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import nn
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from blv_trainer import __version__
from blv_trainer.arguments import BLVTrainingArguments, ModelArguments, output_folder
from blv_trainer.experiments.decisions import Decided
from blv_trainer.experiments.progress import predict_with_time_left
from blv_trainer.experiments.runs import data_digest, encoder_digest
from blv_trainer.experiments.single_run import Learner, build_model
from blv_trainer.files import staged_folder, write_whole
from blv_trainer.losses import describe_loss
from blv_trainer.metrics import make_compute_metrics
from blv_trainer.prediction import note_cut
from blv_trainer.trainer import BLVTrainer
from blv_trainer.training import count_classes

logger = logging.getLogger(__name__)

FEATURES_FOLDER = "features"  # where a comparison or a run keeps them


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


class FeatureRows(torch.utils.data.Dataset):
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
    made_by: list[Any] = [__version__, transformers.__version__]  # another version may pool or tokenise otherwise
    made_by += [encoder_digest(model_args.model_name_or_path), model_args.max_length]
    features: dict[str, np.ndarray] = {}
    encoder, lengths = None, []  # it is loaded where something is missing, and once
    for split, rows in dataset.items():
        key = json.dumps([data_digest(DatasetDict({split: rows}), rows.features["label"].names), *made_by])
        path = cache_dir / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.safetensors"
        kept = _kept_features(path, len(rows))
        if kept is None:
            logger.info("features of the frozen encoder: %d %s rows", len(rows), split)
            encoder = encoder or _encoder(model_args, rows.features["label"].names)
            kept, own = predict_with_time_left(f"features of {split}", *encoder, list(rows["text"]))
            lengths += own
            write_whole(path, partial(save_file, {"features": kept}))
        features[split] = kept
    if encoder:
        note_cut(lengths, encoder[1].model_max_length)
    return features


def _encoder(model_args: ModelArguments, names: Sequence[str]) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model that gives what its head would see, and its tokenizer."""
    model, tokenizer = build_model(model_args, names)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)  # type: ignore[arg-type]  # transformers wraps Module.to, which hides self from mypy
    model.classifier = nn.Identity()  # the model then returns what its head would see
    return model, tokenizer


def _kept_features(path: Path, num_rows: int) -> np.ndarray | None:
    """The features in a file, ``(num_rows, hidden_size)``; None where there is none, or not one row for each."""
    if not path.is_file():
        return None
    try:
        features = load_file(path)["features"]
    except (SafetensorError, KeyError) as error:
        logger.warning("%s is damaged (%s); its features are computed again.", path, error)
        return None
    if len(features) != num_rows:
        return None
    logger.info("features of the frozen encoder: read from %s", path)
    return features


def head_learner(
    features: Mapping[str, np.ndarray],
    dataset: DatasetDict,
    names: Sequence[str],
    model_args: ModelArguments,
    training_args: BLVTrainingArguments,
    *,
    class_counts: Sequence[int] | None = None,
) -> Learner:
    """What ``train_and_evaluate`` needs to train the head on features in place of texts."""
    training_args.remove_unused_columns = False  # batches come whole, not as lists of rows
    training_args.train_sampling_strategy = "random"  # features have no length to group by
    head = FrozenHead(features["train"].shape[1], names, dropout=model_args.classifier_dropout)
    rows = {split: FeatureRows(features[split], dataset[split]["label"]) for split in dataset}
    trainer = BLVTrainer(
        head,
        training_args,
        data_collator=lambda batch: batch,  # FeatureRows gives whole batches
        train_dataset=rows["train"],
        eval_dataset=rows.get("validation"),
        class_counts=class_counts or count_classes(dataset["train"], len(names)),
        compute_metrics=make_compute_metrics(names),
    )

    def inputs(split: str, places: np.ndarray) -> tuple[FeatureRows, np.ndarray]:
        return FeatureRows(features[split][places], dataset[split].select(places)["label"]), np.arange(len(places))

    def save(decided: Decided | None) -> None:
        """The whole classifier, encoder and trained head, to be loaded like any other."""
        if not trainer.is_world_process_zero():
            return
        model, tokenizer = build_model(model_args, names)
        trained = {key: value.cpu() for key, value in head.classifier.state_dict().items()}
        model.get_submodule("classifier").load_state_dict(trained)
        model.config.class_counts, model.config.training_loss = trainer.class_counts, describe_loss(trainer.loss_fn)
        model.config.decision = "raw"
        if decided is not None:
            decided.fold_into(model)
        with staged_folder(output_folder(trainer.args)) as folder:
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    return Learner(trainer, inputs, save, is_tiny=True)
