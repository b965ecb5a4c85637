"""Makes families.json: one graph of each architecture family of timm and torchvision, and its description.

    pip install torch torchvision timm==1.0.31 onnx onnxscript && python families.py [FOLDER]

Of each module of timm, and of each function family of torchvision, the variant with the fewest parameters,
with random weights, exported by both of torch's exporters. Kept are what stands next to inputs and
outputs, without weights; and the preprocessing that the library itself gives the model. With FOLDER the
whole graphs are left there too, with the scores that torch gives, for TABSERVE_FAMILIES.
"""

import json
import logging
import pathlib
import re
import sys
import warnings

import timm
import torch
import torchvision
from graph_ends import entry, lines
from timm.data import resolve_data_config
from torchvision.transforms import InterpolationMode

warnings.filterwarnings("ignore")
logging.disable(logging.ERROR)
torch.set_num_threads(1)
torch.manual_seed(0)
here = pathlib.Path(__file__).parent
folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
work = folder or pathlib.Path("/tmp")


def parameters(make):
    with torch.device("meta"):
        return sum(each.numel() for each in make().parameters())


def timm_families():
    for module in timm.list_modules():
        best = None
        for name in timm.list_models(module=module):
            cfg = timm.get_pretrained_cfg(name)
            # Large pictures only where a family has no others, and then no towers of language models.
            is_large = bool(cfg) and cfg.input_size[-1] > 384
            try:
                count = parameters(lambda: timm.create_model(name))
            except Exception:
                continue
            if is_large and count > 5e7:
                continue
            if best is None or (is_large, count) < best[0]:
                best = ((is_large, count), name)
        if best is None:
            yield module, None, None, None
            continue
        model = timm.create_model(best[1], num_classes=1000)
        yield module, best[1], model, resolve_data_config({}, model=model)


def torchvision_families():
    best = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        family = torchvision.models.get_model_builder(name).__module__.split(".")[-1]
        count = torchvision.models.get_model_weights(name).DEFAULT.meta["num_params"]
        if family not in best or count < best[family][0]:
            best[family] = (count, name)
    for family, (_, name) in sorted(best.items()):
        preset = torchvision.models.get_model_weights(name).DEFAULT.transforms()
        size = preset.crop_size[0]
        yield family, name, torchvision.models.get_model(name), {
            "input_size": (3, size, size),
            "interpolation": InterpolationMode(preset.interpolation).value,
            "crop_pct": size / preset.resize_size[0],
            "crop_mode": "center",
            "mean": tuple(preset.mean),
            "std": tuple(preset.std),
        }


def exported(model, size, dynamo, path):
    x = torch.arange(3 * size[1] * size[2]).reshape(1, *size) * 7 % 11 / 5 - 1
    with torch.no_grad():
        scores = model(x)
        torch.onnx.export(model, (x,), str(path), dynamo=dynamo, verbose=False,
                          input_names=["input"], output_names=["output"],
                          **({"external_data": False} if dynamo else {}))
    return scores[0].double().softmax(0).tolist()


made, refused = [], []
for library, families in (("timm", timm_families()), ("torchvision", torchvision_families())):
    for family, name, model, config in families:
        if model is None:
            refused.append({"library": library, "family": family, "why": "it has only large vision towers of language models, without classes"})
            continue
        model.eval()
        for exporter in ("dynamo", "torchscript"):
            path = work / f"{library}-{family}-{exporter}.onnx"
            scores_path = path.with_suffix(".json")
            try:
                # A run that was broken off goes on.
                scores = json.loads(scores_path.read_text()) if path.exists() and scores_path.exists() else exported(model, config["input_size"], exporter == "dynamo", path)
            except Exception as error:
                refused.append({"library": library, "family": family, "model": name, "exporter": exporter,
                                "why": re.sub(r"\x1b\[[\d;]*m|0x[0-9a-f]+|/\S+/", "", str(error)).strip().split("\n")[0][:120]})
                path.unlink(missing_ok=True)
                continue
            made.append(entry(
                path, library=library, family=family, model=name, exporter=exporter,
                config={key: config[key] for key in ("input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std")},
            ))
            if folder:
                scores_path.write_text(json.dumps(scores))
            else:
                path.unlink()
            print(library, family, name, exporter, len(made[-1]["graph"]), flush=True)

versions = {"torch": torch.__version__.split("+")[0], "torchvision": torchvision.__version__.split("+")[0], "timm": timm.__version__}
(here / "families.json").write_text(
    f'{{"versions": {json.dumps(versions)},\n"refused": {lines(refused)},\n"cases": {lines(made)}}}\n')
