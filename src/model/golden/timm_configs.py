"""Makes timm.json: each way that timm's pretrained models prepare a picture, and the bytes it gives.

    pip install torch torchvision timm==1.0.31 pillow==12.3.0 && python timm_configs.py

Of all models with published weights, one for each combination of size, interpolation, crop, mean and
deviation. The bytes are those of timm's own evaluation transform before it normalises.
"""

import hashlib
import json
import pathlib

import numpy as np
import PIL
import timm
from PIL import Image
from timm.data import create_transform, resolve_data_config

sizes = [(333, 251), (90, 157)]


def picture(width, height):
    """As in huggingface.test.ts."""
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    check = ((x // 16 + y // 16) % 2) * 90
    channels = [(x * x * 7 + y * y * 3 + x * y * 5 + c * 85 + check) % 256 for c in range(3)]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


def digest(transform, size):
    result = picture(*size)
    for step in transform.transforms:
        if type(step).__name__ in ("MaybeToTensor", "ToTensor", "Normalize"):
            break
        result = step(result)
    return [*result.size, hashlib.sha256(np.asarray(result).tobytes()).hexdigest()[:24]]


keys = ("input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std")
made = {}
for name in timm.list_pretrained():
    whole = timm.get_pretrained_cfg(name).to_dict()
    cfg = {key: whole[key] for key in keys if whole.get(key) is not None}
    key = json.dumps(cfg)
    if key in made or cfg["input_size"][0] != 3:
        continue
    config = resolve_data_config(pretrained_cfg=whole)
    transform = create_transform(**config, is_training=False)
    made[key] = {"model": name, "cfg": cfg, "mean": list(config["mean"]), "std": list(config["std"]),
                 "results": [digest(transform, size) for size in sizes]}
    print(name, flush=True)

target = pathlib.Path(__file__).parent / "timm.json"
lines = ",\n".join(json.dumps(each, separators=(",", ":")) for each in made.values())
target.write_text(f'{{"timm": "{timm.__version__}", "pillow": "{PIL.__version__}", "sizes": {json.dumps(sizes)},\n"cases": [\n{lines}\n]}}\n')
