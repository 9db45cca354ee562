"""From a saved classifier and texts to logits, and from logits to levels, probabilities and expected scores."""

from __future__ import annotations

import contextlib
import logging
import textwrap
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.special import softmax
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from blv_trainer.checks import check_hub
from blv_trainer.decision import folded, pool
from blv_trainer.levels import level_values, spell_levels
from blv_trainer.losses import logits_of
from blv_trainer.onnx_classifier import ONNX_FILE, OnnxClassifier

if TYPE_CHECKING:
    import pyarrow as pa
    from transformers import PretrainedConfig

__all__ = [
    "group_scores",
    "label_names",
    "load_classifier",
    "load_errors",
    "max_tokens",
    "note_cut",
    "num_tokens",
    "predict_logits",
    "prediction_table",
]

logger = logging.getLogger(__name__)

_IF_PRIVATE = ". If it is private: log in with `hf auth login` or set HF_TOKEN, as somebody who may read it."
_IF_PICKLED = (
    " Weights in a pickle such as pytorch_model.bin are not read, because a pickle can run code. If you trust it, "
    "convert it once: transformers.AutoModel.from_pretrained(OLD).save_pretrained(NEW)."
)
_TEXTS_AT_A_TIME = 4096  # sorted by length among themselves; bounds the memory that tokens take
_TOKENS_ON_PROCESSOR = 1024  # in one forward pass: what its cache holds
_TOKENS_ON_ACCELERATOR = 16384


def load_classifier(
    name_or_path: str, *, trust_remote_code: bool = False
) -> tuple[PreTrainedModel | OnnxClassifier, PreTrainedTokenizerBase]:
    """Load a sequence classifier, in evaluation mode and on the GPU where there is one, and its tokenizer.

    Args:
        name_or_path: a folder, also one that ``blv-trainer export`` wrote, or a Hub id.
        trust_remote_code: run model code that comes with the checkpoint; not needed for our own model.

    Raises:
        FileNotFoundError: it is not there, or has no weights in safetensors.
        ValueError: it is damaged, needs code that comes with it, or lacks weights, as an encoder without a head does.
    """
    with load_errors(name_or_path):
        if Path(name_or_path, ONNX_FILE).is_file():
            model, missing = OnnxClassifier(name_or_path, trust_remote_code=trust_remote_code), []
        else:
            model, info = AutoModelForSequenceClassification.from_pretrained(
                name_or_path, trust_remote_code=trust_remote_code, use_safetensors=True, output_loading_info=True
            )
            missing = sorted(info["missing_keys"])
        tokenizer = AutoTokenizer.from_pretrained(name_or_path, trust_remote_code=trust_remote_code)
    if missing and not Path(name_or_path, "adapter_config.json").is_file():  # an adapter brings them
        named = ", ".join([*missing[:3], *(["..."] if len(missing) > 3 else [])])
        raise ValueError(
            f"{name_or_path} lacks the weights {named}, so it is no finished classifier: train one with blv-trainer "
            "train, or give another model."
        )
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.eval().to(device), tokenizer


@contextlib.contextmanager
def load_errors(name_or_path: str, *, flag: str = "") -> Iterator[None]:
    """Gives whatever loading a model and its tokenizer raises one sentence that names it, after the flag."""
    shown = f"{flag} {name_or_path}".lstrip()
    if Path(name_or_path).exists() and not Path(name_or_path, "config.json").is_file():
        if Path(name_or_path, "adapter_config.json").is_file():
            raise ValueError(
                f"{shown} holds a PEFT adapter, which does not say what its labels are: merge it where it was trained, "
                "trainer.model.merge_and_unload().save_pretrained(NEW), tokenizer.save_pretrained(NEW), and give NEW."
            )
        raise FileNotFoundError(
            f"{shown} holds no config.json, so it is no saved model: give the --output_dir of a finished train (not "
            "compare, whose winner.yaml train takes), one of its checkpoint folders, or a Hub id."
        )
    check_hub(name_or_path, flag)
    try:
        yield
    except ImportError:  # names the extra that is missing
        raise
    except OSError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        hint = _IF_PRIVATE if "private repo" in str(error) else _IF_PICKLED if "safetensors" in reason else ""
        raise FileNotFoundError(
            f"{shown} is neither a folder with a saved model and tokenizer nor a model that can be fetched from "
            f"the Hub: {reason}{hint}"
        ) from error
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise ValueError(
                f"{shown} needs code that comes with it, which is not run. Read that code; if you trust it, "
                "predict and evaluate take --trust_remote_code."
            ) from error
        reason = textwrap.shorten(f"{type(error).__name__}: {error}", 500, placeholder=" ...")
        raise ValueError(f"{shown} cannot be loaded: {reason}") from error


def predict_logits(
    model: PreTrainedModel | OnnxClassifier,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    *,
    batch_size: int | None = None,
    max_length: int | None = None,
    on_batch: Callable[[list[int]], Any] | None = None,
) -> np.ndarray:
    """Logits of texts, in the order given; batches hold texts of similar length, so little is spent on padding.

    Args:
        model: a sequence classifier; its own device is used.
        tokenizer: its tokenizer.
        texts: a list of texts.
        batch_size: texts in one forward pass; default: as many as hold together 1,024 tokens on a processor and 16,384
            on an accelerator, padding included.
        max_length: tokens after which a text is cut; default: as in training, or what the model takes. Where it is
            another number, a note says so.
        on_batch: called after each forward pass with how many tokens each of its texts has, uncut.

    Returns:
        Logits, ``(len(texts), num_classes)``, float32.

    Raises:
        TypeError: the model gives no logits, or a single text was given.
        ValueError: a batch size or length below 1, or a length that the model does not take.
    """
    if isinstance(texts, str):
        raise TypeError(f"texts={texts!r} is a single text: give a list of texts.")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size={batch_size} cannot be used: give a number from 1 up, or nothing.")
    own, max_length = max_tokens(model, tokenizer), max_tokens(model, tokenizer, max_length)
    if max_length != own:
        logger.info("texts are cut after %d tokens, in place of the model's own %d.", max_length, own)
    was_training, cut_at = model.training, getattr(model.config, "max_tokens", None)
    model.eval()
    if cut_at is not None:  # a mean-pooled model also cuts what it is given
        model.config.max_tokens = max_length
    chunks = []
    for start in range(0, len(texts), _TEXTS_AT_A_TIME):
        encoded, lengths = _encode(tokenizer, list(texts[start : start + _TEXTS_AT_A_TIME]), max_length)
        batches = _batches([len(ids) for ids in encoded["input_ids"]], batch_size, model.device.type)
        sorted_logits = []
        for rows in batches:
            batch = {key: [values[i] for i in rows] for key, values in encoded.items()}
            sorted_logits.append(_forward(model, tokenizer, batch))
            if on_batch:
                on_batch([lengths[i] for i in rows])
        chunks.append(np.concatenate(sorted_logits)[np.argsort(np.concatenate(batches))])
    model.train(was_training)
    if cut_at is not None:
        model.config.max_tokens = cut_at
    return np.concatenate(chunks) if chunks else np.empty((0, len(label_names(model))), np.float32)


def max_tokens(model: Any, tokenizer: PreTrainedTokenizerBase, max_length: int | None = None) -> int:
    """Tokens after which a text is cut: what a user wants, or as many as model and tokenizer say that they take."""
    text_config = model.config.get_text_config()
    positions = getattr(text_config, "max_position_embeddings", None) or tokenizer.model_max_length
    if text_config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= 2  # their position ids start after the padding index
    if max_length is None:
        return min(positions, tokenizer.model_max_length)
    learnt = [layer for name, layer in model.named_modules() if name.endswith("position_embeddings")]
    longest = min([positions, *(layer.num_embeddings for layer in learnt)]) if learnt else None
    if max_length < 1 or (longest and max_length > longest):
        raise ValueError(
            f"max_length={max_length} cannot be used: give a number from 1 {f'to {longest}' if longest else 'up'}."
        )
    return max_length


def num_tokens(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[int]:
    """How many tokens each text has, uncut, those that the tokenizer adds included."""
    return [len(ids) for ids in tokenizer(list(texts), verbose=False)["input_ids"]] if len(texts) else []


def note_cut(lengths: Sequence[int], max_length: int, *, tell: Callable[[str], Any] = logger.info) -> None:
    """Tell how many texts are cut after ``max_length`` tokens, and how much of them; nothing where none is."""
    if long := [length for length in lengths if length > max_length]:
        lost = 100 - 100 * max_length * len(long) / sum(long)
        cut = f"{len(long)} of {len(lengths)} texts are cut after {max_length} tokens"
        tell(f"{cut} and lose {lost:.2g} % of theirs.")


def label_names(model: Any) -> list[str]:
    """The model's labels, lowest first; where all are numbers, each in its one spelling ("3" for "3.0")."""
    return spell_levels(str(model.config.id2label[k]) for k in range(model.config.num_labels))


def group_scores(
    scores: ArrayLike, groups: Sequence[Hashable], config: PretrainedConfig
) -> tuple[list[Any], np.ndarray]:
    """What a model says of each group of answers, such as a speaker's: pooled, then decided as it was saved to decide.

    Args:
        scores: what the saved model gives for each answer, ``(n, num_classes)``.
        groups: whose answer each is, ``(n,)``.
        config: the model's; its ``group_decision``, where there is one, is applied to the pooled scores.

    Returns:
        The groups in order of first appearance, and their scores, ``(num_groups, num_classes)``, for
        ``prediction_table``.

    Raises:
        ValueError: not one group for each answer, or another number of classes than the decision's.

    Examples:
        >>> from transformers import BertConfig
        >>> names, scores = group_scores([[0.0, 2.0], [1.0, 0.0], [3.0, 0.0]], ["ann", "ann", "bob"], BertConfig())
        >>> names, scores.argmax(axis=1).tolist()
        (['ann', 'bob'], [1, 0])
    """
    names, pooled = pool(scores, groups)
    decision = folded(config, of_groups=True)
    return names, pooled if decision is None else decision.apply(pooled)


def prediction_table(logits: np.ndarray, names: Sequence[str]) -> pa.Table:
    """What a model says of each text.

    Args:
        logits: ``(n, num_classes)``.
        names: the labels, lowest first.

    Returns:
        Columns ``prediction`` (class index), ``level`` (its name), ``expected_score`` (mean level under the
        probabilities: in the labels' own units where all are numbers, else in positions from 1, the lowest label),
        ``p_<label>`` for each label, and ``logits`` (a list).

    Examples:
        >>> table = prediction_table(np.array([[0.0, 0.0, -100.0]]), ["A2", "B1", "B2"])
        >>> table.column_names
        ['prediction', 'level', 'expected_score', 'p_A2', 'p_B1', 'p_B2', 'logits']
        >>> table["expected_score"][0].as_py()
        1.5
    """
    import pyarrow as pa

    probabilities = softmax(logits.astype(np.float64), axis=1)  # (n, num_classes)
    predicted = logits.argmax(axis=1)
    columns = {
        "prediction": pa.array(predicted, pa.int64()),
        "level": pa.array([names[k] for k in predicted], pa.string()),
        "expected_score": pa.array(probabilities @ level_values(names)),
        **{f"p_{name}": pa.array(probabilities[:, k]) for k, name in enumerate(names)},
        "logits": pa.array(list(logits.astype(np.float32)), pa.list_(pa.float32())),
    }
    return pa.table(columns)


def _batches(lengths: Sequence[int], batch_size: int | None, device_type: str) -> list[np.ndarray]:
    """Places of the texts of each batch, longest first, so that lack of memory shows at once."""
    order = np.argsort(lengths, kind="stable")[::-1]
    tokens = _TOKENS_ON_PROCESSOR if device_type == "cpu" else _TOKENS_ON_ACCELERATOR
    batches = []
    while len(order):
        count = batch_size or max(1, tokens // lengths[order[0]])
        batches.append(order[:count])
        order = order[count:]
    return batches


def _encode(tokenizer: Any, texts: list[str], max_length: int) -> tuple[dict[str, list[Any]], list[int]]:
    """What a model takes, cut after ``max_length`` tokens, and how many there were; long texts alone are read twice."""
    encoded = dict(tokenizer(texts, verbose=False))
    lengths = [len(ids) for ids in encoded["input_ids"]]
    if long := [i for i, length in enumerate(lengths) if length > max_length]:
        for key, values in tokenizer([texts[i] for i in long], truncation=True, max_length=max_length).items():
            for i, value in zip(long, values, strict=True):
                encoded[key][i] = value
    return encoded, lengths


@torch.inference_mode()
def _forward(model: Any, tokenizer: PreTrainedTokenizerBase, encoded: dict[str, list[Any]]) -> np.ndarray:
    batch = tokenizer.pad(encoded, return_tensors="pt").to(model.device)
    return logits_of(model(**batch)).float().cpu().numpy()
