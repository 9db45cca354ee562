"""What stands in source files, read without running them: torch, which they import, takes seconds to come.

So help, names and what is misspelt are answered at once.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

_PACKAGE = Path(__file__).parents[1]
_NO_LOSSES = ("__init__", "base")


class FlagField(NamedTuple):
    """A field of a dataclass as a flag: its name, its annotation, its default, its metadata with "help"."""

    name: str
    kind: str
    default: Any
    about: Mapping[str, Any]


@cache
def training_fields() -> dict[str, FlagField]:
    """The fields of ``BLVTrainingArguments``, its own first."""
    own = _fields(_PACKAGE / "training_arguments.py", "BLVTrainingArguments")
    return {field.name: field for field in [*own, *_fields(_transformers("training_args.py"), "TrainingArguments")]}


@cache
def enumerations() -> dict[str, list[str]]:
    """The values of each enumeration that transformers' training arguments take."""
    classes = [*_classes(_transformers("trainer_utils.py")), *_classes(_transformers("training_args.py"))]
    return {
        node.name: [_literal(line.value) for line in node.body if isinstance(line, ast.Assign)]
        for node in classes
        if [getattr(base, "id", None) for base in node.bases] == ["ExplicitEnum"]
    }


@cache
def losses() -> dict[str, tuple[str, dict[str, Any]]]:
    """The losses by name: what each is in a sentence, and its options with their defaults."""
    (base,) = [node for node in _classes(_PACKAGE / "losses" / "base.py") if node.name == "ImbalanceLoss"]
    files = sorted(path for path in (_PACKAGE / "losses").glob("*.py") if path.stem not in _NO_LOSSES)
    found = {path.stem: [node for node in _classes(path) if node.bases][-1] for path in files}
    return {name: (_first_line(node), _options(node) or _options(base) or {}) for name, node in found.items()}


@cache
def metrics() -> dict[str, str]:
    """The metrics by name, each in a sentence."""
    files = sorted((_PACKAGE / "metrics").glob("*/*.py"))
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")).body for path in files}
    return {
        name: _first_line(node)
        for name, body in trees.items()
        for node in body
        if isinstance(node, ast.FunctionDef) and node.name == name
    }


@cache
def rules() -> list[str]:
    """The metrics for which theory has a decision."""
    text = (_PACKAGE / "decision" / "shifts.py").read_text(encoding="utf-8")
    values = {ast.unparse(line.targets[0]): line.value for line in ast.parse(text).body if isinstance(line, ast.Assign)}
    return [*_literal(values["_OPTIMAL"])]


def _transformers(name: str) -> Path:
    spec = importlib.util.find_spec("transformers")
    if spec is None or spec.origin is None:
        raise ImportError("transformers is not installed: pip install transformers")
    return Path(spec.origin).with_name(name)


def _classes(path: Path) -> list[ast.ClassDef]:
    return [node for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]


def _fields(path: Path, class_name: str) -> list[FlagField]:
    (node,) = [node for node in _classes(path) if node.name == class_name]
    fields = []
    for line in node.body:
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(line.value, ast.Call):
            given = {word.arg: _literal(word.value) for word in line.value.keywords}
            kind, about = ast.unparse(line.annotation), given.get("metadata") or {}
            fields.append(FlagField(line.target.id, kind, given.get("default"), about))
    return fields


def _options(node: ast.ClassDef) -> dict[str, Any] | None:
    """The keyword-only arguments of ``__init__`` with their defaults; None where the class has none of its own."""
    for made in node.body:
        if isinstance(made, ast.FunctionDef) and made.name == "__init__":
            pairs = zip(made.args.kwonlyargs, made.args.kw_defaults, strict=True)
            return {argument.arg: _literal(default) for argument, default in pairs}
    return None


def _literal(node: ast.AST | None) -> Any:
    """The value of an expression that is one, such as a text or a number; else None."""
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return None


def _first_line(node: ast.ClassDef | ast.FunctionDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0]
