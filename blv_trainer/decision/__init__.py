"""From logits to a level: shifts of the logits and a temperature, chosen on a dev set, folded into a checkpoint.

Training that shifts logits (BLV, logit adjustment) and a decision that does not know of it disagree; and the largest
logit is the best answer for accuracy, not for macro accuracy or QWK. A ``Decision`` is a constant added to each
class's logit, and a temperature:

- ``raw(num_classes)`` changes nothing: the paper's way, and the default.
- ``consistent(loss)`` adds back what training added on average.
- ``prior_corrected(class_counts)`` takes the class prior out, so that all classes count the same.
- ``tune(logits, labels, metric, class_counts=...)`` chooses how far to go on a dev set, for any metric.
- ``fold(model, decision)`` writes it into the model's last layer, for everyone who loads the model.
"""

from blv_trainer.decision.folding import fold
from blv_trainer.decision.shifts import Decision, consistent, prior_corrected, raw
from blv_trainer.decision.tuning import fit_temperature, tune

__all__ = ["Decision", "consistent", "fit_temperature", "fold", "prior_corrected", "raw", "tune"]
