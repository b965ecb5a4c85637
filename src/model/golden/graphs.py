"""Makes random classifiers, and what is right for each: python graphs.py COUNT FILE

    pip install onnx==1.23.2 onnxruntime==1.32.0 numpy && python graphs.py 300 graphs.json

Ends, wrappers, shapes, types, further outputs, metadata and preprocessing in the graph are drawn at
random. The scores are native onnxruntime's logits (of the same graph with its logits as a further
output), through the end that was drawn, computed here in double precision; not what the graph's own
output would be read as. The input is (i * 7 % 11) / 5 - 1 (bytes: i * 7 % 256), element by element.
"""

import base64
import json
import random
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper as nh

ort.set_default_logger_severity(4)
count, target = int(sys.argv[1]), sys.argv[2]
rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
types = {"float32": (T.FLOAT, np.float32), "float16": (T.FLOAT16, np.float16), "float64": (T.DOUBLE, np.float64),
         "uint8": (T.UINT8, np.uint8), "int32": (T.INT32, np.int32), "int64": (T.INT64, np.int64)}
ends = ["none", "none", "softmax", "softmax", "sigmoid", "hardsigmoid", "logsoftmax", "log-of-softmax",
        "spelled-softmax", "spelled-sigmoid", "ensemble", "argmax", "topk", "verdict",
        "reciprocal-softmax", "normalised-sigmoid", "tanh-sigmoid", "function", "branches", "masked"]


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def make():
    end = rng.choice(ends)
    classes = rng.choice([1, 2, 3, 5, 7]) if end in ("none", "sigmoid", "hardsigmoid", "spelled-sigmoid", "tanh-sigmoid") else rng.choice([2, 3, 5, 7])
    in_type = rng.choice(["float32"] * 5 + ["float16", "float64", "uint8", "int32", "int64"])
    batch = rng.choice([1, "N", None, -1, 4])
    size = rng.choice([4, 8])
    nodes, constants, functions = [], [], []
    weights = np.random.RandomState(rng.randrange(1 << 30))
    counter = [0]

    def const(array):
        name = f"c{len(constants)}"
        constants.append(nh.from_array(np.asarray(array), name))
        return name

    def node(op, *inputs, outputs=1, **attributes):
        counter[0] += 1
        names = [f"v{counter[0]}_{i}" for i in range(outputs)]
        nodes.append(h.make_node(op, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    value = "x"
    if in_type != "float32":
        value = node("Cast", value, to=T.FLOAT)
    prefix = rng.choice(["none", "none", "none", "255", "imagenet255", "imagenet", "signed", "caffe", "quantised", "channels"])
    f = lambda *a: np.array(a, np.float32).reshape(1, -1, 1, 1) if len(a) > 1 else np.float32(a[0])
    if prefix in ("255", "imagenet255"):
        value = node("Div", value, const(f(255.0)))
    if prefix in ("imagenet", "imagenet255"):
        value = node("Sub", value, const(f(0.485, 0.456, 0.406)))
        value = node("Div", value, const(f(0.229, 0.224, 0.225)))
    if prefix == "signed":
        value = node("Mul", value, const(f(1 / 127.5)))
        value = node("Add", value, const(f(-1.0)))
    if prefix == "caffe":
        value = node("Gather", value, const(np.array([2, 1, 0], np.int64)), axis=1)
        value = node("Sub", value, const(f(103.939, 116.779, 123.68)))
    if prefix == "quantised":
        scale, zero = const(np.float32(2 / 255)), const(np.uint8(128))
        value = node("DequantizeLinear", node("QuantizeLinear", value, scale, zero), scale, zero)
        value = node("Div", node("Sub", value, const(f(0.485, 0.456, 0.406))), const(f(0.229, 0.224, 0.225)))
    if prefix == "channels":
        parts = node("Split", value, outputs=3, axis=1)
        parts = [node("Div", node("Sub", part, const(f(m))), const(f(s)))
                 for part, m, s in zip(parts, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
        value = node("Concat", *parts, axis=1)
    value = features = node("Conv", value, const(weights.randn(classes, 3, 1, 1).astype(np.float32)))
    value = node(rng.choice(["GlobalAveragePool", "GlobalMaxPool"]), value)
    pooled = value
    shape = rng.choice(["[N, C]", "[N, C]", "[N, C, 1, 1]", "[N, 1, C]"])
    if shape == "[N, C]":
        value = node("Flatten", value, axis=1)
    elif shape == "[N, 1, C]":
        value = node("Reshape", value, const(np.array([0, 1, classes] if batch == 1 or isinstance(batch, int) and batch > 0 else [-1, 1, classes], np.int64)))
    axis = 2 if shape == "[N, 1, C]" else 1
    if rng.random() < 0.3:
        value = node("Mul", value, const(np.float32(3)))
    logits = value

    def bounded():
        return node("Softmax", value, axis=axis)

    refused = None
    if end == "softmax":
        value = bounded()
    elif end == "sigmoid":
        value = node("Sigmoid", value)
    elif end == "hardsigmoid":
        value = node("HardSigmoid", value)
    elif end == "logsoftmax":
        value = node("LogSoftmax", value, axis=axis)
    elif end == "log-of-softmax":
        value = node("Log", bounded())
    elif end == "spelled-softmax":
        e = node("Exp", value)
        value = node("Div", e, node("ReduceSum", e, const(np.array([axis], np.int64)), keepdims=1))
    elif end == "spelled-sigmoid":
        one = const(np.float32(1))
        value = node("Div", one, node("Add", node("Exp", node("Neg", value)), one))
    elif end == "ensemble":
        a, b = bounded(), bounded()
        value = node("Mul", node("Add", a, b), const(np.float32(0.5)))
    elif end == "reciprocal-softmax":
        e = node("Exp", value)
        value = node("Mul", node("Reciprocal", node("ReduceSum", e, const(np.array([axis], np.int64)), keepdims=1)), e)
    elif end == "normalised-sigmoid":
        e = node("Sigmoid", value)
        value = node("Div", e, node("ReduceSum", e, const(np.array([axis], np.int64)), keepdims=1))
    elif end == "tanh-sigmoid":
        half = const(np.float32(0.5))
        value = node("Add", node("Mul", node("Tanh", node("Mul", value, half)), half), half)
    elif end == "function":
        counter[0] += 1
        nodes.append(h.make_node("Head", [value], [f"v{counter[0]}"], domain="own"))
        body = h.make_node("Softmax", ["logits"], ["scores"], axis=axis)
        functions.append(h.make_function("own", "Head", ["logits"], ["scores"], [body], [h.make_opsetid("", 17)]))
        value = f"v{counter[0]}"
    elif end == "branches":
        branches = [h.make_graph([h.make_node("Softmax", [value], [each], axis=axis)], each, [],
                                 [h.make_tensor_value_info(each, T.FLOAT, None)]) for each in ("yes", "no")]
        value = node("If", const(np.array(True)), then_branch=branches[0], else_branch=branches[1])
    elif end == "masked":
        p = bounded()
        value = node("Where", node("Less", p, const(np.float32(1e-9))), const(np.float32(0)), p)
    elif end == "argmax":
        value, refused = node("ArgMax", value, axis=axis, keepdims=rng.choice([0, 1])), "class number"
    elif end == "topk":
        value, refused = node("TopK", value, const(np.array([2], np.int64)), outputs=2, axis=axis)[0], "best few"
    elif end == "verdict":
        value, refused = node("Cast", node("Greater", value, const(np.float32(0))), to=T.FLOAT), "verdict"
    for _ in range(rng.randrange(3)):
        wrapper = rng.choice(["Identity", "Dropout", "Unsqueeze", "Cast"])
        if wrapper == "Unsqueeze":
            value = node("Squeeze", node("Unsqueeze", value, const(np.array([0], np.int64))), const(np.array([0], np.int64)))
        elif wrapper == "Cast":
            if end == "argmax":
                continue
            value = node("Cast", node("Cast", value, to=T.DOUBLE), to=T.FLOAT)
        elif end != "argmax" or wrapper == "Identity":
            value = node(wrapper, value)
    out_type, tolerance = T.INT64 if end == "argmax" else T.FLOAT, 2e-5
    if refused is None:
        cast = rng.choice(["float32"] * 4 + ["float16", "float64", "quantised"])
        if cast == "quantised" and end in ("softmax", "sigmoid", "hardsigmoid", "spelled-softmax", "ensemble"):
            value = node("QuantizeLinear", value, const(np.float32(1 / 256)), const(np.uint8(0)))
            out_type, tolerance = T.UINT8, 1 / 256
        elif cast in ("float16", "float64"):
            value, out_type = node("Cast", value, to=types[cast][0]), types[cast][0]
            tolerance = 5e-3 if cast == "float16" else tolerance
    name = rng.choice(["output", "logits", "probs", "predictions", "dense", "out", "softmax"])
    nodes.append(h.make_node("Identity", [value], [name]))
    outputs = [h.make_tensor_value_info(name, out_type, None)]
    extra = rng.choice(["nothing", "nothing", "nothing", "features first", "class number too", "logits too"])
    if refused is None and extra == "features first":
        outputs.insert(0, h.make_tensor_value_info(features, T.FLOAT, None))
    if refused is None and extra == "class number too":
        nodes.append(h.make_node("ArgMax", [logits], ["label"], axis=axis))
        outputs.insert(rng.randrange(2), h.make_tensor_value_info("label", T.INT64, None))
    if refused is None and extra == "logits too" and end != "none":
        nodes.append(h.make_node("Identity", [logits], ["raw"]))
        outputs.insert(rng.randrange(2), h.make_tensor_value_info("raw", T.FLOAT, None))
    graph = h.make_graph(nodes, "g", [h.make_tensor_value_info("x", types[in_type][0], [batch, 3, size, size])], outputs, constants)
    opsets = [h.make_opsetid("", 17)] + [h.make_opsetid("own", 1)] * len(functions)
    model = h.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="", functions=functions)
    labels = None
    if rng.random() < 0.4:
        labels = [rng.choice(["red fox", "hunter's dog", 'a "b"', "naïve", "owl"]) + f" {i}" for i in range(classes)]
        key = rng.choice(["names", "labels", "classes", "class_names"])
        way = rng.choice(["python dict", "python list", "json list", "json dict", "lines"])
        text = {"python dict": str(dict(enumerate(labels))), "python list": str(labels), "json list": json.dumps(labels),
                "json dict": json.dumps({str(i): each for i, each in enumerate(labels)}), "lines": "\n".join(labels)}[way]
        if way == "lines" and classes == 1:
            labels = None
        h.set_model_props(model, {key: text})
        if labels is None:
            del model.metadata_props[:]
    # The engine finds what a file does not say, as the page's does.
    n = batch if isinstance(batch, int) and batch > 0 else 1
    i = np.arange(3 * size * size)
    x = ((i * 7 % 256) if "int" in in_type else (i * 7 % 11) / 5 - 1).astype(types[in_type][1])
    x = np.broadcast_to(x.reshape(1, 3, size, size), (n, 3, size, size))
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    probe.graph.output.append(h.make_tensor_value_info(logits, T.FLOAT, None))
    raw = ort.InferenceSession(probe.SerializeToString()).run(None, {"x": np.ascontiguousarray(x)})[0][0].ravel().astype(np.float64)
    softmaxes = ("softmax", "logsoftmax", "log-of-softmax", "spelled-softmax", "reciprocal-softmax", "ensemble", "function",
                 "branches", "masked")
    if end in softmaxes or end == "none" and classes > 1:
        scores = softmax(raw)
    elif end == "normalised-sigmoid":
        scores = sigmoid(raw) / sigmoid(raw).sum()
    elif end == "hardsigmoid":
        scores = np.clip(0.2 * raw + 0.5, 0, 1)
    else:
        scores = sigmoid(raw)
    # Beyond, such a softmax gives NaN by itself.
    if end in ("spelled-softmax", "reciprocal-softmax") and abs(raw.max()) > 80:
        return None
    # The engine's sigmoid is 0 there, and so is the sum.
    if end == "normalised-sigmoid" and raw.max() < -15:
        return None
    # Steps of half precision that scores would show.
    if end == "none" and out_type == T.FLOAT16 and abs(raw).max() > 50:
        return None
    ort.InferenceSession(model.SerializeToString())
    bytes_in = "int" in in_type
    scale = "as it is" if bytes_in else {"none": "imagenet", "255": "255", "imagenet255": "255", "imagenet": "1", "signed": "255",
                                             "caffe": "255", "quantised": "1", "channels": "1"}[prefix]
    return {"what": f"{end}, {shape}, {in_type}, batch {batch}, {prefix}, {extra}", "model": base64.b64encode(model.SerializeToString()).decode(),
            "labels": labels, "range": scale, "refused": refused, "tolerance": tolerance, "scores": None if refused else [round(float(s), 7) for s in scores]}


made = []
while len(made) < count:
    each = make()
    if each:
        made.append(each)
with open(target, "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(each, ensure_ascii=False) for each in made) + "\n]\n")
