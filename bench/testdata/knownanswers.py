"""Prints the digests of knownanswers.go, made without Go: needs the module cryptography."""
import hashlib, struct
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

LENGTHS = list(range(521)) + [4096, 65537]
pattern = bytes((7 * i + (i >> 8)) & 0xFF for i in range(65537))
for cipher in (AESGCM, ChaCha20Poly1305):
    a, h = cipher(bytes(range(32))), hashlib.sha256()
    for n in LENGTHS:
        h.update(a.encrypt(bytes(4) + struct.pack(">Q", n), pattern[:n], b"coffer bench" + bytes(n % 41)))
    print(cipher.__name__, h.hexdigest())
