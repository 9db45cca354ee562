"""A two-dimensional map of logits, and how far the classes lie apart in the logits themselves."""

from __future__ import annotations

import math

import numpy as np
from sklearn.manifold import TSNE
from sklearn.metrics import silhouette_score

PERPLEXITY = 30  # as in the paper


def embed(logits: np.ndarray, *, iterations: int = 5000) -> np.ndarray:
    """t-SNE of logits ``(n, num_classes)``, ``(n, 2)``; the same at each call.

    Args:
        logits: 20 rows or more.
        iterations: at most; scikit-learn stops after 300 without progress.

    Reference:
        van der Maaten: Accelerating t-SNE using Tree-Based Algorithms. Journal of Machine Learning Research 15, 2014.
    """
    perplexity = min(PERPLEXITY, (len(logits) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, max_iter=max(iterations, 250), init="pca", random_state=0)
    return tsne.fit_transform(np.asarray(logits, dtype=np.float32))


def separation(logits: np.ndarray, labels: np.ndarray) -> float:
    """Silhouette of the classes in the space of the logits, from -1 to 1, higher is better; nan for a single class.

    Reference:
        Rousseeuw: Silhouettes. Journal of Computational and Applied Mathematics 20, 1987.

    Example:
        >>> separation(np.array([[0.0, 0.0], [0.0, 0.1], [5.0, 5.0], [5.0, 5.1]]), np.array([0, 0, 1, 1])) > 0.9
        True
    """
    if not 2 <= len(set(np.asarray(labels).tolist())) < len(labels):
        return math.nan
    return float(silhouette_score(logits, labels))
