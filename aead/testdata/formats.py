"""Makes formats.json: the formats of doc.go, written again from its text alone."""
import hashlib, hmac, json, struct
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305


def hkdf(secret, salt, info):
    prk = hmac.new(salt or bytes(32), secret, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


def aes(key, block):
    e = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return e.update(block) + e.finalize()


def xor(a, b):
    return bytes(x ^ y for x, y in zip(a, b))


def xaes_kdf(key, label, nonce):
    l = int.from_bytes(aes(key, bytes(16)), "big")
    k1 = ((l << 1) & (2**128 - 1)) ^ (0x87 if l >> 127 else 0)
    k1 = k1.to_bytes(16, "big")
    return b"".join(aes(key, xor(bytes([0, i]) + label + b"\0" + nonce[:12], k1)) for i in (1, 2))


def xaes(key, nonce, plaintext, aad):
    return AESGCM(xaes_kdf(key, b"X", nonce)).encrypt(nonce[12:], plaintext, aad)


def hchacha20(key, nonce):
    rot = lambda v, n: ((v << n) | (v >> (32 - n))) & 0xFFFFFFFF
    s = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            s[z] = rot(s[z] ^ s[x], n)

    for _ in range(10):
        for q in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                  (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(*q)
    return struct.pack("<8I", *s[:4], *s[12:])


def xchacha(key, nonce, plaintext, aad):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(bytes(4) + nonce[16:], plaintext, aad)


def fill(start, n):
    return bytes((start + i) & 0xFF for i in range(n))


SUITES = {1: AESGCM, 2: ChaCha20Poly1305}
XSUITES = {1: (xaes, b"xaes"), 2: (xchacha, b"xchacha")}
DEK, SALT, STORE, VOLUME = fill(0, 64), fill(64, 32), fill(0xA0, 16), fill(0xB0, 16)
NONCE = fill(0xC0, 24)
BLOCK = fill(0, 4096)
digest = lambda b: hashlib.sha256(b).hexdigest()


def block(suite, number, sequence):
    key = hkdf(DEK, SALT, b"coffer/v1/session" + bytes([0, 1, suite]) + STORE + VOLUME)
    nonce = bytes(4) + struct.pack(">Q", sequence)
    aad = b"\x01" + STORE + VOLUME + struct.pack(">QQ", number, sequence)
    sealed = SUITES[suite](key).encrypt(nonce, BLOCK, aad)
    return {"suite": suite, "block": number, "sequence": sequence, "tag": sealed[4096:].hex(), "sha256": digest(sealed)}


def record(suite, plaintext, aad):
    seal, name = XSUITES[suite]
    key = hkdf(fill(7, 32), b"", b"coffer/v1/record/" + name)
    return {"suite": suite, "plaintext": plaintext.hex(), "aad": aad.hex(),
            "sealed": (bytes([suite]) + NONCE + seal(key, NONCE, plaintext, aad)).hex()}


def wrapped(suite, plaintext, context):
    seal, name = XSUITES[suite]
    material = fill(9, 32)
    derive = lambda what: hkdf(material, b"", b"coffer/v1/wrap/" + what)
    if suite == 1:
        commitment = xaes_kdf(derive(name), b"C", NONCE)
    else:
        commitment = hmac.new(derive(b"commitment"), NONCE, hashlib.sha256).digest()
    header = b"CFWK" + bytes([1, suite]) + fill(0x10, 16) + fill(0x20, 32) + NONCE + commitment
    return {"suite": suite, "plaintext": plaintext.hex(), "context": context.hex(),
            "wrapped": (header + seal(derive(name), NONCE, plaintext, header + context)).hex()}


def stream(suite, length, context):
    header = b"CFST" + bytes([1, suite, 0, 0]) + SALT
    a = SUITES[suite](hkdf(DEK, SALT, b"coffer/v1/stream" + bytes([0, 1, suite]) + context))
    nonce = lambda number, flag: bytes(3) + struct.pack(">QB", number, flag)
    out = header + a.encrypt(nonce(0, 2), struct.pack(">Q", length), header)
    plaintext, count = fill(0, length), max(1, -(-length // 65536))
    for i in range(count):
        out += a.encrypt(nonce(i, 1 if i == count - 1 else 0), plaintext[i * 65536:(i + 1) * 65536], None)
    return {"suite": suite, "length": length, "context": context.hex(), "header": out[:64].hex(),
            "size": len(out), "sha256": digest(out)}


def set_hash():
    members = [hashlib.sha256(bytes([i])).digest() for i in range(5)]
    number = lambda b: int.from_bytes(b, "big")
    total = (sum(map(number, members)) - number(hashlib.sha256(b"\x63").digest())) % 2**256
    return {"add": [m.hex() for m in members], "sub": [hashlib.sha256(b"\x63").hexdigest()],
            "sum": total.to_bytes(32, "big").hex()}


message = b"extent record"
mac = lambda label: hmac.new(hkdf(DEK, b"", b"coffer/v1/" + label), message, hashlib.sha256).hexdigest()
print(json.dumps({
    "data_key": DEK.hex(), "salt": SALT.hex(), "store": STORE.hex(), "volume": VOLUME.hex(), "nonce": NONCE.hex(),
    "commitment": hkdf(DEK, b"", b"coffer/v1/commitment").hex(),
    "mac": {"message": message.hex(), "index": mac(b"index"), "view": mac(b"view"), "anchor": mac(b"anchor")},
    "blocks": [block(1, 0, 1), block(1, 2**40 + 5, 2**63 + 7), block(2, 0, 1), block(2, 2**40 + 5, 2**63 + 7)],
    "record_secret": fill(7, 32).hex(),
    "records": [record(s, p, a) for s in (1, 2) for p, a in ((b"", b""), (b"value", b"key"))],
    "material": fill(9, 32).hex(), "key_id": fill(0x10, 16).hex(), "material_id": fill(0x20, 32).hex(),
    "wrapped": [wrapped(s, p, c) for s in (1, 2) for p, c in ((b"k", b""), (fill(0, 64), b"context"))],
    "streams": [stream(s, n, c) for s in (1, 2) for n, c in ((0, b""), (1, b"layer"), (65536, b""), (65537, b"layer"), (200000, b""))],
    "set_hash": set_hash(),
}, indent=1))
