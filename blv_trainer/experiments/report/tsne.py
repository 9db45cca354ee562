"""A two-dimensional map of logits, and how far the classes lie apart in the logits themselves.

Trees and interpolation, as in scikit-learn and openTSNE, are made for hundreds of thousands of points. For the few
thousand of a figure, one vectorised loop over all pairs is several times faster, and exact.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from sklearn.metrics import silhouette_score
from sklearn.neighbors import NearestNeighbors

PERPLEXITY = 30  # as in the paper
MIN_ROWS = 20
_EARLY, _EXAGGERATION = 250, 12.0  # iterations, and how much harder neighbours pull meanwhile


def embed(logits: ArrayLike, *, iterations: int = 5000, perplexity: float = PERPLEXITY, seed: int = 0) -> np.ndarray:
    """t-SNE of logits; the same at each call on one machine.

    It minimises KL(P || Q) by gradient descent with momentum and gains, from the first two principal components:

        p_ij = (p_j|i + p_i|j) / 2n over 3 perplexity neighbours,  q_ij = (1 + |y_i - y_j|^2)^-1 / Z

    Reference:
        van der Maaten, Hinton: Visualizing Data using t-SNE. Journal of Machine Learning Research 9, 2008.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if logits.ndim != 2 or len(logits) < MIN_ROWS or not np.isfinite(logits).all():
        raise ValueError(
            f"logits of shape {logits.shape} cannot be embedded: give finite numbers, (n, num_classes), "
            f"{MIN_ROWS} rows or more."
        )
    n = len(logits)
    similarity = similarities(logits, perplexity=min(perplexity, (n - 1) / 3))
    neighbours = (similarity.indptr, similarity.indices, similarity.data.astype(np.float32))
    points = _principal_components(logits)
    points += np.random.default_rng(seed).normal(scale=1e-6, size=points.shape).astype(np.float32)
    learning_rate = np.float32(max(n / _EXAGGERATION, 200))
    early = min(iterations, _EARLY)
    for count, exaggeration, momentum in ((early, _EXAGGERATION, 0.5), (iterations - early, 1.0, 0.8)):
        step, gains = np.zeros_like(points), np.ones_like(points)
        for _ in range(count):
            attraction, repulsion, normaliser = forces(points, *neighbours)
            gradient = np.float32(exaggeration) * attraction - repulsion / np.float32(normaliser)
            gains = np.maximum(np.where(step * gradient < 0, gains + np.float32(0.2), gains * np.float32(0.8)), 0.01)
            step = np.float32(momentum) * step - learning_rate * gains * gradient
            points += step
    return points


def similarities(logits: np.ndarray, *, perplexity: float) -> csr_array:
    """P of t-SNE, ``(n, n)``, symmetric with sum 1: each row's Gaussian is as wide as the perplexity asks for."""
    n, num_neighbours = len(logits), min(len(logits) - 1, int(3 * perplexity))
    distances, neighbours = NearestNeighbors(n_neighbors=num_neighbours).fit(logits).kneighbors()  # without itself
    squared = distances**2
    squared -= squared[:, :1]  # the nearest has weight 1, so no row is all zeros
    low, high = np.zeros((n, 1)), np.full((n, 1), np.inf)
    precision = np.ones((n, 1))  # 1 / (2 sigma^2)
    for _ in range(64):
        weights = np.exp(-squared * precision)
        total = weights.sum(axis=1, keepdims=True)
        entropy = np.log(total) + precision * (weights * squared).sum(axis=1, keepdims=True) / total
        too_wide = entropy > math.log(perplexity)
        low, high = np.where(too_wide, precision, low), np.where(too_wide, high, precision)
        precision = np.where(np.isinf(high), 2 * precision, (low + high) / 2)
    starts = np.arange(0, n * num_neighbours + 1, num_neighbours)
    conditional = csr_array(((weights / total).ravel(), neighbours.ravel(), starts), shape=(n, n))
    return csr_array(conditional + conditional.T) / (2 * n)


@njit(fastmath=True, error_model="numpy", nogil=True)  # all three are needed for a loop in vector instructions
def forces(
    points: np.ndarray, starts: np.ndarray, neighbours: np.ndarray, similarity: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Sums over j of p_ij q_ij Z (y_i - y_j) and of (q_ij Z)^2 (y_i - y_j), ``(n, 2)`` float32 each, and Z."""
    n, one, normaliser = len(points), np.float32(1), 0.0
    x, y = points[:, 0].copy(), points[:, 1].copy()
    attraction, repulsion = np.empty((n, 2), np.float32), np.empty((n, 2), np.float32)
    for i in range(n):
        row_sum, sum_x, sum_y = np.float32(0), np.float32(0), np.float32(0)
        for j in range(n):
            dx, dy = x[i] - x[j], y[i] - y[j]
            q = one / (one + dx * dx + dy * dy)
            row_sum += q
            sum_x += q * q * dx
            sum_y += q * q * dy
        normaliser += row_sum - one  # but for itself
        repulsion[i, 0], repulsion[i, 1] = sum_x, sum_y
        sum_x, sum_y = np.float32(0), np.float32(0)
        for k in range(starts[i], starts[i + 1]):
            dx, dy = x[i] - x[neighbours[k]], y[i] - y[neighbours[k]]
            pull = similarity[k] / (one + dx * dx + dy * dy)
            sum_x += pull * dx
            sum_y += pull * dy
        attraction[i, 0], attraction[i, 1] = sum_x, sum_y
    return attraction, repulsion, normaliser


def separation(logits: ArrayLike, labels: ArrayLike) -> float:
    """Silhouette of the classes in the space of the logits, from -1 to 1, higher is better; nan for a single class.

    Reference:
        Rousseeuw: Silhouettes. Journal of Computational and Applied Mathematics 20, 1987.
    """
    if not 2 <= len(set(np.asarray(labels).tolist())) < len(np.asarray(labels)):
        return math.nan
    return float(silhouette_score(logits, labels))


def _principal_components(logits: np.ndarray) -> np.ndarray:
    """The first two, scaled to a standard deviation of 1e-4 for the first, ``(n, 2)`` float32."""
    left, strength, right = np.linalg.svd(logits - logits.mean(axis=0), full_matrices=False)
    largest = np.abs(right).argmax(axis=1)
    signs = np.sign(right[np.arange(len(right)), largest])  # those of the SVD are arbitrary
    components = (left * strength * signs)[:, :2]
    if components.shape[1] < 2:
        components = np.column_stack([components, np.zeros(len(logits))])
    return (1e-4 * components / max(components[:, 0].std(), 1e-12)).astype(np.float32)
