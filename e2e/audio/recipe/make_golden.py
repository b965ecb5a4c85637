"""Makes the golden files of the audio tests: what torchaudio's resampler, Transformers' feature
extractors and three tiny models with random weights answer.

    python make_golden.py ROOT        # the checkout; see requirements.txt

Writes src/input/audio/golden/{resample,features}.json, src/input/audio/golden/files.json (a short
clip in several file formats) and e2e/audio/golden/{ast,whisper,wav2vec2}.{onnx,json}.
"""

import base64
import io
import json
import pathlib
import sys

import numpy as np
import soundfile
import torch
import torchaudio
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    ASTForAudioClassification,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForSequenceClassification,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
)

ROOT = pathlib.Path(sys.argv[1])
UNIT = ROOT / "src/input/audio/golden"
E2E = ROOT / "e2e/audio/golden"


def base64_of(array, dtype):
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()


def clip(seconds, rate, seed):
    """A chirp, a tone that decays, and noise, as 16-bit samples, so that it can be kept exactly."""
    t = np.arange(int(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(size=len(t))
    wave = 0.3 * np.sin(2 * np.pi * (150 + 2500 * t) * t)
    wave += 0.3 * np.exp(-4 * t) * np.sin(2 * np.pi * 440 * (1 + seed) * t) + 0.03 * noise
    return np.round(wave * 32767).clip(-32768, 32767).astype(np.int16)


def floats(samples):
    return samples.astype(np.float32) / 32768


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1) + "\n")
    print(path, path.stat().st_size)


def resampling():
    cases = []
    rates = [(44100, 16000), (48000, 16000), (8000, 16000), (22050, 16000), (16000, 44100), (11025, 16000), (96000, 16000), (16000, 16000), (44101, 16000)]
    for index, (rate, to) in enumerate(rates):
        samples = clip(1500 / rate, rate, index)
        wave = torch.from_numpy(floats(samples))[None]
        for method in ["sinc_interp_hann"] if index else ["sinc_interp_hann", "sinc_interp_kaiser"]:
            options = {"lowpass_filter_width": 64, "rolloff": 0.9475937167399596, "beta": 14.769656459379492} if "kaiser" in method else {}
            answer = torchaudio.functional.resample(wave, rate, to, resampling_method=method, **options)[0]
            cases.append({"from": rate, "to": to, "method": method, "samples": base64_of(samples, "<i2"), "resampled": base64_of(answer, "<f4")})
    write(UNIT / "resample.json", cases)


def rows(features, every):
    """Some rows of [rows, columns]: enough to see any difference, and a file that stays small."""
    return {"dims": list(features.shape), "every": every, "rows": base64_of(features[::every], "<f4")}


def features():
    clips = {"long": clip(1.3, 16000, 1), "short": clip(0.4, 16000, 2), "silence": np.zeros(6400, np.int16), "quiet": np.round(clip(0.4, 16000, 3) / 400).astype(np.int16)}
    cases = []

    def add(extractor, config, key, every, **call):
        for name, samples in clips.items():
            answer = extractor(**config)(floats(samples), sampling_rate=16000, return_tensors="np", **call)
            value = np.asarray(answer[key])[0]
            value = value[None] if value.ndim == 1 else value
            mask = answer.get("attention_mask")
            cases.append({"extractor": extractor.__name__, "config": config, "clip": name, **({"call": call} if call else {}), "features": rows(value, every), **({"mask": int(np.sum(mask))} if mask is not None else {})})

    add(ASTFeatureExtractor, {}, "input_values", 41)
    add(ASTFeatureExtractor, {"max_length": 64, "num_mel_bins": 40, "do_normalize": False}, "input_values", 9)
    add(ASTFeatureExtractor, {"max_length": 64, "mean": -5.5, "std": 3.25}, "input_values", 9)
    add(WhisperFeatureExtractor, {"chunk_length": 1}, "input_features", 16)
    add(WhisperFeatureExtractor, {"chunk_length": 1, "feature_size": 128}, "input_features", 23, do_normalize=True)
    add(WhisperFeatureExtractor, {}, "input_features", 43)
    add(Wav2Vec2FeatureExtractor, {}, "input_values", 1)
    add(Wav2Vec2FeatureExtractor, {"return_attention_mask": True}, "input_values", 1, padding="max_length", max_length=8000, truncation=True)
    add(Wav2Vec2FeatureExtractor, {"do_normalize": False}, "input_values", 1, padding="max_length", max_length=8000, truncation=True)
    for case in cases:  # A waveform is one long row: a part of it shows all that can differ.
        if case["extractor"].startswith("Wav2Vec2"):
            length = case["features"]["dims"][1]
            row = np.frombuffer(base64.b64decode(case["features"]["rows"]), "<f4")
            case["features"] = {"dims": [1, length], "step": 37, "row": base64_of(row[::37], "<f4")}
    write(UNIT / "features.json", {"clips": {name: base64_of(samples, "<i2") for name, samples in clips.items()}, "cases": cases})


def files():
    """The same sound in file formats that libsndfile writes."""
    made = {}
    for name, rate, format_, subtype in [("wav", 22050, "WAV", "PCM_16"), ("wav-float", 96000, "WAV", "FLOAT"), ("wav-extensible", 44100, "WAVEX", "PCM_24"), ("flac", 44100, "FLAC", "PCM_16"), ("vorbis", 32000, "OGG", "VORBIS"), ("opus", 24000, "OGG", "OPUS"), ("mp3", 44100, "MP3", "MPEG_LAYER_III"), ("mp3-mpeg2", 22050, "MP3", "MPEG_LAYER_III"), ("aiff", 48000, "AIFF", "PCM_16")]:
        file = io.BytesIO()
        samples = floats(clip(0.05, rate, 5))
        soundfile.write(file, np.stack([samples, samples / 2], 1), rate, format=format_, subtype=subtype)
        made[name] = {"rate": 48000 if name == "opus" else rate, "bytes": base64.b64encode(file.getvalue()).decode()}
    write(UNIT / "files.json", made)


def export(name, model, inputs, names, extractor, axes):
    model.eval()
    path = E2E / f"{name}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    clips = {"long": clip(1.3, 16000, 1), "short": clip(0.4, 16000, 2)}
    torch.onnx.export(model, tuple(inputs(floats(clips["long"])).values()), path, input_names=names, output_names=["logits"], dynamic_axes=axes, opset_version=17, dynamo=False)
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    answers = {}
    for label, samples in clips.items():
        feeds = inputs(floats(samples))
        with torch.no_grad():
            logits = model(**feeds).logits[0].numpy()
        same = session.run(None, {key: value.numpy() for key, value in feeds.items()})[0][0]
        assert np.abs(same - logits).max() < 1e-4, (name, label, same, logits)
        answers[label] = [float(x) for x in logits]
    stereo = clip(0.6, 44100, 4)
    wave = torch.from_numpy((floats(stereo) + floats(stereo) / 2) / 2)
    wave = torchaudio.functional.resample(wave[None], 44100, 16000)[0].numpy()
    with torch.no_grad():
        answers["stereo44100"] = [float(x) for x in model(**inputs(wave)).logits[0].numpy()]
    write(E2E / f"{name}.json", {"config": {"id2label": model.config.id2label, "architectures": [type(model).__name__], "model_type": model.config.model_type}, "preprocessor": extractor.to_dict(), "logits": answers})
    print(path, path.stat().st_size)


def models():
    labels = {"id2label": {i: f"sound {i}" for i in range(5)}, "label2id": {f"sound {i}": i for i in range(5)}}
    tiny = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "initializer_range": 0.4, **labels}
    torch.manual_seed(1)
    extractor = ASTFeatureExtractor(max_length=64, num_mel_bins=32)
    model = ASTForAudioClassification(ASTConfig(max_length=64, num_mel_bins=32, **tiny))
    export("ast", model, lambda wave: dict(extractor(wave, sampling_rate=16000, return_tensors="pt")), ["input_values"], extractor, {"input_values": {0: "batch"}})
    torch.manual_seed(2)
    whisper = WhisperFeatureExtractor(chunk_length=1, feature_size=40)
    model = WhisperForAudioClassification(WhisperConfig(num_mel_bins=40, max_source_positions=50, d_model=24, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=32, decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=16, vocab_size=64, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1, classifier_proj_size=16, init_std=0.4, **labels))
    export("whisper", model, lambda wave: {"input_features": whisper(wave, sampling_rate=16000, return_tensors="pt")["input_features"]}, ["input_features"], whisper, {"input_features": {0: "batch"}})
    torch.manual_seed(3)
    raw = Wav2Vec2FeatureExtractor()
    model = Wav2Vec2ForSequenceClassification(Wav2Vec2Config(conv_dim=(16, 16, 16), conv_kernel=(10, 8, 4), conv_stride=(5, 8, 4), num_feat_extract_layers=3, num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, classifier_proj_size=16, attn_implementation="eager", **tiny))
    export("wav2vec2", model, lambda wave: {"input_values": torch.from_numpy(raw(wave, sampling_rate=16000, return_tensors="np")["input_values"])}, ["input_values"], raw, {"input_values": {0: "batch", 1: "samples"}})
    waves = {"long": clip(1.3, 16000, 1), "short": clip(0.4, 16000, 2), "stereo44100": clip(0.6, 44100, 4)}
    write(E2E / "clips.json", {name: base64_of(samples, "<i2") for name, samples in waves.items()})


resampling()
features()
files()
models()
