"""The mean-pooled classifier: configuration and model, self-contained, copied into every saved checkpoint."""

# First, because importing transformers runs our registration hook, which needs the two files below whole.
import transformers  # noqa: F401

from blv_trainer.modeling.configuration_mean_pooled import MeanPooledConfig
from blv_trainer.modeling.modeling_mean_pooled import MeanPooledForSequenceClassification

__all__ = ["MeanPooledConfig", "MeanPooledForSequenceClassification"]
