"""The columns of results tables: heading, factor, decimals. Accuracies are percent, as in the literature."""

from __future__ import annotations

PAPER_COLUMNS = {
    "accuracy": ("Acc %", 100, 2),
    "macro_accuracy": ("Macro acc %", 100, 2),
    "adjacent_accuracy": ("Adj %", 100, 2),
    "macro_adjacent_accuracy": ("Macro adj %", 100, 2),
    "rmse": ("RMSE", 1, 4),
    "macro_rmse": ("Macro RMSE", 1, 4),
    "pcc": ("PCC", 1, 4),
    "macro_f1": ("Macro F1", 1, 4),
}
COLUMNS = {**PAPER_COLUMNS, "qwk": ("QWK", 1, 4), "smd": ("SMD", 1, 4), "ece": ("ECE", 1, 4)}


def formatted(metric: str, value: float | None, *, fewer: int = 0) -> str:
    """A value as its column shows it, with ``fewer`` decimals; a dash where it is undefined.

    Examples:
        >>> formatted("accuracy", 0.5714), formatted("qwk", 0.5714, fewer=1), formatted("pcc", None)
        ('57.14', '0.571', '-')
    """
    _, factor, digits = COLUMNS[metric]
    return "-" if value is None or value != value else f"{factor * value:.{digits - fewer}f}"


def formatted_p(p: float | None) -> str:
    """A p-value; nothing where it is undefined.

    Examples:
        >>> formatted_p(0.0312), formatted_p(0.0002), formatted_p(None)
        ('p = 0.031', 'p < .001', '')
    """
    if p is None or p != p:
        return ""
    return "p < .001" if p < 0.001 else f"p = {p:.3f}"
