"""openai-whisper's weights in the format of faster-whisper, so that both can be timed at the same work."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import whisper
from whisper.model import Whisper

_RENAMED = (  # in this order
    ("blocks.", "layers."),
    ("cross_attn_ln", "encoder_attn_layer_norm"),
    ("attn_ln", "self_attn_layer_norm"),
    ("mlp_ln", "final_layer_norm"),
    ("mlp.0", "fc1"),
    ("mlp.2", "fc2"),
    ("cross_attn.", "encoder_attn."),
    (".attn.", ".self_attn."),
    (".query.", ".q_proj."),
    (".key.", ".k_proj."),
    (".value.", ".v_proj."),
    ("_attn.out.", "_attn.out_proj."),
    ("ln_post.", "layer_norm."),
    ("decoder.ln.", "decoder.layer_norm."),
    ("token_embedding", "embed_tokens"),
    ("positional_embedding", "embed_positions.weight"),
)


def write_for_faster_whisper(model: Whisper, folder: str | os.PathLike) -> None:
    """Writes a folder that ``faster_whisper.WhisperModel`` loads.

    The numbers are the model's; the words are not, as the vocabulary names tokens by their numbers.

    Args:
        model: In float32 on a processor.
        folder: An empty one.
    """
    import tokenizers
    from ctranslate2.converters.transformers import WhisperLoader

    dims = model.dims
    spec = WhisperLoader().get_model_spec(_as_transformers(model))
    special = {token: text for text, token in whisper.tokenizer.get_tokenizer(True).encoding._special_tokens.items()}
    names = [special.get(token, f"t{token}") for token in range(dims.n_vocab)]
    names = ["<|nocaptions|>" if name == "<|nospeech|>" else name for name in names]
    spec.register_vocabulary(names)
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [220, 50_257]  # blank, end of text
    upper = range(dims.n_text_layer // 2, dims.n_text_layer)
    spec.config.alignment_heads = list(itertools.product(upper, range(dims.n_text_head)))
    spec.config.lang_ids = list(range(50_259, 50_358))
    spec.validate()
    spec.optimize(quantization=None)
    spec.save(os.fspath(folder))
    vocabulary = {name: token for token, name in enumerate(names)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="t0"))
    tokenizer.save(os.fspath(Path(folder, "tokenizer.json")))


def _as_transformers(model: Whisper):
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    dims = model.dims
    config = WhisperConfig(
        vocab_size=dims.n_vocab,
        d_model=dims.n_text_state,
        encoder_layers=dims.n_audio_layer,
        decoder_layers=dims.n_text_layer,
        encoder_attention_heads=dims.n_audio_head,
        decoder_attention_heads=dims.n_text_head,
        encoder_ffn_dim=4 * dims.n_audio_state,
        decoder_ffn_dim=4 * dims.n_text_state,
    )
    state = {}
    for name, weight in model.state_dict().items():
        for ours, theirs in _RENAMED:
            name = name.replace(ours, theirs)
        state[f"model.{name}"] = weight
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    converted = WhisperForConditionalGeneration(config).eval()
    converted.load_state_dict(state)
    return converted
