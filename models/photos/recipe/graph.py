"""The network as an ONNX graph, with weights in float32, float16, or int8 with a scale per output channel.

Written node by node: an exporter would put the uneven padding into nodes of its own.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from network import CLASSES, FEATURES, STEPS

OPSET = 17


def build(network, size, dtype, temperature=1.0):
    """A model with input `input` [N,3,size,size], outputs `logits` [N,1000] and `embedding` [N,1280], all float32.

    `dtype` says how the weights are stored: "fp32", "fp16" (float16 weights, cast to float32 in the graph) or "int8"
    (each weight an int8 with one float32 scale per output channel, read through DequantizeLinear). Whatever it is,
    inputs, activations and outputs are float32. The logits are divided by `temperature`.
    """
    nodes, constants = [], []

    def constant(name, values):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(kind, inputs, output, **attributes):
        nodes.append(helper.make_node(kind, inputs, [output], output, **attributes))
        return output

    def weight(layer, name, factor=1.0):
        scale = layer.scale.detach().double().flatten().numpy() * factor
        if dtype == "int8":
            stored = constant(f"{name}.int8", layer.integers().numpy().astype(np.int8))
            steps = constant(f"{name}.scale", (scale / STEPS).astype(np.float32))
            return node("DequantizeLinear", [stored, steps], f"{name}.weight", axis=0)
        values = layer.integers().double().numpy() / STEPS * scale.reshape(layer.scale.shape)
        if dtype == "fp16":
            return node("Cast", [constant(f"{name}.fp16", values.astype(np.float16))], f"{name}.weight",
                        to=TensorProto.FLOAT)
        return constant(f"{name}.weight", values.astype(np.float32))

    def bias(layer, name, factor=1.0):
        return constant(f"{name}.bias", (layer.bias.detach().double().numpy() * factor).astype(np.float32))

    low, high = constant("low", np.float32(0)), constant("high", np.float32(6))
    side = size

    def conv(layer, x, name):
        nonlocal side
        before, after = layer.pads(side)
        side = -(-side // layer.stride)
        x = node("Conv", [x, weight(layer, name), bias(layer, name)], f"{name}.out", group=layer.groups,
                 kernel_shape=[layer.kernel] * 2, strides=[layer.stride] * 2, pads=[before, before, after, after])
        return node("Clip", [x, low, high], f"{name}.clip") if layer.activation else x

    x = conv(network.stem, "input", "stem")
    for index, block in enumerate(network.blocks):
        y = x
        for which, layer in enumerate(block.convs):
            y = conv(layer, y, f"block{index}.{which}")
        x = node("Add", [y, x], f"block{index}.sum") if block.residual else y
    x = conv(network.head, x, "head")
    x = node("GlobalAveragePool", [x], "pooled")
    x = node("Flatten", [x], "embedding", axis=1)
    node("Gemm", [x, weight(network.classifier, "classifier", 1 / temperature),
                  bias(network.classifier, "classifier", 1 / temperature)], "logits", transB=1)

    def value(name, *shape):
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])

    graph = helper.make_graph(nodes, "photos", [value("input", 3, size, size)],
                              [value("logits", CLASSES), value("embedding", FEATURES)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8,
                              producer_name="photos recipe")
    onnx.checker.check_model(model, full_check=True)
    return model
