"""Small tokenizers of every kind that repositories have, learnt from `texts.corpus()`; nothing is downloaded.

Writes `../golden/tokenizers/<name>.json`, the texts, and what Python's tokenizers make of each.
"""
import base64
import hashlib
import json
import tempfile
from pathlib import Path

import sentencepiece
from sentencepiece import sentencepiece_model_pb2
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from texts import corpus, texts

# A map of characters as SentencePiece compiles it, of our own; prefixes of each other, and several characters at once.
RULES = {"ﬁ": "fi", "ﬀ": "ff", "A\u030a": "Å", "e\u0301": "é", "½": "1/2", "😀": ":)", "\u200d": " ", "\t": " ", "你好": "hello", "\ufeff": ""}
GOLDEN = Path(__file__).resolve().parent / "../golden"


def bert(lower):
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=lower)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(corpus(), trainers.WordPieceTrainer(vocab_size=700, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return made


def byte_level(name):
    made = Tokenizer(models.BPE())
    split = {"roberta": pre_tokenizers.ByteLevel(add_prefix_space=False),
             "gpt4": pre_tokenizers.Sequence([
                 pre_tokenizers.Split(Regex(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "isolated"),
                 pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])}[name]
    made.pre_tokenizer = split
    made.normalizer = None if name == "roberta" else normalizers.NFC()
    made.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=700, special_tokens=["<s>", "<pad>", "</s>", "<unk>", AddedToken("<mask>", lstrip=True)],
                                                           initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    if name == "roberta":
        made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    else:
        made.post_processor = processors.ByteLevel(trim_offsets=False)
    return made


def unigram(name):
    """As SentencePiece learns it, with its own map of characters."""
    with tempfile.TemporaryDirectory() as folder:
        prefix = f"{folder}/model"
        rules = Path(folder, "rules.tsv")
        rules.write_text("".join(f"{' '.join(f'{ord(char):X}' for char in found)}\t{' '.join(f'{ord(char):X}' for char in instead)}\n"
                                 for found, instead in RULES.items()))
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus()), model_prefix=prefix, vocab_size=300, model_type="unigram", character_coverage=0.99, minloglevel=2, num_threads=1,
            **({"normalization_rule_name": "nmt_nfkc"} if name == "xlm-r" else {"normalization_rule_tsv": str(rules)}))
        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString(Path(prefix + ".model").read_bytes())
    pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    if name == "xlm-r":
        vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces[3:], ("<mask>", 0.0)]
        unknown = 3
    else:
        vocabulary = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *pieces[3:]]
        unknown = 2
    made = Tokenizer(models.Unigram(vocabulary, unk_id=unknown, byte_fallback=False))
    charsmap = proto.normalizer_spec.precompiled_charsmap
    made.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")])
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    if name == "xlm-r":
        made.add_special_tokens([AddedToken(token, normalized=False, lstrip=token == "<mask>") for token in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")])
        made.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    else:
        made.add_special_tokens([AddedToken(token, normalized=False) for token in ("<pad>", "</s>", "<unk>")])
        made.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])
    return made


def word_level():
    made = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    made.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True)])
    made.train_from_iterator(corpus(), trainers.WordLevelTrainer(vocab_size=200, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False))
    made.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return made


def llama():
    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    made.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=900, special_tokens=special, limit_alphabet=80, show_progress=False))
    told = json.loads(made.to_str())
    told["added_tokens"] = [token for token in told["added_tokens"] if token["id"] < 3]
    made = Tokenizer.from_str(json.dumps(told))
    made.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)])
    return made


def clip():
    made = Tokenizer(models.BPE(unk_token="<|endoftext|>", end_of_word_suffix="</w>", continuing_subword_prefix=""))
    made.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed", invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    made.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=800, special_tokens=["<|startoftext|>", "<|endoftext|>"], end_of_word_suffix="</w>",
                                                           initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    made.post_processor = processors.RobertaProcessing(("<|endoftext|>", 1), ("<|startoftext|>", 0), add_prefix_space=False)
    return made


def pieces():
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    made.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits()])
    made.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=600, special_tokens=["<unk>"], show_progress=False))
    return made


def all_tokenizers():
    return {"bert": bert(True), "bert-cased": bert(False), "roberta": byte_level("roberta"), "gpt4": byte_level("gpt4"), "xlm-r": unigram("xlm-r"),
            "t5": unigram("t5"), "word-level": word_level(), "llama": llama(), "clip": clip(), "pieces": pieces()}


def digest(ids):
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:8]


def main():
    (GOLDEN / "tokenizers").mkdir(parents=True, exist_ok=True)
    given = texts()
    result = {}
    for name, made in all_tokenizers().items():
        (GOLDEN / "tokenizers" / f"{name}.json").write_text(json.dumps(json.loads(made.to_str()), ensure_ascii=False, separators=(",", ":")))
        pairs = [made.encode(given[i], given[-1 - i]) for i in range(0, 200)]
        made.enable_truncation(24)
        short = [made.encode(given[i], given[-1 - i]) for i in range(0, 200)]
        made.no_truncation()
        result[name] = {
            "texts": [digest(made.encode(text).ids) for text in given],
            "pairs": [digest([*one.ids, *one.type_ids]) for one in pairs],
            "truncated": [digest([*one.ids, *one.type_ids]) for one in short],
            "shown": [made.encode(text).ids for text in given[10:40]],
        }
        print(name, made.get_vocab_size())
    (GOLDEN / "texts.json").write_text(json.dumps(given, ensure_ascii=True, separators=(",", ":")))
    (GOLDEN / "tokens.json").write_text(json.dumps(result, separators=(",", ":")))


if __name__ == "__main__":
    main()
