"""From logits to a level: a shift, a temperature and a cost, chosen on rows not trained on, folded into a checkpoint.

Training that shifts logits (BLV, logit adjustment) and a decision that does not know of it disagree; and the largest
logit is the best answer for accuracy, not for macro accuracy, QWK or RMSE of ordered levels. A ``Decision`` is a
constant added to each class's logit, a temperature, and the power of the distance that an error costs:

- ``raw(num_classes)`` changes nothing: the paper's way, and the default of ``BLVTrainer``.
- ``consistent(loss)`` adds back what training added on average.
- ``prior_corrected(class_counts)`` takes the class prior out, so that all classes count the same.
- ``optimal(metric, class_counts)`` is what theory says of calibrated probabilities, without any further data.
- ``tune(logits, labels, class_counts=...)`` chooses all three parts on a dev set or on out-of-fold logits.
- ``pool(logits, groups)`` joins the answers of one speaker, whose level is then decided once.
- ``fold(model, decision)`` writes it into the model, for everyone who loads it.
"""

from blv_trainer.decision.costs import Decision
from blv_trainer.decision.folding import fold, folded
from blv_trainer.decision.pooling import labels_of_groups, one_label_each, pool
from blv_trainer.decision.shifts import consistent, holds_rare_classes_down, optimal, prior_corrected, raw
from blv_trainer.decision.tuning import BALANCED, BALANCED_AT_LEAST, POWERS, fit_temperature, metric_weights, tune

__all__ = [
    "BALANCED",
    "BALANCED_AT_LEAST",
    "POWERS",
    "Decision",
    "consistent",
    "fit_temperature",
    "fold",
    "folded",
    "holds_rare_classes_down",
    "labels_of_groups",
    "metric_weights",
    "one_label_each",
    "optimal",
    "pool",
    "prior_corrected",
    "raw",
    "tune",
]
