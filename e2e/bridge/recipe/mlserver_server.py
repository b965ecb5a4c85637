"""A real third server of the protocol: `python mlserver_server.py PORT NAME=PATH.onnx …`.

MLServer, with onnxruntime as its model. It takes JSON only.
"""
import asyncio
import sys

import onnxruntime
from mlserver import MLModel, MLServer, ModelSettings, Settings
from mlserver.codecs import NumpyCodec
from mlserver.errors import InferenceError
from mlserver.settings import ModelParameters
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    async def load(self) -> bool:
        path = self.settings.parameters.uri
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        inputs = {each.name: NumpyCodec.decode_input(each) for each in payload.inputs}
        names = [each.name for each in self.session.get_outputs()]
        try:
            values = self.session.run(names, inputs)
        except Exception as error:
            raise InferenceError(str(error)) from error
        outputs = [NumpyCodec.encode_output(*each) for each in zip(names, values)]
        return InferenceResponse(model_name=self.name, id=payload.id, outputs=outputs)


async def serve(port: int, models: list[list[str]]) -> None:
    settings = Settings(
        debug=False,
        host="127.0.0.1",
        http_port=port,
        grpc_port=0,
        metrics_endpoint=None,
        parallel_workers=0,
    )
    await MLServer(settings).start(
        [
            ModelSettings(name=name, implementation=OnnxModel, parameters=ModelParameters(uri=path))
            for name, path in models
        ]
    )


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), [each.split("=", 1) for each in sys.argv[2:]]))
