"""What the recipes share: pictures, exports, and where the results go."""

import base64
import io
import json
import pathlib

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image, ImageDraw

golden = pathlib.Path(__file__).parent.parent / "golden"


def scene(width: int, height: int, seed: int) -> Image.Image:
    """Gradients, shapes and noise: something for every filter to get wrong."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 / width, y * 255 / height, (x + 2 * y) % 256], axis=-1)
    picture = Image.fromarray(pixels.astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(8):
        left, top = random.integers(0, width), random.integers(0, height)
        right, bottom = left + random.integers(5, width // 2), top + random.integers(5, height // 2)
        colour = tuple(int(c) for c in random.integers(0, 256, 3))
        (draw.ellipse if random.random() < 0.5 else draw.rectangle)((left, top, right, bottom), fill=colour)
    noisy = np.asarray(picture).astype(int) + random.integers(-12, 13, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


pictures = {"wide": scene(157, 113, 1), "tall": scene(90, 141, 2)}


def export(model, name: str, arguments: dict, inputs: list[str], outputs: list[str]) -> str:
    """Writes golden/<name>.onnx."""
    path = golden / f"{name}.onnx"
    model.eval()
    torch.onnx.export(
        model,
        tuple(arguments.values()),
        path,
        input_names=inputs,
        output_names=outputs,
        opset_version=18,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    # Names of source lines and modules only take room.
    graph = onnx.load(path)
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*graph.graph.value_info, *graph.graph.input, *graph.graph.output]:
        del value.metadata_props[:]
    del graph.graph.value_info[:]
    del graph.graph.metadata_props[:]
    del graph.metadata_props[:]
    onnx.save(graph, path)
    return path.name


def answer(name: str, feeds: dict) -> list[torch.Tensor]:
    """What native onnxruntime makes of a graph."""
    session = onnxruntime.InferenceSession(golden / f"{name}.onnx", providers=["CPUExecutionProvider"])
    return [torch.from_numpy(each) for each in session.run(None, feeds)]


def check(wanted, actual) -> None:
    for one, other in zip(wanted, actual, strict=True):
        torch.testing.assert_close(one, other, atol=2e-4, rtol=1e-3)


def packed(array) -> dict:
    """A tensor for a JSON file."""
    array = np.ascontiguousarray(array)
    data = base64.b64encode(array.tobytes()).decode()
    return {"type": str(array.dtype), "dims": list(array.shape), "data": data}


def png(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def save(name: str, value) -> None:
    (golden / name).write_text(json.dumps(value, indent=1) + "\n")


def save_pictures() -> None:
    golden.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        (golden / f"{name}.png").write_bytes(png(picture))
