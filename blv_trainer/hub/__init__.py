"""What makes a trained model one that others can use and judge: its card, ONNX, and the way to the Hub.

Nothing here is imported before it is used: the trainer asks for its five functions, and a card needs matplotlib.
"""

from typing import TYPE_CHECKING

from blv_trainer._door import opened_on_demand

if TYPE_CHECKING:
    from blv_trainer.hub.before_push import check_files
    from blv_trainer.hub.card import write_card, write_trainer_card
    from blv_trainer.hub.commit import push_files
    from blv_trainer.hub.metric_space import push_metric
    from blv_trainer.hub.onnx import export_onnx
    from blv_trainer.hub.published_files import write_training_args
    from blv_trainer.hub.publishing import prepare_files, publish
    from blv_trainer.hub.trainer_pushes import open_trainers_repository, push_checkpoint, push_trained

_HOME = {
    "check_files": "before_push",
    "export_onnx": "onnx",
    "open_trainers_repository": "trainer_pushes",
    "prepare_files": "publishing",
    "publish": "publishing",
    "push_checkpoint": "trainer_pushes",
    "push_files": "commit",
    "push_metric": "metric_space",
    "push_trained": "trainer_pushes",
    "write_card": "card",
    "write_trainer_card": "card",
    "write_training_args": "published_files",
}
__all__ = [
    "check_files",
    "export_onnx",
    "open_trainers_repository",
    "prepare_files",
    "publish",
    "push_checkpoint",
    "push_files",
    "push_metric",
    "push_trained",
    "write_card",
    "write_trainer_card",
    "write_training_args",
]

__getattr__ = opened_on_demand(__name__, _HOME)
