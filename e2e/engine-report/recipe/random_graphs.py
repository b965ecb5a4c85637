"""Small random graphs of what classifiers, detectors, segmenters and encoders are made of.

Each is a chain of one to four operators on a tensor of known shape, with weights in the graph. The
right answer is native onnxruntime's. A graph that native onnxruntime refuses is made anew.
"""

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from native import run
from pack import Pack


class Chain:
    def __init__(self, rng, dtype=np.float32):
        self.rng, self.dtype = rng, dtype
        self.nodes, self.initial, self.about = [], [], []
        self.count = 0

    def name(self):
        self.count += 1
        return f"v{self.count}"

    def const(self, value):
        name = self.name()
        value = np.asarray(value)
        if value.dtype in (np.float64, np.float32):
            value = value.astype(self.dtype)
        self.initial.append(numpy_helper.from_array(value, name))
        return name

    def weights(self, *shape, scale=0.3):
        return self.const(self.rng.normal(0, scale, shape))

    def node(self, op, inputs, outputs=1, **attributes):
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(op, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def say(self, op, **about):
        self.about.append({"op": op, **{k: v if not isinstance(v, np.generic) else v.item() for k, v in about.items()}})

    def pick(self, *values):
        return values[self.rng.integers(len(values))]


def conv(c, x, shape):
    n, cin, h, w = shape
    k = c.pick(1, 3, 3, 5, 7)
    kind = c.pick("plain", "plain", "plain", "depthwise", "groups")
    group = cin if kind == "depthwise" else 1
    if kind == "groups":
        group = c.pick(*[g for g in range(1, cin + 1) if cin % g == 0])
    cout = group * int(c.rng.integers(1, max(2, 40 // group)))
    stride, dilation = c.pick(1, 1, 2), c.pick(1, 1, 1, 2)
    about = {"cin": cin, "cout": cout, "k": k, "group": group, "stride": stride, "dilation": dilation}
    attributes = dict(kernel_shape=[k, k], group=group, strides=[stride, stride], dilations=[dilation, dilation])
    mode = c.pick("pads", "pads", "none", "SAME_UPPER", "SAME_LOWER", "odd")
    if mode.startswith("SAME"):
        if dilation > 1:
            return None
        attributes["auto_pad"] = mode
    elif mode == "pads":
        attributes["pads"] = [dilation * (k // 2)] * 4
    elif mode == "odd":
        attributes["pads"] = [int(p) for p in c.rng.integers(0, k, 4)]
    c.say("Conv", pads=mode, **about)
    inputs = [x, c.weights(cout, cin // group, k, k)]
    if c.pick(True, False):
        inputs.append(c.weights(cout))
    return c.node("Conv", inputs, **attributes)


def conv_transpose(c, x, shape):
    cin = shape[1]
    k, stride = c.pick(1, 2, 3, 4), c.pick(1, 2)
    group = c.pick(1, 1, *[g for g in range(1, cin + 1) if cin % g == 0])
    out = int(c.rng.integers(1, 9))
    pads = [c.pick(0, k // 2)] * 4
    extra = {"output_padding": [1, 1]} if stride == 2 and c.pick(True, False) else {}
    c.say("ConvTranspose", cin=cin, cout=group * out, k=k, stride=stride, group=group, pads=pads[0], **extra)
    return c.node(
        "ConvTranspose", [x, c.weights(cin, out, k, k)], kernel_shape=[k, k], strides=[stride, stride], group=group,
        pads=pads, **extra,
    )  # fmt: skip


def pool(c, x, shape):
    op = c.pick("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
    if op.startswith("Global"):
        c.say(op, c=shape[1])
        return c.node(op, [x])
    k, stride = c.pick(2, 3, 5), c.pick(1, 2, 3)
    about = dict(k=k, stride=stride)
    attributes = dict(kernel_shape=[k, k], strides=[stride, stride], ceil_mode=int(c.pick(0, 1)))
    if c.pick(True, False):
        attributes["pads"] = [k // 2, c.pick(0, k // 2)] * 2
    if op == "AveragePool":
        attributes["count_include_pad"] = int(c.pick(0, 1))
    c.say(op, **about, **{a: v for a, v in attributes.items() if a not in ("kernel_shape", "strides")})
    return c.node(op, [x], **attributes)


def resize(c, x, shape):
    mode = c.pick("nearest", "linear", "cubic")
    where = c.pick("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
    scale = [c.pick(0.5, 0.7, 1.5, 2.0, 3.0) for _ in range(2)]
    attributes = dict(mode=mode, coordinate_transformation_mode=where)
    if mode == "nearest":
        attributes["nearest_mode"] = c.pick("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    elif c.pick(True, False, False) and min(scale) < 1:
        attributes["antialias"] = 1
    if mode == "cubic" and c.pick(True, False):
        attributes["exclude_outside"] = 1
    c.say("Resize", scale=str(scale), **attributes)
    if c.pick(True, False):
        return c.node("Resize", [x, "", c.const_float32([1, 1, *scale])], **attributes)
    sizes = [shape[0], shape[1], max(1, int(shape[2] * scale[0])), max(1, int(shape[3] * scale[1]))]
    return c.node("Resize", [x, "", "", c.const(np.array(sizes, np.int64))], **attributes)


def const_float32(self, values):
    name = self.name()
    self.initial.append(numpy_helper.from_array(np.array(values, np.float32), name))
    return name


Chain.const_float32 = const_float32


def dense(c, x, shape):
    kind = c.pick("MatMul", "MatMul", "Gemm", "batched", "vector")
    if kind == "Gemm":
        flat = int(np.prod(shape[1:]))
        x = c.node("Flatten", [x], axis=1)
        out, trans = int(c.rng.integers(1, 40)), int(c.pick(0, 1))
        b = c.weights(out, flat) if trans else c.weights(flat, out)
        bias = c.pick((out,), (1, out), (1,), None)
        c.say("Gemm", k=flat, n=out, transB=trans, bias=str(bias))
        more = [] if bias is None else [c.weights(*bias)]
        return c.node("Gemm", [x, b, *more], transB=trans, alpha=c.pick(1.0, 0.5), beta=c.pick(1.0, 2.0))
    k, out = shape[-1], int(c.rng.integers(1, 40))
    if kind == "vector":
        c.say("MatMul", k=k, n="vector")
        return c.node("MatMul", [x, c.weights(k)])
    dims = (k, out) if kind == "MatMul" else (*c.pick((shape[1],), (1,), (2, 1)), k, out)
    c.say("MatMul", k=k, n=out, kind=kind, dims=str(dims), m=shape[-2])
    return c.node("MatMul", [x, c.weights(*dims)])


def normalise(c, x, shape):
    op = c.pick("LayerNormalization", "LayerNormalization", "BatchNormalization", "InstanceNormalization",
                "GroupNormalization", "LpNormalization", "LRN")  # fmt: skip
    ch = shape[1]
    if op == "LayerNormalization":
        axis = int(c.pick(-1, -1, 1, -2))
        dims = shape[axis:] if axis < 0 else shape[axis:]
        c.say(op, axis=axis, size=str(dims))
        return c.node(op, [x, c.weights(*dims), c.weights(*dims)], axis=axis)
    if op == "BatchNormalization":
        var = c.const(np.abs(c.rng.normal(1, 0.3, ch)) + 0.1)
        c.say(op, c=ch)
        return c.node(op, [x, c.weights(ch), c.weights(ch), c.weights(ch), var])
    if op == "InstanceNormalization":
        c.say(op, c=ch)
        return c.node(op, [x, c.weights(ch), c.weights(ch)])
    if op == "GroupNormalization":
        groups = c.pick(*[g for g in range(1, ch + 1) if ch % g == 0])
        c.say(op, c=ch, groups=groups)
        return c.node(op, [x, c.weights(ch), c.weights(ch)], num_groups=groups)
    if op == "LRN":
        c.say(op, c=ch)
        return c.node(op, [x], size=c.pick(3, 5))
    axis = int(c.pick(-1, 1, 2))
    c.say(op, axis=axis)
    return c.node(op, [x], axis=axis, p=int(c.pick(1, 2)))


def over_axis(c, x, shape):
    op = c.pick("Softmax", "Softmax", "LogSoftmax", "ReduceMean", "ReduceMax", "ReduceSum", "ReduceL2", "ArgMax", "CumSum",
                "TopK")  # fmt: skip
    axis = int(c.rng.integers(-4, 4))
    c.say(op, axis=axis, dim=shape[axis])
    if op in ("Softmax", "LogSoftmax"):
        return c.node(op, [x], axis=axis)
    if op == "ArgMax":
        return c.node(op, [x], axis=axis, keepdims=int(c.pick(0, 1)))
    axes = c.const(np.array([axis], np.int64))
    if op == "CumSum":
        return c.node(op, [x, c.const(np.array(axis, np.int64))], reverse=int(c.pick(0, 1)), exclusive=int(c.pick(0, 1)))
    if op == "TopK":
        k = c.const(np.array([min(shape[axis], int(c.rng.integers(1, 5)))], np.int64))
        return c.node(op, [x, k], outputs=2, axis=axis)[0]
    return c.node(op, [x, axes], keepdims=int(c.pick(0, 1)))


def move(c, x, shape):
    op = c.pick("Transpose", "Transpose", "Slice", "Split", "Concat", "Pad", "Reshape", "Gather", "Tile", "Expand",
                "DepthToSpace", "Flatten", "Where")  # fmt: skip
    axis = int(c.rng.integers(0, 4))
    ints = lambda *v: c.const(np.array(v, np.int64))  # noqa: E731
    if op == "Transpose":
        perm = [int(p) for p in c.rng.permutation(4)]
        c.say(op, perm=str(perm))
        return c.node(op, [x], perm=perm)
    c.say(op, axis=axis, dim=shape[axis])
    if op == "Slice":
        step = int(c.pick(1, 1, 2, -1))
        start, end = (0, max(1, shape[axis] - 1)) if step > 0 else (shape[axis] - 1, -shape[axis] - 1)
        return c.node(op, [x, ints(start), ints(end), ints(axis), ints(step)])
    if op == "Split":
        if shape[axis] < 2:
            return None
        first = int(c.rng.integers(1, shape[axis]))
        parts = c.node(op, [x, ints(first, shape[axis] - first)], outputs=2, axis=axis)
        return c.node("Concat", parts[::-1], axis=axis)
    if op == "Concat":
        other = list(shape)
        other[axis] = int(c.rng.integers(1, 9))
        return c.node(op, [x, c.weights(*other), x], axis=axis)
    if op == "Pad":
        mode = c.pick("constant", "reflect", "edge")
        c.about[-1]["mode"] = mode
        most = min(2, min(shape) - 1) if mode == "reflect" else 2
        pads = [int(p) for p in c.rng.integers(0, most + 1, 8)]
        return c.node(op, [x, ints(*pads)], mode=mode)
    if op == "Reshape":
        return c.node(op, [x, ints(shape[0], -1, shape[1])])
    if op == "Gather":
        return c.node(op, [x, ints(*c.rng.integers(0, shape[axis], 3))], axis=axis)
    if op == "Tile":
        return c.node(op, [x, ints(*[2 if a == axis else 1 for a in range(4)])])
    if op == "Expand":
        return c.node(op, [x, ints(2, 1, 1, 1)])
    if op == "DepthToSpace":
        if shape[1] % 4:
            return None
        return c.node(op, [x], blocksize=2, mode=c.pick("DCR", "CRD"))
    if op == "Flatten":
        return c.node(op, [x], axis=axis)
    return c.node("Where", [c.node("Greater", [x, c.const(np.array(0.0))]), x, c.weights(*shape)])


def pointwise(c, x, shape):
    op = c.pick("Relu", "Sigmoid", "HardSwish", "HardSigmoid", "Gelu", "Erf", "Tanh", "LeakyRelu", "PRelu", "Clip", "Elu",
                "Exp", "Mish", "Softplus", "Add", "Mul", "Sub", "Div", "Pow", "Max", "Sqrt")  # fmt: skip
    if op in ("Add", "Mul", "Sub", "Div", "Max", "PRelu"):
        dims = c.pick((), (1, shape[1], 1, 1), (shape[3],), (shape[2], 1), tuple(shape), (1, 1, shape[2], shape[3]))
        c.say(op, other=str(dims), shape=str(shape))
        other = c.const(np.abs(c.rng.normal(1, 0.3, dims)) + 0.2)
        return c.node(op, [x, other])
    c.say(op)
    if op == "Clip":
        return c.node(op, [x, c.const(np.array(0.0)), c.const(np.array(6.0))])
    if op == "Pow":
        return c.node(op, [c.node("Abs", [x]), c.const(np.array(c.pick(2.0, 0.5, 3.0)))])
    if op == "Sqrt":
        return c.node(op, [c.node("Abs", [x])])
    if op == "Gelu":
        return c.node(op, [x], approximate=c.pick("none", "tanh"))
    return c.node(op, [x])


def attention(c, x, shape):
    n, ch, h, w = shape
    heads = c.pick(*[g for g in (1, 2, 3, 4) if ch % g == 0])
    size = ch // heads
    ints = lambda *v: c.const(np.array(v, np.int64))  # noqa: E731
    tokens = c.node("Transpose", [c.node("Reshape", [x, ints(n, ch, h * w)])], perm=[0, 2, 1])
    c.say("attention", c=ch, heads=heads, tokens=h * w)
    parts = []
    for _ in range(3):
        part = c.node("Add", [c.node("MatMul", [tokens, c.weights(ch, ch)]), c.weights(ch)])
        part = c.node("Reshape", [part, ints(n, h * w, heads, size)])
        parts.append(part)
    q = c.node("Transpose", [parts[0]], perm=[0, 2, 1, 3])
    k = c.node("Transpose", [parts[1]], perm=[0, 2, 3, 1])
    v = c.node("Transpose", [parts[2]], perm=[0, 2, 1, 3])
    scores = c.node("Mul", [c.node("MatMul", [q, k]), c.const(np.array(size**-0.5))])
    mixed = c.node("MatMul", [c.node("Softmax", [scores], axis=-1), v])
    mixed = c.node("Reshape", [c.node("Transpose", [mixed], perm=[0, 2, 1, 3]), ints(n, h * w, ch)])
    return c.node("MatMul", [mixed, c.weights(ch, ch)])


def qdq_conv(c, x, shape):
    cin, k = shape[1], c.pick(1, 3)
    cout = int(c.rng.integers(1, 24))
    kind = c.pick(np.uint8, np.int8)
    c.say("QDQ Conv", cin=cin, cout=cout, k=k, activations=np.dtype(kind).name)
    scale = lambda v=0.03: c.const(np.array(v, np.float32))  # noqa: E731
    zero = lambda v=0: c.const(np.array(v, kind))  # noqa: E731
    s, z = scale(), zero(128 if kind == np.uint8 else 0)
    xq = c.node("DequantizeLinear", [c.node("QuantizeLinear", [x, s, z]), s, z])
    wq = c.const(c.rng.integers(-127, 128, (cout, cin, k, k)).astype(np.int8))
    w = c.node("DequantizeLinear", [wq, c.const(np.full(cout, 0.003, np.float32)), c.const(np.zeros(cout, np.int8))], axis=0)
    y = c.node("Conv", [xq, w], kernel_shape=[k, k], pads=[k // 2] * 4)
    s2, z2 = scale(0.05), zero(128 if kind == np.uint8 else 0)
    return c.node("DequantizeLinear", [c.node("QuantizeLinear", [y, s2, z2]), s2, z2])


PARTS = [conv] * 8 + [conv_transpose] * 3 + [pool] * 3 + [resize] * 4 + [dense] * 3 + [normalise] * 3
PARTS += [over_axis] * 3 + [move] * 4 + [pointwise] * 3 + [attention] + [qdq_conv] * 2


def graph(rng):
    dtype = np.float16 if rng.random() < 0.1 else np.float32
    c = Chain(rng, dtype)
    n, ch = int(c.pick(1, 1, 1, 2)), int(rng.integers(1, 41))
    shape = [n, ch, int(rng.integers(5, 15)), int(rng.integers(5, 15))]
    x = rng.normal(0, 1, shape).astype(dtype)
    value, given = "x", {"x": x}
    kind = TensorProto.FLOAT16 if dtype == np.float16 else TensorProto.FLOAT
    info = helper.make_tensor_value_info("x", kind, shape)
    for _ in range(int(c.pick(1, 1, 1, 2, 3))):
        part = c.pick(*PARTS)
        if dtype == np.float16 and part is qdq_conv:
            return None
        value = part(c, value, shape)
        if value is None:
            return None
        out = ValueInfoProto(name=value)
        # Parts need to know the shape they are given.
        made = helper.make_graph(c.nodes, "g", [info], [out], c.initial)
        model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 21)], ir_version=9).SerializeToString()
        right = run(model, given)[value]
        if right.ndim != 4 or right.dtype != dtype or min(right.shape) == 0:
            break
        shape = list(right.shape)
    if not np.isfinite(right).all() or right.size == 0 or right.size > 200_000:
        return None
    return model, given, {value: right}, c.about, dtype


def add_random(pack: Pack, seed: int, count: int):
    rng = np.random.default_rng(seed)
    made = refused = 0
    reasons = []
    while made < count:
        try:
            found = graph(rng)
        except Exception as error:  # noqa: BLE001 - native onnxruntime refuses it: no right answer
            refused += 1
            reasons.append(str(error)[:200])
            if refused > 50 + 4 * made:
                raise RuntimeError(f"Most graphs are refused: {reasons[-3:]}") from error
            continue
        if found is None:
            continue
        model, given, right, about, dtype = found
        op = " → ".join(each["op"] for each in about)
        pack.add(f"random_{seed}_{made}", "random", model, given, right,
                 {"op": op, "parts": about, "dtype": np.dtype(dtype).name})  # fmt: skip
        made += 1
    print(refused, "graphs were refused by native onnxruntime and made anew")
