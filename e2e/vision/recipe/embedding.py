"""Embedders with random weights, and the vectors that Transformers and timm make of two pictures."""

import timm
import torch
from common import answer, check, export, pictures, save, save_pictures
from timm.data import create_transform, resolve_data_config
from torch import nn
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    Dinov2Config,
    Dinov2Model,
    ResNetConfig,
    ResNetModel,
    ViTConfig,
    ViTModel,
)
from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil


class Picked(nn.Module):
    def __init__(self, model, names):
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, pixel_values):
        out = self.model(pixel_values)
        return tuple(getattr(out, name) for name in self.names)


def hub_case(name, model, processor, names, pool) -> dict:
    wrapped = Picked(model.eval(), names).eval()
    vectors = {}
    with torch.no_grad():
        for which, picture in pictures.items():
            fed = processor(picture, return_tensors="pt")
            if which == "wide":
                export(wrapped, name, {"pixel_values": fed["pixel_values"]}, ["pixel_values"], names)
            out = answer(name, {"pixel_values": fed["pixel_values"].numpy()})
            check(wrapped(fed["pixel_values"]), out)
            vectors[which] = pool(*out)[0].tolist()
    config = {"model_type": model.config.model_type, "architectures": [type(model).__name__]}
    return {"config": config, "preprocessor": processor.to_dict(), "vectors": vectors}


small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "initializer_range": 0.2}


def vit():
    torch.manual_seed(21)
    model = ViTModel(ViTConfig(**small, intermediate_size=48, image_size=48), add_pooling_layer=False)
    processor = ViTImageProcessorPil(size={"height": 48, "width": 48})
    return hub_case("vit", model, processor, ["last_hidden_state"], lambda hidden: hidden[:, 0])


def dinov2():
    torch.manual_seed(22)
    model = Dinov2Model(Dinov2Config(**small, mlp_ratio=2, patch_size=14, image_size=56))
    processor = BitImageProcessorPil(
        size={"shortest_edge": 64},
        crop_size={"height": 56, "width": 56},
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    names = ["last_hidden_state", "pooler_output"]
    return hub_case("dinov2", model, processor, names, lambda _hidden, pooled: pooled)


def clip():
    torch.manual_seed(23)
    small_clip = {key: value for key, value in small.items() if key != "initializer_range"}
    config = CLIPVisionConfig(**small_clip, intermediate_size=48, image_size=32, patch_size=8, projection_dim=24)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    model = CLIPVisionModelWithProjection(config)
    for each in model.modules():
        if isinstance(each, nn.Linear):
            nn.init.normal_(each.weight, std=1 / each.in_features**0.5)
    return hub_case("clip", model, processor, ["image_embeds"], lambda embeds: embeds)


def resnet():
    torch.manual_seed(24)
    model = ResNetModel(
        ResNetConfig(embedding_size=8, hidden_sizes=[8, 12, 16, 24], depths=[1, 1, 1, 1], layer_type="basic")
    )
    processor = ConvNextImageProcessorPil(size={"shortest_edge": 64}, crop_pct=0.875)
    return hub_case(
        "resnet", model, processor, ["last_hidden_state"], lambda hidden: hidden.mean((2, 3))
    )


def timm_features():
    torch.manual_seed(25)
    model = timm.create_model("test_efficientnet", pretrained=False, num_classes=0).eval()
    cfg = resolve_data_config({"crop_pct": 0.9}, model=model)
    size = cfg["input_size"] = (3, 96, 96)
    transform = create_transform(**cfg)
    vectors = {}
    with torch.no_grad():
        for each in model.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.running_var.uniform_(0.5, 1.5)
        for which, picture in pictures.items():
            fed = transform(picture)[None]
            if which == "wide":
                export(model, "timm", {"input": fed}, ["input"], ["features"])
            (out,) = answer("timm", {"input": fed.numpy()})
            check([model(fed)], [out])
            vectors[which] = out[0].tolist()
    keep = {key: cfg[key] for key in ("interpolation", "mean", "std", "crop_pct", "crop_mode")}
    config = {
        "architecture": "test_efficientnet",
        "num_classes": 0,
        "num_features": model.num_features,
        "pretrained_cfg": {**keep, "input_size": list(size), "num_classes": 0, "fixed_input_size": False},
    }
    return {"config": config, "vectors": vectors}


if __name__ == "__main__":
    save_pictures()
    cases = {"vit": vit(), "dinov2": dinov2(), "clip": clip(), "resnet": resnet(), "timm": timm_features()}
    for name, case in cases.items():
        print(name, {key: (len(vector), vector[:3]) for key, vector in case["vectors"].items()})
    save("embedding.json", cases)
