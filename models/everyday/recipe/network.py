"""A plain network of 3x3 convolutions that halves the picture early: most work at 16 and 8 pixels.

Depthwise convolutions are avoided: they are slow to train on a CPU and gain little at this size.
"""
import torch
from torch import nn

STEM = 32
STAGES = ((64, 2), (128, 2), (160, 1))  # (channels, residual blocks) after each halving
CLASSES = 110


def conv_norm(cin, cout, stride=1):
    return nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.norm1 = conv_norm(channels, channels)
        self.conv2, self.norm2 = conv_norm(channels, channels)

    def forward(self, x):
        y = torch.relu_(self.norm1(self.conv1(x)))
        return torch.relu_(self.norm2(self.conv2(y)).add_(x))


class Network(nn.Module):
    def __init__(self, stem=STEM, stages=STAGES, classes=CLASSES):
        super().__init__()
        body = [*conv_norm(3, stem), nn.ReLU(inplace=True)]
        channels = stem
        for width, blocks in stages:
            body += [*conv_norm(channels, width, 2), nn.ReLU(inplace=True)]
            body += [Residual(width) for _ in range(blocks)]
            channels = width
        self.body = nn.Sequential(*body)
        self.head = nn.Linear(channels, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))
