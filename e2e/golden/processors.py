"""Makes processors.json: a picture resized by ViT's two processors in transformers 5, on Pillow and on torchvision.

    pip install torch==2.14.1 torchvision==0.29.1 transformers==5.24.0 pillow==12.3.0 numpy && python processors.py
"""

import json
import pathlib

import numpy as np
from PIL import Image
from transformers.models.auto.image_processing_auto import get_image_processor_class_from_name as by_name

width, height = 120, 90
j = np.arange(width * height * 4)
rgba = (j * j * 31 % 251).astype(np.uint8).reshape(height, width, 4)
picture = Image.fromarray(rgba[:, :, :3].copy())
options = {"size": {"height": 8, "width": 8}, "do_rescale": False, "do_normalize": False, "resample": 3}
made = {}
for kind, name in (("slow", "ViTImageProcessorPil"), ("fast", "ViTImageProcessor")):
    pixels = np.asarray(by_name(name)(**options)(picture, return_tensors="np")["pixel_values"][0])
    made[kind] = [int(value) for value in pixels.ravel()]
target = pathlib.Path(__file__).parent / "processors.json"
target.write_text(json.dumps({"width": width, "height": height, **made}) + "\n")
