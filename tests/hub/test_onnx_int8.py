"""Quantisation, on one linear layer written by hand."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from blv_trainer.hub.onnx_int8 import quantize_int8
from blv_trainer.hub.onnx_outliers import find_outliers, separate

WIDTH = 128
OUTLIER = 17
GENERATOR = np.random.default_rng(0)
WEIGHTS = [GENERATOR.normal(size=(WIDTH, 8)).astype(np.float32) for _ in range(2)]
X = GENERATOR.normal(size=(3, 5, WIDTH)).astype(np.float32)
X[..., OUTLIER] *= 40


@pytest.fixture
def model():
    """Two linear layers over the same input, joined; float32."""
    nodes = [helper.make_node("MatMul", ["x", f"w{k}"], [f"y{k}"], name=f"linear{k}") for k in (0, 1)]
    nodes.append(helper.make_node("Concat", ["y0", "y1"], ["y"], name="join", axis=-1))
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "length", WIDTH])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "length", 16])],
        [numpy_helper.from_array(weight, f"w{k}") for k, weight in enumerate(WEIGHTS)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def run(model, x=X):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"x": x})[0]


def error_of_int8(model, path, calibration):
    onnx.save(model, path)
    quantize_int8(path, [{"x": calibration}])
    return np.abs(run(onnx.load(path)) - X @ np.concatenate(WEIGHTS, axis=1)).max()


def test_the_channel_that_stands_out_is_found(model):
    outliers = find_outliers(model, [{"x": X[:1]}, {"x": X[1:]}])
    assert {place: channels.tolist() for place, channels in outliers.items()} == {"x": [OUTLIER]}


def test_where_no_channel_stands_out_nothing_is_changed(model):
    before = model.SerializeToString()
    plain = np.random.default_rng(1).normal(size=X.shape).astype(np.float32)
    assert find_outliers(model, [{"x": plain}]) == {}
    assert separate(model, {}) == []
    assert model.SerializeToString() == before


def test_setting_outliers_apart_changes_no_result(model):
    kept = separate(model, {"x": np.array([3, OUTLIER])})
    onnx.checker.check_model(model)
    np.testing.assert_allclose(run(model), X @ np.concatenate(WEIGHTS, axis=1), rtol=1e-5, atol=1e-4)
    assert kept == ["x.few", "y0.few", "y1.few"]


def test_int8_errs_less_with_outliers_apart(model, tmp_path):
    apart = error_of_int8(model, tmp_path / "apart.onnx", X)
    together = error_of_int8(model, tmp_path / "together.onnx", np.ones_like(X))  # nothing stands out here
    assert 0 < apart < together / 5


def test_int8_weights_take_a_byte_each(model, tmp_path):
    error_of_int8(model, tmp_path / "model.onnx", X)
    weights = {t.name: t for t in onnx.load(tmp_path / "model.onnx").graph.initializer}
    matrices = [t for t in weights.values() if list(t.dims) == [WIDTH, 8]]
    assert [t.data_type for t in matrices] == [TensorProto.INT8] * 2
    assert not list(tmp_path.glob("*.int8"))
