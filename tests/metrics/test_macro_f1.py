import pytest
import sklearn.metrics

from blv_trainer.metrics import macro_f1


@pytest.mark.parametrize(
    ("references", "predictions"),
    [
        ([0, 0, 1, 1, 2], [0, 1, 1, 1, 2]),
        ([0, 0, 1, 1], [0, 0, 1, 4]),  # 4 is only predicted
        ([0, 0, 1, 6], [0, 0, 1, 1]),  # 6 is never predicted
        ([3, 3], [5, 5]),
    ],
)
def test_it_is_sklearn_macro_f1_over_the_union(references, predictions):
    expected = sklearn.metrics.f1_score(references, predictions, average="macro", zero_division=0)
    assert macro_f1(references, predictions) == pytest.approx(expected)


def test_it_is_sklearn_macro_f1_on_many_samples(levels):
    assert macro_f1(*levels) == pytest.approx(sklearn.metrics.f1_score(*levels, average="macro"))
