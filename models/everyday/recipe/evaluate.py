"""Accuracy of an exported model on the official test splits and on photos, with native onnxruntime.

    python evaluate.py ../everyday.fp16.onnx --data /path/to/data [--limit 10] [--per-class] [--photos DIR]

The preprocessing is that of the manifest beside the model; softmax over all 110 classes, one view.
"""
import argparse
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from data import DEFAULT, HERE, SETS, labels, load

MANIFEST = HERE.parent / "model.json"
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def to_pixels(image, preprocess):
    """A picture → uint8 [H,W,3] by the manifest's resize and crop (Pillow resampling, antialiased)."""
    image = image.convert("RGB")
    resize, crop = preprocess["resize"], preprocess["crop"]
    width, height = image.size
    if resize["policy"] == "shorter-side":
        size, short = resize["size"], min(width, height)
        target = (size if width == short else int(size * width / short),
                  size if height == short else int(size * height / short))
    elif resize["policy"] == "exact":
        target = (resize["width"], resize["height"])
    elif resize["policy"] == "letterbox":
        ratio = min(resize["width"] / width, resize["height"] / height)
        target = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    else:
        raise ValueError(resize["policy"])
    if target != image.size:
        image = image.resize(target, FILTERS[resize["filter"]])
    if resize["policy"] == "letterbox":
        frame = Image.new("RGB", (resize["width"], resize["height"]), tuple(preprocess["background"]))
        frame.paste(image, ((resize["width"] - target[0]) // 2, (resize["height"] - target[1]) // 2))
        image = frame
    width, height = image.size
    left, top = round((width - crop["width"]) / 2), round((height - crop["height"]) / 2)
    return np.asarray(image.crop((left, top, left + crop["width"], top + crop["height"])))


def to_tensor(pixels, preprocess):
    """uint8 [N,H,W,3] → float32 [N,3,H,W]."""
    x = pixels.astype(np.float32) * np.float32(preprocess["scale"])
    x = (x - np.float32(preprocess["mean"])) / np.float32(preprocess["std"])
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def pixels_of(images, preprocess):
    if images.shape[1:3] == (preprocess["crop"]["height"], preprocess["crop"]["width"]) and \
            preprocess["resize"].get("size", preprocess["resize"].get("width")) == images.shape[1]:
        return images  # already as the manifest wants them
    return np.stack([to_pixels(Image.fromarray(image), preprocess) for image in images])


def session(model, threads=1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model) if isinstance(model, (str, Path)) else model, options,
                                        providers=["CPUExecutionProvider"])


def logits_of(session_, images, preprocess, batch=250):
    return np.concatenate([
        session_.run(["logits"], {"input": to_tensor(pixels_of(images[i:i + batch], preprocess), preprocess)})[0]
        for i in range(0, len(images), batch)])


def softmax(logits):
    e = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def ece(scores, targets, bins=15):
    top, right = scores.max(1), scores.argmax(1) == targets
    place = np.minimum((top * bins).astype(int), bins - 1)
    return float(sum(abs(top[place == b].mean() - right[place == b].mean()) * (place == b).mean()
                     for b in range(bins) if (place == b).any()))


def measures(logits, targets):
    scores = softmax(logits)
    rank = (scores > scores[np.arange(len(targets)), targets][:, None]).sum(1)
    return {"top1": round(float((rank == 0).mean()), 4), "top5": round(float((rank < 5).mean()), 4),
            "ece": round(ece(scores, targets), 4), "images": len(targets)}


def photos(session_, folder, preprocess, names):
    """What the model says to each photo of photos.json: (file, accepted labels, [(label, score)] best first)."""
    rows = []
    for file, accepted in json.loads((HERE / "photos.json").read_text()).items():
        pixels = to_pixels(Image.open(Path(folder) / file), preprocess)
        scores = softmax(session_.run(["logits"], {"input": to_tensor(pixels[None], preprocess)})[0])[0]
        rows.append((file, accepted, [(names[i], float(scores[i])) for i in np.argsort(-scores)[:5]]))
    return rows


def photo_counts(rows):
    first = sum(best[0][0] in accepted for _, accepted, best in rows)
    five = sum(any(label in accepted for label, _ in best) for _, accepted, best in rows)
    return first, five, len(rows)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--data", type=Path, default=DEFAULT)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--limit", type=int, help="the first N test images of each class only")
    parser.add_argument("--per-class", action="store_true")
    parser.add_argument("--photos", type=Path, help="folder with the photos of photos.json")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    args = parser.parse_args()
    preprocess = json.loads(args.manifest.read_text())["preprocess"]
    names, run = labels(args.data), session(args.model, args.threads)
    for set_ in SETS:
        images, targets = load(args.data, set_, "test", args.limit)
        logits = logits_of(run, images, preprocess)
        print(set_, json.dumps(measures(logits, targets)))
        if args.per_class:
            guess = logits.argmax(1)
            for target in np.unique(targets):
                mine = guess[targets == target]
                wrong, count = np.unique(mine[mine != target], return_counts=True)
                often = ", ".join(f"{names[wrong[i]]} {count[i]}" for i in np.argsort(-count, kind="stable")[:3])
                print(f"  {names[target]}: {(mine == target).mean():.1%} of {len(mine)}; else {often}")
    if args.photos:
        rows = photos(run, args.photos, preprocess, names)
        for file, accepted, best in rows:
            print(f"  {file} ({'/'.join(accepted)}):", ", ".join(f"{label} {score:.2f}" for label, score in best))
        print("photos: first %d, among the five best %d, of %d" % photo_counts(rows))


if __name__ == "__main__":
    main()
