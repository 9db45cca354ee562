"""Results that others published on ICNALE-ASA with text input: 217 test samples, one run each."""

from __future__ import annotations

NOTE = "published, n = 217, one run"

_KEYS = (
    "accuracy",
    "macro_accuracy",
    "adjacent_accuracy",
    "macro_adjacent_accuracy",
    "rmse",
    "macro_rmse",
    "pcc",
    "macro_f1",
)


def _row(*values: float) -> dict[str, float]:
    as_fractions = [value / 100 for value in values[:4]]  # printed in percent
    return dict(zip(_KEYS, [*as_fractions, *values[4:]], strict=True))


# Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010, Table 2.
PUBLISHED = {
    "BERT (Tsai et al. 2025)": _row(55.30, 47.96, 91.71, 85.79, 0.8614, 0.9449, 0.6690, 0.4672),
    "+ focal loss (Tsai et al. 2025)": _row(54.83, 48.13, 90.32, 83.67, 0.8877, 0.9646, 0.6466, 0.4828),
    "+ BLV, sigma 2 (Tsai et al. 2025)": _row(57.14, 48.60, 91.24, 86.45, 0.8587, 0.9598, 0.6719, 0.5000),
    "+ BLV, sigma 6 (Tsai et al. 2025)": _row(56.22, 49.29, 92.17, 87.12, 0.8479, 0.9281, 0.6748, 0.4952),
}
