"""What several rooms check at their doors: names, class counts, logits and labels.

Numpy is imported inside, so that the command line, which names the nearest flag, starts without it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import torch

logger = logging.getLogger(__name__)

IGNORE_INDEX = -100  # the label of rows that do not count, as in torch and transformers
_SHORTEST_PART = 3  # letters
_HARDLY_WRONG = 0.8  # share of letters in common; difflib's own limit, 0.6, is tried last


def nearest(given: object, accepted: Iterable[str]) -> str | None:
    """The accepted name nearest to what was given, regardless of case; None where none is near.

    Of names that hold what was given as a part, the first is meant, rather than a short name that looks like it.
    """
    lowered = {name.casefold(): name for name in reversed([*accepted])}
    word = str(given).casefold()
    holding = [name for name in reversed(lowered) if word in name and len(word) >= _SHORTEST_PART]
    holding.sort(key=lambda name: not name.startswith(word))
    near = get_close_matches(word, lowered, n=1, cutoff=_HARDLY_WRONG) or holding or get_close_matches(word, lowered)
    return lowered[near[0]] if near else None


def did_you_mean(given: object, accepted: Iterable[str]) -> str:
    """The end of a message, with the blank before it; empty where no accepted name is near."""
    meant = nearest(given, accepted)
    return f" Did you mean {meant!r}?" if meant else ""


def whole_counts(class_counts: Any) -> list[int]:
    """Training examples of each class, a list, array or tensor ``(num_classes,)``, as plain whole numbers."""
    import numpy as np

    counts = np.asarray(class_counts.tolist() if hasattr(class_counts, "tolist") else class_counts)
    is_list = counts.ndim == 1 and len(counts) > 1 and counts.dtype.kind in "iuf"
    if not is_list or not ((counts >= 0) & (counts < np.inf) & (counts == np.floor(counts))).all():
        raise ValueError(
            f"class_counts={class_counts!r} cannot be used: give one count for each of at least two classes, a whole "
            "number from 0 up."
        )
    return [int(count) for count in counts]


def check_logits_and_labels(
    logits: np.ndarray | torch.Tensor, labels: np.ndarray | torch.Tensor, num_classes: int | None = None
) -> None:
    """Raise a ValueError unless logits are ``(n, num_classes)`` and labels ``(n,)`` whole numbers."""
    if logits.ndim != 2 or num_classes not in (None, logits.shape[1]):
        raise ValueError(
            f"logits of shape {tuple(logits.shape)} cannot be used: give shape (n, {num_classes or 'num_classes'}), "
            "one logit for each class, as a sequence classification head does."
        )
    if labels.shape != logits.shape[:1] or "int" not in str(labels.dtype):
        raise ValueError(
            f"labels of shape {tuple(labels.shape)} and type {labels.dtype} do not fit logits of shape "
            f"{tuple(logits.shape)}: give one class index for each row; regression and multi-label targets are not "
            "supported."
        )


def check_labels(labels: np.ndarray | torch.Tensor, num_classes: int) -> None:
    """Raise a ValueError unless every label is a class index or ``-100``."""
    wrong = labels[(labels != IGNORE_INDEX) & ((labels < 0) | (labels >= num_classes))]
    if len(wrong):
        raise ValueError(
            f"labels {sorted(set(wrong.tolist()))[:5]} are out of range: {num_classes} classes take labels 0 to "
            f"{num_classes - 1}, and {IGNORE_INDEX} for rows to ignore. Correct the labels or the number of classes."
        )


def labelled_rows(logits: Any, labels: Any, num_classes: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Logits ``(n, num_classes)``, finite and in float64, and labels ``(n,)`` of the rows that have a label."""
    import numpy as np

    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    check_logits_and_labels(logits, labels, num_classes)
    check_labels(labels, logits.shape[1])
    labelled = labels != IGNORE_INDEX
    if not labelled.any():
        raise ValueError(f"none of {labels.size} rows has a label (all are {IGNORE_INDEX}): give labelled rows.")
    logits, labels = logits[labelled], labels[labelled]
    if broken := np.count_nonzero(~np.isfinite(logits).all(axis=1)):
        raise ValueError(
            f"{broken} of {len(logits)} rows of logits hold NaN or infinity: the model has diverged or overflowed; try "
            "a lower learning rate, or bf16 in place of fp16."
        )
    return logits, labels


def check_hub(name_or_path: str, flag: str = "", *, kind: str = "model") -> None:
    """Raise a FileNotFoundError at once where a "model" or "dataset" would come from a Hub that cannot be reached.

    The Hub's client would try again for a minute. What was downloaded before is used, and this process goes offline.
    """
    if Path(name_or_path).exists() or name_or_path.count("/") > 1 or name_or_path[:1] in "./~":
        return
    from huggingface_hub import constants, get_session

    is_here = Path(constants.HF_HUB_CACHE, f"{kind}s--{name_or_path.replace('/', '--')}").is_dir()
    missing = f"{flag} {name_or_path} is no folder, was not downloaded before".lstrip()
    if constants.HF_HUB_OFFLINE and not is_here:
        raise FileNotFoundError(f"{missing}, and HF_HUB_OFFLINE is set: unset it to fetch it, or give a folder.")
    try:
        if not constants.HF_HUB_OFFLINE:
            get_session().head(constants.ENDPOINT, timeout=5)
    except Exception as error:  # whatever the client of the day raises
        if not is_here:
            raise FileNotFoundError(
                f"{missing}, and {constants.ENDPOINT} cannot be reached ({type(error).__name__}): give a folder. With "
                "HF_HUB_OFFLINE=1 nothing waits for the Hub."
            ) from error
        constants.HF_HUB_OFFLINE = True
        logger.warning("%s: the Hub cannot be reached; what was downloaded before is used.", name_or_path)
