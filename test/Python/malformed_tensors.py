# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Safetensors files and indices that must be refused: name -> what to do to a model.

The model is a packed one of one layer with a single model.safetensors.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

Damage = Callable[[Path], None]

FILE = "model.safetensors"
INDEX = "model.safetensors.index.json"
Q = "model.layers.0.self_attn.q_proj.weight"
NORM = "model.norm.weight"
EMBEDDING = "model.embed_tokens.weight"


def read(model: Path) -> tuple[dict, bytes]:
    blob = (model / FILE).read_bytes()
    size = struct.unpack("<Q", blob[:8])[0]
    return json.loads(blob[8 : 8 + size]), blob[8 + size :]


def write(model: Path, header: dict | bytes, data: bytes) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    (model / FILE).write_bytes(struct.pack("<Q", len(text)) + text + data)


def on_bytes(change: Callable[[bytes], bytes], file: str = FILE) -> Damage:
    return lambda model: (model / file).write_bytes(change((model / file).read_bytes())) and None


def on_header(change: Callable[[dict], None]) -> Damage:
    def damage(model: Path) -> None:
        header, data = read(model)
        change(header)
        write(model, header, data)

    return damage


def on_text(change: Callable[[bytes], bytes]) -> Damage:
    """Changes the header's text."""

    def damage(model: Path) -> None:
        header, data = read(model)
        write(model, change(json.dumps(header).encode()), data)

    return damage


def on_entry(name: str, **fields: object) -> Damage:
    def change(header: dict) -> None:
        for field, value in fields.items():
            if value is None:
                header[name].pop(field)
            else:
                header[name][field] = value

    return on_header(change)


def on_tensor(name: str, change: Callable[[bytearray], None]) -> Damage:
    def damage(model: Path) -> None:
        header, data = read(model)
        begin, end = header[name]["data_offsets"]
        part = bytearray(data[begin:end])
        change(part)
        write(model, header, data[:begin] + bytes(part) + data[end:])

    return damage


def put(at: int, value: bytes) -> Callable[[bytearray], None]:
    def change(part: bytearray) -> None:
        begin = at % len(part)
        part[begin : begin + len(value)] = value

    return change


def length(value: int) -> Damage:
    return on_bytes(lambda blob: struct.pack("<Q", value % (1 << 64)) + blob[8:])


def cut(numerator: int) -> Damage:
    return on_bytes(lambda blob: blob[: len(blob) * numerator // 24])


def with_tensors(tensors: Iterable[tuple[str, dict]]) -> Damage:
    """Entries of no bytes behind the model's own."""

    def change(header: dict) -> None:
        end = max(entry.get("data_offsets", [0, 0])[1] for entry in header.values())
        for name, entry in tensors:
            header[name] = {"data_offsets": [end, end], **entry}

    return on_header(change)


def _entry_damages() -> dict[str, Damage]:
    offsets = {
        "negative": [-2, 0], "float": [0.0, 2.0], "text": ["0", "2"], "one": [0], "three": [0, 2, 4],
        "backwards": [2, 0], "far": [1 << 40, (1 << 40) + 2], "max": [(1 << 64) - 3, (1 << 64) - 1],
        "wrap": [(1 << 64) - 1, 1], "beyond-u64": [0, 1 << 64], "object": {"b": 0}, "missing": None,
    }  # fmt: skip
    shapes = {
        "negative": [-1, 4], "float": [4.0, 16], "text": "4x16", "nested": [[4], 16], "missing": None,
        "wrap-32": [1 << 32, 1 << 32], "wrap-64": [1 << 63, 2], "2^42+1": [(1 << 42) + 1, 1 << 22],
        "zero": [0, 16], "rank-1": [64], "rank-3": [4, 4, 4], "rank-0": [], "transposed": [16, 4],
        "one-more": [4, 17], "one-less": [4, 15], "many-ones": [1] * 100000,
        "zero-times-max": [0, (1 << 64) - 1, (1 << 64) - 1], "null": [None],
    }  # fmt: skip
    dtypes = {"unknown": "TRIT", "lower-case": "u8", "number": 8, "null": [None], "missing": None,
              "i8": "I8", "bool": "BOOL", "bf16": "BF16", "f4": "F4", "empty": ""}  # fmt: skip
    damages: dict[str, Damage] = {}
    for field, values in (("data_offsets", offsets), ("shape", shapes), ("dtype", dtypes)):
        for name, value in values.items():
            damages[f"{field}-{name}"] = on_entry(Q, **{field: value})
    for name, value in {"null": None, "list": [], "text": "x", "empty": {}}.items():
        damages[f"entry-{name}"] = on_header(lambda header, v=value: header.update({Q: v}))
    damages["entry-extra-field"] = on_entry(Q, strides=[16, 1])
    damages["metadata-number"] = on_header(lambda h: h.update(__metadata__={"n": 1}))
    damages["metadata-text"] = on_header(lambda h: h.update(__metadata__="pt"))
    damages["metadata-nested"] = on_header(lambda h: h.update(__metadata__={"a": {}}))
    return damages


def _header_damages() -> dict[str, Damage]:
    damages: dict[str, Damage] = {f"cut-{n}-of-24": cut(n) for n in range(24)}
    damages["cut-last-byte"] = on_bytes(lambda blob: blob[:-1])
    damages |= {f"cut-to-{n}": on_bytes(lambda blob, n=n: blob[:n]) for n in (1, 7, 8, 9, 10)}
    for name, value in {"0": 0, "1": 1, "2": 2, "10^8": 10**8, "10^8+1": 10**8 + 1, "2^31": 1 << 31,
                        "2^32": 1 << 32, "2^63-1": (1 << 63) - 1, "2^63": 1 << 63,
                        "max": -1, "max-7": -8}.items():  # fmt: skip
        damages[f"length-{name}"] = length(value)
    for by in (-8, -1, 1, 8):
        damages[f"length{by:+}"] = on_bytes(
            lambda blob, by=by: struct.pack("<Q", struct.unpack("<Q", blob[:8])[0] + by) + blob[8:]
        )
    damages |= {
        "byte-more": on_bytes(lambda blob: blob + b"\0"),
        "another-file-behind": on_bytes(lambda blob: blob * 2),
        "text-blank-first": on_text(lambda text: b" " + text),
        "text-list": on_text(lambda text: b"[" + text + b"]"),
        "text-null": on_text(lambda text: b"null"),
        "text-empty-object": on_text(lambda text: b"{}"),
        "text-not-utf8": on_text(lambda text: text.replace(b"norm", b"no\xffm", 1)),
        "text-nul": on_text(lambda text: text[:-1] + b"\0}"),
        "text-unfinished-string": on_text(lambda text: text[:40]),
        "text-two-objects": on_text(lambda text: text + b"{}"),
        "text-deep": on_text(lambda text: b'{"a":' * 100000 + b"1" + b"}" * 100000),
        "text-deep-lists": on_text(lambda text: b'{"a":' + b"[" * 1000000),
        "text-comment": on_text(lambda text: text.replace(b"{", b"{/**/", 1)),
        "text-nan": on_text(lambda text: text[:-1] + b', "a": NaN}'),
        "text-long-number": on_text(lambda text: text[:-1] + b', "a": ' + b"9" * 1000000 + b"}"),
        "text-huge-exponent": on_text(lambda text: text[:-1] + b', "a": 1e999}'),
        "text-newline-in-name": on_text(lambda text: text.replace(b"model.norm", b"a\\nb\\u001b[2J")),
        "name-of-100-kb": on_header(lambda h: h.update({"x" * 100000: h.pop(NORM)})),
        "name-empty": on_header(lambda h: h.update({"": h.pop(NORM)})),
        "name-twice": on_text(lambda t: t[:-1] + b',"' + NORM.encode() + b'":{}}'),
        "field-twice": on_text(lambda t: t.replace(b'"dtype": "U8"', b'"dtype": "U8", "dtype": "I8"', 1)),
        "overlap": on_header(lambda h: _shift(h, -1)),
        "hole": on_header(lambda h: _shift(h, 1)),
        "swapped": on_header(lambda h: _swap(h, Q, NORM)),
        "many-tensors": with_tensors((f"t{i}", {"dtype": "U8", "shape": [0]}) for i in range(60000)),
        "tensors-below-the-limit": with_tensors((f"t{i}", {"dtype": "U8", "shape": [0]}) for i in range(40000)),
        "long-shape": on_entry(Q, shape=[0] * 2000000),
        "many-metadata": on_header(lambda h: h.update(__metadata__={str(i): "" for i in range(310000)})),
        "many-lists": on_header(lambda h: h.update({Q: [[]] * 2000000})),
    }  # fmt: skip
    return damages


def _shift(header: dict, by: int) -> None:
    """Moves the tensors behind the first."""
    for entry in header.values():
        begin, end = entry.get("data_offsets", [0, 0])
        if begin:
            entry["data_offsets"] = [begin + by, end + by]


def _swap(header: dict, one: str, other: str) -> None:
    a, b = header[one], header[other]
    a["data_offsets"], b["data_offsets"] = b["data_offsets"], a["data_offsets"]


FLOATS = {
    "zero": 0.0, "minus": -1.0, "nan": math.nan, "infinite": math.inf, "minus-infinite": -math.inf,
}  # fmt: skip


def bf16(value: float) -> bytes:
    return struct.pack("<f", value)[2:]


def _model_damages() -> dict[str, Damage]:
    """Files of the format that are not of this model."""
    damages: dict[str, Damage] = {
        f"scale-{name}": on_tensor(Q + "_scale", put(0, bf16(value)))
        for name, value in FLOATS.items()
    }
    for name in (NORM, EMBEDDING, "model.layers.0.input_layernorm.weight"):
        for at in (0, -2):
            damages[f"{name.split('.')[-2]}-nan-at-{at}"] = on_tensor(name, put(at, bf16(math.nan)))
    damages["embedding-infinite"] = on_tensor(EMBEDDING, put(20, bf16(math.inf)))
    for at in (0, 7, -1):
        for bits in (0x03, 0x0C, 0x30, 0xC0, 0xFF):
            damages[f"code-3-at-{at}-{bits:02x}"] = on_tensor(Q, put(at, bytes([bits])))
    damages |= {
        "scale-of-two": on_header(lambda h: h[Q + "_scale"].update(shape=[2])),
        "no-scale": on_header(lambda h: h.update({"x_scale": h.pop(Q + "_scale")})),
        "no-norm": on_header(lambda h: h.update({"model.nrom.weight": h.pop(NORM)})),
        "no-ternary": on_header(lambda h: h.update({Q + "s": h.pop(Q)})),
        "layer-too-many": with_tensors([("model.layers.1.mlp.up_proj.weight", {"dtype": "U8", "shape": [0, 4]})]),
        "bias-empty": with_tensors([(Q[:-6] + "bias", {"dtype": "BF16", "shape": [0]})]),
        "head-twice": with_tensors([("lm_head.weight", {"dtype": "BF16", "shape": [0]})]),
        "scale-of-nothing": with_tensors([("model.weight_scale", {"dtype": "BF16", "shape": [0]})]),
        "no-file": lambda model: (model / FILE).unlink(),
        "empty-file": on_bytes(lambda blob: b""),
        "gguf-inside": on_bytes(lambda blob: b"GGUF" + blob),
        "a-folder": lambda model: ((model / FILE).unlink(), (model / FILE).mkdir()) and None,
        "a-pipe": lambda model: ((model / FILE).unlink(), os.mkfifo(model / FILE)) and None,
        "a-device": lambda model: ((model / FILE).unlink(), (model / FILE).symlink_to("/dev/zero")) and None,
        "a-loop": lambda model: ((model / FILE).unlink(), (model / FILE).symlink_to(FILE)) and None,
    }  # fmt: skip
    return damages


def indexed(change: Callable[[Path, dict], None]) -> Damage:
    """Renames the file to a shard and writes an index of it, changed."""

    def damage(model: Path) -> None:
        header, _ = read(model)
        (model / FILE).rename(model / "a.safetensors")
        index = {"metadata": {}, "weight_map": {n: "a.safetensors" for n in header if n[0] != "_"}}
        change(model, index)
        (model / INDEX).write_text(json.dumps(index))

    return damage


def shard(name: object) -> Damage:
    return indexed(lambda model, index: index["weight_map"].update({NORM: name}))


def on_index(change: Callable[[bytes], bytes]) -> Damage:
    def damage(model: Path) -> None:
        indexed(lambda *_: None)(model)
        on_bytes(change, INDEX)(model)

    return damage


def _copy_shard(model: Path, index: dict) -> None:
    blob = (model / "a.safetensors").read_bytes()
    (model / "b.safetensors").write_bytes(blob[:-1] + bytes([blob[-1] ^ 1]))
    index["weight_map"][NORM] = "b.safetensors"


INDEX_DAMAGES: dict[str, Damage] = {
    **{f"shard-{name}": shard(value) for name, value in {
        "absolute": "/etc/passwd", "parent": "../a.safetensors", "inner": "x/a.safetensors",
        "dots": "..", "dot": ".", "empty": "", "backslash": "..\\a.safetensors", "number": 1,
        "null": None, "nul": "a.safetensors\0.txt", "list": ["a.safetensors"], "not-there": "c.safetensors",
        "encoded": "%2e%2e/a", "long": "a" * 5000, "newline": "a\nb", "slash-behind": "a.safetensors/",
        "config": "config.json", "the-index": INDEX,
    }.items()},
    "shard-folder": indexed(lambda m, i: ((m / "d").mkdir(), i["weight_map"].update({NORM: "d"})) and None),
    "shard-pipe": indexed(lambda m, i: (os.mkfifo(m / "p"), i["weight_map"].update({NORM: "p"})) and None),
    "shard-device": indexed(lambda m, i: ((m / "z").symlink_to("/dev/zero"), i["weight_map"].update({NORM: "z"})) and None),
    "tensor-in-two-shards": indexed(_copy_shard),
    "tensor-not-listed": indexed(lambda m, i: i["weight_map"].pop(NORM) and None),
    "tensor-listed-only": indexed(lambda m, i: i["weight_map"].update(extra="a.safetensors")),
    "no-map": indexed(lambda m, i: i.pop("weight_map") and None),
    "map-list": indexed(lambda m, i: i.update(weight_map=[])),
    "map-empty": indexed(lambda m, i: i.update(weight_map={})),
    "map-null": indexed(lambda m, i: i.update(weight_map=None)),
    "not-json": on_index(lambda text: b"weight_map: a.safetensors"),
    "empty": on_index(lambda text: b""),
    "cut": on_index(lambda text: text[: len(text) // 2]),
    "list": on_index(lambda text: b"[" + text + b"]"),
    "deep": on_index(lambda text: b'{"a":' * 100000),
    "map-twice": on_index(lambda text: text[:-1] + b',"weight_map":{}}'),
    "not-utf8": on_index(lambda text: text.replace(b"norm", b"no\xffm", 1)),
    "many": indexed(lambda m, i: i["weight_map"].update({f"t{k}": "a.safetensors" for k in range(310000)})),
    "many-shards": indexed(lambda m, i: i["weight_map"].update({f"t{k}": f"s{k}" for k in range(20000)})),
    "a-pipe": lambda model: ((model / FILE).unlink(), os.mkfifo(model / INDEX)) and None,
    "a-device": lambda model: ((model / FILE).unlink(), (model / INDEX).symlink_to("/dev/zero")) and None,
}  # fmt: skip

DAMAGES: dict[str, Damage] = {**_header_damages(), **_entry_damages()}
MODEL_DAMAGES: dict[str, Damage] = _model_damages()
