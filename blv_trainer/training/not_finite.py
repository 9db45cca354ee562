"""Says what is known of a training step whose loss is not finite; costs nothing while losses are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import IterableDataset

from blv_trainer.arguments import output_folder
from blv_trainer.training.checkpoints import last_whole_checkpoint
from blv_trainer.training.evaluation_by_class import EvaluationByClass

_SHOWN = 32  # rows named in a message
_CURE = "Try a lower learning rate, more warm-up steps, or bf16 or float32 in place of fp16."


def stop(
    trainer: EvaluationByClass,
    loss: float,
    inputs: Mapping[str, torch.Tensor],
    logits: torch.Tensor,
    micro_batches: Sequence[Mapping[str, torch.Tensor]],
) -> FloatingPointError:
    """The exception that ends a run.

    Args:
        trainer: the run.
        loss: nan or infinite.
        inputs: the micro-batch.
        logits: what the model made of it, ``(batch, num_classes)``.
        micro_batches: all of the step in this process; ``inputs`` is one of them.
    """
    state, args = trainer.state, trainer.args
    sentences = [f"the loss is {loss} at step {state.global_step + 1} of {state.max_steps}, so training stops"]
    number = next((k for k, other in enumerate(micro_batches, start=1) if other is inputs), "?")
    where = f"Micro-batch {number} of {len(micro_batches)}"
    if args.world_size > 1:
        where += f" in process {args.process_index + 1} of {args.world_size}"
    finite = torch.isfinite(logits).all(dim=-1).tolist()
    sentences.append(f"{where} {_describe_rows(trainer.train_dataset, inputs, finite)}")
    if not has_finite_weights(trainer.model):
        sentences.append("Weights of the model are not finite, since an earlier step or from the start")
    elif all(finite):
        sentences.append("The model's logits are finite, so it is the loss that made it")
    sentences += [_checkpoint(trainer), _CURE.rstrip(".")]
    return FloatingPointError(". ".join(sentences) + ".")


def check_weights(trainer: EvaluationByClass) -> None:
    """Raise a FloatingPointError if a weight is not finite: a gradient was not, though the loss was.

    ``Trainer`` clips such a gradient to nan and steps. The next loss tells; where none follows, this has to.
    """
    if not has_finite_weights(trainer.model):
        raise FloatingPointError(
            f"weights are not finite after step {trainer.state.global_step}, so training stops: the loss was "
            f"finite, its gradient was not. {_checkpoint(trainer)}. {_CURE}"
        )


def has_finite_weights(model: nn.Module) -> bool:
    """Whether every weight is a finite number."""
    # All of them are looked at: where weights are spread over processes, each must look as often as the others.
    finite = [bool(torch.isfinite(weight).all()) for weight in model.parameters()]
    return all(finite)


def rows_of(dataset: Any, inputs: Mapping[str, torch.Tensor]) -> list[list[int]] | None:
    """Finds the rows of a dataset that a batch was made of, by their content: no sampler has to remember them.

    Args:
        dataset: the training set.
        inputs: the batch, padded or not.

    Returns:
        For each row of the batch the numbers of the rows with that content, from 0: several where rows are equal, none
        where the collator changed them. None for a dataset whose rows have no numbers.

    Examples:
        >>> from datasets import Dataset
        >>> rows = Dataset.from_dict({"input_ids": [[5, 6], [8], [5, 6]], "attention_mask": [[1, 1], [1], [1, 1]]})
        >>> rows_of(rows, {"input_ids": torch.tensor([[8, 0]]), "attention_mask": torch.tensor([[1, 0]])})
        [[1]]
    """
    name = "input_ids" if "input_ids" in inputs else next((name for name in inputs if inputs[name].ndim > 1), None)
    if name is None or isinstance(dataset, IterableDataset) or not hasattr(dataset, "__len__"):
        return None
    batch = inputs[name].detach().cpu()
    values = (batch.float() if batch.is_floating_point() else batch).numpy()
    masks = inputs["attention_mask"].detach().cpu().numpy() if "attention_mask" in inputs else [None] * len(values)
    wanted = [_content(row, mask, values.dtype) for row, mask in zip(values, masks, strict=True)]
    found: dict[bytes, list[int]] = {content: [] for content in wanted}
    for number in range(len(dataset)):
        item = dataset[number]
        if name not in item:
            return None
        content = _content(item[name], item.get("attention_mask"), values.dtype)
        if content in found:
            found[content].append(number)
    return [found[content] for content in wanted]


def _content(values: Any, mask: Any, dtype: np.dtype) -> bytes:
    values = np.asarray(values, dtype=dtype)
    if mask is not None and np.shape(mask) == values.shape:
        values = values[np.asarray(mask, dtype=bool)]
    return values.tobytes()


def _describe_rows(dataset: Any, inputs: Mapping[str, torch.Tensor], finite: list[bool]) -> str:
    rows = rows_of(dataset, inputs)
    if rows is None:
        return f"holds {len(finite)} rows of a training set whose rows have no numbers"
    ids = dataset["id"] if "id" in (getattr(dataset, "column_names", None) or ()) else None
    names = [_row_name(numbers, ids) for numbers in rows]
    text = f"holds these rows of the training set, counted from 0: {_listed(names)}"
    bad = [name for name, is_finite in zip(names, finite, strict=True) if not is_finite]
    return text + (f"; the logits of {_listed(bad)} are not finite" if bad and len(bad) < len(names) else "")


def _row_name(numbers: list[int], ids: Any) -> str:
    if not numbers:
        return "one that the collator changed"
    return " or ".join(f"{number}" + (f" (id {ids[number]})" if ids is not None else "") for number in numbers[:3])


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _checkpoint(trainer: EvaluationByClass) -> str:
    # None is saved with weights that are not finite, so whole is good.
    found = last_whole_checkpoint(output_folder(trainer.args), num_processes=trainer.args.world_size)
    return f"The last good checkpoint is {found}" if found else "There is no good checkpoint to go on from"
