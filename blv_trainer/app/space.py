"""The page as a folder that a Hugging Face Space runs, or anybody by ``python app.py``."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from blv_trainer import __version__
from blv_trainer.app import texts
from blv_trainer.app.assessor import Limits
from blv_trainer.app.page import import_gradio
from blv_trainer.onnx_classifier import ONNX_FILE
from blv_trainer.prediction import load_classifier

DEFAULT_REQUIREMENT = f"blv_trainer[app]=={__version__}"

_APP = '''"""{title} Written by `blv-trainer app --export`."""

import os
from pathlib import Path

from blv_trainer.app.assessor import Limits
from blv_trainer.app.serve import serve

HERE = Path(__file__).parent

if __name__ == "__main__":
    serve(
        {model},
        whisper_model={whisper_model},
        limits=Limits({limits}),
        host=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),  # a Space sets it
        trust_remote_code={trust_remote_code},
    )
'''

_README = """---
{front_matter}---

# {title}

{introduction}

Model: {model}. Transcripts: Whisper {whisper_model}.

Runs as a Space with the Gradio SDK, or on your machine:

    pip install -r requirements.txt
    python app.py

A private model needs a token in the Space's secret `HF_TOKEN`. `requirements.txt` names where `blv_trainer` comes from.
"""


def export_space(
    model: str,
    folder: str | os.PathLike,
    *,
    whisper_model: str = "large-v2",
    limits: Limits | None = None,
    trust_remote_code: bool = False,
    requirement: str = DEFAULT_REQUIREMENT,
) -> Path:
    """Writes the page as a folder: README.md with a Space's settings, app.py, requirements.txt.

    A model on the Hub is named; one in a folder is copied along, weights and tokenizer only, and so is a Whisper
    checkpoint that is a file. The folder is there as a whole or not at all.

    Args:
        model: Folder or Hub id of a classifier.
        folder: Where to write; must not exist, or be empty.
        whisper_model: Name or path of the weights.
        limits: On what is put in.
        trust_remote_code: Run model code that comes with the checkpoint.
        requirement: The line by which pip finds this package, such as ``blv_trainer[app] @ git+https://...``.

    Returns:
        The folder.

    Raises:
        FileExistsError: The folder has something in it.
        FileNotFoundError: No such model.
        ImportError: Gradio, whose version the Space asks for, is not installed.
    """
    import_gradio()
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there and not empty: choose another folder for the Space.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}_") as parent:
        draft = Path(parent, folder.name)
        draft.mkdir()
        settings = {
            "model": _model_reference(model, draft, trust_remote_code=trust_remote_code),
            "whisper_model": _whisper_reference(whisper_model, draft),
            "limits": ", ".join(f"{name}={value!r}" for name, value in asdict(limits or Limits()).items()),
            "trust_remote_code": trust_remote_code,
        }
        (draft / "app.py").write_text(_APP.format(title=texts.TITLE, **settings), encoding="utf-8")
        runtime = "onnxruntime\n" if any(draft.glob(f"*/{ONNX_FILE}")) else ""  # where the model is an exported one
        (draft / "requirements.txt").write_text(f"{requirement}\n{runtime}", encoding="utf-8")
        (draft / "README.md").write_text(_readme(model, whisper_model), encoding="utf-8")
        if folder.exists():
            folder.rmdir()  # an empty one
        os.replace(draft, folder)
    return folder


def _readme(model: str, whisper_model: str) -> str:
    is_folder = Path(model).is_dir()
    front_matter: dict[str, Any] = {
        "title": texts.TITLE,
        "sdk": "gradio",
        "sdk_version": version("gradio"),
        "app_file": "app.py",
        "pinned": False,
        "short_description": "Estimates the level of spoken English",
        **({} if is_folder else {"models": [model]}),
    }
    return _README.format(
        front_matter=yaml.safe_dump(front_matter, sort_keys=False, allow_unicode=True),
        title=texts.TITLE,
        introduction=texts.INTRODUCTION,
        model=f"in `{Path(model).resolve().name}/`" if is_folder else f"`{model}`",
        whisper_model=f"`{Path(whisper_model).name}`",
    )


def _model_reference(model: str, draft: Path, *, trust_remote_code: bool) -> str:
    """The expression in app.py that names the model."""
    parts = load_classifier(model, trust_remote_code=trust_remote_code)  # a mistyped name shows here, not in the Space
    if not Path(model).is_dir():
        return repr(model)
    name = Path(model).resolve().name
    for part in parts:  # saved, not copied: a training folder also holds checkpoints, logs and pickles
        part.save_pretrained(draft / name)
    return f"str(HERE / {name!r})"


def _whisper_reference(whisper_model: str, draft: Path) -> str:
    if not Path(whisper_model).is_file():
        return repr(whisper_model)
    name = Path(whisper_model).name
    shutil.copyfile(whisper_model, draft / name)
    return f"str(HERE / {name!r})"
