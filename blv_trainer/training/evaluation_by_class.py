"""What an evaluation says of each class, for ``BLVTrainer``."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import PreTrainedModel, Trainer
from transformers.trainer_utils import EvalLoopOutput

from blv_trainer.losses import IGNORE_INDEX
from blv_trainer.losses.base import check_labels
from blv_trainer.training.confusion import ConfusionCounter

logger = logging.getLogger(__name__)


class EvaluationByClass(Trainer):
    """A ``Trainer`` whose evaluations count labels against predictions, batch by batch.

    The metrics then hold the recall of each class and how often it was predicted, and the loss is the mean over the
    labelled rows. ``compute_loss`` has to call ``_evaluation_loss``.
    """

    model: PreTrainedModel | nn.Module  # Trainer declares None as possible, but raises

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        # Labels, predicted classes and losses of the evaluation batch at hand.
        self._scored: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
        self._confusion: ConfusionCounter | None = None  # of the evaluation at hand
        self._eval_loss_sum = 0.0  # of the evaluation at hand
        self._added_metrics: set[str] = set()  # names of the metrics that are ours
        self._warned_classes: set[int] = set()

    def _evaluation_loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if logits.ndim != 2:
            raise ValueError(
                f"the model gave logits of shape {tuple(logits.shape)} where (batch, num_classes) is needed: use a "
                "sequence classification head."
            )
        check_labels(labels, logits.shape[1])
        losses = F.cross_entropy(logits.float(), labels.long(), ignore_index=IGNORE_INDEX, reduction="none")  # (batch,)
        self._scored = (labels, logits.argmax(dim=-1), losses)
        if self._confusion is None:
            self._confusion = ConfusionCounter(logits.shape[1])
        return losses.sum() / (labels != IGNORE_INDEX).sum()

    def _get_eval_sampler(self, eval_dataset: Any) -> None:
        # None is the dataset's order. Trainer would shuffle the rows where training groups them by length, and
        # predict() return them in that order.
        return None

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: list[str] | None = None,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None, torch.Tensor | None]:
        """As in ``Trainer``; counts labels against predictions and sums up the losses on the way."""
        self._scored = None
        step = super().prediction_step(model, inputs, prediction_loss_only, ignore_keys=ignore_keys)
        if self._scored is not None:
            labels, predicted, losses = self.accelerator.gather_for_metrics(self._scored)
            self._confusion.add(labels, predicted)
            self._eval_loss_sum += losses.sum().item()
        return step

    def evaluation_loop(
        self,
        dataloader: DataLoader,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: list[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """As in ``Trainer``; adds each class's recall and number of predictions to the metrics."""
        self._confusion, self._eval_loss_sum = None, 0.0
        output = super().evaluation_loop(dataloader, description, prediction_loss_only, ignore_keys, metric_key_prefix)
        confusion, self._confusion = self._confusion, None
        if confusion is not None and confusion.num_items:
            id2label = getattr(getattr(self.model, "config", None), "id2label", None) or {}
            names = [str(id2label.get(k, k)) for k in range(len(confusion.matrix))]
            added = {f"{metric_key_prefix}_{key}": value for key, value in confusion.metrics(names).items()}
            new = added.keys() - output.metrics.keys()  # compute_metrics may have a recall of its own
            output.metrics.update({key: value for key, value in added.items() if key in new})
            self._added_metrics |= new
            # Trainer's mean weighs micro-batches alike, whatever the share of duplicates and ignored rows in them.
            output.metrics[f"{metric_key_prefix}_loss"] = self._eval_loss_sum / confusion.num_items
            self._warn_of_classes_never_predicted(confusion, names)
        return output

    def _warn_of_classes_never_predicted(self, confusion: ConfusionCounter, names: list[str]) -> None:
        new = [k for k in confusion.never_predicted() if k not in self._warned_classes]
        self._warned_classes.update(new)
        if new and self.is_world_process_zero():
            logger.warning(
                "never predicted in %d rows at step %d: %s. Each evaluation logs eval_predicted_<class>; if it stays "
                "0, train longer, raise the learning rate or try another loss.",
                confusion.num_items,
                self.state.global_step,
                ", ".join(f"{names[k]!r} (the label of {confusion.support(k)} rows)" for k in new),
            )
