"""Writes network.json: losses, gradients and answers of small networks as PyTorch computes them, in double precision.

    python src/learn/golden/network.py

Made with torch 2.14.1. Numbers that go in are made by formulas, which the test has too.
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


def statistics(count):
    return 0.5 + (torch.arange(count) % 3).double()


def padding_of(layer):
    padding, size = layer.get("padding", "valid"), layer.get("size", 3)
    return {"valid": 0, "same": size // 2}.get(padding, padding)


def window_of(layer, value):
    """Kernel and stride of a pool."""
    size = layer.get("size", 2)
    kernel = tuple(value.shape[2:]) if size == "all" else (size, size)
    return kernel, layer.get("stride", max(kernel))


def network(name, dims, layers, classes, loss="cross-entropy", even=False):
    value = (pictures(dims) - 100) / 60
    truth = torch.arange(BATCH) * 3 % classes
    shares = torch.full((BATCH,), 1 / BATCH) if even else torch.tensor([0.3, 0.2, 0.2, 0.3, 0.0])
    spec = [*layers, {"type": "dense", "units": classes}]
    shapes, probe, channels = [], torch.zeros(1, *dims), []
    for layer in spec:
        kind = layer["type"]
        if kind == "conv":
            shapes += [(layer["filters"], probe.shape[1], *[layer.get("size", 3)] * 2), (layer["filters"],)]
            probe = f.conv2d(probe, torch.zeros(shapes[-2]), None, layer.get("stride", 1), padding_of(layer))
        elif kind == "pool":
            probe = f.max_pool2d(probe, *window_of(layer, probe))
        elif kind == "batch-norm":
            shapes += [(probe.shape[1],)] * 2
            channels += [probe.shape[1]] * 2
        elif kind == "dense":
            shapes += [(probe[0].numel(), layer["units"]), (layer["units"],)]
            probe = torch.zeros(1, layer["units"])
    sizes = [int(torch.tensor(each).prod()) for each in shapes]
    flat = parameters(sum(sizes)).requires_grad_()

    def loss_of(flat, drop):
        own = list(zip(flat.split(sizes), shapes))
        kept = list(statistics(sum(channels)).split(channels))
        after = []
        value_ = value
        for layer in spec:
            kind = layer["type"]
            if kind in ("conv", "dense", "batch-norm"):
                weights, biases = (part.reshape(shape) for part, shape in (own.pop(0), own.pop(0)))
            if kind == "conv":
                value_ = f.conv2d(value_, weights, biases, layer.get("stride", 1), padding_of(layer))
            elif kind == "batch-norm":
                mean, variance = kept.pop(0), kept.pop(0)
                if not drop:
                    value_ = f.batch_norm(value_, mean, variance, weights, biases)
                    continue
                # Pictures count by their shares; where these are even, this is PyTorch's own.
                axes = [0, 2, 3][: value_.dim() - 1]
                share = shares.reshape(-1, *[1] * (value_.dim() - 1)) / value_[0, 0].numel()
                now = (value_ * share).sum(axes, keepdim=True)
                spread = ((value_ - now) ** 2 * share).sum(axes, keepdim=True)
                normal = (value_ - now) / (spread + 1e-5).sqrt()
                one = (1, -1, *[1] * (value_.dim() - 2))
                value__ = normal * weights.reshape(one) + biases.reshape(one)
                if even:
                    assert torch.allclose(value__, f.batch_norm(value_, None, None, weights, biases, True))
                stay = layer.get("momentum", 0.9)
                after += [stay * mean + (1 - stay) * now.flatten(), stay * variance + (1 - stay) * spread.flatten()]
                value_ = value__
            elif kind == "relu":
                value_ = value_.relu()
            elif kind == "pool":
                pool = f.avg_pool2d if layer.get("kind") == "average" else f.max_pool2d
                value_ = pool(value_, *window_of(layer, value_))
            elif kind == "dropout":
                if drop:
                    i = torch.arange(value_.numel())
                    keep = ((i * 5 % 7) >= 2).double().reshape(value_.shape) / (1 - layer["rate"])
                    value_ = value_ * keep
            else:
                value_ = value_.flatten(1) @ weights + biases
        if loss == "squared-error":
            each = f.mse_loss(value_, f.one_hot(truth, classes).double(), reduction="none").mean(1)
        else:
            each = f.cross_entropy(value_, truth, reduction="none")
        return (each * shares).sum(), value_, after

    found, _, after = loss_of(flat, True)
    (gradient,) = torch.autograd.grad(found, flat)
    _, logits, _ = loss_of(flat, False)
    return {
        "name": name,
        "input": dims,
        "layers": layers,
        "classes": classes,
        "truth": truth.tolist(),
        "shares": shares.tolist(),
        "lossName": loss,
        "loss": found.item(),
        "nextStatistics": [round(x, 9) for part in after for x in part.tolist()],
        "gradient": [round(x, 9) for x in gradient.tolist()],
        "logits": [[round(x, 9) for x in row] for row in logits.tolist()],
    }


conv = lambda filters, **more: {"type": "conv", "filters": filters, **more}
relu, pool = {"type": "relu"}, {"type": "pool"}
norm = lambda **more: {"type": "batch-norm", **more}
pools = lambda **more: {"type": "pool", **more}
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
    network("strides", [3, 9, 10], [conv(4, stride=2), relu, conv(3, size=2, stride=2, padding=1), relu], 3),
    network("strides of large kernels", [1, 13, 12], [conv(3, size=5, stride=2, padding=2), relu, conv(2, size=6, stride=3, padding=3), relu], 3),
    network("means", [3, 8, 9], [conv(4, padding="same"), relu, pools(kind="average"), conv(3), relu, pools(kind="average", size="all")], 3),
    network("windows over each other", [1, 9, 10], [conv(3), relu, pools(size=3, stride=2), conv(2, size=1), pools(kind="average", size=2, stride=1), relu], 3),
    network("windows with gaps", [1, 9, 10], [conv(3, size=1), pools(size=2, stride=3), relu, conv(2, size=1), pools(kind="average", size=1, stride=2), dense(3), relu], 3),
    network("the largest of all", [3, 5, 7], [conv(4), relu, pools(size="all"), dense(5), relu], 3),
    network("batch norm", [3, 6, 7], [conv(4), norm(), relu, pool, dense(5), norm(momentum=0.5), relu], 3),
    network("batch norm, even shares", [1, 7, 6], [norm(), conv(3, stride=2), norm(), relu, dense(4), norm(), relu], 3, even=True),
    network("squared errors", [1, 6, 5], [conv(3), relu, dense(4), relu], 3, loss="squared-error"),
    network("LeNet, small", [3, 16, 16], [conv(3, size=5), relu, pool, conv(4, size=5), relu, pool, dense(6), relu], 4),
]
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
