"""What holds for every metric, over the folders found on disk: a new one is tested the moment it exists."""

import doctest
import importlib
import inspect
import json
import math
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import evaluate
import numpy as np
import pytest
import torch

import blv_trainer.metrics
from blv_trainer.metrics import METRICS, metric_path

ROOM = Path(blv_trainer.metrics.__file__).parent
FOLDERS = sorted(path.name for path in ROOM.iterdir() if path.is_dir() and not path.name.startswith("_"))
OF_CLASSES = [name for name, metric in METRICS.items() if metric.of == "classes"]
OF_SCORES = [name for name, metric in METRICS.items() if metric.of == "scores"]
SECTIONS = ["Args", "Returns", "Raises", "Range", "Better", "Absent classes", "Reference", "Examples"]

over_metrics = pytest.mark.parametrize("name", FOLDERS)
over_pair_metrics = pytest.mark.parametrize("name", [name for name in FOLDERS if name != "ece"])


def module_of(name):
    return importlib.import_module(f"blv_trainer.metrics.{name}.{name}")


def inputs_of(name, levels, probabilities):
    """The two inputs of a metric under the names of its parameters."""
    references, predictions = levels
    second = {"probabilities": probabilities} if name == "ece" else {"predictions": predictions}
    return {"references": references, **second}


@pytest.fixture(scope="module")
def loaded():
    """Every metric, loaded from its folder by evaluate."""
    return {name: evaluate.load(metric_path(name), keep_in_memory=True) for name in FOLDERS}


@pytest.fixture(scope="module")
def results_without_the_package(tmp_path_factory):
    """Every metric's value and name, from copied folders in a process that can import neither us nor transformers."""
    folder = tmp_path_factory.mktemp("copied")
    for name in FOLDERS:
        shutil.copytree(ROOM / name, folder / name)
    script = f"""
import json, os, sys
os.environ.update(HF_EVALUATE_OFFLINE="1", HF_HUB_OFFLINE="1", HF_HOME={str(folder / "cache")!r})
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("blv_trainer", "transformers"):
            raise ImportError(name + " is not installed")
sys.meta_path.insert(0, Missing())
import evaluate
results = {{}}
for name in {FOLDERS!r}:
    metric = evaluate.load(os.path.join({str(folder)!r}, name), keep_in_memory=True)
    second = {{"probabilities": [[0.9, 0.1]] * 3}} if name == "ece" else {{"predictions": [0, 1, 1]}}
    results[name] = metric.compute(references=[0, 1, 0], **second)
print(json.dumps(results))
"""
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, cwd=folder)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_the_folders_are_the_registered_metrics():
    assert sorted(METRICS) == FOLDERS


@over_metrics
def test_the_package_attribute_is_the_function_and_not_the_subpackage_of_that_name(name):
    importlib.import_module(f"blv_trainer.metrics.{name}.{name}")
    function = getattr(blv_trainer.metrics, name)
    assert inspect.isfunction(function)
    assert function is METRICS[name].function is module_of(name).__dict__[name]
    assert name in blv_trainer.metrics.__all__
    assert pickle.loads(pickle.dumps(function)) is function


@over_metrics
def test_folder_function_key_and_evaluate_agree_on_the_name_and_the_value(name, loaded, levels, probabilities):
    inputs = inputs_of(name, levels, probabilities)
    result = loaded[name].compute(**inputs)
    assert METRICS[name].function.__name__ == loaded[name].name == name
    assert result == {name: METRICS[name](**inputs)}
    assert type(result[name]) is float


@over_metrics
def test_a_copied_folder_loads_where_the_package_is_missing(name, results_without_the_package):
    second = [[0.9, 0.1]] * 3 if name == "ece" else [0, 1, 1]
    assert results_without_the_package[name] == {name: METRICS[name]([0, 1, 0], second)}


@over_metrics
def test_evaluate_adds_batches_up(name, loaded, levels, probabilities):
    inputs = inputs_of(name, levels, probabilities)
    for rows in (slice(0, 100), slice(100, 101), slice(101, None)):
        loaded[name].add_batch(**{key: values[rows] for key, values in inputs.items()})
    assert loaded[name].compute() == {name: METRICS[name](**inputs)}


def test_evaluate_combines_them(levels):
    names = [name for name in FOLDERS if name != "ece"]
    combined = evaluate.combine([evaluate.load(metric_path(name), keep_in_memory=True) for name in names])
    result = combined.compute(**inputs_of("", levels, None))
    assert result == {name: METRICS[name](*levels) for name in names}


@over_metrics
@pytest.mark.parametrize("convert", [list, tuple, np.asarray, torch.tensor], ids=["list", "tuple", "numpy", "torch"])
def test_lists_tuples_arrays_and_tensors_give_the_same_value(name, convert, levels, probabilities):
    inputs = {key: values.tolist() for key, values in inputs_of(name, levels, probabilities).items()}
    value = METRICS[name](**{key: convert(values) for key, values in inputs.items()})
    assert value == pytest.approx(METRICS[name](**inputs), rel=1e-6)  # torch makes float32 of probabilities


@over_pair_metrics
@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float16", "float32", "float64"])
def test_the_number_type_of_levels_does_not_matter(name, dtype, levels):
    assert METRICS[name](*(values.astype(dtype) for values in levels)) == METRICS[name](*levels)


@over_metrics
def test_a_perfect_prediction_gives_the_value_that_the_docstring_calls_perfect(name, levels):
    references, _ = levels
    perfect = np.eye(5)[references] if name == "ece" else references
    stated = re.search(r"Better:\s+(?:higher|lower|nearer 0); ([01]) is perfect", METRICS[name].function.__doc__)
    assert METRICS[name](references, perfect) == float(stated.group(1))


@over_metrics
def test_a_single_sample_is_enough_or_undefined(name):
    second = [[0.0, 1.0]] if name == "ece" else [1]
    if name in ("pcc", "qwk", "smd"):
        with pytest.warns(RuntimeWarning, match=rf"{name} is undefined \(nan\)"):
            assert math.isnan(METRICS[name]([1], second))
    else:
        assert METRICS[name]([1], second) in (0.0, 1.0)


@pytest.mark.parametrize("name", ["pcc", "qwk", "smd"])
def test_the_warning_of_an_undefined_value_points_to_the_caller(name):
    with pytest.warns(RuntimeWarning, match="is undefined") as caught:
        METRICS[name].function([1, 1], [1, 1])
    assert caught[0].filename == __file__


@over_metrics
def test_the_inputs_are_left_as_they_are(name, levels, probabilities):
    inputs = {key: values.astype(float) for key, values in inputs_of(name, levels, probabilities).items()}
    before = {key: values.copy() for key, values in inputs.items()}
    METRICS[name](**inputs)
    for key in inputs:
        np.testing.assert_array_equal(inputs[key], before[key])


@over_pair_metrics
@pytest.mark.parametrize(
    ("references", "predictions", "message"),
    [
        ([], [], "0 references and 0 predictions cannot be compared; give one of each per sample"),
        ([0, 1], [0, 1, 1], "2 references and 3 predictions cannot be compared"),
        ([0, 1], [[0.2, 0.8], [0.6, 0.4]], r"predictions: an array of float64 with shape \(2, 2\) cannot be used"),
        (1, 1, r"references: an array of int64 with shape \(\) cannot be used"),
        (["A2", "B1"], [0, 1], r"references: an array of <U2 with shape \(2,\) cannot be used"),
        ([0, 1], [0, None], "predictions: an array of object"),
        ([0, 1, 1], [0, np.nan, 1], "predictions(: 1 of 3 are| holds) [nN]a[nN]"),
        ([0, np.inf, 1], [0, 1, 1], "references(: 1 of 3 are NaN or| holds) inf"),
    ],
    ids=["empty", "lengths", "two dimensions", "a number", "names", "none", "nan", "infinity"],
)
def test_unusable_input_is_refused_with_a_sentence(name, references, predictions, message):
    with pytest.raises(ValueError, match=message):
        METRICS[name](references, predictions)


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("wrong", [0.6, -1, -100])
@pytest.mark.parametrize("side", ["references", "predictions"])
def test_class_metrics_refuse_what_is_no_class_index(name, wrong, side, loaded):
    inputs = {"references": [0.0, 1.0], "predictions": [0.0, 1.0], side: [0.0, wrong]}
    message = rf"{side} holds {wrong}; give class indices: whole numbers from 0"
    with pytest.raises(ValueError, match=message):
        METRICS[name](**inputs)
    with pytest.raises(ValueError, match=message):
        loaded[name].compute(**inputs)


@pytest.mark.parametrize("name", OF_SCORES)
def test_score_metrics_do_not_truncate_expected_scores(name, loaded):
    references, expected_scores = [0, 1, 2, 2], [0.6, 1.2, 1.9, 1.4]
    result = loaded[name].compute(references=references, predictions=expected_scores)
    assert result == {name: METRICS[name](references, expected_scores)}
    assert result[name] != METRICS[name](references, np.floor(expected_scores))


@over_metrics
def test_the_docstring_has_every_section_and_its_example_runs(name):
    text = inspect.getdoc(METRICS[name].function)  # Python 3.13 takes the indentation away, earlier ones leave it
    places = [text.index(f"\n{section}:\n") for section in SECTIONS]
    assert places == sorted(places)
    assert text.splitlines()[0].endswith(".")
    outcome = doctest.testmod(module_of(name))
    assert outcome.attempted >= 1
    assert outcome.failed == 0


@over_metrics
def test_evaluate_shows_the_docstring(name, loaded):
    text = METRICS[name].function.__doc__
    assert loaded[name].description == text.splitlines()[0]
    assert loaded[name].inputs_description == text
    assert loaded[name].citation in text
    assert re.search(r"\b(18|19|20)\d\d\b", loaded[name].citation)
    assert "Examples" not in loaded[name].citation
    assert loaded[name].features["references"] == datasets.Value("float64")


@over_metrics
def test_a_metric_file_imports_only_what_every_user_of_evaluate_has(name):
    imports = re.findall(r"^(?:import|from)\s+(\w+)", (ROOM / name / f"{name}.py").read_text(), flags=re.MULTILINE)
    assert set(imports) <= {"warnings", "datasets", "evaluate", "numpy"}


@pytest.mark.parametrize(
    ("check", "names"), [("_class_indices", OF_CLASSES), ("_scores", OF_SCORES)], ids=["classes", "scores"]
)
def test_the_copies_of_an_input_check_are_identical(check, names):
    assert len({inspect.getsource(getattr(module_of(name), check)) for name in names}) == 1
