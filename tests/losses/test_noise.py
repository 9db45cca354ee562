import numpy as np
import pytest
import torch
from scipy import stats

from blv_trainer.losses.base import TrainingStep
from blv_trainer.losses.noise import half_normal


def step(seed=42, index=0, first_row=0):
    return TrainingStep(seed=seed, index=index, max_steps=1000, first_row=first_row)


def test_has_the_half_normal_distribution():
    draws = half_normal(20_000, 5, step=step()).numpy().ravel()
    assert stats.kstest(draws, stats.halfnorm.cdf).pvalue > 0.01


def test_each_row_is_philox_keyed_by_seed_and_step_and_counted_by_row():
    rows = half_normal(3, 5, step=step(seed=42, index=7, first_row=10)).numpy()
    for i, row in enumerate(rows):
        # Five numbers take two counts of four.
        philox = np.random.Philox(key=np.array([42, 7], dtype=np.uint64), counter=2 * (10 + i))
        np.testing.assert_allclose(row, stats.halfnorm.ppf(np.random.Generator(philox).random(5)))


@pytest.mark.parametrize("num_columns", [1, 3, 4, 5, 9])
def test_a_batch_cut_anywhere_sees_the_same_numbers(num_columns):
    whole = half_normal(11, num_columns, step=step())
    for cut in range(1, 11):
        parts = [
            half_normal(cut, num_columns, step=step()),
            half_normal(11 - cut, num_columns, step=step(first_row=cut)),
        ]
        assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize(
    "other", [step(seed=43), step(index=1), step(first_row=1000), step(seed=-42), step(seed=42 + 2**32)]
)
def test_seed_step_and_row_each_change_the_numbers(other):
    assert not np.intersect1d(half_normal(50, 5, step=step()), half_normal(50, 5, step=other)).size


def test_a_micro_batch_begins_the_step_unless_told_otherwise():
    assert TrainingStep(seed=42, index=0, max_steps=1000) == step(first_row=0)


def test_rows_and_columns_are_uncorrelated():
    draws = half_normal(20_000, 4, step=step()).numpy()
    correlations = np.corrcoef(np.concatenate([draws[:-1], draws[1:]], axis=1), rowvar=False)
    assert np.abs(correlations - np.eye(8)).max() < 0.03


def test_steps_are_uncorrelated():
    draws = np.array([half_normal(1, 1, step=step(index=index)).item() for index in range(4000)])
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.05
    assert stats.kstest(draws, stats.halfnorm.cdf).pvalue > 0.01
