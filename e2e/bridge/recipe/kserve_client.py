"""KServe's own client, unchanged, against the model server behind a bridge: `python kserve_client.py HOST:PORT`.

The server has `affine` (see make_models.py).
"""
import asyncio
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

BASE = f"http://{sys.argv[1]}"
X = np.array([[1, 2, 3, 4], [9, 0, 0, 0]], np.float32)
Y = np.array([[-1.875, -1.75, 2.75], [9.125, 0.25, 4.0]], np.float32)


def check(what: str, is_right: bool) -> None:
    print(f"{'ok' if is_right else 'WRONG':5} {what}")
    if not is_right:
        sys.exit(1)


def question(binary: bool, **more) -> InferRequest:
    tensor = InferInput("x", list(X.shape), "FP32")
    tensor.set_data_from_numpy(X, binary_data=binary)
    return InferRequest("affine", [tensor], **more)


async def refused(what: str, call, status: int) -> None:
    try:
        await call
    except httpx.HTTPStatusError as error:
        check(f"{what}: {str(error)[:80]}", error.response.status_code == status)
    else:
        check(f"{what} is refused", False)


async def main() -> None:
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    check("live", await client.is_server_live(BASE))
    check("ready", await client.is_server_ready(BASE))
    check("model ready", await client.is_model_ready(BASE, "affine"))
    for binary in (False, True):
        answer = await client.infer(BASE, question(binary, request_id="r1"), model_name="affine")
        values = {each.name: each.as_numpy() for each in answer.outputs}
        check(f"infer, binary {binary}", np.array_equal(values["y"], Y) and answer.id == "r1")
        check(f"classes, binary {binary}", list(values["label"]) == [2, 0])
    wanted = [RequestedOutput("y", parameters={"binary_data": True})]
    answer = await client.infer(
        BASE, question(True, request_outputs=wanted), model_name="affine"
    )
    (only,) = answer.outputs
    check("one output, in binary", only.name == "y" and np.array_equal(only.as_numpy(), Y))
    as_dict = {"inputs": [{"name": "x", "shape": [2, 4], "datatype": "FP32", "data": X.ravel().tolist()}]}
    answer = await client.infer(BASE, as_dict, model_name="affine")
    check("a dictionary", np.array_equal(answer.outputs[0].as_numpy(), Y))
    await refused("unknown model", client.infer(BASE, question(False), model_name="none"), 404)
    as_dict["inputs"][0]["shape"] = [4, 2]
    await refused("wrong shape", client.infer(BASE, as_dict, model_name="affine"), 400)
    await client.close()


asyncio.run(main())
print("KServe's client works.")
