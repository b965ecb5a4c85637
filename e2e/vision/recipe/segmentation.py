"""Segmenters with random weights, and the maps that Transformers and torch make of two pictures."""

import numpy as np
import torch
import torch.nn.functional as F
from common import answer, check, export, packed, pictures, save, save_pictures
from torch import nn
from transformers import SegformerConfig, SegformerForSemanticSegmentation
from transformers.models.segformer.image_processing_pil_segformer import SegformerImageProcessorPil

labels = ["wall", "sky", "tree", "road", "car", "person"]
named = {"id2label": dict(enumerate(labels)), "label2id": {each: i for i, each in enumerate(labels)}}


class Logits(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values).logits


def spread(model) -> None:
    for each in model.modules():
        if isinstance(each, (nn.Linear, nn.Conv2d)):
            nn.init.normal_(each.weight, std=1.3 / each.weight[0].numel() ** 0.5)


def segformer() -> dict:
    torch.manual_seed(11)
    config = SegformerConfig(
        hidden_sizes=[8, 16, 16, 24],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 2],
        mlp_ratios=[2, 2, 2, 2],
        decoder_hidden_size=24,
        **named,
    )
    model = SegformerForSemanticSegmentation(config).eval()
    spread(model)
    processor = SegformerImageProcessorPil(size={"height": 64, "width": 96})
    wrapped = Logits(model).eval()
    maps = {}
    with torch.no_grad():
        for which, picture in pictures.items():
            fed = processor(picture, return_tensors="pt")
            if which == "wide":
                export(wrapped, "segformer", dict(fed), ["pixel_values"], ["logits"])
            (out,) = answer("segformer", {"pixel_values": fed["pixel_values"].numpy()})
            check([wrapped(fed["pixel_values"])], [out])

            class Result:
                logits = out

            found = processor.post_process_semantic_segmentation(Result, [(picture.height, picture.width)])[0]
            maps[which] = {"map": packed(found.numpy().astype(np.uint8)), "logits": packed(out.numpy())}
            print("segformer", which, np.bincount(found.flatten(), minlength=len(labels)))
    config = model.config.to_dict() | {"architectures": [type(model).__name__]} | named
    keep = ("model_type", "architectures", "id2label")
    return {
        "config": {key: config[key] for key in keep},
        "preprocessor": processor.to_dict(),
        "maps": maps,
    }


class Matting(nn.Module):
    """One plane, as background removal gives it: logits of a quarter of the size."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 5, 2, 2), nn.SiLU(), nn.Conv2d(8, 8, 5, 2, 2), nn.SiLU(), nn.Conv2d(8, 1, 1)
        )

    def forward(self, x):
        return self.layers(x)


def matting() -> dict:
    torch.manual_seed(12)
    model = Matting()
    spread(model)
    model.layers[-1].weight.data *= 4
    model.eval()
    alphas = {}
    with torch.no_grad():
        for which, picture in pictures.items():
            small = np.asarray(picture.resize((64, 64), 2))
            fed = torch.from_numpy(small.transpose(2, 0, 1).copy()).float()[None] / 255
            if which == "wide":
                export(model, "matting", {"input": fed}, ["input"], ["mask"])
            (out,) = answer("matting", {"input": fed.numpy()})
            check([model(fed)], [out])
            size = (picture.height, picture.width)
            alpha = F.interpolate(out.sigmoid(), size, mode="bilinear", align_corners=False)[0, 0]
            alphas[which] = {"alpha": packed((alpha * 255).round().numpy().astype(np.uint8)), "logits": packed(out.numpy())}
            print("matting", which, float(alpha.mean()))
    return {"alphas": alphas}


def upsampling() -> list:
    """Logits of any size to pictures of any size, with and without what makes ties likely."""
    torch.manual_seed(13)
    cases = []
    for classes, small, large in [
        (3, (4, 5), (37, 23)),
        (21, (16, 16), (100, 161)),
        (5, (8, 8), (8, 8)),
        (4, (12, 10), (5, 7)),
        (300, (3, 3), (20, 20)),
    ]:
        logits = torch.randn(1, classes, *small)
        found = F.interpolate(logits, large, mode="bilinear", align_corners=False).argmax(1)[0]
        cases.append({"logits": packed(logits.numpy()), "map": packed(found.numpy().astype(np.uint16))})
    return cases


if __name__ == "__main__":
    save_pictures()
    save(
        "segmentation.json",
        {"labels": labels, "segformer": segformer(), "matting": matting(), "upsampling": upsampling()},
    )
