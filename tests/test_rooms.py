"""The house: rooms import along one line, files and functions stay short enough to read."""

import ast
from pathlib import Path

import pytest

import blv_trainer

_PACKAGE = Path(blv_trainer.__file__).parent
_FILES = sorted(_PACKAGE.rglob("*.py"))

# From left to right, as data runs. A room imports only from rooms to its left.
_LINE = [
    "suggestions",
    "files",
    "locks",
    "run_folder",
    "asr",
    "corpora",
    "metrics",
    "evaluation",
    "losses",
    "decision",
    "modeling",
    "arguments",
    "training",
    "trainer",
    "onnx_classifier",
    "prediction",
    "experiments",
    "hub",
    "pipelines",
    "app",
    "cli",
]
# Registration waits for transformers and datasets, and then makes rooms known to them.
_OUTSIDE = {"__init__", "__main__", "_door", "_registration"}
# Trainer.push_to_hub and create_model_card are methods of the trainer by transformers' contract; they import inside.
_BACKWARD = {("trainer", "hub")}

_MAX_LINES_OF_FILE = 300
_MAX_LINES_OF_FUNCTION = 60


def _room(file: Path) -> str:
    return file.relative_to(_PACKAGE).parts[0].removesuffix(".py")


def _imported_rooms(file: Path):
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            package, *parts = name.split(".")
            if package == "blv_trainer" and parts and parts[0] in _rooms():
                yield parts[0]


def _rooms() -> set[str]:
    return {_room(file) for file in _FILES} - {"__init__"}


def test_every_room_stands_on_the_line():
    assert _rooms() - _OUTSIDE == set(_LINE)


@pytest.mark.parametrize("room", _LINE)
def test_a_room_imports_only_from_rooms_to_its_left(room):
    for file in _FILES:
        if _room(file) == room:
            for other in set(_imported_rooms(file)) - {room}:
                allowed = other in _LINE[: _LINE.index(room)] or (room, other) in _BACKWARD
                assert allowed, f"{file.relative_to(_PACKAGE)} imports {other}, which is to its right"


@pytest.mark.parametrize("file", _FILES, ids=lambda file: str(file.relative_to(_PACKAGE)))
def test_no_file_and_no_function_is_too_long_to_read(file):
    source = file.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= _MAX_LINES_OF_FILE
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= _MAX_LINES_OF_FUNCTION, f"{node.name} has {lines} lines"
