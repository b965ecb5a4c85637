"""Writes network.json: losses, gradients and answers of small networks as PyTorch computes them, in double precision.

    python src/learn/golden/network.py

Made with torch 2.14.0. Numbers that go in are made by formulas, which the test has too.
"""
import json
from pathlib import Path

import torch
from torch.nn import functional as f

torch.set_default_dtype(torch.float64)
BATCH = 5


def parameters(count):
    return 0.4 * torch.sin(1 + 1.7 * torch.arange(count).double())


def pictures(dims):
    count = int(torch.tensor(dims).prod())
    i = torch.arange(BATCH * count)
    return ((i * i * 7 + i * 13) % 251).double().reshape(BATCH, *dims)


def network(name, dims, layers, classes, steps=0, optimizer="adam"):
    value = (pictures(dims) - 100) / 60
    truth = torch.arange(BATCH) * 3 % classes
    shares = torch.tensor([0.3, 0.2, 0.2, 0.3, 0.0])
    spec = [*layers, {"type": "dense", "units": classes}]
    shapes, shape = [], list(dims)
    for layer in spec:
        if layer["type"] == "conv":
            size, same = layer.get("size", 3), layer.get("padding") == "same"
            shapes += [(layer["filters"], shape[0], size, size), (layer["filters"],)]
            lost = 0 if same else size - 1
            shape = [layer["filters"], shape[1] - lost, shape[2] - lost]
        elif layer["type"] == "pool":
            shape = [shape[0], shape[1] // 2, shape[2] // 2]
        elif layer["type"] == "dense":
            count = int(torch.tensor(shape).prod())
            shapes += [(count, layer["units"]), (layer["units"],)]
            shape = [layer["units"]]
    sizes = [int(torch.tensor(each).prod()) for each in shapes]
    flat = parameters(sum(sizes)).requires_grad_()

    def loss_of(flat, drop):
        own = list(zip(flat.split(sizes), shapes))
        value_ = value
        for layer in spec:
            kind = layer["type"]
            if kind in ("conv", "dense"):
                weights, biases = (part.reshape(shape) for part, shape in (own.pop(0), own.pop(0)))
            if kind == "conv":
                padding = layer.get("size", 3) // 2 if layer.get("padding") == "same" else 0
                value_ = f.conv2d(value_, weights, biases, padding=padding)
            elif kind == "relu":
                value_ = value_.relu()
            elif kind == "pool":
                value_ = f.max_pool2d(value_, 2)
            elif kind == "dropout":
                if drop:
                    i = torch.arange(value_.numel())
                    keep = ((i * 5 % 7) >= 2).double().reshape(value_.shape) / (1 - layer["rate"])
                    value_ = value_ * keep
            else:
                value_ = value_.flatten(1) @ weights + biases
        return (f.cross_entropy(value_, truth, reduction="none") * shares).sum(), value_

    loss, _ = loss_of(flat, True)
    (gradient,) = torch.autograd.grad(loss, flat)
    _, logits = loss_of(flat, False)
    return {
        "name": name,
        "input": dims,
        "layers": layers,
        "classes": classes,
        "truth": truth.tolist(),
        "shares": shares.tolist(),
        "loss": loss.item(),
        "gradient": [round(x, 9) for x in gradient.tolist()],
        "logits": [[round(x, 9) for x in row] for row in logits.tolist()],
    }


conv = lambda filters, **more: {"type": "conv", "filters": filters, **more}
relu, pool = {"type": "relu"}, {"type": "pool"}
dense = lambda units: {"type": "dense", "units": units}
drop = {"type": "dropout", "rate": 0.25}
golden = [
    network("softmax regression", [1, 4, 5], [], 3),
    network("two dense layers", [1, 4, 4], [dense(7), relu], 4),
    network("a small kernel", [3, 7, 6], [conv(4), relu, pool], 3),
    network("a large kernel", [3, 9, 8], [conv(4, size=5), relu, pool], 3),
    network("same size", [1, 6, 7], [conv(3, padding="same"), relu, conv(2, size=5, padding="same"), relu], 3),
    network("odd sides", [1, 13, 11], [conv(3), pool, relu, conv(2), pool, relu], 2),
    network("of one tap", [3, 4, 4], [conv(5, size=1), relu, pool, dense(6), relu], 4),
    network("dropout", [1, 8, 8], [conv(4), relu, drop, pool, dense(8), relu, drop], 3),
    network("articles' network, small", [1, 12, 12], [conv(4), relu, pool, conv(6), relu, pool, dense(8), relu], 5),
    network("LeNet, small", [3, 16, 16], [conv(3, size=5), relu, pool, conv(4, size=5), relu, pool, dense(6), relu], 4),
]
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
