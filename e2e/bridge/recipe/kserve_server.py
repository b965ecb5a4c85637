"""A real second server of the protocol: `python kserve_server.py --http_port=PORT NAME=PATH.onnx …`.

KServe's own ModelServer, with onnxruntime as its model.
"""
import argparse

import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer, model_server
from kserve.errors import InvalidInput

DATATYPES = {"tensor(float)": "FP32", "tensor(int64)": "INT64"}


class OnnxModel(Model):
    def __init__(self, name: str, path: str):
        super().__init__(name)
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.ready = True

    def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        inputs = {each.name: each.as_numpy() for each in payload.inputs}
        described = self.session.get_outputs()
        try:
            values = self.session.run([each.name for each in described], inputs)
        except Exception as error:
            raise InvalidInput(str(error)) from error
        outputs = []
        for each, value in zip(described, values):
            output = InferOutput(each.name, list(value.shape), DATATYPES[each.type])
            output.set_data_from_numpy(value, binary_data=True)
            outputs.append(output)
        return InferResponse(
            payload.id or "",
            self.name,
            outputs,
            model_version="1",
            use_binary_outputs=payload.use_binary_outputs,
            requested_outputs=payload.request_outputs,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("models", nargs="+")
    arguments, _ = parser.parse_known_args()
    ModelServer(enable_grpc=False).start(
        [OnnxModel(*each.split("=", 1)) for each in arguments.models]
    )
