"""Golden values of explanations: `python explanations.py > explanations.json`.

The maps are those of native onnxruntime on the embedded models `photos` and `digits`, of scikit-image's
`resize` (which RISE's own code enlarges its masks with) and of Captum's `Occlusion`. Needs numpy, onnx,
onnxruntime, scikit-image, torch and captum.
"""
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from captum.attr import Occlusion
from skimage.transform import resize

MODELS = Path(__file__).resolve().parents[4] / "models"
MASKS, GRID, PROBABILITY, SEED = 24, 7, 0.5, 5


def mulberry32(seed):
    state = seed & 0xFFFFFFFF
    while True:
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        mixed = ((state ^ (state >> 15)) * (state | 1)) & 0xFFFFFFFF
        mixed ^= (mixed + ((mixed ^ (mixed >> 7)) * (mixed | 61) & 0xFFFFFFFF)) & 0xFFFFFFFF
        yield (mixed ^ (mixed >> 14)) / 2**32


def rise_mask(height, width, number):
    """As `generate_masks` of https://github.com/eclique/RISE, with random numbers that JavaScript has too."""
    stream = mulberry32(((number + 1) * 0x9E3779B1 ^ SEED) & 0xFFFFFFFF)
    cells = np.array([next(stream) < PROBABILITY for _ in range(GRID * GRID)], np.float32).reshape(GRID, GRID)
    cell = np.array([-(-height // GRID), -(-width // GRID)])
    x = int(next(stream) * cell[1])
    y = int(next(stream) * cell[0])
    large = resize(cells, (GRID + 1) * cell, order=1, mode="reflect", anti_aliasing=False)
    return large[y : y + height, x : x + width]


def softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def blocks(image, count):
    """Means of blocks: enough to tell maps apart, and small."""
    height, width = image.shape
    return image.reshape(count, height // count, count, width // count).mean((1, 3)).ravel().tolist()


def case(name, file, channels, side, window, stride):
    places = np.arange(channels * side * side, dtype=np.float64)
    picture = (np.sin(places / 97) + np.sin(places / 1409)).astype(np.float32).reshape(1, channels, side, side)
    model = onnx.load(MODELS / name / file)
    pool = next(node for node in model.graph.node if node.op_type == "GlobalAveragePool")
    model.graph.output.append(onnx.ValueInfoProto(name=pool.input[0]))
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    logits, features = session.run(["logits", pool.input[0]], {"input": picture})
    scores = softmax(logits.astype(np.float64))[0]
    target = int(scores.argmax())
    ask = lambda pictures: softmax(session.run(["logits"], {"input": pictures.astype(np.float32)})[0].astype(np.float64))[:, target]

    masks = np.stack([rise_mask(side, side, number) for number in range(MASKS)])
    risen = np.array([ask(picture * mask[None, None])[0] for mask in masks])
    rise = (risen[:, None, None] * masks).sum(0) / MASKS / PROBABILITY

    def forward(pictures):
        return torch.tensor(ask(pictures.numpy()))

    occluded = Occlusion(forward).attribute(
        torch.tensor(picture), sliding_window_shapes=(channels, window, window), strides=(1, stride, stride), baselines=0
    )
    occlusion = occluded.numpy()[0, 0]

    initializers = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    gemm = next(node for node in model.graph.node if node.op_type == "Gemm")
    weight = gemm.input[1]
    if weight in initializers:
        matrix = initializers[weight].astype(np.float64)
    else:
        dequantize = next(node for node in model.graph.node if weight in node.output)
        quantized, scale = (initializers[each].astype(np.float64) for each in dequantize.input[:2])
        matrix = quantized * scale[:, None]
    cam = np.einsum("k,kyx->yx", matrix[target], features[0].astype(np.float64))
    assert abs(cam.mean() + initializers[gemm.input[2]][target] - logits[0, target]) < 1e-3
    count = 14 if side % 14 == 0 else 16
    return {
        "model": name, "file": file, "channels": channels, "side": side, "target": target, "score": float(scores[target]),
        "masks": {"numbers": [0, 23], "blocks": [blocks(masks[number], count) for number in (0, 23)]},
        "rise": {"count": MASKS, "grid": GRID, "probability": PROBABILITY, "seed": SEED, "scores": risen.tolist(), "blocks": blocks(rise, count)},
        "occlusion": {"window": window, "stride": stride, "blocks": blocks(occlusion, count)},
        "cam": {"height": cam.shape[0], "width": cam.shape[1], "data": cam.ravel().tolist(), "bias": float(initializers[gemm.input[2]][target]), "logit": float(logits[0, target])},
    }


cases = [case("photos", "photos.int8.onnx", 3, 224, 56, 28), case("digits", "digits.onnx", 1, 28, 8, 4)]
print(json.dumps(cases, default=float))
