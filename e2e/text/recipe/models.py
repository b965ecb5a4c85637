"""Small encoders with random weights, exported to ONNX, and what transformers and sentence-transformers make of texts with them.

Run `vocabularies.py` first. Writes `../golden/models/<name>/` in the layout of a repository, and `../golden/answers.json`.
"""
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import onnx
import sentence_transformers
import torch
import transformers
from sentence_transformers import SentenceTransformer

GOLDEN = Path(__file__).resolve().parent / "../golden"
TEXTS = ["The model reads a text.", "", "Nothing leaves the page, naïve café 👍🏽!", "你好世界, don't ask why.", "word " * 200]
PAIRS = [("Does it work?", "It works in a browser tab."), ("why " * 40, "because " * 30)]
SPECIALS = {"bert": dict(unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]", cls_token="[CLS]", mask_token="[MASK]"),
            "roberta": dict(unk_token="<unk>", sep_token="</s>", pad_token="<pad>", cls_token="<s>", mask_token="<mask>", bos_token="<s>", eos_token="</s>"),
            "t5": dict(unk_token="<unk>", pad_token="<pad>", eos_token="</s>"),
            }
SPECIALS["bert-cased"] = SPECIALS["bert"]
SMALL = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24)


def export(model, path, inputs, outputs):
    model.eval()
    tensors = {name: torch.ones((1, 7), dtype=torch.int64) for name in inputs}
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(model, tuple(tensors.values()), path, input_names=inputs, output_names=outputs, opset_version=18, dynamo=True, external_data=False,
                      verbose=False, dynamic_shapes=[tuple({1: torch.export.Dim.DYNAMIC} for _ in inputs)])
    graph = onnx.load(path)
    for node in graph.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in [*graph.graph.value_info, *graph.graph.input, *graph.graph.output]:
        del value.metadata_props[:]
    for held in (graph.graph.value_info, graph.graph.metadata_props, graph.metadata_props):
        del held[:]
    onnx.save(graph, path)


class Logits(torch.nn.Module):
    def __init__(self, model, names):
        super().__init__()
        self.model, self.names = model, names

    def told(self, *tensors):
        return self.model(**dict(zip(self.names, tensors)), return_dict=True)

    def forward(self, *tensors):
        return self.told(*tensors).logits


class Hidden(Logits):
    def forward(self, *tensors):
        return self.told(*tensors).last_hidden_state


def tokenizer(name, length):
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(GOLDEN / "tokenizers" / f"{name}.json"), model_max_length=length, **SPECIALS[name])


def classifier(folder, kind, vocabulary, length, labels, problem, inputs):
    torch.manual_seed(11)
    tokens = tokenizer(vocabulary, length)
    config = {"bert": transformers.BertConfig, "roberta": transformers.RobertaConfig, "xlm-r": transformers.XLMRobertaConfig}[kind](
        vocab_size=len(tokens), max_position_embeddings=80, **SMALL, id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)},
        problem_type=problem, type_vocab_size=2 if kind == "bert" else 1, pad_token_id=tokens.pad_token_id, attn_implementation="eager")
    model = transformers.AutoModelForSequenceClassification.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(4)
    export(Logits(model, inputs), folder / "onnx/model.onnx", inputs, ["logits"])
    tokens.save_pretrained(folder)
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(folder)
    answers = []
    for given in [*TEXTS, *PAIRS]:
        encoded = tokens(*((given,) if isinstance(given, str) else given), truncation=True, return_token_type_ids=True, return_tensors="pt")
        logits = model(**{name: encoded[name] for name in inputs if name in encoded}).logits[0].double()
        one_or_many = problem == "multi_label_classification" or len(labels) == 1
        scores = torch.sigmoid(logits) if one_or_many else torch.softmax(logits, -1)
        answers.append({"tokens": encoded["input_ids"].shape[1], "scores": [round(score, 9) for score in scores.tolist()]})
    return {"labels": labels, "answers": answers}


def embedder(folder, kind, vocabulary, length, pooling, normalize, inputs):
    torch.manual_seed(12)
    tokens = tokenizer(vocabulary, length)
    config = {"bert": transformers.BertConfig, "xlm-r": transformers.XLMRobertaConfig}[kind](
        vocab_size=len(tokens), max_position_embeddings=80, **SMALL, type_vocab_size=2 if kind == "bert" else 1, pad_token_id=tokens.pad_token_id,
        attn_implementation="eager")
    model = transformers.AutoModel.from_config(config, add_pooling_layer=False).eval()
    export(Hidden(model, inputs), folder / "onnx/model.onnx", inputs, ["last_hidden_state"])
    with tempfile.TemporaryDirectory() as place:
        model.save_pretrained(place)
        tokens.save_pretrained(place)
        from sentence_transformers import models
        transformer = models.Transformer(place, max_seq_length=length)
        modules = [transformer, models.Pooling(transformer.get_word_embedding_dimension(), pooling_mode=pooling)]
        if normalize:
            modules.append(models.Normalize())
        made = SentenceTransformer(modules=modules, device="cpu")
        kept = Path(place, "kept")
        made.save(str(kept))
        for path in kept.rglob("*.json"):
            target = folder / path.relative_to(kept)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        vectors = made.encode(TEXTS, batch_size=1, convert_to_numpy=True)
    return {"pooling": pooling, "vectors": np.asarray(vectors, np.float64).round(7).tolist()}


def main():
    shutil.rmtree(GOLDEN / "models", ignore_errors=True)
    place = GOLDEN / "models"
    bert = ["input_ids", "attention_mask", "token_type_ids"]
    plain = ["input_ids", "attention_mask"]
    answers = {
        "texts": TEXTS,
        "pairs": PAIRS,
        "versions": {"transformers": transformers.__version__, "sentence-transformers": sentence_transformers.__version__, "torch": torch.__version__},
        "classifiers": {
            "bert": classifier(place / "bert", "bert", "bert", 64, ["calm", "angry", "glad"], "single_label_classification", bert),
            "roberta": classifier(place / "roberta", "roberta", "roberta", 48, ["news", "sport", "art", "law"], "multi_label_classification", plain),
            "one": classifier(place / "one", "bert", "bert-cased", 32, ["spam"], None, bert),
        },
        "embedders": {
            "mini": embedder(place / "mini", "bert", "bert", 32, "mean", True, bert),
            "multi": embedder(place / "multi", "xlm-r", "t5", 40, "cls", False, plain),
            "longest": embedder(place / "longest", "bert", "bert-cased", 24, "max", False, bert),
        },
    }
    (GOLDEN / "answers.json").write_text(json.dumps(answers, ensure_ascii=True, separators=(",", ":")))


if __name__ == "__main__":
    main()
