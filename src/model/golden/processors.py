"""Makes processors.json: what transformers 5's image processors make of a picture, on Pillow and on torchvision.

    pip install torch==2.14.1 torchvision==0.29.1 transformers==5.24.0 pillow==12.3.0 numpy && python processors.py

Without rescaling and normalisation, so that the bytes can be compared one by one (as sha256); mean and
deviation as the processor has them.
"""

import hashlib
import json
import pathlib

import numpy as np
import PIL
import torch
import transformers
from PIL import Image
from transformers.models.auto.image_processing_auto import (
    IMAGE_PROCESSOR_MAPPING_NAMES as names,
    get_image_processor_class_from_name as by_name,
)

sizes = [(333, 251), (250, 371), (90, 57)]
imagenet = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
published = {**imagenet, "do_normalize": True, "do_resize": True, "resample": 3, "size": 224}


def picture(width, height):
    """As in huggingface.test.ts."""
    x, y = np.arange(width)[None, :], np.arange(height)[:, None]
    check = ((x // 16 + y // 16) % 2) * 90
    channels = [(x * x * 7 + y * y * 3 + x * y * 5 + c * 85 + check) % 256 for c in range(3)]
    return Image.fromarray(np.stack(channels, -1).astype(np.uint8))


# model_type, preprocessor_config.json (without a type the class comes from model_type)
cases = [
    ("levit", {}),
    ("levit", {**published, "do_center_crop": True}),
    ("levit", {**published, "do_center_crop": True, "feature_extractor_type": "LevitFeatureExtractor"}),
    ("levit", {"size": {"shortest_edge": 131}, "crop_size": 128}),
    ("poolformer", {}),
    ("poolformer", {**published, "crop_pct": 0.9, "do_resize_and_center_crop": True, "feature_extractor_type": "PoolFormerFeatureExtractor"}),
    ("poolformer", {**published, "crop_pct": 0.95}),
    ("poolformer", {"size": {"height": 160, "width": 128}, "crop_size": {"height": 150, "width": 120}}),
    ("convnext", {**published, "crop_pct": 0.875}),
    ("convnextv2", {}),
    ("resnet", {**published, "crop_pct": 0.875}),
    ("regnet", {**published}),
    ("cvt", {**published}),
    ("segformer", {}),
    ("segformer", {**published, "resample": 2, "size": {"height": 128, "width": 128}}),
    ("dinov2", {**imagenet, "size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}),
    ("bit", {}),
    ("focalnet", {}),
    ("hiera", {}),
    ("swiftformer", {}),
    ("swin", {**published}),
    ("swinv2", {"size": {"height": 192, "width": 192}}),
    ("vit", {}),
    ("vit_msn", {"resample": 3}),
    ("ijepa", {}),
    ("deit", {}),
    ("beit", {}),
    ("data2vec-vision", {}),
    ("efficientnet", {}),
    ("mobilenet_v1", {}),
    ("mobilenet_v2", {}),
    ("pvt", {}),
    ("pvt_v2", {}),
    ("siglip", {}),
    ("clip", {}),
    ("perceiver", {}),
    ("perceiver", {"size": {"height": 96, "width": 96}, "crop_size": {"height": 100, "width": 100}, "resample": 2}),
    ("pp_lcnet", {}),
    ("vit", {"resample": 0}),
    ("vit", {"resample": 1}),
    ("clip", {"size": {"shortest_edge": 60}, "crop_size": {"height": 93, "width": 111}}),
    # What a class does without being told to, or not at all.
    ("detr", {"size": {"height": 60, "width": 90}, "pad_size": {"height": 96, "width": 128}}),
    ("detr", {"size": {"height": 60, "width": 90}, "pad_size": 128, "pad_and_return_pixel_mask": False}),
    ("conditional_detr", {"size": {"shortest_edge": 64, "longest_edge": 100}, "pad_size": {"height": 128, "width": 112}}),
    ("yolos", {"size": {"height": 64, "width": 96}, "do_center_crop": True, "crop_size": 48}),
    ("segformer", {"size": 96, "do_center_crop": True, "crop_size": {"height": 40, "width": 60}}),
    ("segformer", {"size": 96, "do_flip_channel_order": True}),
    ("mobilenet_v2", {"do_flip_channel_order": True}),
    ("upernet", {"size": 96}),
    ("dpt", {}),
    ("dpt", {"size": {"height": 100, "width": 75}, "ensure_multiple_of": 14}),
    ("dpt", {"size": 80, "ensure_multiple_of": 32, "do_center_crop": True, "crop_size": 40}),
]

made = []
for model_type, config in cases:
    fields = {k: v for k, v in config.items() if not k.endswith("_type")}
    # EfficientNet would divide by its deviation a second time.
    quiet = {"include_top": False} if model_type == "efficientnet" else {}
    case = {"model_type": model_type, "preprocessor": config}
    for key, backend in (("results", "pil"), ("fast", "torchvision")):
        if backend not in names[model_type]:
            continue
        cls = by_name(names[model_type][backend])
        processor = cls(**{**fields, **quiet, "do_rescale": False, "do_normalize": False})
        case[key] = []
        for size in sizes:
            array = np.asarray(processor(picture(*size), return_tensors="np")["pixel_values"][0])
            pixels = array.transpose(1, 2, 0).astype(np.uint8)
            case[key].append([*pixels.shape[:2], hashlib.sha256(pixels.tobytes()).hexdigest()[:24]])
        case["mean"] = list(processor.image_mean)
        case["std"] = list(processor.image_std)
    made.append(case)

# DINOv3's resizes fractions and does not round: its numbers themselves, of a small picture.
fields = {"size": {"height": 12, "width": 16}, "do_normalize": False}
processor = by_name(names["dinov3_vit"]["torchvision"])(**fields)
numbers = np.asarray(processor(picture(*sizes[0]), return_tensors="np")["pixel_values"][0]) * 255
dinov3 = {"preprocessor": fields, "size": sizes[0], "numbers": [round(float(each), 3) for each in numbers.transpose(1, 2, 0).ravel()]}

target = pathlib.Path(__file__).parent / "processors.json"
versions = {"transformers": transformers.__version__, "pillow": PIL.__version__, "torch": torch.__version__.split("+")[0]}
lines = ",\n".join(json.dumps(each) for each in made)
head = json.dumps({**versions, "sizes": sizes, "dinov3": dinov3})[:-1]
target.write_text(f'{head},\n"cases": [\n{lines}\n]}}\n')
