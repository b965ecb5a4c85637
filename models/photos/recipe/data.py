"""Unlabelled views for the self-distillation, and the labelled photos that judge it."""
import json
import random
import re
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageEnhance

SHARED = Path(__file__).resolve().parent / "../../../../shared"
SIZE, TEACHER_SIZE = 192, 224  # the training's
RUN_SIZE = 224  # the finished model's
MEAN, STD = 127.0, 128.0  # the original's
NAMED = re.compile(r"n\d{8}_(.+)\.JPEG$")


def load(path):
    return Image.open(path).convert("RGB")


def photos(folder):
    """Paths to train on and paths held out: every second photo whose name says its class is held out."""
    files = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in (".jpeg", ".jpg", ".bmp"))
    held = [path for path in files if NAMED.match(path.name)][1::2]
    return [path for path in files if path not in held], held


def tiles(folder):
    """All training images of CIFAR-100 and CIFAR-10: uint8 [N,32,32,3]."""
    folder, found = Path(folder), []
    index = json.loads((folder / "index.json").read_text())
    for name in ("cifar100", "cifar10"):
        for label, count in index[name]["train"].items():
            sheet = np.asarray(load(next((folder / name / "train").glob(label + ".*"))))
            rows, columns = sheet.shape[0] // 32, sheet.shape[1] // 32
            sheet = sheet.reshape(rows, 32, columns, 32, 3).swapaxes(1, 2).reshape(-1, 32, 32, 3)
            found.append(sheet[:count])
    return np.concatenate(found)


def tensor(images):
    """Pillow pictures -> float32 [N,3,H,W], normalised."""
    array = np.stack([np.asarray(image, np.float32) for image in images])
    return torch.from_numpy((array - MEAN) / STD).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def centre(image, size):
    """The evaluation's view: the shorter side to size * 256/224, bicubic, then the middle."""
    width, height = image.size
    shorter = round(size * 256 / 224)
    scale = shorter / min(width, height)
    width, height = (shorter, max(shorter, int(height * scale))) if width < height else (max(shorter, int(width * scale)), shorter)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return image.resize((width, height), Image.BICUBIC).crop((left, top, left + size, top + size))


def view(image, rng, smallest, sizes=(TEACHER_SIZE, SIZE)):
    """A random window of at least `smallest` of the area, at each of `sizes`."""
    width, height = image.size
    area, ratio = rng.uniform(smallest, 1) * width * height, np.exp(rng.uniform(-0.29, 0.29))
    w = min(width, round((area * ratio) ** 0.5))
    h = min(height, round((area / ratio) ** 0.5))
    left, top = rng.randint(0, width - w), rng.randint(0, height - h)
    image = image.crop((left, top, left + w, top + h))
    if rng.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
            image = enhance(image).enhance(rng.uniform(0.7, 1.3))
    return [image.resize((size, size), Image.BICUBIC) for size in sizes]


class Views:
    """Batches of views: 80 % of photos, 20 % of enlarged CIFAR images, a quarter of the batches mixed in pairs."""

    def __init__(self, photo_paths, data, seed):
        self.photos, self.tiles = [load(path) for path in photo_paths], tiles(data)
        # Two megapixels are decoded once and cropped many times: half a megapixel does.
        for image in self.photos:
            image.thumbnail((800, 800), Image.BICUBIC)
        self.rng = random.Random(seed)

    def batch(self, count):
        pairs = []
        for _ in range(count):
            if self.rng.random() < 0.8:
                pairs.append(view(self.rng.choice(self.photos), self.rng, 0.15))
            else:
                pairs.append(view(Image.fromarray(self.tiles[self.rng.randrange(len(self.tiles))]), self.rng, 0.6))
        large, small = (tensor(images) for images in zip(*pairs))
        if self.rng.random() < 0.25:
            share = self.rng.uniform(0.5, 1)
            large, small = (share * x + (1 - share) * x.flip(0) for x in (large, small))
        return large, small
