import math

import pytest
import torch
from torch.nn import functional as F

from blv_trainer.losses import CrossEntropyLoss, WeightedCrossEntropyLoss

COUNTS = [60, 30, 10]
LOGITS = torch.tensor([[0.3, -1.2, 2.0], [1.0, 0.5, -0.5], [0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 1])


def by_hand(logits, labels):
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        p = math.exp(row[label]) / sum(map(math.exp, row))
        total -= sum(COUNTS) / (len(COUNTS) * COUNTS[label]) * math.log(p)
    return total / len(labels)


def test_each_item_counts_by_the_inverse_frequency_of_its_class():
    assert WeightedCrossEntropyLoss(COUNTS)(LOGITS, LABELS).item() == pytest.approx(by_hand(LOGITS, LABELS), rel=1e-6)


def test_the_mean_weight_of_the_training_examples_is_one():
    weight = WeightedCrossEntropyLoss(COUNTS).weight
    assert (weight * torch.tensor(COUNTS)).sum().item() / sum(COUNTS) == pytest.approx(1)


def test_equal_classes_give_cross_entropy():
    torch.testing.assert_close(WeightedCrossEntropyLoss([7, 7, 7])(LOGITS, LABELS), F.cross_entropy(LOGITS, LABELS))


def test_over_a_batch_with_the_training_frequencies_it_equals_torchs_weighted_mean():
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    logits = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))
    loss = WeightedCrossEntropyLoss(COUNTS)
    torch.testing.assert_close(loss(logits, labels), F.cross_entropy(logits, labels, weight=loss.weight))


def test_micro_batches_add_up_to_the_whole_batch_where_torchs_weighted_mean_does_not():
    loss = WeightedCrossEntropyLoss(COUNTS)
    parts = [slice(0, 2), slice(2, 3)]
    summed = sum(loss(LOGITS[part], LABELS[part], num_items_in_batch=3) for part in parts)
    torch.testing.assert_close(summed, loss(LOGITS, LABELS))
    weight = loss.weight.double()
    torch_means = [F.cross_entropy(LOGITS[part], LABELS[part], weight=weight) for part in parts]
    torch_whole = F.cross_entropy(LOGITS, LABELS, weight=weight)
    assert abs((2 * torch_means[0] + torch_means[1]) / 3 - torch_whole) > 0.01


def test_label_smoothing_weighs_each_class_as_torch_does():
    loss = WeightedCrossEntropyLoss(COUNTS, label_smoothing=0.2)
    weight = loss.weight.double()
    expected = F.cross_entropy(LOGITS, LABELS, weight=weight, label_smoothing=0.2, reduction="sum") / 3
    torch.testing.assert_close(loss(LOGITS, LABELS), expected)


def test_the_best_constant_logits_are_the_logarithms_of_weight_times_frequency():
    # All classes together weigh the same, so the best constant answer is uniform although frequencies are not.
    labels = torch.tensor([0] * 6 + [1] * 3 + [2])
    row = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    WeightedCrossEntropyLoss(COUNTS)(row.expand(10, 3), labels).backward()
    torch.testing.assert_close(row.grad, torch.zeros(3, dtype=torch.float64), atol=1e-6, rtol=0)
    CrossEntropyLoss(COUNTS)(row.expand(10, 3), labels).backward()
    assert row.grad.abs().max() > 0.1


def test_gradient_is_the_derivative():
    logits = LOGITS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: WeightedCrossEntropyLoss(COUNTS)(z, LABELS), (logits,))


def test_saturated_logits_keep_finite_values_and_gradients():
    logits = torch.tensor([[100.0, -100.0, -100.0], [-100.0, -100.0, 100.0]], requires_grad=True)
    loss = WeightedCrossEntropyLoss(COUNTS)(logits, torch.tensor([2, 2]))
    loss.backward()
    assert loss.item() == pytest.approx(200 * (100 / 30) / 2)
    assert torch.isfinite(logits.grad).all()


def test_a_class_without_examples_is_refused():
    with pytest.raises(ValueError, match="class 1 has no training example, so WeightedCrossEntropyLoss is undefined"):
        WeightedCrossEntropyLoss([5, 0, 5])
