"""What each token does for a class: the golden classifiers asked by onnxruntime about each text without each of its tokens.

Writes `../golden/explanations.json`. Needs numpy, onnxruntime and tokenizers.
"""
import json
from pathlib import Path

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

GOLDEN = Path(__file__).resolve().parent / "../golden"
TEXTS = ["The model reads a text.", "Nothing leaves the page, naïve café 👍🏽!", "one"]


def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def explain(name, activation, text):
    tokenizer = Tokenizer.from_file(str(GOLDEN / f"models/{name}/tokenizer.json"))
    session = ort.InferenceSession((GOLDEN / f"models/{name}/onnx/model.onnx").read_bytes())
    names = [each.name for each in session.get_inputs()]
    encoded = tokenizer.encode(text)

    def scores(keep):
        parts = {"input_ids": encoded.ids, "attention_mask": [1] * len(encoded.ids), "token_type_ids": encoded.type_ids}
        feeds = {each: np.array([parts[each]], np.int64)[:, keep] for each in names}
        return activation(session.run(None, feeds)[0][0].astype(np.float64))

    every = np.arange(len(encoded.ids))
    whole = scores(every)
    target = int(whole.argmax())
    own = [at for at in every if not encoded.special_tokens_mask[at]]
    return {"text": text, "target": target, "score": whole[target], "tokens": [encoded.tokens[at] for at in own],
            "importance": [whole[target] - scores(every[every != at])[target] for at in own]}


answers = {name: [explain(name, activation, text) for text in TEXTS]
           for name, activation in {"bert": softmax, "roberta": sigmoid}.items()}
(GOLDEN / "explanations.json").write_text(json.dumps(answers, separators=(",", ":"), ensure_ascii=False, default=float))
