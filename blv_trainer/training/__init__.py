"""What ``BLVTrainer`` is made of: class counts, the loss, evaluation by class, the best metric, whole checkpoints."""

from blv_trainer.training.best_metric import OUR_NAMES, check_best_metric
from blv_trainer.training.checkpoints import last_whole_checkpoint
from blv_trainer.training.evaluation_by_class import EvaluationLines
from blv_trainer.training.loss_choice import check_every_class, count_classes

__all__ = [
    "OUR_NAMES",
    "EvaluationLines",
    "check_best_metric",
    "check_every_class",
    "count_classes",
    "last_whole_checkpoint",
]
