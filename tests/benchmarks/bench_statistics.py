"""Bootstrap, t-SNE, metrics: what the report spends its time on, and how it grows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from sklearn.manifold import TSNE

from blv_trainer.evaluation.statistics import bootstrap_intervals
from blv_trainer.experiments.report.tsne import embed
from blv_trainer.metrics import METRICS, make_compute_metrics
from tests.benchmarks.harness import Row, benchmark, in_turn, memory_of, once

RESAMPLES = 10_000
POINTS, ITERATIONS, MEASURED = 4000, 5000, 300


def _answers(rows: int, classes: int = 5) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    references = generator.choice(classes, size=rows, p=[0.08, 0.2, 0.43, 0.15, 0.14])
    predictions = np.clip(references + generator.integers(-1, 2, size=rows), 0, classes - 1)
    return references, predictions


@benchmark("bootstrap")
def bootstrap() -> list[Row]:
    """All metrics at once from counts, against a loop over resamples that calls each metric."""
    references, predictions = _answers(1000)
    functions = {name: function for name, function in METRICS.items() if name != "ece"}
    generator = np.random.default_rng(0)

    def plain_loop(resamples: int) -> None:
        for _ in range(resamples):
            rows = generator.integers(len(references), size=len(references))
            for function in functions.values():
                function(references[rows], predictions[rows])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = RESAMPLES / 100 * once(lambda: plain_loop(100))
    (ours,) = in_turn(lambda: bootstrap_intervals(references, predictions, num_resamples=RESAMPLES), repeats=3)
    ratio = reference / ours
    note = f"{RESAMPLES:,} resamples of 1,000 rows, {len(functions)} metrics, BCa; loop extrapolated from 100"
    met = ours < 2 and ratio >= 100
    rows = [Row("bootstrap against a plain loop", ours, reference, ratio, "< 2 s and >= 100", met, note=note)]
    sizes, seconds, memory = (1_000, 10_000, 100_000), [], []
    for size in sizes:
        given = _answers(size)
        seconds += in_turn(lambda given=given: bootstrap_intervals(*given, num_resamples=RESAMPLES), repeats=1)
        memory.append(memory_of(lambda given=given: bootstrap_intervals(*given, num_resamples=RESAMPLES)))
    growth = (seconds[-1] / sizes[-1]) / (seconds[0] / sizes[0])
    note = _growth_note(sizes, seconds, memory)
    name = "bootstrap: time a row at 100x against 1x"
    return [*rows, Row(name, seconds[-1], seconds[0], growth, "<= 1", growth <= 1, note=note)]


@benchmark("metrics")
def metrics() -> list[Row]:
    """All metrics of 10,000, 100,000 and 1,000,000 predictions."""
    sizes, seconds, memory = (10_000, 100_000, 1_000_000), [], []
    compute_metrics = make_compute_metrics([str(k) for k in range(5)])
    for size in sizes:
        references, predictions = _answers(size)
        logits = 3.0 * np.eye(5)[predictions]
        seconds += in_turn(lambda given=(logits, references): compute_metrics(given), repeats=3)
        memory.append(memory_of(lambda given=(logits, references): compute_metrics(given)))
    growth = (seconds[-1] / sizes[-1]) / (seconds[0] / sizes[0])
    note = _growth_note(sizes, seconds, memory)
    return [
        Row("metrics: time a row at 100x against 1x", seconds[-1], seconds[0], growth, note=note + "; n log n: a sort")
    ]


def _growth_note(sizes: Sequence[int], seconds: Sequence[float], memory: Sequence[float]) -> str:
    return (
        f"{' / '.join(f'{value:.3f}' for value in seconds)} s and {' / '.join(f'{value:.0f}' for value in memory)} MiB "
        f"for {' / '.join(f'{size:,}' for size in sizes)} rows"
    )


@benchmark("tsne")
def tsne() -> list[Row]:
    """Our t-SNE against scikit-learn's defaults and its exact method, the latter two extrapolated."""
    generator = np.random.default_rng(0)
    labels = generator.integers(5, size=POINTS)
    logits = generator.normal(size=(POINTS, 5)) + 3 * np.eye(5)[labels]
    embed(logits[:100], iterations=10)  # compiles
    ours = once(lambda: embed(logits, iterations=ITERATIONS))

    def of_sklearn(method: str) -> float:
        few, more = (
            once(lambda n=n: TSNE(method=method, max_iter=n, n_iter_without_progress=n).fit_transform(logits))
            for n in (250, MEASURED)
        )
        return few + (more - few) / (MEASURED - 250) * (ITERATIONS - 250)

    reference = of_sklearn("exact")
    note = f"{POINTS:,} points, {ITERATIONS:,} iterations; reference: scikit-learn, exact, extrapolated from {MEASURED}"
    return [Row("t-SNE of logits", ours, reference, reference / ours, "< 60 s", ours < 60, note=note)]
