"""Tells transformers and datasets about our model, task and corpus as soon as they are imported.

Neither has a plugin mechanism: a name is known once their registries hold it. Filling them here at import would load
torch, transformers and datasets (seconds) for a mere ``blv-trainer --help``; a post-import hook fills them when the
library comes, whichever of the two is imported first. The hook of transformers sits on its top-level module: that is
lazy and whole when the hook runs, whereas its submodules import each other in circles.
"""

import importlib
from types import ModuleType

from wrapt import when_imported


@when_imported("transformers")
def _register_model(_module: ModuleType) -> None:
    from transformers import AutoConfig, AutoModelForSequenceClassification

    # From the files, not the package: blv_trainer.modeling may be the one whose import brought us here.
    from blv_trainer.modeling.configuration_mean_pooled import MeanPooledConfig
    from blv_trainer.modeling.modeling_mean_pooled import MeanPooledForSequenceClassification

    AutoConfig.register(MeanPooledConfig.model_type, MeanPooledConfig, exist_ok=True)
    AutoModelForSequenceClassification.register(MeanPooledConfig, MeanPooledForSequenceClassification, exist_ok=True)


@when_imported("transformers.pipelines")
def _register_task(_module: ModuleType) -> None:
    importlib.import_module("blv_trainer.pipelines")  # registers at its end, also where its own import brought us here


@when_imported("datasets.load")
def _register_corpus(load: ModuleType) -> None:
    from blv_trainer.corpora._builders import register

    register(load)
