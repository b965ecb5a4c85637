"""Makes packed-weights.json: small networks, and their weights as int8.

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy && python packed-weights.py

Integers and scales are computed here by numpy, channel by channel; the outputs are native
onnxruntime's, of the same network in float32 whose weights are these integers times their scales.
The input is sin(i / 7), element by element.
"""

import base64
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

ort.set_default_logger_severity(4)
rng = np.random.default_rng(7)


def weight(*shape):
    """Channels of very different sizes, as batch norms leave them."""
    return (rng.standard_normal(shape) * np.exp(rng.standard_normal((shape[0],) + (1,) * (len(shape) - 1)))).astype(np.float32)


def packed(w, axis):
    channels = np.moveaxis(w, axis, 0)
    integers, scales = np.empty_like(channels, np.int8), []
    for i, channel in enumerate(channels):
        scale = np.float32(np.abs(channel).max() / 127) or np.float32(1)
        integers[i] = np.clip(np.rint(channel.astype(np.float64) / np.float64(scale)), -127, 127)
        scales.append(scale)
    scales = np.array(scales, np.float32)
    shape = [-1 if i == axis else 1 for i in range(w.ndim)]
    integers = np.moveaxis(integers, 0, axis)
    return integers, scales, integers.astype(np.float32) * scales.reshape(shape)


def model(nodes, constants, shape, type_=T.FLOAT):
    graph = h.make_graph(
        nodes, "g", [h.make_tensor_value_info("x", type_, shape)], [h.make_tensor_value_info("y", T.FLOAT, None)],
        [nh.from_array(value, name) for name, value in constants.items()])
    made = h.make_model(graph, opset_imports=[h.make_opsetid("", 17)], ir_version=8)
    return made


def case(what, nodes, constants, axes, shape, type_=T.FLOAT):
    count = int(np.prod(shape))
    x = np.sin(np.arange(count, dtype=np.float64) / 7).astype(np.float32).reshape(shape)
    if type_ == T.INT64:
        x = (np.arange(count) * 5 % 40).reshape(shape)
    weights, wide = {}, dict(constants)
    for name, axis in axes.items():
        integers, scales, wide[name] = packed(constants[name], axis)
        weights[name] = {"axis": axis, "dims": list(integers.shape),
                         "integers": base64.b64encode(integers.tobytes()).decode(),
                         "scales": [float(scale) for scale in scales]}
    run = ort.InferenceSession(model(nodes, wide, shape, type_).SerializeToString(), providers=["CPUExecutionProvider"])
    (y,) = run.run(None, {"x": x})
    return {"what": what, "model": base64.b64encode(model(nodes, constants, shape, type_).SerializeToString()).decode(),
            "shape": shape, "type": "int64" if type_ == T.INT64 else "float32", "weights": weights,
            "output": [round(float(value), 6) for value in y.flatten()]}


node = h.make_node
halfway = weight(4, 256)
halfway[:, 0] = 127  # a scale of one, so that halves are halves
halfway[:, 1:9] = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 3.5, -3.5]
halfway[:, 9:] = np.clip(halfway[:, 9:], -100, 100)
zeros = weight(8, 100)
zeros[3] = 0
cases = [
    case("convolutions, one of them depthwise; a bias and a small weight stay",
         [node("Conv", ["x", "w", "b"], ["a"], pads=[1, 1, 1, 1]), node("Relu", ["a"], ["r"]),
          node("Conv", ["r", "d"], ["s"], group=64), node("Conv", ["s", "small"], ["y"])],
         {"w": weight(64, 3, 3, 3), "b": weight(64), "d": weight(64, 1, 3, 3), "small": weight(2, 64, 1, 1)},
         {"w": 0, "d": 0}, [1, 3, 6, 6]),
    case("a transposed convolution", [node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])],
         {"w": weight(16, 8, 2, 2)}, {"w": 1}, [1, 16, 2, 2]),
    case("Gemm both ways", [node("Gemm", ["x", "w", "b"], ["a"], transB=1), node("Gemm", ["a", "v"], ["y"])],
         {"w": weight(40, 20), "b": weight(40), "v": weight(40, 15)}, {"w": 0, "v": 1}, [2, 20]),
    case("matrices, one in a stack", [node("MatMul", ["x", "w"], ["a"]), node("MatMul", ["a", "v"], ["y"])],
         {"w": weight(20, 30), "v": weight(2, 30, 12)}, {"w": 1, "v": 2}, [2, 3, 20]),
    case("a table of vectors", [node("Gather", ["t", "x"], ["y"])], {"t": weight(40, 16)}, {"t": 0}, [1, 5], T.INT64),
    case("halves go to the even neighbour", [node("Gemm", ["x", "w"], ["y"], transB=1)], {"w": halfway}, {"w": 0}, [1, 256]),
    case("a channel of zeros", [node("Gemm", ["x", "w"], ["y"], transB=1)], {"w": zeros}, {"w": 0}, [1, 100]),
]
target = Path(__file__).with_name("packed-weights.json")
target.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
