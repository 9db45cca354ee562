"""What makes a trained model one that others can use and judge: its card, ONNX, and the way to the Hub.

Nothing here is imported before it is used; a card needs matplotlib. ``trainer_pushes`` is for the trainer alone.
"""

from typing import TYPE_CHECKING

from blv_trainer._door import opened_on_demand

if TYPE_CHECKING:
    from blv_trainer.hub import trainer_pushes
    from blv_trainer.hub.before_push import check_files
    from blv_trainer.hub.card.writing import write_card, write_trainer_card
    from blv_trainer.hub.commit import push_files
    from blv_trainer.hub.metric_space import push_metric
    from blv_trainer.hub.onnx import export_onnx
    from blv_trainer.hub.published_files import write_training_args
    from blv_trainer.hub.publishing import prepare_files, publish

_HOME = {
    "before_push": ("check_files",),
    "card.writing": ("write_card", "write_trainer_card"),
    "commit": ("push_files",),
    "metric_space": ("push_metric",),
    "onnx": ("export_onnx",),
    "published_files": ("write_training_args",),
    "publishing": ("prepare_files", "publish"),
    "trainer_pushes": ("trainer_pushes",),
}
__all__ = [
    "check_files",
    "export_onnx",
    "prepare_files",
    "publish",
    "push_files",
    "push_metric",
    "trainer_pushes",
    "write_card",
    "write_trainer_card",
    "write_training_args",
]

__getattr__ = opened_on_demand(__name__, _HOME)
