"""Measures a model file on the labelled photos: first and five best right, calibration error, by native onnxruntime."""
import argparse
import json
import re
from pathlib import Path

import numpy as np
import onnxruntime

import data

BINS = 10


def class_of(path, names):
    """The index of the class that the file's name says, or None. `names`: one class a line, synonyms by commas."""
    match = data.NAMED.match(path.name)
    if not match:
        return None

    def key(name):
        return re.sub("[^a-z]", "", name.lower())

    wanted = key(match[1])
    found = [index for index, line in enumerate(Path(names).read_text().splitlines())
             if wanted in [key(name) for name in re.sub(r"^n\d{8} ", "", line).split(",")]]
    # Two classes share a word: the file's name means the first of them (a crane is no photo here).
    return found[0] if found else None


def answers(model, paths, names, views=1):
    """float32 logits [N*views,1000] and the true classes. The first view is the model's own, the others are random."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options)
    size = session.get_inputs()[0].shape[2]
    rng, logits, targets = data.random.Random(11), [], []
    for path in paths:
        image, target = data.load(path), class_of(path, names)
        pictures = [data.centre(image, size)] + [data.view(image, rng, 0.5, [size])[0] for _ in range(views - 1)]
        for picture in pictures:
            logits.append(session.run(["logits"], {"input": data.tensor([picture]).contiguous().numpy()})[0][0])
            targets.append(target)
    return np.stack(logits), np.array(targets)


def measure(model, paths, names, views=1):
    return judged(*answers(model, paths, names, views))


def judged(logits, targets):
    scores = np.exp(logits - logits.max(1, keepdims=True))
    scores /= scores.sum(1, keepdims=True)
    order = np.argsort(-scores, axis=1)
    right, confidence = order[:, 0] == targets, scores.max(1)
    which = np.minimum((confidence * BINS).astype(int), BINS - 1)
    ece = sum(abs(right[which == b].mean() - confidence[which == b].mean()) * (which == b).mean()
              for b in range(BINS) if (which == b).any())
    return {"top1": round(float(right.mean()), 4),
            "top5": round(float((order[:, :5] == targets[:, None]).any(1).mean()), 4),
            "meanScore": round(float(confidence.mean()), 4), "ece": round(float(ece), 4), "images": len(targets)}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("model", type=Path)
    options.add_argument("--photos", default=data.SHARED / "images/photos", type=Path)
    options.add_argument("--names", default=data.SHARED / "models/imagenet_1000.txt", type=Path)
    options.add_argument("--views", type=int, default=1, help="views of each photo; the first is the model's own")
    options.add_argument("--held-out", action="store_true", help="only photos that were not trained on")
    options = options.parse_args()
    training, held = data.photos(options.photos)
    paths = held if options.held_out else sorted([*training, *held])
    paths = [path for path in paths if class_of(path, options.names) is not None]
    print(json.dumps(measure(options.model, paths, options.names, options.views)))


if __name__ == "__main__":
    main()
