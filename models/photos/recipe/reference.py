"""Writes what native onnxruntime says of every photo of ../shared, for the test in the browser. Holds no picture."""
import json
from pathlib import Path

import numpy as np

import data
from evaluate import answers, class_of

OUT = Path(__file__).resolve().parents[3] / "e2e/golden/photos.json"
NAMES = data.SHARED / "models/imagenet_1000.txt"


def main():
    training, held = data.photos(data.SHARED / "images/photos")
    rows = []
    for path in sorted([*training, *held]):
        logits = answers(Path(__file__).resolve().parent.parent / "photos.int8.onnx", [path], NAMES)[0][0].astype(np.float64)
        scores = np.exp(logits - logits.max())
        scores /= scores.sum()
        best = np.argsort(-scores)[:5]
        rows.append({"file": path.name, "index": class_of(path, NAMES),
                     "top5": [[int(index), round(float(scores[index]), 6)] for index in best]})
    OUT.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


if __name__ == "__main__":
    main()
