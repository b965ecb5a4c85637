"""Writes huggingface.json: what transformers' image processors make of a synthetic picture.

    pip install transformers==5.23.0 numpy "pillow<13" && python huggingface.py > huggingface.json

Pillow 13 resizes some pictures in another order; the models were trained before. timm's
transforms are torchvision's; their arithmetic is repeated here on Pillow (no torch needed).
"""

import json
import sys

import numpy as np
from PIL import Image
from transformers.models.beit.image_processing_pil_beit import BeitImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.deit.image_processing_pil_deit import DeiTImageProcessorPil
from transformers.models.efficientnet.image_processing_pil_efficientnet import (
    EfficientNetImageProcessorPil,
)
from transformers.models.mobilenet_v1.image_processing_pil_mobilenet_v1 import (
    MobileNetV1ImageProcessorPil,
)
from transformers.models.mobilenet_v2.image_processing_pil_mobilenet_v2 import (
    MobileNetV2ImageProcessorPil,
)
from transformers.models.mobilevit.image_processing_pil_mobilevit import MobileViTImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

processors = {
    "ViT": ViTImageProcessorPil,
    "DeiT": DeiTImageProcessorPil,
    "Beit": BeitImageProcessorPil,
    "ConvNext": ConvNextImageProcessorPil,
    "EfficientNet": EfficientNetImageProcessorPil,
    "MobileViT": MobileViTImageProcessorPil,
    "MobileNetV1": MobileNetV1ImageProcessorPil,
    "MobileNetV2": MobileNetV2ImageProcessorPil,
}

imagenet = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}

cases = [
    ("ViT defaults", "ViT", {}),
    ("ViT, 3 spellings: number", "ViT", {"size": 96}),
    ("ViT, 3 spellings: list", "ViT", {"size": [80, 96]}),
    ("ViT, 3 spellings: object", "ViT", {"size": {"height": 96, "width": 80}, "resample": 3}),
    ("Swin as published", "ViT", {"size": 224, "resample": 3, **imagenet}),
    ("ViT, one mean for all", "ViT", {"size": 64, "image_mean": 0.4, "image_std": 0.3}),
    ("ViT, no rescaling", "ViT", {"size": 64, "do_rescale": False, "do_normalize": False}),
    ("DeiT defaults", "DeiT", {}),
    ("DeiT as published", "DeiT", {"size": 256, "crop_size": 224, **imagenet}),
    ("DeiT, odd offsets", "DeiT", {"size": {"height": 101, "width": 90}, "crop_size": 64}),
    ("DeiT, crop larger than the picture", "DeiT", {"size": 61, "crop_size": 64}),
    ("Beit defaults", "Beit", {}),
    ("Beit with its crop", "Beit", {"size": 256, "do_center_crop": True}),
    ("ConvNext defaults", "ConvNext", {}),
    ("ConvNext 224", "ConvNext", {"size": 224, "crop_pct": 0.875, **imagenet}),
    ("ConvNext, shortest_edge", "ConvNext", {"size": {"shortest_edge": 160}, "crop_pct": 0.95}),
    ("ResNet as published", "ConvNext", {"size": 224, "crop_pct": 0.875, "resample": 2, **imagenet}),
    ("EfficientNet defaults", "EfficientNet", {}),
    ("EfficientNet, offset", "EfficientNet", {"size": 128, "rescale_factor": 1 / 127.5, "rescale_offset": True}),
    ("EfficientNet, no top", "EfficientNet", {"size": 128, "include_top": False}),
    ("EfficientNet b0 as published", "EfficientNet", {"size": 224, "resample": 0, "include_top": True, "image_mean": [0.485, 0.456, 0.406], "image_std": [0.47853944, 0.4732864, 0.47434163]}),
    ("MobileViT defaults", "MobileViT", {}),
    ("MobileViT as published", "MobileViT", {"size": {"shortest_edge": 288}, "crop_size": {"height": 256, "width": 256}, "resample": 2}),
    ("MobileViT, not flipped", "MobileViT", {"do_flip_channel_order": False, "crop_size": 128}),
    ("MobileNetV1 defaults", "MobileNetV1", {}),
    ("MobileNetV1 192", "MobileNetV1", {"size": {"shortest_edge": 192}, "crop_size": 160}),
    ("MobileNetV2 defaults", "MobileNetV2", {}),
    ("every filter: box", "MobileNetV2", {"resample": 4}),
    ("every filter: hamming", "MobileNetV2", {"resample": 5}),
    ("every filter: lanczos", "MobileNetV2", {"resample": 1}),
]

timm_cases = [
    ("timm, 0.875", {"input_size": [3, 224, 224], "crop_pct": 0.875, "interpolation": "bicubic"}),
    ("timm, 0.9 and other numbers", {"input_size": [3, 160, 160], "crop_pct": 0.9, "interpolation": "bilinear", "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}),
    ("timm, squash", {"input_size": [3, 96, 96], "crop_pct": 1.0, "crop_mode": "squash", "interpolation": "bicubic"}),
]

sizes = [(333, 251), (250, 371), (90, 57)]


def picture(width, height):
    """The same numbers as the test's, in integer arithmetic."""
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    values = (x * x * 7 + y * y * 3 + x * y * 5 + c * 85 + (x // 16 + y // 16) % 2 * 90) % 256
    return Image.fromarray(values.astype(np.uint8))


def timm(image, cfg):
    _, height, width = cfg["input_size"]
    filter = {"bicubic": Image.BICUBIC, "bilinear": Image.BILINEAR}[cfg["interpolation"]]
    scaled = int(height / cfg["crop_pct"]), int(width / cfg["crop_pct"])
    if cfg.get("crop_mode") == "squash":
        image = image.resize((scaled[1], scaled[0]), filter)
    else:
        short, long = sorted(image.size)
        new_long = int(scaled[0] * long / short)
        size = (scaled[0], new_long) if image.width <= image.height else (new_long, scaled[0])
        image = image.resize(size, filter)
    top, left = round((image.height - height) / 2), round((image.width - width) / 2)
    image = image.crop((left, top, left + width, top + height))
    values = np.asarray(image).astype(np.float32) / 255
    mean = np.array(cfg.get("mean", imagenet["image_mean"]), dtype=np.float32)
    std = np.array(cfg.get("std", imagenet["image_std"]), dtype=np.float32)
    return ((values - mean) / std).transpose(2, 0, 1)


def summary(tensor):
    tensor = np.asarray(tensor, dtype=np.float64)
    flat = tensor.reshape(-1)
    places = [int(i * (flat.size - 1) / 23) for i in range(24)]
    return {
        "shape": list(tensor.shape),
        "mean": float(flat.mean()),
        "deviation": float(flat.std()),
        "samples": [round(float(flat[place]), 6) for place in places],
    }


golden = []
for name, family, fields in cases:
    results = []
    for width, height in sizes:
        out = processors[family](**fields)(picture(width, height), return_tensors="np")
        results.append(summary(out["pixel_values"][0]))
    preprocessor = {"image_processor_type": f"{family}ImageProcessor", **fields}
    golden.append({"name": name, "preprocessor": preprocessor, "results": results})
for name, cfg in timm_cases:
    results = [summary(timm(picture(width, height), cfg)) for width, height in sizes]
    golden.append({"name": name, "pretrained_cfg": cfg, "results": results})

json.dump({"sizes": sizes, "cases": golden}, sys.stdout, indent=1)
