"""Makes families-keras.json: one graph of each family of Keras applications, and its description.

    pip install tensorflow==2.21.0 tf2onnx==1.17.0 && python keras_families.py [FOLDER]

With random weights, by tf2onnx, and for one by Keras' own export. The preprocessing is what the family's
`preprocess_input` does, as scale, mean and deviation of the bytes; `none` where the graph does it. With
FOLDER the whole graphs are left there too, with the scores that TensorFlow gives, for TABSERVE_FAMILIES.
"""

import gc
import json
import os
import pathlib
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from graph_ends import entry, lines

here = pathlib.Path(__file__).parent
folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
work = folder or pathlib.Path(tempfile.mkdtemp())
keras.utils.set_random_seed(0)
families = {
    "convnext": "ConvNeXtTiny", "densenet": "DenseNet121", "efficientnet": "EfficientNetB0",
    "efficientnet_v2": "EfficientNetV2B0", "inception_resnet_v2": "InceptionResNetV2",
    "inception_v3": "InceptionV3", "mobilenet": "MobileNet", "mobilenet_v2": "MobileNetV2",
    "mobilenet_v3": "MobileNetV3Small", "nasnet": "NASNetMobile", "resnet": "ResNet50",
    "resnet_v2": "ResNet50V2", "xception": "Xception",
}
# VGG16 and VGG19 are left out: their 140 million weights take long, and their ends are those of ResNet50.


def preprocessing(family):
    """`value = (byte - mean) / std` by channel, and the order of channels, from what the function does."""
    def of(red, green, blue):
        pixel = np.array([red, green, blue], np.float64).reshape(1, 1, 1, 3)
        return np.asarray(getattr(keras.applications, family).preprocess_input(pixel)).ravel()
    zero, red = of(0, 0, 0), of(255, 0, 0) - of(0, 0, 0)
    order = "RGB" if red[0] != 0 else "BGR"
    slope = (of(255, 255, 255) - zero) / 255
    return {"order": order, "mean": [round(float(each), 6) for each in -zero / slope],
            "std": [round(float(each), 6) for each in 1 / slope]}


made, refused = [], []
for family, name in families.items():
    keras.backend.clear_session()
    gc.collect()
    made_by = ("tf2onnx", "keras") if family == "mobilenet_v2" else ("tf2onnx",)
    # A run that was broken off goes on.
    paths = [work / f"keras-{family}-{exporter}.onnx" for exporter in made_by]
    model = None if all(path.with_suffix(".json").exists() for path in paths) else getattr(keras.applications, name)(weights=None)
    for exporter, path in zip(made_by, paths):
        if model is not None:
            size = model.input_shape[1:3]
            shape = [each or 224 for each in size]
            x = (np.arange(np.prod(shape) * 3).reshape(1, *shape, 3) * 7 % 11 / 5 - 1).astype(np.float32)
            if exporter == "keras":
                model.export(str(path), format="onnx", verbose=False)
            elif any(isinstance(layer, keras.layers.Normalization) for layer in model.layers):
                # Otherwise its numbers would be further inputs.
                tf2onnx.convert.from_keras(model, opset=17, output_path=str(path))
            else:
                signature = [tf.TensorSpec((None, *size, 3), tf.float32, name="input_1")]
                function = tf.function(lambda image: model(image, training=False), input_signature=signature)
                tf2onnx.convert.from_function(function, input_signature=signature, opset=17, output_path=str(path))
            path.with_suffix(".json").write_text(json.dumps(np.asarray(model(x))[0].astype(float).tolist()))
        graph = onnx.load(str(path)).graph
        if len(graph.input) > 1:
            refused.append({"library": "keras", "family": family, "model": name, "exporter": exporter,
                            "why": f"{exporter} leaves the numbers of Normalization as further inputs"})
            continue
        strange = {node.op_type for node in graph.node if not onnx.defs.has(node.op_type)}
        if strange:
            refused.append({"library": "keras", "family": family, "model": name, "exporter": exporter,
                            "why": f"{exporter} has no operator for {', '.join(sorted(strange))}"})
            continue
        dims = [each.dim_value for each in graph.input[0].type.tensor_type.shape.dim][1:3]
        made.append(entry(path, library="keras", family=family, model=name, exporter=exporter,
                          config={"input_size": [3, *(each or 224 for each in dims)], **preprocessing(family)}))
        print(family, exporter, len(made[-1]["graph"]), flush=True)

versions = {"keras": keras.__version__, "tensorflow": tf.__version__, "tf2onnx": tf2onnx.__version__}
(here / "families-keras.json").write_text(f'{{"versions": {json.dumps(versions)},\n"refused": {lines(refused)},\n"cases": {lines(made)}}}\n')
