"""Turns a checkpoint into ../everyday.{fp16,int8}.onnx, ../labels.txt and ../model.json.

    python export.py --data /path/to/data --checkpoint WORK/checkpoint.pt

Bias, temperature and sharpening (see calibrate) are chosen on the held-out training images and become part of
the graph. The test splits are only measured, never used for a choice.
"""
import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from data import DEFAULT, HERE, MEAN, SETS, STD, labels, load, training
from evaluate import ece, logits_of, measures, session, softmax, to_tensor
from network import Network, Residual

SIZE = 32
SHARPENING = ["sharpen.softmax", "sharpen.factor", "sharpen.scale"]  # the nodes after the last layer
PREPROCESS = {
    "resize": {"policy": "exact", "width": SIZE, "height": SIZE, "filter": "bilinear", "antialias": True},
    "crop": {"policy": "center", "width": SIZE, "height": SIZE},
    "scale": 1 / 255, "mean": list(MEAN), "std": list(STD), "background": [255, 255, 255],
}


def fold(conv, norm):
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    weight = conv.weight * factor[:, None, None, None]
    bias = norm.bias - norm.running_mean * factor
    return weight.detach().contiguous().numpy(), bias.detach().numpy()


def build(model, weight, bias, sharpening=0.0, stored=np.float32):
    """The network as ONNX, batch norms folded. With stored=float16 the weights lie in the file as float16 and
    are cast to float32 when the session is made: half the download, float32 arithmetic on every backend."""
    nodes, constants = [], []

    def constant(name, value):
        if stored is np.float16:
            constants.append(numpy_helper.from_array(value.astype(np.float16), name + ".fp16"))
            nodes.append(helper.make_node("Cast", [name + ".fp16"], [name], name + ".cast", to=TensorProto.FLOAT))
        else:
            constants.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def conv(value, conv_, norm, name, add=None):
        w, b = fold(conv_, norm)
        nodes.append(helper.make_node(
            "Conv", [value, constant(name + ".weight", w), constant(name + ".bias", b)], [name], name,
            kernel_shape=[3, 3], strides=list(conv_.stride), pads=[1] * 4))
        if add:
            nodes.append(helper.make_node("Add", [name, add], [name + ".sum"], name + ".add"))
            name += ".sum"
        nodes.append(helper.make_node("Relu", [name], [name + ".relu"], name + ".relu"))
        return name + ".relu"

    value, number, layers = "input", 0, list(model.body)
    for i, layer in enumerate(layers):
        if isinstance(layer, torch.nn.Conv2d):
            value = conv(value, layer, layers[i + 1], f"layer{number}")
            number += 1
        elif isinstance(layer, Residual):
            first = conv(value, layer.conv1, layer.norm1, f"layer{number}.first")
            value = conv(first, layer.conv2, layer.norm2, f"layer{number}.second", add=value)
            number += 1
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["pool"], "pool"))
    nodes.append(helper.make_node("Flatten", ["pool"], ["features"], "flatten", axis=1))
    nodes.append(helper.make_node("Gemm", ["features", constant("head.weight", weight), constant("head.bias", bias)],
                                  ["head" if sharpening else "logits"], "head", transB=1))
    if sharpening:
        group = np.ones((len(bias), 1), np.float32)
        group[100:] += sharpening
        constants.append(numpy_helper.from_array(group, "group"))
        nodes.append(helper.make_node("Softmax", ["head"], ["rough"], SHARPENING[0], axis=1))
        nodes.append(helper.make_node("MatMul", ["rough", "group"], ["factor"], SHARPENING[1]))
        nodes.append(helper.make_node("Mul", ["head", "factor"], ["logits"], SHARPENING[2]))
    graph = helper.make_graph(
        nodes, "everyday",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 3, SIZE, SIZE])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(bias)])], constants)
    proto = helper.make_model(graph, producer_name="tabserve", ir_version=8,
                              opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(proto, full_check=True)
    return proto


def calibrate(logits, targets):
    """(bias of the last ten classes, temperature, sharpening) from held-out logits.

    The bias is that of the least negative log likelihood, CIFAR-100 weighing two thirds and CIFAR-10 one third.
    One temperature cannot suit both sets: the network is too sure of CIFAR-100 pictures where it is not sure
    enough of CIFAR-10 ones. So the logits are also multiplied by 1 + sharpening * (probability that the picture
    belongs to the ten classes of CIFAR-10), which changes no ranking. Temperature and sharpening are those of the
    least calibration error in the worse of the two sets.
    """
    shares = {"cifar100": 2 / 3, "cifar10": 1 / 3}

    def shifted(set_, bias, temperature):
        z = logits[set_].astype(np.float64)
        z[:, 100:] += bias
        return z / temperature

    def loss(bias, temperature):
        return sum(share * -np.log(softmax(shifted(set_, bias, temperature))[np.arange(len(targets[set_])), targets[set_]]).mean()
                   for set_, share in shares.items())

    bias = min((loss(b, t), b) for b in np.arange(-0.6, 1.01, 0.1) for t in np.arange(0.6, 1.21, 0.1))[1]

    def error(temperature, sharpening):
        errors = []
        for set_ in SETS:
            z = shifted(set_, bias, temperature)
            z *= 1 + sharpening * softmax(z)[:, 100:].sum(1, keepdims=True)
            errors.append(ece(softmax(z), targets[set_]))
        return max(errors) + 0.1 * min(errors)

    _, temperature, sharpening = min((error(t, s), t, s) for t in np.arange(0.7, 1.31, 0.03)
                                     for s in np.arange(0, 0.61, 0.05))
    return float(bias), float(temperature), float(sharpening)


def quantise(source, path, images, targets):
    """Static QDQ, one scale per output channel; the calibration method is chosen on held-out images."""
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self, chosen):
            self.batches = iter([{"input": to_tensor(chosen[i:i + 50], PREPROCESS)} for i in range(0, len(chosen), 50)])

        def get_next(self):
            return next(self.batches, None)

    chosen = images[np.random.default_rng(1).permutation(len(images))[:500]]
    best = None
    for method in (CalibrationMethod.MinMax, CalibrationMethod.Percentile, CalibrationMethod.Entropy):
        trial = path.with_suffix(".trial")
        quantize_static(str(source), str(trial), Reader(chosen), quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=method,
                        nodes_to_exclude=SHARPENING)
        score = measures(logits_of(session(trial, 2), images, PREPROCESS), targets)["top1"]
        print("int8", method.name, "held-out top1", score, flush=True)
        if best is None or score > best[0]:
            best = (score, method.name, trial.read_bytes())
        trial.unlink()
    path.write_bytes(best[2])
    return best[1]


def main(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--log", type=Path)
    parser.add_argument("--out", type=Path, default=HERE.parent)
    args = parser.parse_args(arguments)
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    state = torch.load(args.checkpoint, weights_only=True)
    model = Network()
    model.load_state_dict(state["average"])
    model.eval()
    names = labels(args.data)
    weight, bias = model.head.weight.detach().numpy(), model.head.bias.detach().numpy()

    held = {set_: training(args.data, set_, state["seed"])[1] for set_ in SETS}
    targets = {set_: held[set_][1] for set_ in SETS}
    plain = session(build(model, weight, bias).SerializeToString(), 2)
    logits = {set_: logits_of(plain, held[set_][0], PREPROCESS) for set_ in SETS}
    group, temperature, sharpening = calibrate(logits, targets)
    print(f"bias of the CIFAR-10 classes {group:+.2f}, temperature {temperature:.2f}, sharpening {sharpening:.2f}", flush=True)
    bias = bias.copy()
    bias[100:] += group
    weight, bias = weight / temperature, bias / temperature

    files = {kind: out / f"everyday.{kind}.onnx" for kind in ("fp16", "int8")}
    single = args.checkpoint.with_name("everyday.fp32.onnx")  # what the others are made from and compared with
    for path, stored in ((single, np.float32), (files["fp16"], np.float16)):
        path.write_bytes(build(model, weight, bias, sharpening, stored).SerializeToString())
    everything = np.concatenate([held[s][0] for s in SETS]), np.concatenate([targets[s] for s in SETS])
    quantised = quantise(single, files["int8"], *everything)

    metrics = {"heldOut": {}, "test": {}}
    test = {s: load(args.data, s, "test") for s in SETS}
    for kind, path in {"fp32": single, **files}.items():
        run = session(path, 2)
        found = {s: measures(logits_of(run, test[s][0], PREPROCESS), test[s][1]) for s in SETS}
        if kind in files:
            metrics["test"][kind] = found
        print(kind, path.stat().st_size, json.dumps(found), flush=True)
    run = session(files["fp16"], 2)
    metrics["heldOut"] = {s: measures(logits_of(run, held[s][0], PREPROCESS), targets[s]) for s in SETS}
    print("held out", json.dumps(metrics["heldOut"]))
    metrics.update({"temperature": round(temperature, 3), "groupBias": round(group, 3), "sharpening": round(sharpening, 3),
                    "int8Calibration": quantised,
                    "parameters": sum(p.numel() for p in model.parameters()),
                    "imagesSeen": state["images"], "trainingMinutes": round(state["elapsed"] / 60, 1)})

    (out / "labels.txt").write_text("".join(name + "\n" for name in names))
    manifest = {
        "name": "everyday", "version": "1.0.0", "task": "image-classification",
        "title": "Everyday things",
        "description": "Tells 110 everyday animals, plants, people, vehicles, household things and landscapes apart, from a 32 by 32 view of the picture.",
        "license": "MIT",
        "source": "Trained by this project on the training splits of CIFAR-100 and CIFAR-10; see README.md and recipe/.",
        "labels": {"url": "labels.en.txt"},
        "input": {"name": "input", "layout": "NCHW", "dtype": "float32", "width": SIZE, "height": SIZE,
                  "channels": 3, "colorOrder": "RGB"},
        "preprocess": PREPROCESS,
        "output": {"name": "logits", "activation": "softmax"},
        "files": [{"url": path.name, "dtype": kind, **({"weightsOnly": True} if kind == "fp16" else {}), "bytes": path.stat().st_size,
                   "sha256": hashlib.sha256(path.read_bytes()).hexdigest()} for kind, path in files.items()],
        "metrics": metrics,
    }
    (out / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")
    if args.log:
        (HERE / "log.csv").write_text(args.log.read_text())


if __name__ == "__main__":
    main()
