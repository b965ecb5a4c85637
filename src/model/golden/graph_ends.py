"""What recipes of descriptions keep of a graph: what stands next to its inputs and outputs."""

import json
import zlib

import onnx

# How many nodes from inputs and outputs are kept: more than a description follows.
reach = 20


def pruned(model):
    """The nodes near inputs and outputs, and their constants of at most 16 numbers."""
    graph = model.graph
    makers = {name: node for node in graph.node for name in node.output}
    takers = {}
    for node in graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    kept = {}
    initializers = {each.name: each for each in graph.initializer}
    left = [(each.name, 0) for each in graph.output]
    while left:
        name, depth = left.pop(0)
        node = makers.get(name)
        if node is None or depth == reach or id(node) in kept or len(kept) > 24:
            continue
        kept[id(node)] = node
        left += [(each, depth + 1) for each in node.input]
    left = [(each.name, 0) for each in graph.input if each.name not in initializers]
    while left:
        name, depth = left.pop(0)
        for node in takers.get(name, [])[:4]:
            if depth < 8 and id(node) not in kept:
                kept[id(node)] = node
                left += [(each, depth + 1) for each in node.output]
    nodes = [node for node in graph.node if id(node) in kept]
    used = {name for node in nodes for name in node.input}
    result = onnx.ModelProto()
    result.ir_version = model.ir_version
    result.producer_name = model.producer_name
    result.opset_import.extend(model.opset_import)
    result.metadata_props.extend(model.metadata_props)
    for each in nodes:
        node = result.graph.node.add()
        node.CopyFrom(each)
        node.name = node.doc_string = ""
        del node.metadata_props[:]
        for attribute in node.attribute:
            if len(attribute.t.raw_data) > 64:
                attribute.t.raw_data = b""
    for name in sorted(used & set(initializers)):
        tensor = result.graph.initializer.add()
        tensor.CopyFrom(initializers[name])
        if len(tensor.raw_data) > 64:
            tensor.raw_data = b""
        del tensor.external_data[:]
    return result


def info(value):
    tensor = value.type.tensor_type
    kind = {1: "float32", 10: "float16", 11: "float64", 7: "int64"}[tensor.elem_type]
    dims = [each.dim_param or each.dim_value for each in tensor.shape.dim]
    return {"name": value.name, "type": kind, "shape": dims}


def entry(path, **fields):
    """A case: inputs, outputs, and the graph's ends, compressed."""
    whole = onnx.load(str(path), load_external_data=False)
    initializers = {each.name for each in whole.graph.initializer}
    return {
        **fields,
        "inputs": [info(each) for each in whole.graph.input if each.name not in initializers],
        "outputs": [info(each) for each in whole.graph.output],
        "graph": zlib.compress(pruned(whole).SerializeToString(), 9).hex(),
    }


def lines(cases):
    return "[\n" + ",\n".join(json.dumps(each, separators=(",", ":")) for each in cases) + "\n]"
