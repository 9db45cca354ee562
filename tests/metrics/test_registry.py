import re

import pytest

from blv_trainer.metrics import METRICS, metric_path


@pytest.mark.parametrize("name", METRICS)
def test_the_table_knows_which_values_are_better_as_the_docstring_says(name):
    better = re.search(r"Better:\s+(higher|lower|nearer 0)", METRICS[name].function.__doc__).group(1)
    assert METRICS[name].better == better.replace("nearer", "near")
    turned = {"higher": [-0.5, 0.2, 0.7], "lower": [0.5, -0.2, -0.7], "nearer 0": [-0.5, -0.2, -0.7]}
    assert [METRICS[name].goodness(value) for value in (-0.5, 0.2, 0.7)] == turned[better]


@pytest.mark.parametrize(("name", "end"), [("macro_rsme", r"smd\. Did you mean 'macro_rmse'\?$"), ("bleu", r"smd\.$")])
def test_an_unknown_metric_is_refused_with_the_nearest_name_if_one_is_near(name, end):
    with pytest.raises(ValueError, match=rf"metric='{name}' is unknown. Choose from: accuracy, .*{end}"):
        metric_path(name)
