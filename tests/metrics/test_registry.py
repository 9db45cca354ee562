import re
from pathlib import Path

import pytest

from blv_trainer.metrics import METRICS, metric_path


@pytest.mark.parametrize("name", METRICS)
def test_metric_path_is_the_folder_that_evaluate_opens(name):
    path = Path(metric_path(name))
    assert path.name == name
    assert (path / f"{name}.py").is_file()


@pytest.mark.parametrize("name", METRICS)
def test_goodness_is_highest_for_the_value_that_the_docstring_calls_better(name):
    direction = re.search(r"Better:\s+(higher|lower|nearer 0)", METRICS[name].function.__doc__).group(1)
    turned = {"higher": [-0.5, 0.2, 0.7], "lower": [0.5, -0.2, -0.7], "nearer 0": [-0.5, -0.2, -0.7]}
    assert [METRICS[name].goodness(value) for value in (-0.5, 0.2, 0.7)] == turned[direction]


@pytest.mark.parametrize("name", METRICS)
def test_what_the_table_says_of_a_metric_is_what_its_docstring_says(name):
    better = re.search(r"Better:\s+(higher|lower|nearer 0)", METRICS[name].function.__doc__).group(1)
    assert METRICS[name].better == better.replace("nearer", "near")


def test_an_unknown_metric_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"metric='macro_rsme' is unknown. Choose from: .*Did you mean 'macro_rmse'\?"):
        metric_path("macro_rsme")


def test_nothing_is_suggested_where_nothing_is_near():
    with pytest.raises(ValueError, match=r"metric='bleu' is unknown. Choose from: accuracy, .*smd\.$"):
        metric_path("bleu")
