"""Which files of a model's folder go to the Hub and why the others stay behind; its training arguments as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from blv_trainer.arguments import output_folder
from blv_trainer.files import write_json
from blv_trainer.hub.leaks import leaks_of_text
from blv_trainer.run_folder import read_json

if TYPE_CHECKING:
    from transformers import TrainingArguments

_TRAINING_ARGS_FILE = "training_args.json"  # in place of training_args.bin, which is a pickle

# What a model consists of. Anything else is left out, so that nothing private goes along by accident.
_MODEL_FILES = (
    *("config.json", "generation_config.json", "adapter_config.json"),
    *("model.safetensors", "model-*-of-*.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja"),
    *("vocab.txt", "vocab.json", "merges.txt", "*.model", "preprocessor_config.json"),
    *(_TRAINING_ARGS_FILE, "metrics.json"),
    *("README.md", "LICENSE*", "NOTICE*", "CITATION.cff", ".eval_results/*"),
    *("*.onnx", "*.onnx.data", "onnx/*"),
)
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.pickle", "*.ckpt", "*.joblib")
_REASONS = (
    (_PICKLES, "a pickle, which can run code where it is loaded"),
    (("checkpoint-*", "runs", "logs", "*tfevents*", "history.json", "trainer_state.json"), "a trace of the training"),
    (("*.parquet", "*.csv", "*.tsv", "*.jsonl", "*.txt", "*.wav", "*.mp3"), "may hold what the corpus forbids to show"),
    (("report",), "shows texts of your data"),
    (("*.yaml", "*.log"), "names files and folders of this computer"),
)
# Where and how long things are kept, and in which process: no part of how a model was trained.
_NOT_SHOWN = ("output_dir", "logging_dir", "run_name", "from_checkpoint", "save_total_limit", "local_rank", "_token")
_PICTURE = re.compile(r"!\[[^\]]*\]\(\s*([^)\s]+)")


class Selection(NamedTuple):
    """Files to publish, and what stays behind."""

    files: list[str]  # paths below the folder, with slashes, sorted
    left_out: dict[str, str]  # reason by entry of the folder


def select_files(folder: str | Path, *, include: Sequence[str] = ()) -> Selection:
    """Choose the files of a model: weights, configuration, tokenizer, code, card, results, and those of ``include``."""
    folder = Path(folder)
    paths = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    for pattern in include:
        if not any(fnmatch(path, pattern) for path in paths):
            raise ValueError(f"include={pattern!r} matches no file of {folder}: give a path below it, or a pattern.")
    card = folder / "README.md"
    named = {*_code_files(folder), *(pictures_of(card.read_text(encoding="utf-8")) if card.is_file() else ())}
    asked = {path for pattern in include for path in paths if fnmatch(path, pattern)}
    asked = {path for path in asked if not path.startswith("report/") or path in include}  # that only by its name
    files = [path for path in paths if path in named | asked or belongs_to_model(path)]
    others = {f"{path.split('/')[0]}/" if "/" in path else path for path in paths if path not in files}
    return Selection(files, {entry: _reason(entry.rstrip("/")) for entry in sorted(others)})


def pictures_of(card: str) -> list[str]:
    """The paths, or addresses, of the pictures that a card shows: ``![text](path)``."""
    return _PICTURE.findall(card)


def belongs_to_model(path: str) -> bool:
    """Whether a path, relative to the model's folder, is one of ``_MODEL_FILES``."""
    depth = path.count("/")
    return any(depth == pattern.count("/") and fnmatch(path, pattern) for pattern in _MODEL_FILES)


def is_pickle_name(path: str) -> bool:
    """Whether a name is one of a format that is pickled."""
    return any(fnmatch(PurePosixPath(path).name, pattern) for pattern in _PICKLES)


def is_outdated(path: str, files: Sequence[str]) -> bool:
    """Whether a file that stands on the Hub belongs to an earlier version of a model that now consists of ``files``."""
    is_top_level_pickle = "/" not in path and is_pickle_name(path)
    return path not in files and (belongs_to_model(path) or is_top_level_pickle)


def modules_of(folder: Path) -> dict[str, None]:
    """The files of code that ``auto_map`` in a model's ``config.json`` names, but those of other repositories."""
    names = (read_json(folder / "config.json") or {}).get("auto_map", {}).values()
    return dict.fromkeys(f"{name.split('.')[0]}.py" for name in names if "--" not in name)


def write_training_args(args: TrainingArguments, folder: str | Path | None = None) -> Path:
    """Write ``training_args.json``: how a model was trained, without tokens and without paths of this computer.

    Args:
        args: the arguments.
        folder: where to write; default: their output folder.

    Returns:
        The path of the file.
    """
    path = Path(folder or output_folder(args), _TRAINING_ARGS_FILE)
    shown = {name: value for name, value in args.to_dict().items() if not name.endswith(_NOT_SHOWN)}
    write_json(path, {k: v for k, v in shown.items() if not any(leaks_of_text(json.dumps(v, default=str)))})
    return path


def _code_files(folder: Path) -> list[str]:
    """The files that ``auto_map`` names, and those they import from the same folder."""
    paths = [folder / module for module in modules_of(folder)]
    if not all(path.is_file() for path in paths):
        return []  # the check of the files says so
    if paths:
        from transformers.dynamic_module_utils import get_relative_import_files

        paths += [Path(imported) for path in paths for imported in get_relative_import_files(path)]
    return [path.relative_to(folder).as_posix() for path in paths]


def _reason(entry: str) -> str:
    found = (reason for patterns, reason in _REASONS if any(fnmatch(entry, pattern) for pattern in patterns))
    return next(found, "no part of a model")
