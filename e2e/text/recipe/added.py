"""Tiny tokenizers with what `vocabularies.py` has not: added tokens of every kind, literal unknown tokens, bytes for what is unknown.

Writes `../golden/added.json`: the tokenizers, texts, and what Python's tokenizers make of each.
"""
import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

GOLDEN = Path(__file__).resolve().parent / "../golden"
TEXTS = ["", "foo", "foobar", "afoo", "a foo b", "foo foo", "foo.foo", "foo_foo", "Foo FOO", "éfoo", "foo\u0301", "bar baz", "bar  baz", "bar bazab", "<x>ab", "ab <x> ab", "ab<x>ab",
         "<x><x>", " <x> <y>  <x> ", "a\ufeff<y>\ufeffb", "a\u0085<y>\u0085b", "a\u00a0<y>\u3000b", "<y>ab", "ab <y>", "ÉCOLE école", "a<unk>b", "<unk> 漢<unk>", "漢字", "漢 字", "ab漢ab",
         "🫠a\u0085", "<0x41>", "\u200bfoo\u200b", "ab ab ab", "<yy>", "<y", "a" * 9]
ADDED = [AddedToken("foo", single_word=True), AddedToken("bar baz", rstrip=True), AddedToken("<x>", normalized=False, single_word=True), AddedToken("ÉCOLE"), AddedToken("<yy>"),
         AddedToken("ab", normalized=False, single_word=True, lstrip=True)]
MASK = AddedToken("<y>", lstrip=True, rstrip=True, normalized=False)
LETTERS = ["a", "b", "f", "o", "r", "z", "e", "c", "l", "x", "y", "<", ">", ".", "_", "é"]


def made():
    words = Tokenizer(models.WordPiece({token: i for i, token in enumerate(["[UNK]", *LETTERS, *("##" + letter for letter in LETTERS)])}, unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    unigram = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS), ("ab", -2.5)], unk_id=0, byte_fallback=False))
    unigram.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    in_bytes = Tokenizer(models.Unigram([("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in LETTERS), *((f"<0x{byte:02X}>", -9.0) for byte in range(256))], unk_id=0, byte_fallback=True))
    in_bytes.pre_tokenizer = pre_tokenizers.Metaspace()
    pairs = Tokenizer(models.BPE({token: i for i, token in enumerate(["<unk>", *LETTERS, "ab", "foo", "fo"])}, [("a", "b"), ("f", "o"), ("fo", "o")], unk_token="<unk>", fuse_unk=True))
    pairs.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    for each in (words, unigram, pairs):
        each.add_tokens(ADDED)
        each.add_special_tokens([MASK])
    return {"words": words, "unigram": unigram, "bytes": in_bytes, "pairs": pairs}


if __name__ == "__main__":
    golden = {name: {"tokenizer": json.loads(each.to_str()), "ids": [each.encode(text).ids for text in TEXTS]} for name, each in made().items()}
    (GOLDEN / "added.json").write_text(json.dumps({"texts": TEXTS, "golden": golden}, separators=(",", ":")))
