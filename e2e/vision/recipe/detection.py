"""Detectors with random weights, and what Transformers, torchvision and OpenCV make of two pictures."""

import cv2
import numpy as np
import torch
import torchvision
from common import answer, check, export, packed, pictures, save, save_pictures
from torch import nn
from transformers import (
    DetrConfig,
    DetrForObjectDetection,
    ResNetConfig,
    RTDetrConfig,
    RTDetrForObjectDetection,
    YolosConfig,
    YolosForObjectDetection,
)
from transformers.models.conditional_detr.image_processing_pil_conditional_detr import ConditionalDetrImageProcessorPil
from transformers.models.detr.image_processing_pil_detr import DetrImageProcessorPil
from transformers.models.rt_detr.configuration_rt_detr_resnet import RTDetrResNetConfig
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil
from transformers.models.yolos.image_processing_pil_yolos import YolosImageProcessorPil

labels = ["cat", "dog", "bird", "fish", "horse"]
named = {"id2label": dict(enumerate(labels)), "label2id": {each: i for i, each in enumerate(labels)}}


class Outputs(nn.Module):
    """A model of Transformers by the two tensors that matter."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, *tensors):
        out = self.model(*tensors)
        return out.logits, out.pred_boxes


def threshold_of(scores: torch.Tensor, least: int = 8, most: int = 14) -> float:
    """One that falls into the widest gap between so many scores and so many."""
    best = scores.flatten().sort(descending=True).values[: most + 1]
    gaps = best[least - 1 : -1] - best[least:]
    at = least + int(gaps.argmax())
    assert gaps.max() > 1e-3, gaps
    return round(float(best[at - 1] + best[at]) / 2, 5)


def spread(model) -> None:
    """Layers that pass differences on instead of evening them out."""
    for each in model.modules():
        if isinstance(each, nn.Linear):
            nn.init.normal_(each.weight, std=1.3 / each.in_features**0.5)
        if isinstance(each, nn.BatchNorm2d):
            each.running_var.uniform_(0.5, 1.5)


def boxes_of(results: dict, size) -> list:
    """As tabserve gives them: within the picture, best first."""
    width, height = size
    order = torch.argsort(results["scores"], descending=True, stable=True)
    found = []
    for i in order:
        x1, y1, x2, y2 = results["boxes"][i].tolist()
        x1, x2 = np.clip([x1, x2], 0, width).tolist()
        y1, y2 = np.clip([y1, y2], 0, height).tolist()
        if x2 > x1 and y2 > y1:
            box = {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1}
            index = int(results["labels"][i])
            found.append({"label": labels[index], "index": index, "score": float(results["scores"][i]), "box": box})
    return found


def hub_case(name: str, model, processor, takes_mask: bool, is_exact=True) -> dict:
    wrapped = Outputs(model).eval()
    answers, raw = {}, {}
    with torch.no_grad():
        for which, picture in pictures.items():
            fed = processor(picture, return_tensors="pt")
            tensors = {"pixel_values": fed["pixel_values"]}
            if takes_mask:
                tensors["pixel_mask"] = fed["pixel_mask"]
            if which == "wide":
                export(wrapped, name, tensors, list(tensors), ["logits", "pred_boxes"])
            out = answer(name, {key: value.numpy() for key, value in tensors.items()})
            if is_exact:
                check(wrapped(*tensors.values()), out)
            class Result:
                logits, pred_boxes = out
            size = [(picture.height, picture.width)]
            everything = processor.post_process_object_detection(Result, -1, target_sizes=size)[0]
            threshold = threshold_of(everything["scores"])
            results = processor.post_process_object_detection(Result, threshold, target_sizes=size)[0]
            answers[which] = {"threshold": threshold, "objects": boxes_of(results, picture.size)}
            raw[which] = {"logits": packed(out[0].numpy()), "boxes": packed(out[1].numpy())}
    config = model.config.to_dict() | {"architectures": [type(model).__name__]} | named
    keep = ("model_type", "architectures", "id2label")
    return {
        "config": {key: config[key] for key in keep},
        "preprocessor": {k: v for k, v in processor.to_dict().items() if k != "processor_class"},
        "answers": answers,
        "raw": raw,
    }


def detr() -> dict:
    torch.manual_seed(3)
    config = DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=ResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 16, 24, 32],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage4"],
        ),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_ffn_dim=48,
        decoder_ffn_dim=48,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        num_queries=24,
        init_std=0.3,
        **named,
    )
    model = DetrForObjectDetection(config).eval()
    spread(model.model)
    # Not everything is nothing.
    model.class_labels_classifier.bias.data[-1] = -3
    processor = DetrImageProcessorPil(
        size={"shortest_edge": 48, "longest_edge": 80}, do_pad=True, pad_size={"height": 80, "width": 80}
    )
    return hub_case("detr", model, processor, True)


def yolos() -> dict:
    torch.manual_seed(4)
    config = YolosConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=[80, 80],
        num_detection_tokens=20,
        initializer_range=0.25,
        **named,
    )
    model = YolosForObjectDetection(config).eval()
    model.vit.embeddings.detection_tokens.data.normal_(std=1)
    spread(model.vit)
    processor = YolosImageProcessorPil(
        size={"shortest_edge": 48, "longest_edge": 80}, do_pad=True, pad_size={"height": 80, "width": 80}
    )
    return hub_case("yolos", model, processor, False)


def rt_detr() -> dict:
    torch.manual_seed(5)
    config = RTDetrConfig(
        backbone_config=RTDetrResNetConfig(
            embedding_size=8,
            hidden_sizes=[8, 12, 16, 16],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            out_features=["stage2", "stage3", "stage4"],
        ),
        encoder_hidden_dim=16,
        encoder_in_channels=[12, 16, 16],
        encoder_ffn_dim=24,
        encoder_attention_heads=2,
        encoder_layers=1,
        hidden_expansion=0.5,
        d_model=16,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=24,
        decoder_layers=2,
        decoder_attention_heads=2,
        num_queries=20,
        num_denoising=0,
        anchor_image_size=[64, 64],
        **named,
    )
    model = RTDetrForObjectDetection(config).eval()
    spread(model.model.decoder)
    processor = RTDetrImageProcessorPil(size={"height": 64, "width": 64})
    # Its exported graph differs from torch: what is asked here is what onnxruntime answers.
    return hub_case("rt_detr", model, processor, False, is_exact=False)


def hundred() -> dict:
    """Conditional DETR's best hundred of 120 scores: more than there are queries."""
    torch.manual_seed(6)

    class Result:
        logits, pred_boxes = torch.randn(1, 24, len(labels)), torch.rand(1, 24, 4) / 2 + 0.1

    width, height = 150, 110
    found = ConditionalDetrImageProcessorPil().post_process_object_detection(Result, 0.0, [(height, width)])[0]
    objects = boxes_of(found, (width, height))
    assert len(objects) == 100
    return {
        "size": [width, height],
        "objects": [[each["index"], *each["box"].values()] for each in objects],
        "scores": [each["score"] for each in objects],
        "logits": packed(Result.logits.numpy()),
        "boxes": packed(Result.pred_boxes.numpy()),
    }


class Pyramid(nn.Module):
    """Three maps of strides 8, 16 and 32."""

    def __init__(self, channels: int, width: int = 16):
        super().__init__()
        step = lambda a, b: nn.Sequential(nn.Conv2d(a, b, 3, 2, 1), nn.SiLU())
        self.stem = nn.Sequential(step(3, 8), step(8, 12))
        self.steps = nn.ModuleList([step(12, width), step(width, width), step(width, width)])
        self.heads = nn.ModuleList([nn.Conv2d(width, channels, 1) for _ in self.steps])

    def forward(self, x):
        x = self.stem(x)
        maps = []
        for step, head in zip(self.steps, self.heads):
            x = step(x)
            maps.append(head(x))
        return maps


def grid(side: int, offset: float):
    points, strides = [], []
    for stride in (8, 16, 32):
        n = side // stride
        y, x = torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij")
        points.append(torch.stack([x, y], -1).reshape(-1, 2) + offset)
        strides.append(torch.full((n * n, 1), float(stride)))
    return torch.cat(points), torch.cat(strides)


class YoloV8(nn.Module):
    """The head of YOLOv8: distances by the expectation of 16 bins, sigmoid scores; [1, 4 + C, N]."""

    def __init__(self, classes: int):
        super().__init__()
        self.pyramid = Pyramid(64 + classes)
        points, strides = grid(64, 0.5)
        self.register_buffer("points", points)
        self.register_buffer("strides", strides)

    def forward(self, x):
        flat = torch.cat([each.flatten(2) for each in self.pyramid(x)], 2)[0].T
        bins = flat[:, :64].reshape(-1, 4, 16).softmax(-1)
        left, top, right, bottom = (bins @ torch.arange(16.0)).unbind(-1)
        x1, y1 = self.points[:, 0] - left, self.points[:, 1] - top
        x2, y2 = self.points[:, 0] + right, self.points[:, 1] + bottom
        box = torch.stack([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1], -1) * self.strides
        return torch.cat([box, flat[:, 64:].sigmoid()], 1).T[None]


class YoloX(nn.Module):
    """The head of YOLOX before its grid is applied: [1, N, 5 + C]."""

    def __init__(self, classes: int):
        super().__init__()
        self.pyramid = Pyramid(5 + classes)

    def forward(self, x):
        flat = torch.cat([each.flatten(2) for each in self.pyramid(x)], 2)[0].T
        bias = torch.tensor([0, 0, 0.9, 0.9])
        return torch.cat([flat[:, :4] * 0.5 + bias, flat[:, 4:].sigmoid()], 1)[None]


class Ssd(nn.Module):
    """As TensorFlow's detectors: bytes in, and the answers of a non-maximum suppression in the graph."""

    def __init__(self, classes: int):
        super().__init__()
        self.pyramid = Pyramid(4 + classes)
        points, strides = grid(64, 0.5)
        self.register_buffer("centres", points * strides / 64)
        self.register_buffer("strides", strides / 64)

    def forward(self, x):
        pixels = x.permute(0, 3, 1, 2).float() / 255
        flat = torch.cat([each.flatten(2) for each in self.pyramid(pixels)], 2)[0].T
        middle = self.centres + flat[:, :2] * 0.1
        size = self.strides * 2 * flat[:, 2:4].exp()
        boxes = torch.cat([middle - size / 2, middle + size / 2], 1)
        scores, index = flat[:, 4:].sigmoid().max(1)
        kept = torchvision.ops.nms(boxes, scores, 0.4)
        scores, order = scores[kept].topk(12)
        kept = kept[order]
        boxes = boxes[kept][:, [1, 0, 3, 2]]
        count = (scores > scores.mean()).sum().float()
        return boxes[None], (index[kept] + 1).float()[None], scores[None], count[None]


def settled(model, names=(), seed=0):
    """Weights that answer differently in different places."""
    torch.manual_seed(seed)
    for each in model.modules():
        if isinstance(each, nn.Conv2d):
            nn.init.normal_(each.weight, std=1.6 / (each.weight[0].numel() ** 0.5))
            nn.init.normal_(each.bias, std=0.5)
    return model.eval()


def letterboxed(picture, side: int):
    """Ultralytics' LetterBox, on BGR as OpenCV reads it; and what undoes it (its scale_boxes)."""
    image = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR)
    height, width = image.shape[:2]
    ratio = min(side / height, side / width)
    new = round(width * ratio), round(height * ratio)
    dw, dh = (side - new[0]) / 2, (side - new[1]) / 2
    if (width, height) != new:
        image = cv2.resize(image, new, interpolation=cv2.INTER_LINEAR)
    top, bottom = round(dh - 0.1), round(dh + 0.1)
    left, right = round(dw - 0.1), round(dw + 0.1)
    image = cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(114, 114, 114))
    gain = min(side / height, side / width)
    pad = round((side - round(width * gain)) / 2 - 0.1), round((side - round(height * gain)) / 2 - 0.1)

    def undo(boxes):
        boxes = boxes.clone()
        boxes[:, [0, 2]] -= pad[0]
        boxes[:, [1, 3]] -= pad[1]
        return boxes / gain

    return image, undo


def corners(box):
    """Middle and size to corners."""
    half = box[:, 2:] / 2
    return torch.cat([box[:, :2] - half, box[:, :2] + half], 1)


def suppressed(boxes, scores, index, threshold, iou):
    keep = scores > threshold
    boxes, scores, index = boxes[keep], scores[keep], index[keep]
    kept = torchvision.ops.batched_nms(boxes, scores, index, iou)
    print("   of", len(scores), "kept", len(kept))
    return {"boxes": boxes[kept], "scores": scores[kept], "labels": index[kept]}


def yolo() -> dict:
    model = settled(YoloV8(len(labels)), seed=17)
    iou = 0.7
    answers, raw = {}, {}
    with torch.no_grad():
        for which, picture in pictures.items():
            image, undo = letterboxed(picture, 64)
            fed = torch.from_numpy(image[:, :, ::-1].transpose(2, 0, 1).copy()).float()[None] / 255
            if which == "wide":
                export(model, "yolo", {"images": fed}, ["images"], ["output0"])
            (out,) = answer("yolo", {"images": fed.numpy()})
            check([model(fed)], [out])
            rows = out[0].T
            scores, index = rows[:, 4:].max(1)
            threshold = threshold_of(scores, 30, 50)
            results = suppressed(corners(rows[:, :4]), scores, index, threshold, iou)
            results["boxes"] = undo(results["boxes"])
            answers[which] = {"threshold": threshold, "objects": boxes_of(results, picture.size)}
            raw[which] = {"output0": packed(out.numpy())}
    return {"iou": iou, "answers": answers, "raw": raw}


def yolox() -> dict:
    model = settled(YoloX(len(labels)), seed=8)
    iou = 0.45
    answers, raw = {}, {}
    with torch.no_grad():
        for which, picture in pictures.items():
            # YOLOX's preproc(): to the top left, its sizes cut off, colours 0…255.
            image = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2BGR)
            ratio = min(64 / image.shape[0], 64 / image.shape[1])
            small = cv2.resize(
                image, (int(image.shape[1] * ratio), int(image.shape[0] * ratio)), interpolation=cv2.INTER_LINEAR
            )
            padded = np.full((64, 64, 3), 114, np.uint8)
            padded[: small.shape[0], : small.shape[1]] = small
            fed = torch.from_numpy(padded.transpose(2, 0, 1).copy()).float()[None]
            scaled = YoloXScaled(model)
            if which == "wide":
                export(scaled, "yolox", {"images": fed}, ["images"], ["output"])
            (out,) = answer("yolox", {"images": fed.numpy()})
            check([scaled(fed)], [out])
            rows = out[0]
            # YOLOX's demo_postprocess().
            points, strides = grid(64, 0)
            middle = (rows[:, :2] + points) * strides
            size = rows[:, 2:4].exp() * strides
            scores, index = (rows[:, 4:5] * rows[:, 5:]).max(1)
            threshold = threshold_of(scores, 30, 50)
            results = suppressed(corners(torch.cat([middle, size], 1)), scores, index, threshold, iou)
            results["boxes"] = results["boxes"] / ratio
            answers[which] = {"threshold": threshold, "objects": boxes_of(results, picture.size)}
            raw[which] = {"output": packed(out.numpy())}
    return {"iou": iou, "answers": answers, "raw": raw}


class YoloXScaled(nn.Module):
    """Takes bytes of 0…255, as YOLOX does."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x / 255)


def ssd() -> dict:
    model = settled(Ssd(len(labels)), seed=9)
    answers, raw = {}, {}
    with torch.no_grad():
        for which, picture in pictures.items():
            small = np.asarray(picture.resize((64, 64), 2))
            fed = torch.from_numpy(small.copy())[None]
            if which == "wide":
                names = ["detection_boxes", "detection_classes", "detection_scores", "num_detections"]
                export(model, "ssd", {"image_tensor": fed}, ["image_tensor"], names)
            out = answer("ssd", {"image_tensor": fed.numpy()})
            check(model(fed), out)
            boxes, classes, scores, count = (each[0] for each in out)
            threshold = threshold_of(scores[: int(count)], 3, int(count) - 1)
            keep = (torch.arange(len(scores)) < count) & (scores > threshold)
            width, height = picture.size
            boxes = boxes[:, [1, 0, 3, 2]] * torch.tensor([width, height, width, height])
            results = {"boxes": boxes[keep], "scores": scores[keep], "labels": classes[keep].long() - 1}
            answers[which] = {"threshold": threshold, "objects": boxes_of(results, picture.size)}
            raw[which] = {
                name: packed(each.numpy()) for name, each in zip(["boxes", "classes", "scores", "count"], out)
            }
    return {"answers": answers, "raw": raw}


if __name__ == "__main__":
    save_pictures()
    cases = {make.__name__: make() for make in (detr, yolos, rt_detr, yolo, yolox, ssd)}
    for name, case in cases.items():
        for which, answers in case["answers"].items():
            scores = np.array([each["score"] for each in answers["objects"]])
            print(name, which, scores.round(4))
            # An order that rounding could change would prove nothing.
            assert len(scores) >= 3 and np.all(-np.diff(scores) > 1e-5), scores
    save("detection.json", {"labels": labels, "cases": cases, "hundred": hundred()})
