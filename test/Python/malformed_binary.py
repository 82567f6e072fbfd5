# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GGUF files and artifacts that must be refused: name -> how to change a file."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from malformed_tensors import Damage, on_bytes

GGUF = "model.gguf"
ARTIFACT = "bard.weights"
PROGRAM = "bard"
MAX = (1 << 64) - 1


def string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


def u32(value: int) -> bytes:
    return struct.pack("<II", 4, value)


def array(kind: int, count: int, elements: bytes) -> bytes:
    return struct.pack("<IIQ", 9, kind, count) + elements


@dataclass
class Tensor:
    name: bytes
    sizes: list[int]
    type: int
    offset: int
    dimensions: int | None = None  # None: as many as there are sizes


@dataclass
class Gguf:
    """A file taken apart; `values` are kind and content as stored."""

    magic: bytes = b"GGUF"
    version: int = 3
    values: list[tuple[bytes, bytes]] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    data: bytes = b""
    tensor_count: int | None = None
    value_count: int | None = None

    @staticmethod
    def parse(blob: bytes) -> "Gguf":
        at = 24
        tensors, values = struct.unpack("<QQ", blob[8:24])
        file = Gguf()

        def take(size: int) -> bytes:
            nonlocal at
            at += size
            return blob[at - size : at]

        def take_string() -> bytes:
            return take(struct.unpack("<Q", take(8))[0])

        widths = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}

        def take_value(kind: int) -> bytes:
            if kind == 8:
                return string(take_string())
            if kind != 9:
                return take(widths[kind])
            head = take(12)
            inner, count = struct.unpack("<IQ", head)
            return head + b"".join(take_value(inner) for _ in range(count))

        for _ in range(values):
            key, head = take_string(), take(4)
            file.values.append((key, head + take_value(struct.unpack("<I", head)[0])))
        for _ in range(tensors):
            name, rank = take_string(), struct.unpack("<I", take(4))[0]
            sizes = list(struct.unpack(f"<{rank}Q", take(8 * rank)))
            file.tensors.append(Tensor(name, sizes, *struct.unpack("<IQ", take(12))))
        file.data = blob[at + -at % 32 :]
        return file

    def bytes(self) -> bytes:
        tensors = len(self.tensors) if self.tensor_count is None else self.tensor_count
        values = len(self.values) if self.value_count is None else self.value_count
        out = self.magic + struct.pack("<IQQ", self.version, tensors, values)
        out += b"".join(string(key) + value for key, value in self.values)
        for t in self.tensors:
            rank = len(t.sizes) if t.dimensions is None else t.dimensions
            out += string(t.name) + struct.pack(f"<I{len(t.sizes)}QIQ", rank, *t.sizes, t.type, t.offset)
        return out + bytes(-len(out) % 32) + self.data

    def tensor(self, name: str) -> Tensor:
        return next(t for t in self.tensors if t.name == name.encode())

    def set(self, key: str, value: bytes) -> None:
        self.values = [(k, v) for k, v in self.values if k != key.encode()] + [(key.encode(), value)]

    def drop(self, key: str) -> None:
        self.values = [(k, v) for k, v in self.values if not k.endswith(key.encode())]


def on_gguf(change: Callable[[Gguf], object]) -> Damage:
    def damage(model: Path) -> None:
        file = Gguf.parse((model / GGUF).read_bytes())
        change(file)
        (model / GGUF).write_bytes(file.bytes())

    return damage


Q = "blk.0.attn_q.weight"


def tensor(**values: object) -> Damage:
    return on_gguf(lambda file: file.tensor(Q).__dict__.update(values))


def assign(**values: object) -> Damage:
    return on_gguf(lambda file: file.__dict__.update(values))


def value(key: str, content: bytes) -> Damage:
    return on_gguf(lambda file: file.set(key, content))


def _gguf_damages() -> dict[str, Damage]:
    b = "bitnet-b1.58."
    damages: dict[str, Damage] = {
        f"cut-{n}-of-24": on_bytes(lambda blob, n=n: blob[: len(blob) * n // 24], GGUF) for n in range(24)
    }
    damages |= {f"cut-to-{n}": on_bytes(lambda blob, n=n: blob[:n], GGUF) for n in (3, 4, 7, 8, 15, 23, 24, 31)}
    counts = {"2^31": 1 << 31, "2^60": 1 << 60, "2^63": 1 << 63, "max": MAX, "one-more": None}
    for name, count in counts.items():
        damages[f"tensors-{name}"] = on_gguf(
            lambda f, c=count: setattr(f, "tensor_count", len(f.tensors) + 1 if c is None else c)
        )
        damages[f"values-{name}"] = on_gguf(
            lambda f, c=count: setattr(f, "value_count", len(f.values) + 1 if c is None else c)
        )
    for n in (0, 1, 4, 1 << 24, 0x03000000):
        damages[f"version-{n}"] = assign(version=n)
    damages["magic"] = assign(magic=b"GGML")
    damages["no-tensors"] = on_gguf(lambda f: f.tensors.clear())
    damages["no-values"] = on_gguf(lambda f: f.values.clear())
    # Metadata.
    for name, key in {"empty": b"", "long": b"k" * 70000, "twice": b"general.architecture"}.items():
        damages[f"key-{name}"] = on_gguf(lambda f, k=key: f.values.append((k, u32(1))))
    for name, size in {"2^30": 1 << 30, "2^32": 1 << 32, "2^63": 1 << 63, "max": MAX, "max-7": MAX - 7}.items():
        damages[f"string-{name}"] = value("x", struct.pack("<IQ", 8, size) + b"abc")
        damages[f"array-{name}"] = value("x", array(4, size, b"abcd"))
        damages[f"strings-{name}"] = value("x", array(8, size, string("a")))
        damages[f"name-{name}"] = on_gguf(lambda f, s=size: f.__dict__.update(
            values=f.values + [(b"last", u32(1) + struct.pack("<Q", s))]))
    for kind in (13, 255, (1 << 32) - 1):
        damages[f"kind-{kind}"] = value("x", struct.pack("<IQ", kind, 0))
        damages[f"array-of-kind-{kind}"] = value("x", array(kind, 1, bytes(8)))
    damages["array-of-arrays"] = value("x", array(9, 1, struct.pack("<IQ", 9, 1) * 1000))
    damages["flag-2"] = value("x", struct.pack("<IB", 7, 2))
    for n in (0, 3, 7, 33, 1 << 31, (1 << 32) - 1):
        damages[f"alignment-{n}"] = value("general.alignment", u32(n))
    for name, content in {"text": struct.pack("<I", 8) + string("32"), "float": struct.pack("<If", 6, 32.0),
                          "u64": struct.pack("<IQ", 10, 1 << 40), "array": array(4, 1, bytes(4)),
                          "negative": struct.pack("<Ii", 5, -32)}.items():  # fmt: skip
        damages[f"alignment-{name}"] = value("general.alignment", content)
    # Sizes of the model.
    fields = ("block_count", "embedding_length", "feed_forward_length", "attention.head_count",
              "attention.head_count_kv", "context_length", "rope.dimension_count")  # fmt: skip
    for name in fields:
        for n in (0, 7, (1 << 32) - 1) if name != "context_length" else (0, (1 << 32) - 1):
            damages[f"{name}-{n}"] = value(b + name, u32(n))
        damages[f"{name}-text"] = value(b + name, struct.pack("<I", 8) + string("1"))
    for name in ("block_count", "embedding_length", "attention.head_count", "context_length",
                 "feed_forward_length", "attention.layer_norm_rms_epsilon"):  # fmt: skip
        damages[f"no-{name}"] = on_gguf(lambda f, name=name: f.drop(name))
    for n in (2, 512, 513, 4097):
        damages[f"blocks-{n}"] = value(b + "block_count", u32(n))
    damages["block-count-2^63"] = value(b + "block_count", struct.pack("<IQ", 10, 1 << 63))
    damages["block-count-negative"] = value(b + "block_count", struct.pack("<Iq", 11, -1))
    for name, number in {"nan": float("nan"), "infinite": float("inf"), "0": 0.0, "minus": -1.0}.items():
        damages[f"epsilon-{name}"] = value(b + "attention.layer_norm_rms_epsilon", struct.pack("<If", 6, number))
        damages[f"theta-{name}"] = value(b + "rope.freq_base", struct.pack("<If", 6, number))
    damages["architecture-unknown"] = value("general.architecture", struct.pack("<I", 8) + string("gpt2"))
    damages["architecture-number"] = value("general.architecture", u32(1))
    damages["field-unknown"] = value(b + "flux_capacitor", u32(1))
    return damages | _gguf_tensor_damages()


def _gguf_tensor_damages() -> dict[str, Damage]:
    damages: dict[str, Damage] = {}
    sizes = {"zero": [0, 64], "2^42+1": [(1 << 42) + 1, 1], "2^32-squared": [1 << 32, 1 << 32],
             "2^63": [1 << 63, 2], "max": [MAX, MAX], "negative": [MAX - 63, 64], "none": [],
             "swapped": [32, 128], "rank-1": [4096], "rank-3": [64, 8, 8], "rank-4": [64, 4, 4, 4],
             "more": [64, 65], "less": [64, 63], "pad-wrap": [MAX - 31, 1]}  # fmt: skip
    for name, wrong in sizes.items():
        damages[f"sizes-{name}"] = tensor(sizes=wrong)
    for n in (0, 1, 3, 5, 255, 1 << 31, (1 << 32) - 1):
        damages[f"rank-says-{n}"] = tensor(dimensions=n)
    for name, offset in {"odd": 33, "far": 1 << 40, "max": MAX, "max-31": MAX - 31, "2^63": 1 << 63,
                         "0": 0, "next": 32}.items():  # fmt: skip
        damages[f"offset-{name}"] = tensor(offset=offset)
    for n in (3, 4, 12, 31, 34, 36, 38, 39, 41, 43, 99, 134, 335, 1 << 31, (1 << 32) - 1):
        damages[f"type-{n}"] = tensor(type=n)
    for name, wrong in {"empty": b"", "long": b"n" * 100000, "unknown": b"blk.0.what.weight", "nul": b"a\0b",
                        "not-utf8": b"\xff", "twice": b"token_embd.weight", "layer-9": b"blk.9.attn_q.weight",
                        "layer-minus": b"blk.-1.attn_q.weight", "layer-huge": b"blk.99999999999999999999.attn_q.weight",
                        }.items():  # fmt: skip
        damages[f"tensor-name-{name}"] = tensor(name=wrong)
    damages["tail"] = on_bytes(lambda blob: blob + bytes(4096), GGUF)
    damages["two-files"] = on_bytes(lambda blob: blob * 2, GGUF)

    def put(name: str, at: int, raw: bytes) -> Damage:
        def change(file: Gguf) -> None:
            begin = file.tensor(name).offset + at
            file.data = file.data[:begin] + raw + file.data[begin + len(raw) :]

        return on_gguf(change)

    damages["code-3-first"] = put(Q, 2, b"\xff")
    damages["code-3-last"] = put(Q, 64 * 18 - 1, b"\xc0")
    for name, raw in {"nan": b"\x00\x7e", "infinite": b"\x00\x7c", "minus": b"\x00\xbc"}.items():
        damages[f"scale-{name}"] = put(Q, 0, raw)
    damages["norm-nan"] = put("output_norm.weight", 4, struct.pack("<f", float("nan")))
    damages["embedding-infinite"] = put("token_embd.weight", 400, struct.pack("<f", float("inf")))
    # Tokenizers.
    t = "tokenizer.ggml."
    damages |= {
        "tokens-number": value(t + "tokens", u32(1)),
        "tokens-of-numbers": value(t + "tokens", array(4, 1, bytes(4))),
        "tokens-none": value(t + "tokens", array(8, 0, b"")),
        "types-few": value(t + "token_type", array(5, 1, bytes(4))),
        "types-wrong": value(t + "token_type", array(5, 300, struct.pack("<i", 77) * 300)),
        "merges-wrong": value(t + "merges", array(8, 1, string("nope"))),
        "merges-unknown": value(t + "merges", array(8, 1, string("zz yy"))),
        "tokenizer-unknown": value(t + "model", struct.pack("<I", 8) + string("wordy")),
        "pre-unknown": value(t + "pre", struct.pack("<I", 8) + string("nobody")),
        "pre-missing": on_gguf(lambda f: f.drop("ggml.pre")),
        "bos-far": value(t + "bos_token_id", u32(1 << 31)),
        "template-number": value("tokenizer.chat_template", u32(1)),
    }
    return damages


# Artifacts, as a program is given them with --weights.

FIELDS = {"version": (8, 4), "header_bytes": (12, 4), "weights_id": (16, 8), "total_bytes": (24, 8),
          "weights.offset": (32, 8), "weights.bytes": (40, 8), "tokenizer.offset": (56, 8),
          "tokenizer.bytes": (64, 8), "generation.offset": (80, 8), "generation.bytes": (88, 8)}  # fmt: skip


def number(file: str, at: int, size: int, change: Callable[[int], int]) -> Damage:
    def changed(blob: bytes) -> bytes:
        begin = at % len(blob)
        old = int.from_bytes(blob[begin : begin + size], "little")
        new = change(old) % (1 << 8 * size)
        return blob[:begin] + new.to_bytes(size, "little") + blob[begin + size :]

    return on_bytes(changed, file)


CHANGES: dict[str, Callable[[int], int]] = {
    "-1": lambda n: n - 1, "+1": lambda n: n + 1, "-to-0": lambda n: 0 if n else 1, "-to-max": lambda n: -1,
    "-to-2^31": lambda n: 1 << 31,
}  # fmt: skip
# A section may be longer than what is read of it, and an empty one may lie anywhere.
MAY_BE_FINE = {"weights.bytes+1", "tokenizer.bytes+1", "generation.bytes+1", "tokenizer.bytes-to-0",
               "generation.bytes-to-0", "tokenizer.bytes-1", "total_bytes-1"}  # fmt: skip


def _artifact_damages() -> dict[str, Damage]:
    damages: dict[str, Damage] = {
        f"cut-{n}-of-16": on_bytes(lambda blob, n=n: blob[: len(blob) * n // 16], ARTIFACT) for n in range(16)
    }
    damages["magic"] = on_bytes(lambda blob: b"X" + blob[1:], ARTIFACT)
    for name, (at, size) in FIELDS.items():
        for how, change in CHANGES.items():
            damages[name + how] = number(ARTIFACT, at, size, change)
    return damages


def program_header(blob: bytes, kind: int = 0x6E726574) -> int:
    """Where the header of a segment of a program in ELF lies; of the artifact's if no other."""
    [offset], [count] = struct.unpack_from("<Q", blob, 32), struct.unpack_from("<H", blob, 56)
    return next(at for at in range(offset, offset + 56 * count, 56)
                if struct.unpack_from("<I", blob, at)[0] == kind)  # fmt: skip


def in_program_header(field: int, size: int, change: Callable[[int], int]) -> Damage:
    def damage(model: Path) -> None:
        at = program_header((model / PROGRAM).read_bytes()) + field
        number(PROGRAM, at, size, change)(model)

    return damage


def _program_damages() -> dict[str, Damage]:
    """Of how a program says where its artifact lies, and of files that are cut off."""
    fields = {"offset": (8, 8), "bytes": (32, 8), "type": (0, 4)}
    damages = {f"segment.{name}{how}": in_program_header(*field, change)
               for name, field in fields.items() for how, change in CHANGES.items()
               if (name, how) != ("bytes", "+1")}  # fmt: skip

    def cut(model: Path, eighths: int) -> None:
        blob = (model / PROGRAM).read_bytes()
        [offset, _, _, size] = struct.unpack_from("<4Q", blob, program_header(blob) + 8)
        (model / PROGRAM).write_bytes(blob[: offset + (size * eighths - 1) // 8])

    for eighths in (1, 3, 5, 8):
        damages[f"cut-to-{eighths}-of-8"] = lambda model, eighths=eighths: cut(model, eighths)
    return damages


GGUF_DAMAGES = _gguf_damages()
ARTIFACT_DAMAGES = _artifact_damages()
PROGRAM_DAMAGES = _program_damages()
