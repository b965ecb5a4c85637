"""Triton itself, on the CPU: `python triton_server.py FOLDER PORT NAME=PATH.onnx …`.

The wheel `nvidia-pytriton` has the C++ server, with its backend for Python, but none for ONNX: each
model is a few lines of Python around onnxruntime. The process becomes the server. The interpreter that
comes with the backend is an early 3.11: the environment needs a Python 3.11 before 3.11.5, such as
Debian 12's.
"""
import os
import shutil
import sys
from pathlib import Path

import onnxruntime
import pytriton

DATATYPES = {"tensor(float)": "FP32", "tensor(int64)": "INT64"}

MODEL = '''
import os
import onnxruntime
import triton_python_backend_utils as triton


class TritonPythonModel:
    def initialize(self, args):
        path = os.path.join(args["model_repository"], args["model_version"], "model.onnx")
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        inputs = {each.name(): each.as_numpy() for each in request.inputs()}
        names = request.requested_output_names()
        try:
            values = self.session.run(names, inputs)
        except Exception as error:
            return triton.InferenceResponse(error=triton.TritonError(str(error)))
        return triton.InferenceResponse([triton.Tensor(*each) for each in zip(names, values)])
'''


def described(tensors) -> str:
    return ", ".join(
        '{ name: "%s" data_type: TYPE_%s dims: [%s] }'
        % (
            each.name,
            DATATYPES[each.type],
            ", ".join(str(size if isinstance(size, int) else -1) for size in each.shape),
        )
        for each in tensors
    )


def write_model(repository: Path, name: str, path: str) -> None:
    folder = repository / name / "1"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder / "model.onnx")
    (folder / "model.py").write_text(MODEL)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (folder.parent / "config.pbtxt").write_text(
        f'name: "{name}"\nbackend: "python"\nmax_batch_size: 0\n'
        f"input [{described(session.get_inputs())}]\noutput [{described(session.get_outputs())}]\n"
        "instance_group [{ kind: KIND_CPU }]\n"
    )


folder, port = Path(sys.argv[1]), sys.argv[2]
site = Path(pytriton.__file__).parent.parent
server = site / "pytriton/tritonserver"
backends = folder / "backends"
shutil.copytree(server / "backends/python", backends / "python", dirs_exist_ok=True)
shutil.copy(server / "python_backend_stubs/3.11/triton_python_backend_stub", backends / "python")
for model in sys.argv[3:]:
    write_model(folder / "models", *model.split("=", 1))
os.environ.update(
    PYTHONPATH=str(site),
    LD_LIBRARY_PATH=f"{site / 'nvidia_pytriton.libs'}:{os.environ.get('LD_LIBRARY_PATH', '')}",
    PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    CUDA_VISIBLE_DEVICES="",
)
os.execv(
    server / "bin/tritonserver",
    [
        "tritonserver",
        *("--model-repository", str(folder / "models"), "--backend-directory", str(backends)),
        *("--http-address", "127.0.0.1", "--http-port", port),
        *("--allow-grpc", "false", "--allow-metrics", "false"),
    ],
)
