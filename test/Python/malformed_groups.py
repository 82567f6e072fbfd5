# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models with scales of groups that must be refused: name -> what to do to a model.

The models are SHAPE: products in float16, codes of MLX, and a PQ2_0 file.
"""

from __future__ import annotations


import numpy as np
from malformed_binary import Gguf, on_gguf
from malformed_tensors import Damage, on_entry, on_tensor, put, read, write
from malformed_text import config

SHAPE = dict(
    hidden=128, intermediate=256, layers=1, heads=2, kv_heads=1, head_dim=64, vocab=300,
    act="silu", sub_norms=False, tied=False, table="ternary",
)  # fmt: skip
Q = "model.layers.0.self_attn.q_proj"
DOWN = "model.layers.0.mlp.down_proj"


def half(value: float) -> bytes:
    return np.float16(value).tobytes()


BAD = {"nan": half(float("nan")), "infinite": half(float("inf")), "minus": half(-0.5)}


def without(*names: str) -> Damage:
    """Takes tensors away."""

    def damage(model) -> None:
        header, data = read(model)
        kept, parts, end = {}, [], 0
        for name, entry in header.items():
            if name in names:
                continue
            if "data_offsets" in entry:
                begin, stop = entry["data_offsets"]
                parts.append(data[begin:stop])
                entry = {**entry, "data_offsets": [end, end + stop - begin]}
                end += stop - begin
            kept[name] = entry
        write(model, kept, b"".join(parts))

    return damage


def random(part: bytearray) -> None:
    """Values of an ordinary model."""
    values = np.random.default_rng(0).standard_normal(len(part) // 2)
    part[:] = values.astype("<f2").tobytes()


def two_steps(part: bytearray) -> None:
    """The first group, with two magnitudes that are no neighbours."""
    magnitudes = np.full(128, np.float16(0.5).view(np.uint16))
    magnitudes[7] += 2
    part[:256] = magnitudes.tobytes()


PRODUCT_DAMAGES: dict[str, Damage] = {
    "first-value": on_tensor(Q + ".weight", put(0, half(3))),
    "last-value": on_tensor(DOWN + ".weight", put(-2, half(3))),
    "nan": on_tensor(Q + ".weight", put(300, BAD["nan"])),
    "infinite": on_tensor(DOWN + ".weight", put(-300, BAD["infinite"])),
    "two-steps": on_tensor(Q + ".weight", two_steps),
    "ordinary-first": on_tensor(Q + ".weight", random),
    "ordinary-last": on_tensor(DOWN + ".weight", random),
    "packed": on_entry(Q + ".weight", dtype="U8", shape=[64, 512]),
    "missing": without(Q + ".weight"),
}


AFFINE = {"group_size": 128, "bits": 2, "mode": "affine"}


def affine(**fields: object) -> Damage:
    changed = {**AFFINE, **fields}
    return config(quantization=changed, quantization_config=changed)


AFFINE_DAMAGES: dict[str, Damage] = {
    **{f"scale-{name}": on_tensor(Q + ".scales", put(6, raw)) for name, raw in BAD.items()},
    **{f"bias-{name}": on_tensor(Q + ".biases", put(-2, raw)) for name, raw in BAD.items()},
    "code-3-first": on_tensor(Q + ".weight", put(0, b"\x03")),
    "code-3-last": on_tensor(DOWN + ".weight", put(-1, b"\xc0")),
    "code-3-in-the-embedding": on_tensor("model.embed_tokens.weight", put(-1, b"\xc0")),
    "no-scales": without(Q + ".scales"),
    "no-biases": without(Q + ".biases"),
    "words-signed": on_entry(Q + ".weight", dtype="I32"),
    "words-swapped": on_entry(Q + ".weight", shape=[8, 128]),
    "scales-few": on_entry(Q + ".scales", shape=[64, 2]),
}

AFFINE_CONFIG_DAMAGES: dict[str, Damage] = {
    "bits-4": affine(bits=4),
    "bits-0": affine(bits=0),
    "bits-text": affine(bits="2"),
    "group-size-0": affine(group_size=0),
    "group-size-96": affine(group_size=96),
    "group-size-6": affine(group_size=6),
    "mode-unknown": affine(mode="mxfp4"),
    "layer-apart": affine(**{"model.layers.0.self_attn.q_proj": {"bits": 4}}),
    "two-that-differ": config(quantization=AFFINE, quantization_config={**AFFINE, "group_size": 64}),
    "number": config(quantization=2),
}


def at(name: str, begin: int, raw: bytes) -> Damage:
    def change(file: Gguf) -> None:
        start = file.tensor(name).offset + begin
        file.data = file.data[:start] + raw + file.data[start + len(raw) :]

    return on_gguf(change)


def of_type(name: str, number: int) -> Damage:
    def change(file: Gguf) -> None:
        file.tensor(name).type = number

    return on_gguf(change)


NAME = "blk.0.attn_q.weight"
PRISM_DAMAGES: dict[str, Damage] = {
    "code-3-first": at(NAME, 2, b"\x03"),
    "code-3-last": at("blk.0.ffn_down.weight", 34 * 128 * 2 - 1, b"\xc0"),
    "code-3-in-the-embedding": at("token_embd.weight", 5, b"\xff"),
    **{f"scale-{name}": at(NAME, 34, raw) for name, raw in BAD.items()},
    **{f"embedding-scale-{name}": at("token_embd.weight", 34, raw) for name, raw in BAD.items()},
    "type-143": of_type(NAME, 143),
    "type-141": of_type(NAME, 141),
    "type-144": of_type(NAME, 144),
    "norm-of-digits": of_type("output_norm.weight", 142),
}

