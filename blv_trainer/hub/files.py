"""Which files of a model's folder go to the Hub, and why the others stay behind."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

# What a model consists of. Anything else is left out, so that nothing private goes along by accident.
MODEL_FILES = (
    *("config.json", "generation_config.json", "adapter_config.json"),
    *("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"),
    *("vocab.txt", "vocab.json", "merges.txt", "*.model", "preprocessor_config.json"),
    *("training_args.json", "metrics.json"),
    *("README.md", "LICENSE*", "NOTICE*", "CITATION.cff", ".eval_results/*"),
    *("*.onnx", "*.onnx.data", "onnx/*"),
)
PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "*.joblib")
_REASONS = (
    (PICKLES, "a pickle, which can run code where it is loaded"),
    (("checkpoint-*", "runs", "logs", "*tfevents*", "history.json", "trainer_state.json"), "a trace of the training"),
    (("*.parquet", "*.csv", "*.tsv", "*.jsonl", "*.txt", "*.wav", "*.mp3"), "may hold what the corpus forbids to show"),
    (("config.yaml", "report", "*.log"), "names files and folders of this computer"),
)
_PICTURE = re.compile(r"!\[[^\]]*\]\(\s*([^)\s]+)")  # ![text](path)


@dataclass(frozen=True)
class Selection:
    """Files to publish.

    Args:
        files: paths below the folder, with slashes, sorted.
        left_out: entries of the folder that stay behind, with the reason.
    """

    files: list[str]
    left_out: dict[str, str]


def select_files(folder: str | Path, *, include: Sequence[str] = ()) -> Selection:
    """Choose the files of a model: weights, configuration, tokenizer, code, card, results.

    Args:
        folder: the model's folder.
        include: patterns of further files, such as ``predictions.parquet`` or ``figures/*``.

    Raises:
        ValueError: a pattern of ``include`` matches nothing.
    """
    folder = Path(folder)
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for pattern in include:
        if not any(fnmatch(path, pattern) for path in paths):
            raise ValueError(f"include={pattern!r} matches no file of {folder}: give a path below it, or a pattern.")
    named = {*_code_files(folder), *_pictures(folder)}
    files = [
        path
        for path in paths
        if path in named or belongs_to_model(path) or any(fnmatch(path, pattern) for pattern in include)
    ]
    left_out = {}
    for path in paths:
        if path not in files:
            entry = path.split("/")[0]
            left_out[f"{entry}/" if "/" in path else entry] = _reason(entry)
    return Selection(files, left_out)


def belongs_to_model(path: str) -> bool:
    """Whether a path, relative to the model's folder, is one of ``MODEL_FILES``.

    Examples:
        >>> belongs_to_model("model-00001-of-00002.safetensors"), belongs_to_model("checkpoint-5/config.json")
        (True, False)
    """
    depth = path.count("/")
    return any(depth == pattern.count("/") and fnmatch(path, pattern) for pattern in MODEL_FILES)


def is_pickle_name(path: str) -> bool:
    """Whether a name is one of a format that is pickled."""
    return any(fnmatch(PurePosixPath(path).name, pattern) for pattern in PICKLES)


def is_outdated(path: str, files: Sequence[str]) -> bool:
    """Whether a file that stands on the Hub belongs to an earlier version of a model that now consists of ``files``."""
    is_top_level_pickle = "/" not in path and is_pickle_name(path)
    return path not in files and (belongs_to_model(path) or is_top_level_pickle)


def read_config(folder: Path) -> dict:
    """The model's ``config.json``; empty where there is none."""
    path = folder / "config.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _code_files(folder: Path) -> list[str]:
    """The files that ``auto_map`` names, and those they import from the same folder."""
    auto_map = read_config(folder).get("auto_map", {})
    modules = {name.split(".")[0] for name in auto_map.values() if "--" not in name}  # -- is in another repository
    paths = [folder / f"{module}.py" for module in sorted(modules)]
    if not all(path.is_file() for path in paths):
        return []  # the check of the files says so
    if paths:
        from transformers.dynamic_module_utils import get_relative_import_files

        paths += [Path(imported) for path in paths for imported in get_relative_import_files(path)]
    return [path.relative_to(folder).as_posix() for path in paths]


def _pictures(folder: Path) -> list[str]:
    """Files that the card shows."""
    card = folder / "README.md"
    return _PICTURE.findall(card.read_text(encoding="utf-8")) if card.is_file() else []


def _reason(entry: str) -> str:
    for patterns, reason in _REASONS:
        if any(fnmatch(entry, pattern) for pattern in patterns):
            return reason
    return "no part of a model"
