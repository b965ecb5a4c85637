"""Triton's own client, unchanged, against the model server behind a bridge: `python triton_client.py HOST:PORT`.

The server has `affine` and `ident` (see make_models.py). Each check prints a line; the first wrong
answer ends the run with an error.
"""
import asyncio
import sys

import numpy as np
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from tritonclient.utils import InferenceServerException

ADDRESS = sys.argv[1]
client = triton.InferenceServerClient(ADDRESS)

X = np.array([[1, 2, 3, 4], [9, 0, 0, 0]], np.float32)
Y = np.array([[-1.875, -1.75, 2.75], [9.125, 0.25, 4.0]], np.float32)


def check(what: str, is_right: bool) -> None:
    print(f"{'ok' if is_right else 'WRONG':5} {what}")
    if not is_right:
        sys.exit(1)


def refused(what: str, call, *words: str) -> None:
    try:
        call()
    except InferenceServerException as error:
        check(f"{what}: {str(error)[:90]}", all(word in str(error) for word in words))
    else:
        check(f"{what} is refused", False)


def given(name: str, array: np.ndarray, datatype: str, binary: bool = True) -> triton.InferInput:
    tensor = triton.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def health_and_metadata() -> None:
    check("live", client.is_server_live())
    check("ready", client.is_server_ready())
    check("model ready", client.is_model_ready("affine"))
    check("version ready", client.is_model_ready("affine", "1"))
    check("unknown model is not ready", not client.is_model_ready("none"))
    check("server metadata", "binary_tensor_data" in client.get_server_metadata()["extensions"])
    for version in ("", "1"):
        metadata = client.get_model_metadata("affine", version)
        check(
            f"metadata of version '{version}'",
            metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
            and [each["datatype"] for each in metadata["outputs"]] == ["FP32", "INT64"],
        )
        config = client.get_model_config("affine", version)
        check(
            f"config of version '{version}'",
            config["input"][0]["data_type"] == "TYPE_FP32" and config["max_batch_size"] == 0,
        )
    refused("metadata of an unknown model", lambda: client.get_model_metadata("none"), "404", "none")


def inference() -> None:
    for binary in (False, True):
        outputs = [
            triton.InferRequestedOutput("y", binary_data=binary),
            triton.InferRequestedOutput("label", binary_data=not binary),
        ]
        result = client.infer(
            "affine", [given("x", X, "FP32", binary)], outputs=outputs, request_id="r1"
        )
        check(
            f"infer, binary {binary}",
            np.array_equal(result.as_numpy("y"), Y)
            and list(result.as_numpy("label")) == [2, 0]
            and result.get_response()["id"] == "r1",
        )
    for algorithm in ("gzip", "deflate"):
        result = client.infer(
            "affine",
            [given("x", X, "FP32")],
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        check(f"infer, {algorithm}", np.array_equal(result.as_numpy("y"), Y))
    result = client.infer(
        "affine",
        [given("x", X, "FP32")],
        model_version="1",
        sequence_id=7,
        sequence_start=True,
        priority=2,
        timeout=5_000_000,
        parameters={"my": "p", "n": 1, "f": 0.5, "t": True},
        headers={"traceparent": "00-aa-bb-01"},
        query_params={"q": "a b"},
    )
    check("infer, with parameters", np.array_equal(result.as_numpy("y"), Y))
    outputs = [triton.InferRequestedOutput("y", binary_data=True, class_count=2)]
    classes = client.infer("affine", [given("x", X[:1], "FP32")], outputs=outputs).as_numpy("y")
    check("classes", list(classes) == [b"2.750000:2", b"-1.750000:1"])
    rows = np.zeros((0, 4), np.float32)
    check("no rows", client.infer("affine", [given("x", rows, "FP32")]).as_numpy("y").shape == (0, 3))
    strange = np.array([[np.nan, np.inf, -np.inf, 0]], np.float32)
    for binary in (False, True):
        result = client.infer("affine", [given("x", strange, "FP32", binary)])
        check(f"NaN and infinities, binary {binary}", np.isnan(result.as_numpy("y")).any())
    result = client.async_infer("affine", [given("x", X, "FP32")]).get_result()
    check("async_infer", np.array_equal(result.as_numpy("y"), Y))


def datatypes() -> None:
    texts = np.array(["héllo 😀".encode(), b"", b"ab"], dtype=object)
    values = {
        "BOOL": np.array([True, False, True]),
        "INT64": np.array([2**60 + 1, -(2**63), 0], np.int64),
        "FP64": np.array([0.1, 1e300, -0.0]),
        "BYTES": texts,
    }
    for binary in (False, True):
        inputs = [given(f"in_{name}", array, name, binary) for name, array in values.items()]
        outputs = [triton.InferRequestedOutput(f"out_{name}", binary_data=binary) for name in values]
        result = client.infer("ident", inputs, outputs=outputs)
        for name, array in values.items():
            answer = result.as_numpy(f"out_{name}")
            if name == "BYTES" and not binary:
                answer = np.array([text.encode() for text in answer], dtype=object)
            check(f"{name}, binary {binary}", np.array_equal(answer, array))


def errors() -> None:
    def infer(*tensors: triton.InferInput, model: str = "affine", **more):
        return lambda: client.infer(model, list(tensors), **more)

    zero = np.array([b"a\0b"], dtype=object)
    others = [
        given("in_BOOL", np.array([True]), "BOOL"),
        given("in_INT64", np.array([1], np.int64), "INT64"),
        given("in_FP64", np.array([1.0]), "FP64"),
    ]
    cut = infer(*others, given("in_BYTES", zero, "BYTES"), model="ident")
    refused("a text that the engine would cut", cut, "400", "U+0000")
    x = given("x", X, "FP32")
    refused("unknown model", infer(x, model="none"), "404", "none")
    refused("unknown version", infer(x, model_version="9"), "404", "version 9")
    refused("wrong shape", infer(given("x", X[:, :3], "FP32")), "400", "[-1,4]")
    refused("wrong rank", infer(given("x", X[0], "FP32")), "400", "[-1,4]")
    refused("wrong datatype", infer(given("x", X.astype(np.int64), "INT64")), "400", "FP32")
    refused("wrong name", infer(given("q", X, "FP32")), "400", '"q"')
    refused("no input", infer(), "400", "missing")
    refused(
        "unknown output",
        infer(x, outputs=[triton.InferRequestedOutput("none")]),
        "400",
        "no output",
    )
    shared = triton.InferInput("x", [1, 4], "FP32")
    shared.set_shared_memory("region", 16)
    refused("shared memory", infer(shared), "400", "memory")
    check("no system shared memory", client.get_system_shared_memory_status() == [])
    check("no cuda shared memory", client.get_cuda_shared_memory_status() == [])
    refused(
        "registering memory",
        lambda: client.register_system_shared_memory("r", "/k", 64),
        "400",
        "not possible",
    )
    client.unregister_system_shared_memory()
    client.unregister_cuda_shared_memory()
    check("trace settings", client.get_trace_settings()["trace_level"] == ["OFF"])
    refused("tracing", lambda: client.update_trace_settings(settings={"trace_rate": "1"}), "400")
    check("log settings", "log_info" in client.get_log_settings())
    refused("logging", lambda: client.update_log_settings({"log_verbose_level": 1}), "400")


def repository() -> None:
    names = {each["name"]: each for each in client.get_model_repository_index()}
    check("index", names["affine"]["state"] == "READY")
    client.unload_model("ident")
    check("unloaded", not client.is_model_ready("ident"))
    states = {each["name"]: each["state"] for each in client.get_model_repository_index()}
    check("index after unloading", states["ident"] == "UNAVAILABLE")
    client.load_model("ident")
    check("loaded again", client.is_model_ready("ident"))
    client.load_model("affine", config='{"max_batch_size": 8}')
    check("config of a load", client.get_model_config("affine")["max_batch_size"] == 8)
    client.load_model("affine", config="{}")
    refused("load of an unknown model", lambda: client.load_model("none"), "none")
    refused(
        "load of files",
        lambda: client.load_model("affine", config="{}", files={"file:1/model.onnx": b"\x08"}),
        "file:1/model.onnx",
    )
    refused("a name with a slash", lambda: client.get_model_metadata("a/b c"))


def statistics() -> None:
    everything = client.get_inference_statistics()["model_stats"]
    check("statistics of all models", {"affine", "ident"} <= {each["name"] for each in everything})
    (affine,) = client.get_inference_statistics("affine", "1")["model_stats"]
    success = affine["inference_stats"]["success"]
    check("statistics of one", success["count"] > 5 and success["ns"] > 0)


async def aio() -> None:
    async with triton_aio.InferenceServerClient(ADDRESS) as server:
        check("aio, live", await server.is_server_live())
        tensor = triton_aio.InferInput("x", list(X.shape), "FP32")
        tensor.set_data_from_numpy(X)
        answers = await asyncio.gather(*(server.infer("affine", [tensor]) for _ in range(10)))
        check("aio, ten at once", all(np.array_equal(each.as_numpy("y"), Y) for each in answers))


health_and_metadata()
inference()
datatypes()
errors()
repository()
statistics()
asyncio.run(aio())
print("All of Triton's client works.")
