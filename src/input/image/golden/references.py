"""Makes references.json: resizes by OpenCV and by Pillow 12 and 13, as sha256 of their bytes.

Run once with each version of Pillow:

    pip install pillow==12.3.0 numpy opencv-python-headless==5.0.0 && python references.py
    pip install pillow==13.0.0 && python references.py
"""

import hashlib
import json
import pathlib

import numpy as np
import PIL
from PIL import Image

target = pathlib.Path(__file__).parent / "references.json"
made = json.loads(target.read_text()) if target.exists() else {}


def noise(width, height):
    """As `noise()` of resample.test.ts."""
    i = np.arange(width * height * 4, dtype=np.uint64)
    x = (i * 2654435761 + 12345) & 0xFFFFFFFF
    x = ((x ^ (x >> 15)) * 2246822519) & 0xFFFFFFFF
    return (((x ^ (x >> 13)) & 0xFFFFFFFF) >> 24).astype(np.uint8).reshape(height, width, 4)


sizes = [
    ((32, 32), (12, 12)), ((8, 8), (9, 16)), ((97, 61), (23, 17)), ((61, 97), (60, 20)),
    ((50, 300), (40, 28)), ((3, 400), (7, 9)), ((300, 50), (28, 40)), ((40, 90), (80, 30)),
]
filters = {"nearest": 0, "box": 4, "bilinear": 2, "bicubic": 3, "lanczos": 1}


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:24]


rows = []
for (width, height), (to_width, to_height) in sizes:
    image = Image.fromarray(noise(width, height)[:, :, :3].copy())
    for name, code in filters.items():
        resized = np.asarray(image.resize((to_width, to_height), code))
        rows.append([[width, height], [to_width, to_height], name, digest(resized)])
made[f"pillow-{PIL.__version__.split('.')[0]}"] = rows

try:
    import cv2

    rows = []
    # Elsewhere single bytes differ by one: OpenCV adds up in single precision.
    for (width, height), to in sizes[:3]:
        pixels = np.ascontiguousarray(noise(width, height)[:, :, :3])
        for name, code in {
            "nearest": cv2.INTER_NEAREST,
            "bilinear": cv2.INTER_LINEAR,
            "bicubic": cv2.INTER_CUBIC,
        }.items():
            # Enlarged, the first and the last rows are single steps off.
            if name == "bilinear" and to[1] > height:
                continue
            rows.append([[width, height], list(to), name, digest(cv2.resize(pixels, to, interpolation=code))])
    made["opencv"] = rows
except ImportError:
    pass

target.write_text(json.dumps(made, indent=0) + "\n")
