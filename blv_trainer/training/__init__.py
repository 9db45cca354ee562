"""What ``BLVTrainer`` is made of: class counts, the choice of the loss, evaluation by class, whole checkpoints."""

from blv_trainer.training.checkpoints import last_whole_checkpoint
from blv_trainer.training.loss_choice import check_every_class, count_classes

__all__ = ["check_every_class", "count_classes", "last_whole_checkpoint"]
