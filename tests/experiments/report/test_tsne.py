"""t-SNE against its equations written out, and against scikit-learn's."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import entr, softmax
from sklearn.manifold import TSNE

from blv_trainer.experiments.report import tsne
from blv_trainer.experiments.report.tsne import embed, forces, separation, similarities


@pytest.fixture(scope="module")
def clusters():
    """Logits of three classes, ``(240, 4)``, and their labels."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 80)
    return 3 * np.eye(4)[labels] + rng.normal(size=(240, 4)), labels


def squared_distances(points):
    return ((points[:, None] - points[None]) ** 2).sum(axis=2)


def divergence(logits, points):
    """KL(P || Q) of a map, all pairs."""
    p = similarities(logits, perplexity=30).toarray()
    q = 1 / (1 + squared_distances(np.asarray(points, dtype=np.float64)))
    np.fill_diagonal(q, 0)
    q /= q.sum()
    return (p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum()


def test_similarities_are_gaussians_of_the_wanted_perplexity(clusters):
    logits, _ = clusters
    n, squared = len(logits), squared_distances(logits)
    conditional = np.zeros((n, n))
    for i in range(n):
        near = np.argsort(squared[i])[1:31]  # 3 x perplexity 10, but for itself

        def excess(log_precision, near=near, i=i):
            p = softmax(-np.exp(log_precision) * squared[i, near])
            return entr(p).sum() - math.log(10)

        conditional[i, near] = softmax(-np.exp(brentq(excess, -10, 10)) * squared[i, near])
    expected = (conditional + conditional.T) / (2 * n)
    np.testing.assert_allclose(similarities(logits, perplexity=10).toarray(), expected, atol=1e-9)


@pytest.mark.parametrize("function", [forces, forces.py_func], ids=["compiled", "plain"])
def test_forces_are_the_gradient_of_the_divergence(clusters, function):
    logits = clusters[0][::4]
    points = np.random.default_rng(1).normal(size=(60, 2)).astype(np.float32)
    p = similarities(logits, perplexity=10)
    attraction, repulsion, normaliser = function(points, p.indptr, p.indices, p.data.astype(np.float32))
    ours = 4 * (attraction - repulsion / normaliser)

    def cost(flat):
        q = 1 / (1 + squared_distances(flat.reshape(60, 2)))
        np.fill_diagonal(q, 0)
        return -(p.toarray() * np.log(q / q.sum() + np.eye(60))).sum()

    flat, step = points.astype(np.float64).ravel(), 1e-5
    numerical = [(cost(flat + step * e) - cost(flat - step * e)) / (2 * step) for e in np.eye(120)]
    np.testing.assert_allclose(ours.ravel(), numerical, atol=2e-6)


@pytest.mark.slow
def test_a_map_is_as_good_as_scikit_learns(clusters):
    logits, labels = clusters
    ours = embed(logits, iterations=500)
    theirs = TSNE(perplexity=30, max_iter=500, init="pca", random_state=0, method="exact").fit_transform(logits)
    assert divergence(logits, ours) < 1.05 * divergence(logits, theirs)  # minima are local
    assert separation(ours, labels) > separation(theirs, labels) - 0.05


def test_the_same_logits_give_the_same_map_and_more_steps_a_better_one(clusters):
    logits, _ = clusters
    once = embed(logits, iterations=300)
    np.testing.assert_array_equal(once, embed(logits, iterations=300))
    assert once.shape == (240, 2)
    assert divergence(logits, embed(logits, iterations=600)) < divergence(logits, once)


@pytest.mark.parametrize(
    "logits",
    [
        np.zeros((40, 3)),
        np.repeat([[1.0, 0.0], [0.0, 1.0]], 100, axis=0),  # more equal rows than neighbours
        np.linspace(-3, 3, tsne.MIN_ROWS)[:, None],
    ],
    ids=["constant", "two distinct rows", "one column, fewest rows"],
)
def test_degenerate_logits_are_mapped_without_a_fault(logits):
    points = embed(logits, iterations=300)
    assert points.shape == (len(logits), 2)
    assert np.isfinite(points).all()
    assert len(np.unique(points, axis=0)) > len(points) / 2  # equal rows are parted


@pytest.mark.parametrize(
    ("logits", "shape"),
    [(np.zeros((19, 3)), r"\(19, 3\)"), (np.zeros(30), r"\(30,\)"), (np.full((30, 2), np.nan), r"\(30, 2\)")],
)
def test_what_cannot_be_embedded_is_refused(logits, shape):
    with pytest.raises(ValueError, match=rf"logits of shape {shape} cannot be embedded: give finite numbers"):
        embed(logits)


def test_separation_is_the_mean_silhouette():
    logits, labels = np.array([[0.0, 0.0], [0.0, 1.0], [4.0, 0.0], [4.0, 2.0]]), np.array([0, 0, 1, 1])
    distances = np.sqrt(squared_distances(logits))
    expected = []
    for i in range(4):
        own = distances[i, [j for j in range(4) if j != i and labels[j] == labels[i]]].mean()
        other = distances[i, labels != labels[i]].mean()
        expected.append((other - own) / max(own, other))
    assert separation(logits, labels) == pytest.approx(np.mean(expected))
    assert math.isnan(separation(logits, [0, 0, 0, 0]))
    assert math.isnan(separation(logits, [0, 1, 2, 3]))
