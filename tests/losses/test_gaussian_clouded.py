import math

import pytest
import torch
from scipy import integrate, stats
from torch.nn import functional as F

from blv_trainer.losses import GaussianCloudedLoss, TrainingStep
from blv_trainer.losses.blv import half_normal

COUNTS = [400, 400, 100, 4]
LOGITS = torch.tensor([[0.3, -1.2, 2.0, 0.1], [1.0, 0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
LABELS = torch.tensor([2, 0, 3])
STEP = TrainingStep(seed=42, index=3, max_steps=10)


@pytest.mark.parametrize("amplitude", [None, 0.5, 15.0])
def test_it_is_cross_entropy_with_each_logit_lowered_by_its_cloud_times_the_clamped_noise(amplitude):
    noise = half_normal(3, 4, step=STEP)
    total = 0.0
    for i, label in enumerate(LABELS.tolist()):
        row = LOGITS[i].tolist()
        for k, count in enumerate(COUNTS):
            cloud = math.log(400 / count)
            if amplitude is not None:
                cloud *= amplitude / math.log(400 / 4)
            row[k] -= cloud * min(noise[i, k].item() / 3, 1)
        total -= math.log(math.exp(row[label]) / sum(map(math.exp, row)))
    loss = GaussianCloudedLoss(COUNTS, amplitude=amplitude)
    loss.step = STEP
    assert loss(LOGITS.clone().requires_grad_(), LABELS).item() == pytest.approx(total / 3, rel=1e-6)


def test_a_given_amplitude_stands_in_the_options():
    assert GaussianCloudedLoss(COUNTS, amplitude=2.5).options == {"amplitude": 2.5, "label_smoothing": 0.0}


def test_without_clouds_it_is_cross_entropy():
    logits = LOGITS.clone().requires_grad_()
    expected = F.cross_entropy(LOGITS, LABELS)
    torch.testing.assert_close(GaussianCloudedLoss(COUNTS, amplitude=0)(logits, LABELS), expected)
    for amplitude in (None, 3.0):  # equal classes have no clouds whatever the amplitude
        torch.testing.assert_close(GaussianCloudedLoss([5] * 4, amplitude=amplitude)(logits, LABELS), expected)


def test_expected_shift_is_the_mean_of_the_change():
    cloud = [math.log(400 / count) for count in COUNTS]
    normal = stats.norm(scale=1 / 3)
    mean, _ = integrate.quad(lambda epsilon: 2 * min(epsilon, 1) * normal.pdf(epsilon), 0, 4, points=[1])
    loss = GaussianCloudedLoss(COUNTS)
    assert loss.expected_shift().tolist() == pytest.approx([-mean * size for size in cloud], rel=1e-5)
    loss.step = STEP
    sampled = loss.adjust_logits(torch.zeros(50_000, 4)).mean(dim=0)
    torch.testing.assert_close(sampled, loss.expected_shift(), atol=0.02, rtol=0)
