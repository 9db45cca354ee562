"""Outlying channels of an ONNX model's activations, kept out of what is quantised.

In encoders such as BERT, one or two channels of a layer have activations several times as large as all others. Scaled
to eight bits together with them, the others lose most of their resolution. So a linear layer over tokens becomes

    x W = (x without channels O) W + x[O] W[O]

with the first product in eight bits, the second, over a handful of channels, in float32.

Reference:
    Dettmers et al.: LLM.int8(): 8-bit Matrix Multiplication for Transformers at Scale. NeurIPS 2022, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

OUTLIER_RATIO = (
    2.0  # a channel stands out if its peak is above so many times the 99th percentile of all channels' peaks
)


def find_outliers(model: ModelProto, batches: Iterable[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Find the channels that stand out where linear layers take their inputs.

    Args:
        model: in float32.
        batches: inputs of the model, on which the activations are looked at.

    Returns:
        For each such place its outlying channels, int64 ``(num_outliers,)``; places without any are left out.
    """
    import onnx
    import onnxruntime

    places = list(_linear_layers(model))
    opened = onnx.ModelProto()
    opened.CopyFrom(model)
    opened.graph.output.extend(onnx.helper.make_empty_tensor_value_info(place) for place in places)
    session = onnxruntime.InferenceSession(opened.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [value.name for value in session.get_inputs()]
    peaks = {place: np.zeros(1, np.float32) for place in places}
    for batch in batches:
        activations = session.run(places, {name: batch[name] for name in names})
        for place, values in zip(places, activations, strict=True):
            peaks[place] = np.maximum(peaks[place], np.abs(values).reshape(-1, values.shape[-1]).max(axis=0))
    outliers = {place: np.flatnonzero(peak > OUTLIER_RATIO * np.percentile(peak, 99)) for place, peak in peaks.items()}
    return {place: channels.astype(np.int64) for place, channels in outliers.items() if len(channels)}


def separate(model: ModelProto, outliers: Mapping[str, np.ndarray]) -> list[str]:
    """Change the model, in place, to the sum above; what it computes stays the same.

    Args:
        model: in float32.
        outliers: as ``find_outliers`` gives them.

    Returns:
        Names of the new nodes, which must not be quantised.
    """
    layers, new = _linear_layers(model), []
    for place, channels in outliers.items():
        first = _position(model, layers[place][0])
        _insert(
            model, first, "Gather", [place, _constant(model, f"{place}.outliers", channels)], f"{place}.few", axis=-1
        )
        new.append(f"{place}.few")
        width = len(_weight(model, layers[place][0]))
        rest = np.ones(width, np.float32)
        rest[channels] = 0
        _insert(model, first + 1, "Mul", [place, _constant(model, f"{place}.mask", rest)], f"{place}.rest")
        for node in layers[place]:
            new.append(_separate_layer(model, node, place, channels))
    del model.graph.value_info[:]  # shapes that may no longer hold; they are inferred anew
    return new


def _separate_layer(model: ModelProto, node: NodeProto, place: str, channels: np.ndarray) -> str:
    weight, output = _weight(model, node), node.output[0]  # (in_features, out_features)
    few = _constant(model, f"{node.name}.weight.few", weight[channels])
    rest = weight.copy()
    rest[channels] = 0  # they do not widen the scale of the others
    node.input[:] = [f"{place}.rest", _constant(model, f"{node.name}.weight.rest", rest)]
    node.output[:] = [f"{output}.rest"]
    position = _position(model, node) + 1
    _insert(model, position, "MatMul", [f"{place}.few", few], f"{output}.few")
    _insert(model, position + 1, "Add", [f"{output}.rest", f"{output}.few"], output)
    return f"{output}.few"


def _linear_layers(model: ModelProto) -> dict[str, list[NodeProto]]:
    """Matrix products with a constant, by the name of what they are applied to."""
    constants = {tensor.name for tensor in model.graph.initializer}
    layers: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants and node.input[0] not in constants:
            layers.setdefault(node.input[0], []).append(node)
    return layers


def _weight(model: ModelProto, node: NodeProto) -> np.ndarray:
    from onnx import numpy_helper

    return numpy_helper.to_array(next(t for t in model.graph.initializer if t.name == node.input[1]))


def _constant(model: ModelProto, name: str, values: np.ndarray) -> str:
    from onnx import numpy_helper

    model.graph.initializer.append(numpy_helper.from_array(values, name))
    return name


def _insert(model: ModelProto, position: int, operator: str, inputs: list[str], output: str, **attributes: Any) -> None:
    from onnx import helper

    model.graph.node.insert(position, helper.make_node(operator, inputs, [output], name=output, **attributes))


def _position(model: ModelProto, node: NodeProto) -> int:
    return next(i for i, other in enumerate(model.graph.node) if other.name == node.name)
