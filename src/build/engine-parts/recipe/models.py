"""Networks for the profile of the engine: usual architectures with random weights, as ONNX files.

    pip install torch==2.13.0 torchvision==0.29.1 timm==1.0.31 onnx==1.23.2 onnxruntime==1.32.0 onnxscript==0.7.2
    python models.py FOLDER

By PyTorch's two exporters, with and without a free batch dimension; some of them quantised as
onnxruntime does it (QDQ, per tensor and per channel), and some in half precision. A network that
cannot be made is said and left out.
"""

import sys
import traceback
import warnings
from pathlib import Path

import numpy as np
import onnx
import timm
import torch
from onnx import numpy_helper as nh
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

warnings.filterwarnings("ignore")
torch.manual_seed(1)
target = Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)

# Name in timm, and the size of its input. Networks of convolutions: attention and what is exported with shapes
# that the graph computes take another 150 to 600 KB of code each, which is better loaded when it is needed.
NAMES = {
    "mobilenetv2_100": 224, "mobilenetv3_large_100": 224, "mobilenetv3_small_050": 160, "mobilenetv4_conv_small": 224,
    "efficientnet_b0": 224, "efficientnet_lite0": 224, "mnasnet_small": 224, "ghostnet_100": 224, "mixnet_s": 224,
    "resnet18": 224, "resnet50": 224, "resnet26d": 224, "resnext26ts": 224, "seresnet18": 224, "regnetx_002": 224,
    "regnety_002": 224, "repvgg_a0": 224, "densenet121": 224, "inception_v3": 299, "dla34": 224, "hardcorenas_a": 224,
    "mobileone_s0": 224, "selecsls42b": 224,
}
VISION = {"squeezenet1_1": 224, "shufflenet_v2_x0_5": 224, "googlenet": 224, "mnasnet0_5": 224}


def network(name):
    if name in NAMES:
        return timm.create_model(name, pretrained=False, exportable=True, scriptable=False).eval(), NAMES[name]
    import torchvision
    return getattr(torchvision.models, name)(weights=None, init_weights=True).eval() if name == "googlenet" else \
        getattr(torchvision.models, name)(weights=None).eval(), VISION[name]


def made(file, make):
    if (target / file).exists():
        return
    try:
        make(target / file)
        print(file, (target / file).stat().st_size, flush=True)
    except Exception:
        print(file, "left out:", traceback.format_exc().strip().splitlines()[-1][:200], flush=True)


def by_trace(name, opset, free):
    def make(path):
        net, size = network(name)
        x = torch.rand(1, 3, size, size)
        torch.onnx.export(net, (x,), str(path), opset_version=opset, input_names=["input"], output_names=["logits"], dynamo=False,
                          dynamic_axes={"input": {0: "N"}, "logits": {0: "N"}} if free else None)
    return make


def by_dynamo(name):
    def make(path):
        net, size = network(name)
        torch.onnx.export(net, (torch.rand(2, 3, size, size),), str(path), input_names=["input"], output_names=["logits"],
                          dynamo=True, external_data=False, verbose=False)
    return make


class Pictures(CalibrationDataReader):
    def __init__(self, size):
        rng = np.random.default_rng(1)
        self.rest = iter([{"input": rng.random((1, 3, size, size), np.float32)} for _ in range(2)])

    def get_next(self):
        return next(self.rest, None)


def quantised(name, per_channel, activations):
    def make(path):
        size = {**NAMES, **VISION}[name]
        quantize_static(str(target / f"{name}.onnx"), str(path), Pictures(size), quant_format=QuantFormat.QDQ,
                        per_channel=per_channel, activation_type=activations, weight_type=QuantType.QInt8)
    return make


def halves(name):
    """Weights in float16, each cast to float32 before it is used."""
    def make(path):
        model = onnx.load(str(target / f"{name}.onnx"))
        casts = []
        for tensor in list(model.graph.initializer):
            if tensor.data_type != onnx.TensorProto.FLOAT:
                continue
            values = nh.to_array(tensor)
            original = tensor.name
            tensor.CopyFrom(nh.from_array(values.astype(np.float16), f"{original}_half"))
            casts.append(onnx.helper.make_node("Cast", [f"{original}_half"], [original], to=onnx.TensorProto.FLOAT))
        nodes = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend(casts + nodes)
        onnx.save(model, str(path))
    return make


for index, name in enumerate([*NAMES, *VISION]):
    made(f"{name}.onnx", by_trace(name, [17, 13, 18][index % 3], index % 2 == 0))
for name in ["mobilenetv2_100", "resnet18", "efficientnet_b0", "mobilenetv3_large_100"]:
    made(f"{name}.dynamo.onnx", by_dynamo(name))
for name in ["mobilenetv2_100", "resnet18", "efficientnet_lite0", "mobilenetv3_large_100"]:
    made(f"{name}.int8.onnx", quantised(name, False, QuantType.QUInt8))
for name in ["mobilenetv2_100", "resnet18"]:
    made(f"{name}.channels.int8.onnx", quantised(name, True, QuantType.QInt8))
for name in ["mobilenetv2_100", "resnet18"]:
    made(f"{name}.fp16.onnx", halves(name))
