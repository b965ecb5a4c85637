"""ONNX's own node tests, whose inputs and outputs come with the `onnx` package."""

import numpy as np
from onnx.backend.test.case.node import collect_testcases

from pack import Pack


def add_node_tests(pack: Pack):
    skipped = 0
    for case in collect_testcases(None):
        graph = case.model.graph
        # Tests of the operators' definition as functions repeat those of the operators.
        if "_expanded" in case.name or case.kind != "node":
            continue
        for inputs, outputs in case.data_sets[:1]:
            pairs = lambda values, infos: {i.name: np.asarray(v) for v, i in zip(values, infos)}  # noqa: E731
            op = graph.node[-1].op_type
            opset = next((o.version for o in case.model.opset_import if o.domain in ("", "ai.onnx")), 0)
            try:
                if any(isinstance(v, (list, type(None))) for v in [*inputs, *outputs]):
                    raise TypeError("a sequence or an optional")
                pack.add(
                    case.name, "node", case.model.SerializeToString(), pairs(inputs, graph.input),
                    pairs(outputs, graph.output), {"op": op, "domain": graph.node[-1].domain, "opset": opset},
                )  # fmt: skip
            except TypeError:
                skipped += 1
    print(skipped, "node tests left out: sequences, strings, and types that JavaScript has no array for")
