"""Programs that read what the model server writes: `python other_clients.py HOST:PORT`.

`open-inference-openapi`, a client generated from the protocol's own OpenAPI file; a validator of
OpenAPI documents; Prometheus' own parser of metrics, and its promtool where that is installed.
"""
import json
import re
import shutil
import subprocess
import sys
import urllib.request

from open_inference.openapi.client import OpenInferenceClient
from open_inference.openapi.types import InferenceRequest, RequestInput
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

ADDRESS = f"http://{sys.argv[1]}"
# What Prometheus' conventions have against names that Triton has chosen.
TRITON = re.compile(
    r"nv_inference_\w+ (counter metrics should have \"_total\" suffix"
    r"|metric names should not contain abbreviated units"
    r"|non-histogram and non-summary metrics should not have \"_count\" suffix)"
)


def get(path: str) -> str:
    with urllib.request.urlopen(f"{ADDRESS}{path}") as response:
        return response.read().decode()


client = OpenInferenceClient(base_url=ADDRESS)
client.check_server_liveness()
client.check_server_readiness()
client.check_model_readiness("affine")
client.check_model_version_readiness("affine", "1")
assert client.read_server_metadata().name == "tabserve"
assert client.read_model_metadata("affine").inputs[0].datatype == "FP32"
question = InferenceRequest(
    inputs=[RequestInput(name="x", shape=[1, 4], datatype="FP32", data=[1, 2, 3, 4])]
)
answer = client.model_infer("affine", request=question)
found = answer.outputs[0].data
found = getattr(found, "root", getattr(found, "__root__", found))
assert list(found) == [-1.875, -1.75, 2.75], found
print("ok    open-inference-openapi")

document = json.loads(get("/v2/openapi.json"))
validate(document)
print(f"ok    OpenAPI document, {len(document['paths'])} paths")

metrics = get("/metrics")
families = {family.name: family for family in text_string_to_metric_families(metrics)}
for name in ("nv_inference_request_success", "request_predict_seconds", "tabserve_request_stage_seconds"):
    assert name in families, name
for family in families.values():
    assert family.documentation and family.type != "unknown", family.name
print(f"ok    metrics, {len(families)} families")
promtool = shutil.which("promtool")
if promtool:
    lint = subprocess.run([promtool, "check", "metrics"], input=metrics, text=True, capture_output=True)
    said = (lint.stdout + lint.stderr).strip().splitlines()
    # Triton's names are Triton's; whatever else there is said is ours to mend.
    own = [line for line in said if line and not TRITON.fullmatch(line)]
    print(f"ok    promtool, {len(said)} remarks on Triton's names" if not own else "WRONG promtool: " + "; ".join(own))
    if own:
        sys.exit(1)
else:
    print("      promtool is not installed")
