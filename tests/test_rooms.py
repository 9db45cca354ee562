"""The house: rooms import along one line and through doors; it has few files, each of a length to read."""

import ast
from collections import Counter, defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import blv_trainer
from blv_trainer.cli import VERBS

_PACKAGE = Path(blv_trainer.__file__).parent
_FILES = sorted(_PACKAGE.rglob("*.py"))

# From left to right, as data runs, each room with its budget of lines. A room imports only from rooms to its left, and
# only what stands in the `__all__` of their doors, imports inside functions counted.
_LINE = {
    "checks": 130,
    "levels": 80,
    "files": 220,
    "run_folder": 180,
    "asr": 2160,
    "corpora": 3340,
    "metrics": 1100,
    "evaluation": 1120,
    "losses": 1160,
    "decision": 810,
    "modeling": 300,
    "training_arguments": 110,
    "presets": 70,
    "arguments": 130,
    "onnx_classifier": 90,
    "prediction": 300,
    "hub": 1920,
    "trainer": 950,
    "experiments": 3250,
    "pipelines": 300,
    "app": 410,
    "cli": 2420,
}
# Registration waits for transformers and datasets, and then makes rooms known to them.
_OUTSIDE = {"__init__", "__main__", "_door", "_registration"}

_MAX_LINES, _MAX_FILES, _MAX_PUBLIC_NAMES = 20_600, 164, 190
_MAX_LINES_OF_TESTS = 24_090
_MIN_LINES_OF_FILE, _MAX_LINES_OF_FILE = 60, 300
_MAX_LINES_OF_FUNCTION = 60


def _room(name: str) -> str:
    return "trainer" if name == "training" else name  # training/ is what trainer.py is made of


def _room_of(file: Path) -> str:
    return _room(file.relative_to(_PACKAGE).parts[0].removesuffix(".py"))


def _is_verb(file: Path) -> bool:
    return file.parent.name == "cli" and file.stem in VERBS


def _module(file: Path) -> str:
    parts = file.relative_to(_PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


_MODULES = {_module(file): file for file in _FILES}
_TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in _FILES}


def _lines(files) -> int:
    return sum(len(file.read_text(encoding="utf-8").splitlines()) for file in files)


def _imports(file: Path):
    """Pairs of a module of this package and the name that the file imports from it, None for the module itself."""
    for node in ast.walk(_TREES[file]):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "blv_trainer":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_file = inner in _MODULES and alias.name not in _all(_MODULES[node.module])
                yield (inner, None) if is_file else (node.module, alias.name)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names if alias.name in _MODULES)


def _all(file: Path) -> list[str]:
    for node in _TREES[file].body:
        if isinstance(node, ast.Assign) and [getattr(target, "id", "") for target in node.targets] == ["__all__"]:
            return ast.literal_eval(node.value)
    return []


def _public_names() -> set[str]:
    """What others may use: the `__all__` of each door, and what a room of one file defines without an underscore."""
    names = set()
    for file in _FILES:
        if file.name == "__init__.py":
            names |= {*_all(file)}
        elif file.parent == _PACKAGE and file.stem not in _OUTSIDE:
            defined = [node.name for node in _TREES[file].body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
            names |= {name for name in defined if not name.startswith("_")}
    return names


def test_every_room_stands_on_the_line():
    assert {_room_of(file) for file in _FILES} - _OUTSIDE == set(_LINE)


@pytest.mark.parametrize("room", _LINE)
def test_a_room_imports_only_through_the_doors_of_rooms_to_its_left(room):
    left = list(_LINE)[: list(_LINE).index(room)]
    for file in _FILES:
        for module, name in _imports(file) if _room_of(file) == room else ():
            if module == "blv_trainer":
                continue  # its version
            other = _room(module.split(".")[1])
            if other != room and other != "_door":
                where = f"{file.relative_to(_PACKAGE)} imports {name or 'it'} from {module}"
                assert other in left, f"{where}, which is to its right"
                door = _MODULES[module]
                assert door.name == "__init__.py" or door.parent == _PACKAGE, f"{where}, which is behind a door"
                assert name is None or door.parent == _PACKAGE or name in _all(door), f"{where}, whose door has it not"


def test_no_name_of_a_door_is_hidden_by_a_file_of_that_name():
    for module, door in _MODULES.items():
        if door.name == "__init__.py" and module != "blv_trainer.metrics":  # which binds its functions afterwards
            files = {other.rpartition(".")[2] for other in _MODULES if other.rpartition(".")[0] == module}
            assert {*_all(door)} & files <= {name for inner, name in _imports(door) if inner == module}, module


def test_no_file_imports_in_a_circle():
    graph = {module: {other for other, _ in _imports(file)} for module, file in _MODULES.items()}
    for module in graph:  # whoever imports a file runs the doors that it lies behind
        graph[module] -= {module, "blv_trainer"}
    del graph["blv_trainer"], graph["blv_trainer._registration"]
    TopologicalSorter(graph).prepare()  # raises a CycleError that names the circle


@pytest.mark.parametrize("file", _FILES, ids=lambda file: str(file.relative_to(_PACKAGE)))
def test_a_file_is_one_idea_long_and_its_functions_fit_a_screen(file):
    length = _lines([file])
    assert length <= _MAX_LINES_OF_FILE
    named_by_users = file.parent.name == "losses" or file.parent.parent.name == "metrics" or _is_verb(file)
    if not file.name.startswith("_") and not named_by_users:
        assert length >= _MIN_LINES_OF_FILE
    for node in ast.walk(_TREES[file]):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = node.end_lineno - body[0].lineno + 1 if body else 0
            assert lines <= _MAX_LINES_OF_FUNCTION, f"{node.name} has {lines} lines"


def test_no_two_files_have_one_stem():
    stems = Counter(file.stem for file in _FILES if file.stem != "__init__" and not _is_verb(file))
    assert [stem for stem, count in stems.items() if count > 1] == []


def test_the_house_keeps_to_its_budget():
    of_room = defaultdict(list)
    for file in _FILES:
        of_room[_room_of(file)].append(file)
    lines = {room: _lines(files) for room, files in of_room.items()}
    assert {room: lines[room] for room in _LINE if lines[room] > _LINE[room]} == {}
    assert sum(lines.values()) <= _MAX_LINES
    assert len(_FILES) <= _MAX_FILES
    assert len(_public_names()) <= _MAX_PUBLIC_NAMES


def test_the_tests_keep_to_their_budget():
    assert _lines(Path(__file__).parent.rglob("*.py")) <= _MAX_LINES_OF_TESTS
