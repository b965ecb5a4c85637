"""Makes the small models that the model server is tested on: `python make_models.py FOLDER`.

- `affine.onnx`: x FP32 [N, 4] -> y FP32 [N, 3] = x W + b, label INT64 [N] = the place of y's largest.
- `ident.onnx`: what comes in, for one of each of BOOL, INT64, FP64 and BYTES [N]: in_BOOL -> out_BOOL, ...
"""
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = helper.make_opsetid("", 17)


def save(graph: onnx.GraphProto, path: Path) -> None:
    model = helper.make_model(graph, opset_imports=[OPSET], ir_version=8, producer_name="tabserve")
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def affine() -> onnx.GraphProto:
    weights = np.array([[1, 0, 0.5], [0, 1, 0.5], [-1, 0, 0.25], [0, -1, 0.25]], np.float32)
    bias = np.array([0.125, 0.25, -0.5], np.float32)
    return helper.make_graph(
        [
            helper.make_node("Gemm", ["x", "weights", "bias"], ["y"]),
            helper.make_node("ArgMax", ["y"], ["label"], axis=1, keepdims=0),
        ],
        "affine",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [
            helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
        ],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(bias, "bias")],
    )


def ident() -> onnx.GraphProto:
    types = {
        "BOOL": TensorProto.BOOL,
        "INT64": TensorProto.INT64,
        "FP64": TensorProto.DOUBLE,
        "BYTES": TensorProto.STRING,
    }

    def values(prefix: str) -> list:
        return [
            helper.make_tensor_value_info(f"{prefix}_{name}", of, ["N"])
            for name, of in types.items()
        ]

    nodes = [helper.make_node("Identity", [f"in_{name}"], [f"out_{name}"]) for name in types]
    return helper.make_graph(nodes, "ident", values("in"), values("out"))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    save(affine(), folder / "affine.onnx")
    save(ident(), folder / "ident.onnx")
