"""A thousand texts of every kind that tokenizers disagree about, and some to learn vocabularies from."""
import random
import unicodedata

WORDS = (
    "the model reads a text and says what it is about because people ask whether this works well in a browser tab "
    "without any server nothing leaves page photographs sounds rows answers were running quickly unhappiness "
    "international tokenization preprocessing state-of-the-art don't can't it's we'll e-mail 3.14 1,000 2026-11-27"
).split()
ACCENTS = ["café", "cafe\u0301", "naïve", "Ångström", "A\u030angstro\u0308m", "façade", "Müller", "STRASSE", "Straße", "ΟΔΥΣΣΕΥΣ", "Σίσυφος",
           "İstanbul", "ﬁnal", "ﬀ", "½", "①", "Ⅳ", "ŉ", "ǅ", "é" * 4]
SCRIPTS = ["你好世界", "我们喜欢机器学习", "日本語のテキスト", "カタカナ", "ﾊﾝｶｸ", "한국어 텍스트", "ᄒᆞᆫ글", "\U00020000\U00020001漢", "\U0002a6d6字", "\U0002f81a",
           "مرحبا بالعالم", "العَرَبِيَّة", "שלום עולם", "नमस्ते दुनिया", "ภาษาไทย", "Привет, мир", "ЁЖИК", "გამარჯობა", "தமிழ்", "ኢትዮጵያ"]
EMOJI = ["😀", "👩‍👩‍👧‍👦", "👍🏽", "🏳️‍🌈", "🇩🇪🇨🇳", "❤️", "1️⃣", "🤖🤖", "☺", "©®™", "🫠"]
ODD = ["\u200b", "\u200d", "\ufeff", "\u00ad", "\u0000", "\u0007", "\u0085", "\u00a0", "\u2028", "\u3000", "\t", "\r\n", "\n\n", "   ", "\ufffd",
       "\ue000", "\u2581", "\u202e", "\u0301", "\u1680", "\u180e", "\u2060", "\u007f", "\u009f", "\uff5e", "~"]
MARKS = ["...", "?!", "--", "—", "“quoted”", "«guillemets»", "(a)", "[b]", "{c}", "<d>", "&amp;", "#tag", "@user", "http://example.org/a?b=c&d",
         "a_b", "C++", "$5", "50%", "x^2", "`code`", "|", "\\", "/", "¿qué?", "、。", "！？", "…", "·", "’tis", "[MASK]", "<s>", "</s>", "[SEP]", "<mask>"]


def texts(count=1000, seed=20261127):
    rng = random.Random(seed)
    fixed = ["", " ", "  ", "a", "A", "\n", "\u200b", "\ufeff", "[CLS]", "<unk>", "é", "e\u0301", "Hello, world!", "hello" * 300, "a " * 2000,
             "ab" * 60, "你" * 200, "😀" * 100, "\u0301" * 5, "x\u0000y", " leading", "trailing ", "\tTab\there", "don't  stop", "  two  spaces  "]
    fixed += ACCENTS + SCRIPTS + EMOJI + ODD + MARKS
    pools = [WORDS, WORDS, WORDS, ACCENTS, SCRIPTS, EMOJI, ODD, MARKS]
    while len(fixed) < count:
        pieces = []
        for _ in range(rng.choice((1, 2, 3, 5, 8, 13, 40))):
            word = rng.choice(rng.choice(pools))
            pieces.append(rng.choice((str, str, str.upper, str.title))(word))
            pieces.append(rng.choice((" ", " ", " ", "", "  ", ", ", ". ")))
        if rng.random() < 0.2:
            # Any characters, but none that is newer than the tables of the reference.
            codes = (rng.choice((rng.randrange(0x20, 0x300), rng.randrange(0x300, 0x3100), rng.randrange(0x3100, 0xd7ff),
                                 rng.randrange(0xe000, 0x10000), rng.randrange(0x10000, 0x30000))) for _ in range(24))
            pieces.append("".join(char for char in map(chr, codes) if unicodedata.ucd_3_2_0.category(char) != "Cn"))
        fixed.append("".join(pieces))
    return fixed[:count]


def corpus(seed=7):
    """Sentences to learn a vocabulary from."""
    rng = random.Random(seed)
    pools = [WORDS] * 12 + [ACCENTS, SCRIPTS, EMOJI, MARKS]
    return [" ".join(rng.choice(rng.choice(pools)) for _ in range(12)) for _ in range(3000)]
