"""Encoder, masked mean pooling, dropout and a linear head, around any ``AutoModel`` encoder.

Needs torch and transformers alone: ``save_pretrained`` copies this file into the checkpoint, so that
``trust_remote_code=True`` loads it where this package is not installed.
"""

import inspect
import logging
from typing import Any, cast

import torch
from torch import nn
from transformers import MODEL_MAPPING, AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils.generic import can_return_tuple

from .configuration_mean_pooled import MeanPooledConfig

logger = logging.getLogger(__name__)


class MeanPooledForSequenceClassification(PreTrainedModel):
    """Classifier over the mean of an encoder's token embeddings.

        pooled = sum_t mask_t hidden_t / sum_t mask_t
        logits = W dropout(pooled) + b

    Where ``config.decision`` holds a decision by cost, ``logits`` are its scores, except while training.

    Args:
        config: the configuration; the encoder is built from ``config.text_config`` with random weights.

    Shape:
        - input_ids, attention_mask: ``(batch, length)``; labels: ``(batch,)``.
        - logits: ``(batch, num_labels)``; loss: scalar cross-entropy where labels are given.

    Reference:
        Tsai et al.: Mitigating Data Imbalance in Automated Speaking Assessment. 2025, arXiv 2509.03010 (mean pooling
        over the tokens of the last layer, dropout 0.1).

    Examples:
        >>> config = MeanPooledConfig({"model_type": "bert", "hidden_size": 8, "num_attention_heads": 2,
        ...     "num_hidden_layers": 1, "intermediate_size": 8, "vocab_size": 10}, num_labels=5)
        >>> model = MeanPooledForSequenceClassification(config)
        >>> model(input_ids=torch.tensor([[1, 2, 3]])).logits.shape
        torch.Size([1, 5])
    """

    config_class = MeanPooledConfig
    base_model_prefix = "encoder"
    supports_gradient_checkpointing = True
    # The loss is a mean over the batch, so Trainer has to divide it by the number of accumulation steps.
    accepts_loss_kwargs = False
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True

    def __init__(self, config: MeanPooledConfig):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.encoder = AutoModel.from_config(config.text_config, **_without_pooler(config.text_config))
        dropout = config.classifier_dropout
        if dropout is None:
            dropout = getattr(config.text_config, "hidden_dropout_prob", 0.1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(config.text_config.hidden_size, cast(int, config.num_labels))
        self.post_init()

    @classmethod
    def from_encoder(
        cls,
        name_or_path: str,
        *,
        classifier_dropout: float | None = 0.1,
        encoder_kwargs: dict[str, Any] | None = None,
        **config_kwargs: Any,
    ) -> "MeanPooledForSequenceClassification":
        """Put a new, randomly initialised head on a pretrained encoder.

        Args:
            name_or_path: a Hub id or a folder that ``AutoModel`` loads.
            classifier_dropout: probability of dropout before the head; 0.1 as in the paper.
            encoder_kwargs: passed to ``AutoModel.from_pretrained``, such as ``attn_implementation``; ``dtype`` is
                float32 unless given, whatever the weights were saved in.
            **config_kwargs: passed to ``MeanPooledConfig``, such as ``num_labels=5`` and ``id2label``.

        Returns:
            The model.

        Raises:
            ValueError: ``id2label`` does not name each of ``num_labels`` labels.
        """
        _check_label_names(**config_kwargs)
        # Half precision cannot be trained as it is; None in place of False would ask on the terminal.
        encoder_kwargs = {"dtype": torch.float32, "trust_remote_code": False, **(encoder_kwargs or {})}
        trust_remote_code = encoder_kwargs["trust_remote_code"]
        text_config = AutoConfig.from_pretrained(name_or_path, trust_remote_code=trust_remote_code)
        encoder, found = AutoModel.from_pretrained(
            name_or_path,
            config=text_config,
            output_loading_info=True,
            **_without_pooler(text_config),
            **encoder_kwargs,
        )
        if missing := sorted(found["missing_keys"]):
            logger.warning(
                "%s lacks %d weights, such as %s: they start random.", name_or_path, len(missing), missing[0]
            )
        encoder.config._name_or_path = ""  # a local path would end up in the published config.json
        config = cls.config_class(text_config=encoder.config, classifier_dropout=classifier_dropout, **config_kwargs)
        model = cls(config)
        model.encoder = encoder
        model.classifier.to(encoder.dtype)
        return model

    @can_return_tuple
    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Logits, and the cross-entropy where labels are given; other keywords go to the encoder."""
        if input_ids is not None and not torch.compiler.is_compiling():
            max_length = self.config.max_tokens or _num_positions(self.config.text_config)
            input_ids, attention_mask, token_type_ids = _cut(
                input_ids, attention_mask, token_type_ids, max_length=max_length
            )
        if token_type_ids is not None:
            kwargs["token_type_ids"] = token_type_ids
        outputs = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, inputs_embeds=inputs_embeds, **kwargs
        )
        hidden = outputs.last_hidden_state  # (batch, length, hidden_size)
        if attention_mask is None:
            attention_mask = torch.ones(hidden.shape[:2], device=hidden.device)
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)  # (batch, length, 1)
        pooled = (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)  # (batch, hidden_size)
        logits = self.classifier(self.dropout(pooled))  # (batch, num_labels)
        if not self.training:
            logits = _decided(logits, self.config.decision)
        loss = None
        if labels is not None:
            loss = self.loss_function(labels=labels, pooled_logits=logits, logits=logits, config=self.config)
        return SequenceClassifierOutput(
            loss=loss, logits=logits, hidden_states=outputs.hidden_states, attentions=outputs.attentions
        )


def _decided(logits: torch.Tensor, decision: Any) -> torch.Tensor:
    """Scores of a decision by cost, ``blv_trainer.decision.Decision.apply``; a shift alone is in the last layer."""
    power = decision.get("power", 0.0) if isinstance(decision, dict) else 0.0
    if not power:
        return logits
    logits = logits.float()  # in bf16 the costs of neighbouring levels are often the same number
    p = ((logits + logits.new_tensor(decision["shift"])) / decision["temperature"]).softmax(dim=-1)
    levels = torch.arange(p.shape[-1], device=p.device, dtype=p.dtype)
    cost = (levels[:, None] - levels).abs() ** power  # (num_labels, num_labels)
    # No matrix product, which mixed precision and int8 exports would round.
    return -(p.unsqueeze(-1) * cost).sum(dim=-2) / decision["sharpness"]


def _check_label_names(num_labels: int | None = None, id2label: Any = None, **_: Any) -> None:
    if id2label is None:
        return
    expected = len(id2label) if num_labels is None else num_labels
    if not isinstance(id2label, dict) or {str(key) for key in id2label} != {str(k) for k in range(expected)}:
        raise ValueError(
            f"id2label={id2label!r} cannot be used: give {{0: 'lowest', 1: ...}} with a name for each of {expected} "
            "labels, as dict(enumerate(names)) does."
        )


def _num_positions(text_config: PretrainedConfig) -> int | None:
    """Tokens that the encoder has positions for; None where it sets no limit."""
    positions: Any = getattr(text_config, "max_position_embeddings", None)
    if text_config.model_type in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        positions -= 2  # their position ids start after the padding index
    return positions


def _cut(
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    token_type_ids: torch.Tensor | None,
    *,
    max_length: int | None,
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
    """Cut texts that are too long as ``truncation=True`` of a tokenizer does: the last token kept is the closing one.

    ``pipeline("text-classification")`` does not truncate by itself, and no setting of a saved tokenizer makes it.
    """
    if max_length is None or input_ids.shape[1] <= max_length:
        return input_ids, attention_mask, token_type_ids
    if attention_mask is None:
        attention_mask = torch.ones_like(input_ids)
    cut = input_ids[:, :max_length].clone()  # (batch, max_length)
    if not attention_mask[:, 0].all():  # padded on the left: the text's end is at the end
        raise ValueError(
            f"texts of up to {input_ids.shape[1]} tokens are too long for {max_length} positions: give the tokenizer "
            "truncation=True."
        )
    lengths = attention_mask.sum(dim=1)  # (batch,)
    last = input_ids.gather(1, lengths.unsqueeze(1) - 1)  # (batch, 1)
    cut[:, -1:] = torch.where(lengths.unsqueeze(1) > max_length, last, cut[:, -1:])
    return cut, attention_mask[:, :max_length], None if token_type_ids is None else token_type_ids[:, :max_length]


def _without_pooler(text_config: PretrainedConfig) -> dict[str, bool]:
    """BERT-like encoders build a pooler that nothing here uses: unused weights trouble DDP and fill checkpoints."""
    encoder_class: Any = MODEL_MAPPING[type(text_config)]
    if isinstance(encoder_class, (list, tuple)):
        encoder_class = encoder_class[0]
    has_pooler = "add_pooling_layer" in inspect.signature(encoder_class.__init__).parameters
    return {"add_pooling_layer": False} if has_pooler else {}


# Writes auto_map into saved configs and copies the two files beside the weights.
MeanPooledConfig.register_for_auto_class()
MeanPooledForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
