"""The page as a folder that a Hugging Face Space runs, or anybody by ``python app.py``."""

from __future__ import annotations

import json
import os
import shutil
from importlib.metadata import version
from pathlib import Path

from blv_trainer import __version__
from blv_trainer.app.page import INTRODUCTIONS, TITLES, Limits, import_gradio
from blv_trainer.files import staged_folder
from blv_trainer.onnx_classifier import ONNX_FILE
from blv_trainer.prediction import load_classifier

_APP = '''\
"""A page to try a model. Written by `blv-trainer app --export`."""

import os
from pathlib import Path

from blv_trainer.app import Limits, serve

HERE = Path(__file__).parent

if __name__ == "__main__":
    serve(
        {model},
        whisper_model={whisper_model},
        language={language},
        limits={limits},
        title={title},
        text_only={text_only},
        host=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),  # a Space sets it
        trust_remote_code={trust_remote_code},
    )
'''
_README = Path(__file__).with_name("space_readme.md")


def export_space(
    model: str,
    folder: str | os.PathLike[str],
    *,
    title: str | None = None,
    text_only: bool = False,
    whisper_model: str = "large-v2",
    language: str | None = None,
    limits: Limits | None = None,
    trust_remote_code: bool = False,
    requirement: str | None = None,
) -> Path:
    """Write the page as a folder: README.md with a Space's settings, app.py, requirements.txt.

    A model on the Hub is named; one in a folder is copied along, weights and tokenizer only, and so is a Whisper
    checkpoint that is a file. The folder is there as a whole or not at all.

    Args:
        model: folder or Hub id of a classifier.
        folder: where to write; must not exist, or be empty.
        title: of the page.
        text_only: a page for texts alone; no Whisper checkpoint is copied.
        whisper_model: name or path of the weights.
        language: of what is spoken, as ``build_page`` has it.
        limits: on what is put in.
        trust_remote_code: run model code that comes with the checkpoint.
        requirement: the line by which pip finds this package, such as ``blv_trainer[app] @ git+https://...``; default:
            this version of it.

    Returns:
        The folder.

    Raises:
        FileExistsError, FileNotFoundError: the folder has something in it; no such model.
        ImportError: Gradio, whose version the Space asks for, is not installed.
    """
    import_gradio()
    folder, name, whisper_file = Path(folder), Path(model).resolve().name, Path(whisper_model)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is there and not empty: choose another folder for the Space.")
    title = title or TITLES[text_only]
    parts = load_classifier(model, trust_remote_code=trust_remote_code)  # a mistyped name shows here, not in the Space
    is_local = Path(model).is_dir()
    requirements, whisper_reference = [requirement or f"blv_trainer[app]=={__version__}"], repr(whisper_model)
    with staged_folder(folder) as draft:
        if is_local:
            for part in parts:  # saved, not copied: a training folder also holds checkpoints, logs and pickles
                part.save_pretrained(draft / name)
            if (draft / name / ONNX_FILE).is_file():
                requirements.append("onnxruntime")
        if whisper_file.is_file() and not text_only:
            shutil.copyfile(whisper_file, draft / whisper_file.name)
            whisper_reference = f"str(HERE / {whisper_file.name!r})"
        app = _APP.format(
            title=repr(title),
            text_only=text_only,
            model=f"str(HERE / {name!r})" if is_local else repr(model),
            whisper_model=whisper_reference,
            language=repr(language),
            limits=limits or Limits(),
            trust_remote_code=trust_remote_code,
        )
        readme = _README.read_text(encoding="utf-8").format(
            title=json.dumps(title, ensure_ascii=False),
            heading=title,
            description=f"Estimates the level of {'texts' if text_only else 'spoken English'}",
            introduction=INTRODUCTIONS[text_only],
            gradio_version=version("gradio"),
            models=json.dumps([] if is_local else [model]),
        )
        files = {"app.py": app, "README.md": readme, "requirements.txt": "\n".join([*requirements, ""])}
        for file, text in files.items():
            (draft / file).write_text(text, encoding="utf-8")
    return folder
