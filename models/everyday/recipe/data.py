"""Reads the image sheets of CIFAR-100 and CIFAR-10 and splits off the held-out training images.

A sheet is one lossless file per class and split: tiles of 32x32, left to right, top to bottom, the
first N of them real; N is in `index.json`.
"""
import json
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
DEFAULT = HERE / "../../../../shared/data"
SETS = ("cifar100", "cifar10")
HELD_OUT = {"cifar100": 20, "cifar10": 200}  # training images per class that never train the network
MEAN = (0.501, 0.485, 0.443)
STD = (0.260, 0.252, 0.271)


def class_names(data):
    """The 110 class folders' names: the 100 of CIFAR-100 in alphabetical order, then the 10 of CIFAR-10."""
    index = json.loads((Path(data) / "index.json").read_text())
    names = [name for set_ in SETS for name in sorted(index[set_]["test"])]
    assert len(names) == len(set(names)) == 110
    return names


def labels(data):
    return [name.replace("_", " ") for name in class_names(data)]


def load(data, set_, split, limit=None):
    """uint8 images [N,32,32,3] and their labels 0..109."""
    data = Path(data)
    index = json.loads((data / "index.json").read_text())[set_][split]
    names = class_names(data)
    images, targets = [], []
    for name in sorted(index):
        sheet = np.asarray(Image.open(next((data / set_ / split).glob(name + ".*"))).convert("RGB"))
        rows, columns = sheet.shape[0] // 32, sheet.shape[1] // 32
        tiles = sheet.reshape(rows, 32, columns, 32, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 32, 32, 3)
        tiles = tiles[:index[name]][:limit]
        images.append(tiles)
        targets.append(np.full(len(tiles), names.index(name)))
    return np.concatenate(images), np.concatenate(targets)


def training(data, set_, seed):
    """(images, labels) to train on and (images, labels) held out, chosen per class by the seed."""
    images, targets = load(data, set_, "train")
    rng = np.random.default_rng(seed)
    held = np.zeros(len(targets), bool)
    for target in np.unique(targets):
        where = np.flatnonzero(targets == target)
        held[rng.permutation(where)[:HELD_OUT[set_]]] = True
    return (images[~held], targets[~held]), (images[held], targets[held])
