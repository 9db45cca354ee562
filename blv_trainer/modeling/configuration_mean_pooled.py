"""Configuration of an encoder with masked mean pooling and a linear head.

Needs transformers alone: ``save_pretrained`` copies this file into the checkpoint, for ``trust_remote_code=True``.
"""

from typing import Any

from transformers import AutoConfig, PretrainedConfig


class MeanPooledConfig(PretrainedConfig):
    """Configuration of ``MeanPooledForSequenceClassification``.

    Args:
        text_config: the encoder's configuration or its dictionary; None for BERT's defaults.
        classifier_dropout: probability of dropout before the linear head; None for the encoder's own
            ``hidden_dropout_prob``, or 0.1 where it has none.
        class_counts: training examples of each class, in label order, where known.
        training_loss: name and options of the loss that trained the head, where known.
        max_tokens: tokens after which a text is cut; None for as many as the encoder has positions for.
        decision: how logits become a level: "raw" is the largest logit; else what ``blv_trainer.decision.fold`` wrote.
        **kwargs: what every ``PretrainedConfig`` takes, such as ``num_labels`` and ``id2label`` in ordinal order.

    Raises:
        ValueError: another model's configuration is loaded as this one.
    """

    model_type = "blv-mean-pooled"
    sub_configs = {"text_config": AutoConfig}  # noqa: RUF012 - the name and form that transformers looks for

    def __init__(
        self,
        text_config: PretrainedConfig | dict[str, Any] | None = None,
        classifier_dropout: float | None = None,
        class_counts: list[int] | None = None,
        training_loss: dict[str, Any] | None = None,
        decision: str | dict[str, Any] = "raw",
        max_tokens: int | None = None,
        **kwargs: Any,
    ):
        if text_config is None:
            text_config = {"model_type": "bert"}
        if isinstance(text_config, dict):
            text_config = AutoConfig.for_model(**text_config)
        self.text_config: PretrainedConfig = text_config
        self.classifier_dropout = classifier_dropout
        self.class_counts = class_counts
        self.training_loss = training_loss
        self.decision = decision
        self.max_tokens = max_tokens
        if kwargs.get("id2label") and not kwargs.get("label2id"):
            kwargs["label2id"] = {name: int(k) for k, name in kwargs["id2label"].items()}
        super().__init__(**kwargs)

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any) -> Any:
        """Build from a dictionary, refusing those of other models.

        Without this, ``from_pretrained("bert-base-uncased")`` would give a randomly initialised encoder.
        """
        model_type = config_dict.get("model_type", cls.model_type)
        if model_type != cls.model_type:
            raise ValueError(
                f"this is a checkpoint of type {model_type!r}, not {cls.model_type!r}: to put a new classifier on a "
                "pretrained encoder use MeanPooledForSequenceClassification.from_encoder(...)."
            )
        return super().from_dict(config_dict, **kwargs)
