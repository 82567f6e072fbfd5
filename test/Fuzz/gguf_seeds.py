# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GGUF files as seeds: those of single matrices, and the least that are models."""

from __future__ import annotations

import struct

from sentencepiece_seeds import charsmap


def padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def array(kind: int, elements: list[bytes]) -> bytes:
    return struct.pack("<IIQ", 9, kind, len(elements)) + b"".join(elements)


def gguf(values: dict[str, bytes], tensors: list[tuple[str, list[int], int, bytes]],
         version: int = 3, alignment: int = 32) -> bytes:  # fmt: skip
    out = struct.pack("<4sIQQ", b"GGUF", version, len(tensors), len(values))
    out += b"".join(text(key) + value for key, value in values.items())
    data = b""
    for name, sizes, kind, content in tensors:
        out += text(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, kind, len(data))
        data += padded(content, alignment)
    return padded(out, alignment) + data


SCALE = struct.pack("<f", 0.5)
HALF = b"\x00\x38"
VALUES = {
    "general.architecture": struct.pack("<I", 8) + text("bitnet"),
    "general.alignment": struct.pack("<II", 4, 32),
    "bitnet.block_count": struct.pack("<IQ", 10, 1),
    "eps": struct.pack("<If", 6, 1e-5),
    "flag": struct.pack("<IB", 7, 1),
    "small": struct.pack("<Ib", 1, -1),
    "double": struct.pack("<Id", 12, 2.0),
    "tokenizer.ggml.tokens": array(8, [text("a"), text("<0x0A>")]),
    "tokenizer.ggml.scores": array(6, [SCALE, SCALE]),
    "types": array(5, [struct.pack("<i", i) for i in (1, 3)]),
}
GGUFS = {
    "ternary": gguf(
        VALUES,
        [
            ("tq1", [256, 1], 34, bytes(52) + HALF),
            ("tq2", [256, 1], 35, bytes(64) + HALF),
            ("i2_s", [128, 1], 36, bytes(32) + SCALE + bytes(28)),
        ],
    ),
    "groups": gguf(
        {},
        [
            ("g64", [64, 1], 42, HALF + bytes(16)),
            ("g128", [128, 2], 42, (HALF + bytes(32)) * 2),
            ("iq1", [64, 1], 134, HALF + bytes(13)),
            ("iq2", [64, 1], 135, SCALE + bytes(16)),
        ],
    ),
    "prism": gguf(
        {},
        [
            ("pq2", [128, 2], 142, (HALF + bytes(32)) * 2),
            ("ptq1", [128, 2], 143, (bytes(26) + HALF) * 2),
            ("products", [128, 1], 1, HALF * 64 + b"\0\xb8" * 32 + bytes(64)),
        ],
    ),
    "floats": gguf(
        {},
        [
            ("f32", [2, 2], 0, SCALE * 4),
            ("f16", [3], 1, HALF * 3),
            ("bf16", [1], 30, b"\x80\x3f"),
            ("q4_0", [32], 2, HALF + bytes(16)),
            ("q8_0", [32], 8, HALF + bytes(32)),
            ("q6_k", [256], 14, bytes(208) + HALF),
            ("q4_k", [256], 12, HALF * 2 + bytes(140)),
        ],
        version=2,
    ),
    "aligned": gguf(
        {"general.alignment": struct.pack("<II", 4, 8)}, [("a", [1], 0, SCALE)], alignment=8
    ),
}


def u32(value: int) -> bytes:
    return struct.pack("<II", 4, value)


def string(value: str) -> bytes:
    return struct.pack("<I", 8) + text(value)


def gguf_model(architecture: str, model: str, pre: str, **more: bytes) -> bytes:
    """The least that is a model, with a tokenizer of letters."""
    tokens = ["a", "b", "ab", "\u0120", "\u2581", "<0x0A>", "<s>", "</s>", "<|eot_id|>", "x"]
    kinds = [1, 1, 1, 1, 1, 6, 3, 3, 3, 5]
    sizes = {"embedding_length": 64, "feed_forward_length": 64, "block_count": 1,
             "attention.head_count": 2, "attention.head_count_kv": 1, "context_length": 32,
             "rope.dimension_count": 32, "vocab_size": len(tokens)}  # fmt: skip
    values = {
        "general.architecture": string(architecture),
        **{f"{architecture}.{key}": u32(value) for key, value in sizes.items()},
        f"{architecture}.attention.layer_norm_rms_epsilon": struct.pack("<If", 6, 1e-5),
        f"{architecture}.hidden_activation": string("silu"),
        "tokenizer.ggml.model": string(model),
        "tokenizer.ggml.pre": string(pre),
        "tokenizer.ggml.tokens": array(8, [text(token) for token in tokens]),
        "tokenizer.ggml.scores": array(6, [struct.pack("<f", -i) for i in range(len(tokens))]),
        "tokenizer.ggml.token_type": array(5, [struct.pack("<i", kind) for kind in kinds]),
        "tokenizer.ggml.merges": array(8, [text("a b")]),
        "tokenizer.ggml.bos_token_id": u32(6),
        "tokenizer.ggml.eos_token_id": u32(7),
        "tokenizer.ggml.add_bos_token": struct.pack("<IB", 7, 1),
        "tokenizer.chat_template": string("{{ messages }}"),
        **more,
    }
    digits = bytes(16 * 32) + SCALE + bytes(28)
    return gguf(
        values,
        [
            ("token_embd.weight", [64, 10], 1, bytes(2 * 640)),
            ("output.weight", [64, 10], 1, bytes(2 * 640)),
            ("blk.0.attn_q.weight", [64, 32], 36, digits),
            ("blk.0.attn_k.weight", [64, 32], 134, (HALF + bytes(13)) * 32),
            ("blk.0.attn_norm.weight", [64], 0, bytes(256)),
            ("blk.0.ffn_up.scale", [1], 0, SCALE),
        ],
    )


SCHEME = string('{"bits": 3, "bos_bits": 4}')
GGUF_MODELS = {
    "model-bitnet": gguf_model("bitnet", "gpt2", "llama-bpe"),
    "model-llama": gguf_model("llama", "gpt2", "gpt-2", **{"tern.kv_cache_quantization": SCHEME}),
    "model-scores": gguf_model("bitnet-25", "llama", "default"),
    "model-unigram": gguf_model("llama", "t5", "default", **{
        "tokenizer.ggml.token_type": array(5, [struct.pack("<i", kind) for kind in [*[1] * 6, *[3] * 3, 2]]),
        "tokenizer.ggml.precompiled_charsmap": array(0, [bytes([byte]) for byte in charsmap()]),
        "tokenizer.ggml.remove_extra_whitespaces": struct.pack("<IB", 7, 1)}),
    "model-none": gguf_model("bitnet-b1.58", "no_vocab", "qwen2",
                       **{"tern.weight_scales": array(6, [SCALE, SCALE])}),
}  # fmt: skip
