"""A file encrypted and a manifest signed by another implementation: `python protection.py > protection.json`. Needs cryptography.

The keys are for this test only.
"""
import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def canonical(value):
    """RFC 8785, for texts, lists, objects with plain keys, and whole numbers."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def text(data):
    return base64.b64encode(data).decode()


key = hashlib.sha256(b"a key for tests").digest()
check, nonce = hashlib.sha256(b"check").digest()[:12], hashlib.sha256(b"nonce").digest()[:12]
about = {"model": "owner/flowers", "version": "1.2.3", "url": "flowers.onnx.enc", "keyId": "k1", "expires": "2999-01-31T00:00:00.000Z"}
plain = bytes(range(256)) * 3
file = b"TABSENC1" + check + AESGCM(key).encrypt(check, b"", b"tabserve key check 1") + nonce
file += AESGCM(key).encrypt(nonce, plain, b"tabserve file 1\n" + canonical(about).encode())

private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"a signer for tests").digest())
manifest = {"name": "flowers", "version": "1.0.0", "labels": ["Gänseblümchen", "rose\n\"red\""], "metrics": {"b": 1, "a": [True, None, 1.5]},
            "files": [{"url": "flowers.onnx", "dtype": "fp32", "bytes": 768, "sha256": hashlib.sha256(plain).hexdigest()}]}
signature = private.sign(b"tabserve manifest 1\n" + canonical(manifest).encode())
print(json.dumps({
    "key": text(key), "about": about, "plain": text(plain), "file": text(file),
    "publicKey": text(private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)),
    "manifest": {**manifest, "signature": {"algorithm": "Ed25519", "value": text(signature)}},
}, ensure_ascii=False))
