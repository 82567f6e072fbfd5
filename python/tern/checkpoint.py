# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checkpoints in Hugging Face layout -> digits and scales.

Two things go wrong elsewhere and are spelled out here: packed bytes hold four
row *quarters*, not adjacent rows, and `weight_scale` has two opposite meanings.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .config import ATTENTION_PROJECTIONS, MLP_PROJECTIONS, Config, read_config
from .numerics import F32, ternarize
from .safetensors import FormatError, Reader

ATTN_SUB_NORMS = ("attn_sub_norm", "inner_attn_ln")
FFN_SUB_NORMS = ("ffn_sub_norm", "ffn_layernorm")


@dataclass(frozen=True)
class Linear:
    """One ternary projection: y = f32(acc) * (s * alpha) + bias."""

    digits: np.ndarray  # int8 [out, in], each -1, 0 or 1
    alpha: np.float32
    bias: np.ndarray | None  # f32 [out]


@dataclass(frozen=True)
class Layer:
    """One decoder layer; a sub-norm is None where the checkpoint has none."""

    linears: dict[str, Linear]  # by projection name, as in the config
    input_norm: np.ndarray  # f32 [hidden]
    post_attention_norm: np.ndarray  # f32 [hidden]
    attn_sub_norm: np.ndarray | None  # f32 [heads * head_dim]
    ffn_sub_norm: np.ndarray | None  # f32 [intermediate]


@dataclass(frozen=True)
class Checkpoint:
    """Everything a forward pass reads."""

    config: Config
    embedding: np.ndarray  # f32 [vocab, hidden]
    layers: list[Layer]
    norm: np.ndarray  # f32 [hidden]
    head: np.ndarray  # f32 [vocab, hidden]; the embedding itself when tied


def unpack(packed: np.ndarray, name: str = "tensor") -> np.ndarray:
    """u8 [out/4, in] -> int8 digits [out, in].

    Bits 2i..2i+1 of packed[r] hold row i*(out/4) + r as digit + 1.
    """
    quarters = [(packed >> np.uint8(2 * i)) & np.uint8(3) for i in range(4)]
    codes = np.concatenate(quarters, axis=0)
    if codes.size and codes.max() == 3:
        row, column = np.argwhere(codes == 3)[0]
        raise FormatError(f"'{name}': code 3 at row {row}, column {column} is no digit")
    return codes.astype(np.int8) - np.int8(1)


def pack(digits: np.ndarray) -> np.ndarray:
    """The inverse of `unpack`: int8 [out, in] -> u8 [out/4, in]."""
    rows = digits.shape[0] // 4
    if rows * 4 != digits.shape[0]:
        raise FormatError(f"{digits.shape[0]} rows cannot be packed by four")
    codes = (digits + np.int8(1)).astype(np.uint8).reshape(4, rows, -1)
    return codes[0] | codes[1] << 2 | codes[2] << 4 | codes[3] << 6


def _expect(name: str, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if shape != expected:
        raise FormatError(f"'{name}' is {list(shape)}, expected {list(expected)}")


def _linear(reader: Reader, config: Config, prefix: str, shape: tuple[int, int]) -> Linear:
    name = prefix + ".weight"
    if config.weight_scale == "none":
        digits, alpha = ternarize(reader.f32(name))
    else:
        digits = unpack(reader.raw(name), name)
        scale = reader.f32(prefix + ".weight_scale")
        _expect(prefix + ".weight_scale", scale.reshape(-1).shape, (1,))
        value = F32(scale.reshape(-1)[0])
        if not np.isfinite(value) or value <= 0:
            raise FormatError(f"'{prefix}.weight_scale' is {value}, expected above 0")
        alpha = value if config.weight_scale == "multiplies" else F32(1) / value
    _expect(name, digits.shape, shape)
    bias = reader.f32(prefix + ".bias") if prefix + ".bias" in reader else None
    return Linear(digits, alpha, bias)


def _sub_norm(reader: Reader, prefix: str, names: tuple[str, ...], n: int):
    for name in names:
        if f"{prefix}.{name}.weight" in reader:
            return _norm(reader, f"{prefix}.{name}.weight", n)
    return None


def _norm(reader: Reader, name: str, n: int) -> np.ndarray:
    weight = reader.f32(name)
    _expect(name, weight.shape, (n,))
    return weight


def projection_shape(config: Config, name: str) -> tuple[int, int]:
    """[out, in] of a projection."""
    queries = config.num_attention_heads * config.head_dim
    keys = config.num_key_value_heads * config.head_dim
    hidden, glu = config.hidden_size, config.intermediate_size
    return {
        "q_proj": (queries, hidden),
        "k_proj": (keys, hidden),
        "v_proj": (keys, hidden),
        "o_proj": (hidden, queries),
        "gate_proj": (glu, hidden),
        "up_proj": (glu, hidden),
        "down_proj": (hidden, glu),
    }[name]


def _layer(reader: Reader, config: Config, index: int) -> Layer:
    base = f"model.layers.{index}"
    attention, mlp = base + ".self_attn", base + ".mlp"
    linears = {}
    for block, names in ((attention, ATTENTION_PROJECTIONS), (mlp, MLP_PROJECTIONS)):
        for name in names:
            shape = projection_shape(config, name)
            linears[name] = _linear(reader, config, f"{block}.{name}", shape)
    hidden = config.hidden_size
    queries = config.num_attention_heads * config.head_dim
    return Layer(
        linears,
        _norm(reader, base + ".input_layernorm.weight", hidden),
        _norm(reader, base + ".post_attention_layernorm.weight", hidden),
        _sub_norm(reader, attention, ATTN_SUB_NORMS, queries),
        _sub_norm(reader, mlp, FFN_SUB_NORMS, config.intermediate_size),
    )


def load(directory: str | os.PathLike) -> Checkpoint:
    """Reads a model directory: config.json and its safetensors."""
    directory = Path(directory)
    config = read_config(directory)
    reader = Reader(directory)
    embedding = reader.f32("model.embed_tokens.weight")
    _expect("model.embed_tokens.weight", embedding.shape, (config.vocab_size, config.hidden_size))
    head = embedding
    if not config.tie_word_embeddings:
        head = reader.f32("lm_head.weight")
        _expect("lm_head.weight", head.shape, embedding.shape)
    layers = [_layer(reader, config, i) for i in range(config.num_hidden_layers)]
    norm = _norm(reader, "model.norm.weight", config.hidden_size)
    return Checkpoint(config, embedding, layers, norm, head)
