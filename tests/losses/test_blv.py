import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn import functional as F

from blv_trainer.losses import BLVLoss, CrossEntropyLoss, TrainingStep, build_loss
from blv_trainer.losses.blv import half_normal

COUNTS = [3, 40, 100, 17]


def at(index=0, first_row=0, seed=42):
    return TrainingStep(seed=seed, index=index, max_steps=10, first_row=first_row)


@pytest.fixture
def logits():
    return torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).double().requires_grad_()


LABELS = torch.tensor([0, 1, 2, 3, 2])


def test_alpha_is_eq_1_by_a_plain_loop():
    total, rarity = sum(COUNTS), []
    for count in COUNTS:
        rarity.append(math.log(total / count))
    expected = [value / max(rarity) for value in rarity]
    np.testing.assert_allclose(BLVLoss(COUNTS).alpha, expected, rtol=1e-6)


def test_rare_class_gets_larger_perturbation():
    alpha = BLVLoss(COUNTS).alpha
    assert alpha[0] == 1
    assert alpha[0] > alpha[3] > alpha[1] > alpha[2] > 0


@pytest.mark.parametrize("scope", ["step", "sample", "element"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("clamp", [None, 0.5])
def test_value_is_eq_2_and_3_by_a_plain_loop(logits, scope, sign, clamp):
    loss = BLVLoss(COUNTS, sigma=2, scope=scope, sign=sign, clamp=clamp)
    loss.step = at(index=4, first_row=8)
    total = 0.0
    for i, label in enumerate(LABELS.tolist()):
        row = at(index=4, first_row=8 + i)
        perturbed = []
        for k in range(4):
            if scope == "step":
                z = half_normal(1, 1, step=at(index=4)).item()
            elif scope == "sample":
                z = half_normal(1, 1, step=row).item()
            else:
                z = half_normal(1, 4, step=row)[0, k].item()
            magnitude = min(2 * z, clamp or math.inf)
            perturbed.append(logits[i, k].item() + sign * loss.alpha[k].item() * magnitude)
        total -= perturbed[label] - math.log(sum(math.exp(value) for value in perturbed))
    assert loss(logits, LABELS).item() == pytest.approx(total / 5, rel=1e-9)


@pytest.mark.parametrize("scope", ["step", "sample", "element"])
def test_sigma_0_is_cross_entropy_bit_for_bit(scope):
    logits = torch.randn(7, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, 2, 1, 0])
    (ours,) = torch.autograd.grad(BLVLoss(COUNTS, sigma=0, scope=scope)(logits, labels), logits)
    (torchs,) = torch.autograd.grad(F.cross_entropy(logits, labels), logits)
    assert torch.equal(ours, torchs)


def test_equal_classes_and_one_delta_a_row_change_nothing(logits):
    equal = [10, 10, 10, 10]
    for scope in ("step", "sample"):
        loss = BLVLoss(equal, scope=scope)
        loss.step = at()
        torch.testing.assert_close(loss(logits, LABELS), CrossEntropyLoss(equal)(logits, LABELS))


@pytest.mark.parametrize(("sigma", "clamp"), [(3, None), (3, 1.0), (0.8, 0.5), (0, 1.0)])
@pytest.mark.parametrize("sign", [1, -1])
def test_expected_shift_is_the_mean_of_what_is_added(sigma, clamp, sign):
    loss = BLVLoss(COUNTS, sigma=sigma, scope="element", clamp=clamp, sign=sign)
    loss.step = at()
    logits = torch.zeros(40_000, 4, dtype=torch.float64)
    torch.testing.assert_close(
        loss.adjust_logits(logits).mean(dim=0), loss.expected_shift().double(), rtol=0.02, atol=1e-6
    )


def test_scope_step_draws_once_a_step_and_anew_at_the_next():
    loss = BLVLoss(COUNTS, scope="step")
    shifts = []
    for index, first_row in ((0, 0), (0, 4), (1, 0)):
        loss.step = at(index=index, first_row=first_row)
        shifts.append(loss.adjust_logits(torch.zeros(3, 4)))
    assert torch.equal(shifts[0], shifts[1])
    assert not torch.equal(shifts[0], shifts[2])
    assert (shifts[0] == shifts[0][0]).all()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [4.0, 4.0, 4.0, 4.0]),
        ("linear", [4.0, 3.2, 2.0, 0.0]),
        ("cosine", [4.0, 2 + 2 * math.cos(math.radians(36)), 2.0, 0.0]),
    ],
)
def test_sigma_follows_its_schedule(schedule, expected):
    loss = BLVLoss(COUNTS, sigma=4, sigma_schedule=schedule)
    assert loss.current_sigma == 4.0  # before the first step
    sigmas = []
    for index in (0, 2, 5, 10):
        loss.step = at(index=index)
        sigmas.append(loss.current_sigma)
    assert sigmas == pytest.approx(expected)


def test_a_falling_sigma_without_a_known_step_is_refused(logits):
    loss = BLVLoss(COUNTS, sigma_schedule="linear")
    with pytest.raises(ValueError, match="needs to know how far training is: train with BLVTrainer"):
        loss(logits, LABELS)


def test_without_a_step_each_call_draws_from_torchs_stream(logits):
    loss = BLVLoss(COUNTS)
    torch.manual_seed(0)
    first, second = loss(logits, LABELS), loss(logits, LABELS)
    torch.manual_seed(0)
    assert first == loss(logits, LABELS)
    assert first != second


@pytest.mark.parametrize(
    ("option", "choices"), [("scope", "step, sample, element"), ("sigma_schedule", "constant, linear, cosine")]
)
def test_an_unknown_choice_is_named_with_the_known_ones(option, choices):
    with pytest.raises(ValueError, match=f"{option}='batch' is unknown. Choose from: {choices}"):
        build_loss("blv", COUNTS, **{option: "batch"})


# ---- |z|


def test_has_the_half_normal_distribution():
    draws = half_normal(20_000, 5, step=at()).numpy().ravel()
    assert stats.kstest(draws, stats.halfnorm.cdf).pvalue > 0.01


def test_each_row_is_philox_keyed_by_seed_and_step_and_counted_by_row():
    rows = half_normal(3, 5, step=at(index=7, first_row=10)).numpy()
    for i, row in enumerate(rows):
        # Five numbers take two counts of four.
        philox = np.random.Philox(key=np.array([42, 7], dtype=np.uint64), counter=2 * (10 + i))
        np.testing.assert_allclose(row, stats.halfnorm.ppf(np.random.Generator(philox).random(5)))


@pytest.mark.parametrize("num_columns", [1, 3, 4, 5, 9])
def test_a_batch_cut_anywhere_sees_the_same_numbers(num_columns):
    whole = half_normal(11, num_columns, step=at())
    for cut in range(1, 11):
        parts = [
            half_normal(cut, num_columns, step=at()),
            half_normal(11 - cut, num_columns, step=at(first_row=cut)),
        ]
        assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("other", [at(seed=43), at(index=1), at(first_row=1000), at(seed=-42), at(seed=42 + 2**32)])
def test_seed_step_and_row_each_change_the_numbers(other):
    assert not np.intersect1d(half_normal(50, 5, step=at()), half_normal(50, 5, step=other)).size
