"""Convolutions over a grid of shapes: where exactly the engine is wrong."""

import itertools

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from native import run
from pack import Pack


def conv(rng, cin, cout, kernel, group=1, stride=1, pads=None, dilation=1, size=9, dynamic=False, batch=1, op="Conv"):
    kh, kw = kernel
    shape = (cout, cin // group, kh, kw) if op == "Conv" else (cin, cout // group, kh, kw)
    weight = rng.normal(0, 0.3, shape).astype(np.float32)
    bias = rng.normal(0, 0.3, cout).astype(np.float32)
    pads = pads if pads is not None else [kh // 2, kw // 2, kh // 2, kw // 2]
    node = helper.make_node(
        op, ["x", "w", "b"], ["y"], kernel_shape=[kh, kw], group=group, pads=pads,
        strides=[stride, stride], dilations=[dilation, dilation],
    )  # fmt: skip
    x = rng.normal(0, 1, (batch, cin, size, size)).astype(np.float32)
    inputs = {"x": x}
    values = [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)]
    initial = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
    if dynamic:
        inputs["w"] = weight
        values.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, weight.shape))
        initial = initial[1:]
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "conv", values, [y], initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString(), inputs


def add_grid(pack: Pack, seed: int):
    rng = np.random.default_rng(seed)

    def add(**kw):
        model, inputs = conv(rng, **kw)
        name = "_".join(f"{key}{value}".replace(" ", "") for key, value in kw.items())
        about = {"op": kw.get("op", "Conv"), **{k: v for k, v in kw.items() if k != "op"}}
        pack.add(f"grid_{name}", "grid", model, inputs, run(model, inputs), about)

    for cin, cout in itertools.product(range(1, 28), (4, 5, 6, 8, 16)):
        add(cin=cin, cout=cout, kernel=[3, 3])
    for cin, cout in itertools.product((3, 6, 9, 10, 12, 15, 18, 21, 33, 36, 39), (3, 4, 12, 20, 30, 32, 64)):
        add(cin=cin, cout=cout, kernel=[5, 5])
    for kernel in ([1, 1], [1, 3], [3, 1], [2, 2], [1, 2], [7, 7]):
        for cin in (6, 9, 8, 12, 15):
            add(cin=cin, cout=16, kernel=kernel)
    for cin, cout in itertools.product((6, 9, 15), (8, 16)):
        add(cin=cin, cout=cout, kernel=[3, 3], stride=2)
        add(cin=cin, cout=cout, kernel=[3, 3], dilation=2)
        add(cin=cin, cout=cout, kernel=[3, 3], pads=[0, 0, 0, 0])
        add(cin=cin, cout=cout, kernel=[3, 3], batch=3)
        add(cin=cin, cout=cout, kernel=[3, 3], dynamic=True)
        add(cin=cin, cout=cout, kernel=[3, 3], size=32)
        add(cin=cin, cout=cout, kernel=[1, 1], stride=2)
        add(cin=cin, cout=cout, kernel=[1, 1], pads=[1, 1, 1, 1])
        # The whole picture under one kernel.
        add(cin=cin, cout=cout, kernel=[9, 9], pads=[0, 0, 0, 0])
    for group, per, out in itertools.product((2, 3, 4, 6), (1, 3, 4, 6, 9), (1, 2, 4, 8)):
        add(cin=group * per, cout=group * out, kernel=[3, 3], group=group)
    for cin, cout in itertools.product((3, 6, 8, 9, 15), (4, 6, 8, 16)):
        add(op="ConvTranspose", cin=cin, cout=cout, kernel=[3, 3])
        add(op="ConvTranspose", cin=cin, cout=cout, kernel=[2, 2], stride=2, pads=[0, 0, 0, 0])
    for group, per, out in itertools.product((2, 3, 4), (1, 3, 6), (1, 4)):
        add(op="ConvTranspose", cin=group * per, cout=group * out, kernel=[3, 3], group=group)


def add_transposed(pack: Pack, seed: int):
    """Transposed convolutions in groups: channels in and out of each group."""
    rng = np.random.default_rng(seed)
    for group, per, out in itertools.product((1, 2, 3, 4), (1, 2, 3, 4, 5, 6, 8, 9, 12), (1, 2, 3)):
        model, inputs = conv(rng, group * per, group * out, [3, 3], group=group, op="ConvTranspose")
        about = {"op": "ConvTranspose", "group": group, "inputs": per, "outputs": out}
        pack.add(f"transposed_g{group}_in{per}_out{out}", "transposed", model, inputs, run(model, inputs), about)
    for per, out, extra in itertools.product(
        (3, 4, 6), (1, 2), ({"kernel": [2, 2], "stride": 2, "pads": [0, 0, 0, 0]}, {"kernel": [1, 1]}, {"kernel": [3, 3], "stride": 2},
        {"kernel": [3, 3], "dilation": 2}),
    ):
        model, inputs = conv(rng, 2 * per, 2 * out, group=2, op="ConvTranspose", **extra)
        about = {"op": "ConvTranspose", "group": 2, "inputs": per, "outputs": out, **extra}
        pack.add(f"transposed_g2_in{per}_out{out}_{extra}", "transposed", model, inputs, run(model, inputs), about)
