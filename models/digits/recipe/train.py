"""Trains the `digits` model on MNIST and writes ../digits.onnx, ../labels.txt and ../model.json.

    python train.py --data ../../../../shared/data/mnist

Reads one lossless sheet per class and split (tiles of 28x28, left to right, top to bottom) and
`index.json` beside the data folder, which says how many tiles are real. Downloads nothing.
"""
import argparse
import hashlib
import json
import math
import time
from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn

HERE = Path(__file__).resolve().parent
MEAN, STD = 0.1307, 0.3081
# (in, out, stride) of each 3x3 convolution; a batch norm and a ReLU follow each of them.
LAYERS = [(1, 8, 1), (8, 16, 2), (16, 16, 1), (16, 24, 2), (24, 24, 1)]


def load(data, split):
    index = json.loads((data.parent / "index.json").read_text())[data.name][split]
    images, labels = [], []
    for digit in range(10):
        sheet = np.asarray(Image.open(next((data / split).glob(f"{digit}.*"))).convert("L"))
        rows, columns = sheet.shape[0] // 28, sheet.shape[1] // 28
        tiles = sheet.reshape(rows, 28, columns, 28).transpose(0, 2, 1, 3).reshape(-1, 28, 28)
        count = index[str(digit)]
        images.append(tiles[:count])
        labels.append(np.full(count, digit))
    return torch.from_numpy(np.concatenate(images)), torch.from_numpy(np.concatenate(labels))


def network():
    layers = []
    for cin, cout, stride in LAYERS:
        layers += [nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(LAYERS[-1][1], 10))


def augment(x, rng):
    """Small affine and elastic changes for all, large ones for a quarter, and strokes of other widths.

    The large ones stand for digits drawn by hand in a pad: off centre, too small, too large, tilted.
    """
    n = len(x)
    uniform = lambda low, high: torch.rand(n, generator=rng) * (high - low) + low
    wild = (torch.rand(n, generator=rng) < 0.25).float()
    pick = lambda small, large: small * (1 - wild) + large * wild
    angle = pick(uniform(-0.16, 0.16), uniform(-0.35, 0.35))
    scale = pick(uniform(0.9, 1.1), uniform(0.75, 1.6))
    stretch = uniform(0.92, 1.08)
    shear = uniform(-0.15, 0.15)
    reach = pick(torch.full((n,), 0.10), torch.full((n,), 0.22))
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0] = angle.cos() * scale * stretch
    theta[:, 0, 1] = (shear - angle.sin()) * scale
    theta[:, 1, 0] = angle.sin() * scale
    theta[:, 1, 1] = angle.cos() * scale / stretch
    theta[:, 0, 2] = uniform(-1, 1) * reach
    theta[:, 1, 2] = uniform(-1, 1) * reach
    grid = F.affine_grid(theta, (n, 1, 28, 28), align_corners=False)
    bumps = torch.randn(n, 2, 6, 6, generator=rng) * 0.035
    bumps = F.interpolate(bumps, size=(28, 28), mode="bicubic", align_corners=False)
    x = F.grid_sample(x, grid + bumps.permute(0, 2, 3, 1), mode="bilinear", align_corners=False)
    # Thicker (dilated) and blurred strokes for some.
    kind = torch.rand(n, generator=rng)[:, None, None, None]
    amount = torch.rand(n, generator=rng)[:, None, None, None]
    thick = F.max_pool2d(x, 3, 1, 1)
    soft = F.avg_pool2d(x, 3, 1, 1)
    x = torch.where(kind < 0.12, x + (thick - x) * amount, x)
    x = torch.where(kind > 0.92, x + (soft - x) * amount, x)
    gain = torch.where(kind > 0.5, torch.ones_like(amount), 0.75 + 0.5 * amount)
    return (x * gain).clamp_(0, 1)


def fold(model):
    """Convolutions with their batch norms folded in, and the last linear layer, as numpy arrays."""
    modules = list(model)
    convs = []
    for position in range(0, 3 * len(LAYERS), 3):
        conv, norm = modules[position], modules[position + 1]
        factor = norm.weight / (norm.running_var + norm.eps).sqrt()
        convs.append((conv.weight * factor[:, None, None, None], norm.bias - norm.running_mean * factor))
    last = modules[-1]
    numpy = lambda t: t.detach().float().numpy()
    return [(numpy(w), numpy(b)) for w, b in convs], (numpy(last.weight), numpy(last.bias))


def export(model, path):
    convs, (weight, bias) = fold(model)
    nodes, constants, value = [], [], "input"
    for i, ((w, b), (_, _, stride)) in enumerate(zip(convs, LAYERS)):
        constants += [numpy_helper.from_array(w, f"conv{i}.weight"), numpy_helper.from_array(b, f"conv{i}.bias")]
        nodes.append(helper.make_node("Conv", [value, f"conv{i}.weight", f"conv{i}.bias"], [f"conv{i}"],
                                      f"conv{i}", kernel_shape=[3, 3], strides=[stride] * 2, pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"conv{i}"], [f"relu{i}"], f"relu{i}"))
        value = f"relu{i}"
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["pool"], "pool"))
    nodes.append(helper.make_node("Flatten", ["pool"], ["features"], "flatten", axis=1))
    constants += [numpy_helper.from_array(weight, "linear.weight"), numpy_helper.from_array(bias, "linear.bias")]
    nodes.append(helper.make_node("Gemm", ["features", "linear.weight", "linear.bias"], ["logits"], "linear", transB=1))
    graph = helper.make_graph(
        nodes, "digits",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 1, 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])], constants)
    proto = helper.make_model(graph, producer_name="tabserve", ir_version=8,
                              opset_imports=[helper.make_opsetid("", 17)])
    onnx.checker.check_model(proto, full_check=True)
    path.write_bytes(proto.SerializeToString())


def run(path, images):
    import onnxruntime
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    x = (images.float().div(255)[:, None].numpy() - np.float32(MEAN)) / np.float32(STD)
    return np.concatenate([session.run(["logits"], {"input": x[i:i + 1000]})[0] for i in range(0, len(x), 1000)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=HERE / "../../../../shared/data/mnist")
    parser.add_argument("--out", type=Path, default=HERE.parent)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    args.data = args.data.resolve()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = torch.Generator().manual_seed(args.seed)

    train_x, train_y = load(args.data, "train")
    test_x, test_y = load(args.data, "test")
    model = network()
    print("parameters", sum(p.numel() for p in model.parameters()), flush=True)
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.998), use_buffers=True)
    batch = 256
    steps = args.epochs * (len(train_x) // batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=6e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda s: min((s + 1) / (0.05 * steps), 1) * (
        0.5 + 0.5 * math.cos(math.pi * max(0, s / steps - 0.05) / 0.95)))
    start, step = time.time(), 0
    for epoch in range(args.epochs):
        order = torch.randperm(len(train_x), generator=rng)
        total = 0.0
        for i in range(0, len(order) - batch + 1, batch):
            index = order[i:i + batch]
            x = augment(train_x[index].float().div_(255)[:, None], rng)
            loss = F.cross_entropy(model((x - MEAN) / STD), train_y[index], label_smoothing=0.02)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            average.update_parameters(model)
            total += loss.item()
            step += 1
        if epoch % 5 == 4 or epoch == args.epochs - 1:
            average.module.eval()
            with torch.no_grad():
                guess = average.module((train_x[::10].float().div(255)[:, None] - MEAN) / STD).argmax(1)
            fit = (guess == train_y[::10]).float().mean()
            print(f"epoch {epoch + 1} loss {total * batch / len(order):.4f} train {fit:.4f} "
                  f"{time.time() - start:.0f} s", flush=True)

    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / "digits.onnx"
    average.module.eval()
    export(average.module, path)
    logits = run(path, test_x)
    labels = test_y.numpy()
    right = logits.argmax(1) == labels
    scores = np.exp(logits - logits.max(1, keepdims=True))
    scores /= scores.sum(1, keepdims=True)
    bins = np.minimum((scores.max(1) * 15).astype(int), 14)
    ece = sum(abs(scores.max(1)[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
              for b in range(15) if (bins == b).any())
    # The same test images after the training augmentation: a stand-in for digits drawn in a pad.
    rng.manual_seed(7)
    shaken = augment(test_x.float().div(255)[:, None], rng).mul(255)[:, 0]
    tough = (run(path, shaken).argmax(1) == labels).mean()
    metrics = {
        "test": {"set": "MNIST test split, 10,000 images", "top1": round(float(right.mean()), 4), "ece": round(float(ece), 4),
                 "perClass": {str(d): round(float(right[labels == d].mean()), 4) for d in range(10)}},
        "testAugmented": {"top1": round(float(tough), 4)},
        "parameters": sum(p.numel() for p in model.parameters()),
        "trainingSeconds": round(time.time() - start),
    }
    print(json.dumps(metrics, indent=2))
    (args.out / "labels.txt").write_text("".join(f"{d}\n" for d in range(10)))
    content = path.read_bytes()
    manifest = {
        "name": "digits", "version": "1.0.0", "task": "image-classification",
        "title": "Handwritten digits",
        "description": "Recognises one handwritten digit, drawn white on black, in a 28 by 28 grey image.",
        "license": "MIT",
        "source": "Trained by this project on the MNIST training split; see README.md and recipe/.",
        "labels": {"url": "labels.txt"},
        "input": {"name": "input", "layout": "NCHW", "dtype": "float32", "width": 28, "height": 28,
                  "channels": 1, "colorOrder": "GRAY"},
        "preprocess": {
            "resize": {"policy": "letterbox", "width": 28, "height": 28, "filter": "bilinear", "antialias": True},
            "crop": {"policy": "center", "width": 28, "height": 28},
            "scale": 1 / 255, "mean": [MEAN], "std": [STD], "background": [0, 0, 0]},
        "output": {"name": "logits", "activation": "softmax"},
        "files": [{"url": path.name, "dtype": "fp32", "bytes": len(content),
                   "sha256": hashlib.sha256(content).hexdigest()}],
        "metrics": metrics,
    }
    (args.out / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
