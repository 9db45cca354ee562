"""Text classifiers on long-tailed, ordered labels, in the Hugging Face way.

Data runs one way through the rooms of this package; each imports only from rooms above it, through their doors: what a
room's ``__init__`` lists in ``__all__``.

- ``checks``, ``files``, ``run_folder``: what doors check; files that are there whole or not at all; what a run leaves.
- ``asr``: recordings to transcripts by Whisper, batched and resumable.
- ``corpora``: your own table, the ICNALE-ASA corpus, an invented one for demos; splits.
- ``metrics``: ``evaluate`` modules and pure functions; ``METRICS``, ``make_compute_metrics``.
- ``evaluation``: labels and logits in, ``Scores`` out: metrics, intervals, confusion, subgroups; figures.
- ``losses``: ``LOSSES``, ``build_loss``; one file per loss, ``blv`` is Balancing Logit Variation.
- ``decision``: from logits to a level: shift, temperature and cost, tuned, over whole groups, folded into a checkpoint.
- ``modeling``: an ``AutoModel`` encoder with masked mean pooling and a linear head.
- ``arguments``: what a run is told; ``training_arguments``: ``BLVTrainingArguments``; ``presets``: defaults that go
  together. ``prediction``: a saved model and texts in, logits and a table of levels out.
- ``hub``: the model card; checked, one-commit pushes; ONNX.
- ``trainer``: ``BLVTrainer``, in place of ``transformers.Trainer``; ``training``: what it is made of.
- ``experiments``: one training run; methods x seeds and the report that compares them.
- ``pipelines``: recordings in, transcript and level out: ``pipeline("speaking-assessment", model=DIR)``.
- ``app``: a page to try a model: speak, upload or paste (extra ``app``).
- ``cli``: ``blv-trainer demo | check | transcribe | prepare | train | compare | evaluate | predict | push | ...``.

Importing this package makes transformers know its model (``pipeline("text-classification", model=DIR)``).
The work is put off until transformers is imported, so that ``blv-trainer --help`` answers at once.
"""

from typing import TYPE_CHECKING

from blv_trainer import _registration as _registration
from blv_trainer._door import opened_on_demand

if TYPE_CHECKING:
    from blv_trainer.arguments import BLVTrainingArguments
    from blv_trainer.losses import LOSSES, BLVLoss, ImbalanceLoss, build_loss
    from blv_trainer.metrics import make_compute_metrics
    from blv_trainer.modeling import MeanPooledConfig, MeanPooledForSequenceClassification
    from blv_trainer.pipelines import SpeakingAssessmentPipeline
    from blv_trainer.trainer import BLVTrainer

__version__ = "0.1.0"

_HOME = {
    "arguments": ("BLVTrainingArguments",),
    "losses": ("LOSSES", "BLVLoss", "ImbalanceLoss", "build_loss"),
    "metrics": ("make_compute_metrics",),
    "modeling": ("MeanPooledConfig", "MeanPooledForSequenceClassification"),
    "pipelines": ("SpeakingAssessmentPipeline",),
    "trainer": ("BLVTrainer",),
}
__all__ = [
    "LOSSES",
    "BLVLoss",
    "BLVTrainer",
    "BLVTrainingArguments",
    "ImbalanceLoss",
    "MeanPooledConfig",
    "MeanPooledForSequenceClassification",
    "SpeakingAssessmentPipeline",
    "build_loss",
    "make_compute_metrics",
]


__getattr__ = opened_on_demand(__name__, _HOME)  # torch and transformers come with the first use of a name


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
