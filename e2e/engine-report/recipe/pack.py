"""Writes cases as one binary file and a JSON index, which is what the page reads.

A case: a model, its inputs, and the outputs that are right. Tensors are little-endian and C-ordered.
"""

import json
from pathlib import Path

import numpy as np

NAMES = {
    np.dtype(np.float32): "float32", np.dtype(np.float16): "float16", np.dtype(np.float64): "float64",
    np.dtype(np.int8): "int8", np.dtype(np.uint8): "uint8", np.dtype(np.int16): "int16",
    np.dtype(np.uint16): "uint16", np.dtype(np.int32): "int32", np.dtype(np.uint32): "uint32",
    np.dtype(np.int64): "int64", np.dtype(np.uint64): "uint64", np.dtype(np.bool_): "bool",
}  # fmt: skip


class Pack:
    def __init__(self, folder: Path):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.blob = open(folder / "cases.bin", "wb")
        self.at = 0
        self.cases = []

    def _put(self, data: bytes) -> list[int]:
        self.blob.write(data)
        span = [self.at, len(data)]
        # Every span begins where any element type may begin.
        rest = -len(data) % 8
        self.blob.write(bytes(rest))
        self.at += len(data) + rest
        return span

    def _tensor(self, name: str, value: np.ndarray) -> dict:
        value = np.asarray(value)
        if value.dtype not in NAMES:
            raise TypeError(f"{name} is {value.dtype}")
        return {
            "name": name,
            "type": NAMES[value.dtype],
            "dims": list(value.shape),
            "at": self._put(np.ascontiguousarray(value).tobytes()),
        }

    def add(self, name: str, set_: str, model: bytes, inputs: dict, outputs: dict, about: dict):
        """`about`: what the report groups by; at least `op`."""
        tensors = lambda values: [self._tensor(n, v) for n, v in values.items()]  # noqa: E731
        case = {"name": name, "set": set_, "about": about, "inputs": tensors(inputs), "outputs": tensors(outputs)}
        case["model"] = self._put(model)
        self.cases.append(case)

    def close(self):
        self.blob.close()
        (self.folder / "cases.json").write_text(json.dumps(self.cases))
