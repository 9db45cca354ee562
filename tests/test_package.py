"""The package from outside: its names, what importing it does and does not do, its examples."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import blv_trainer

MODULES = [
    module.name
    for module in pkgutil.walk_packages(blv_trainer.__path__, "blv_trainer.")
    if not module.name.endswith("__main__")
]


def run_python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", blv_trainer.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert name in dir(blv_trainer)
    assert getattr(blv_trainer, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'blv_trainer' has no attribute 'BVLTrainer'"):
        blv_trainer.BVLTrainer  # noqa: B018


def test_importing_the_package_or_its_command_line_imports_nothing_heavy():
    heavy = "{'torch', 'transformers', 'datasets', 'evaluate', 'pyarrow', 'pandas', 'numpy', 'scipy', 'whisper'}"
    code = f"import sys, blv_trainer, blv_trainer.cli as c; c.build_parser(); print(sorted({heavy} & set(sys.modules)))"
    assert run_python(code).stdout.strip() == "[]"


@pytest.mark.slow
def test_one_training_and_judging_it_load_no_figures_and_no_report():
    code = (
        "import sys; from blv_trainer.experiments import train_and_evaluate; from blv_trainer.evaluation import Scores"
    )
    heavy = "{'matplotlib', 'numba', 'sklearn'}"
    assert run_python(f"{code}; print(sorted({heavy} & set(sys.modules)))").stdout.strip() == "[]"


@pytest.mark.parametrize(
    "imports",
    [
        "import blv_trainer, transformers",
        "import transformers, blv_trainer",
        *(
            pytest.param(imports, marks=pytest.mark.slow)
            for imports in (
                "import blv_trainer; from transformers import pipeline",
                "from transformers import PreTrainedModel; import blv_trainer",
                "from blv_trainer import MeanPooledConfig",
                "import blv_trainer.modeling.modeling_mean_pooled",
                "import datasets, blv_trainer",
            )
        ),
    ],
)
def test_transformers_knows_our_model_whatever_was_imported_first(imports):
    code = (
        f"{imports}\n"
        "from transformers import AutoConfig, AutoModelForSequenceClassification as Auto\n"
        "config = AutoConfig.for_model('blv-mean-pooled')\n"
        "assert type(config) in Auto._model_mapping, Auto._model_mapping.keys()\n"
        "print(type(config).__module__)"
    )
    done = run_python(code)
    assert done.stdout.strip() == "blv_trainer.modeling.configuration_mean_pooled", done.stderr


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0
