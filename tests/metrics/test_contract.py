"""What holds for every metric, over the folders found on disk: a new one is tested the moment it exists."""

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


@over_metrics
def test_lists_tuples_arrays_tensors_and_types_of_numbers_give_the_same_value(name, levels, probabilities):
    inputs = {key: values.tolist() for key, values in inputs_of(name, levels, probabilities).items()}
    value = METRICS[name](**inputs)
    for convert in (tuple, np.asarray, torch.tensor, np.float16):
        converted = {key: convert(values) for key, values in inputs.items()}
        assert METRICS[name](**converted) == pytest.approx(value, rel=1e-2 if name == "ece" else 1e-12)


@over_metrics
def test_a_perfect_prediction_gives_the_value_that_the_docstring_calls_perfect_and_stays_as_it_is(name, levels):
    references = levels[0].astype(float)
    perfect = np.eye(5)[levels[0]] if name == "ece" else references.copy()
    stated = re.search(r"Better:\s+(?:higher|lower|nearer 0); ([01]) is perfect", METRICS[name].function.__doc__)
    assert METRICS[name](references, perfect) == float(stated.group(1))
    np.testing.assert_array_equal(references, levels[0])
    np.testing.assert_array_equal(perfect, np.eye(5)[levels[0]] if name == "ece" else levels[0])


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


@over_pair_metrics
@pytest.mark.parametrize(
    ("references", "predictions", "message"),
    [
        ([], [], "0 references do not fit 0 predictions; give one for each"),
        ([0, 1], [0, 1, 1], "2 references do not fit 3 predictions"),
        ([0, 1], [[0.2, 0.8], [0.6, 0.4]], r"predictions has shape \(2, 2\), float64; give one"),
        (1, 1, r"references has shape \(\), int64"),
        (["A2", "B1"], [0, 1], r"references has shape \(2,\), <U2"),
        ([0, 1], [0, None], r"predictions has shape \(2,\), object"),
        ([0, 1, 1], [0, np.nan, 1], "predictions(: 1 of 3 are| holds) [nN]a[nN]"),
        ([0, np.inf, 1], [0, 1, 1], "references(: 1 of 3 are NaN or| holds) inf"),
    ],
    ids=["empty", "lengths", "two dimensions", "a number", "names", "none", "nan", "infinity"],
)
def test_unusable_input_is_refused_with_a_sentence(name, references, predictions, message):
    with pytest.raises(ValueError, match=message):
        METRICS[name](references, predictions)


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("wrong", [0.6, -1])
@pytest.mark.parametrize("side", ["references", "predictions"])
def test_class_metrics_refuse_what_is_no_class_index(name, wrong, side, loaded):
    inputs = {"references": [0.0, 1.0], "predictions": [0.0, 1.0], side: [0.0, wrong]}
    for compute in (METRICS[name], loaded[name].compute):
        with pytest.raises(ValueError, match=rf"{side} holds {wrong}; give class indices: whole numbers from 0"):
            compute(**inputs)


@over_metrics
def test_texts_are_refused_in_a_sentence_by_the_module_too(name, loaded):
    second = [[0.5, 0.5], [0.5, 0.5]] if name == "ece" else ["A2", "B1"]
    inputs = dict(zip(loaded[name].features[0], (["A2", "B1"], second), strict=True))
    with pytest.raises(ValueError, match="references (has|holds) .*; give (one|class ind)"):
        loaded[name].compute(**inputs)


@pytest.mark.parametrize("name", OF_SCORES)
def test_score_metrics_do_not_truncate_expected_scores(name, loaded):
    references, expected_scores = [0, 1, 2, 2], [0.6, 1.2, 1.9, 1.4]
    result = loaded[name].compute(references=references, predictions=expected_scores)
    assert result == {name: METRICS[name](references, expected_scores)}
    assert result[name] != METRICS[name](references, np.floor(expected_scores))


@over_metrics
def test_the_docstring_has_every_section_and_an_example(name):
    text = inspect.getdoc(METRICS[name].function)  # Python 3.13 takes the indentation away, earlier ones leave it
    places = [text.index(f"\n{section}:\n") for section in SECTIONS]
    assert places == sorted(places)
    assert text.splitlines()[0].endswith(".")
    assert ">>> " in text


@over_metrics
def test_evaluate_shows_the_docstring(name, loaded):
    text = METRICS[name].function.__doc__
    assert loaded[name].description == text.splitlines()[0]
    assert loaded[name].inputs_description == text
    assert loaded[name].citation in text
    assert re.search(r"\b(18|19|20)\d\d\b", loaded[name].citation)
    assert "Examples" not in loaded[name].citation
    assert loaded[name].features[0]["references"] == datasets.Value("float64")


@over_metrics
def test_a_metric_file_imports_only_what_every_user_of_evaluate_has(name):
    imports = re.findall(r"^(?:import|from)\s+(\w+)", (ROOM / name / f"{name}.py").read_text(), flags=re.MULTILINE)
    assert set(imports) <= {"warnings", "datasets", "evaluate", "numpy"}


@pytest.mark.parametrize(
    ("check", "names"), [("_class_indices", OF_CLASSES), ("_scores", OF_SCORES)], ids=["classes", "scores"]
)
def test_the_copies_of_an_input_check_are_identical(check, names):
    assert len({inspect.getsource(getattr(module_of(name), check)) for name in names}) == 1
