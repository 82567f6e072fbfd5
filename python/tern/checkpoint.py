# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checkpoints in Hugging Face layout -> digits and scales.

Two things go wrong elsewhere and are spelled out here: packed bytes hold four
row *quarters*, not adjacent rows, and `weight_scale` has two opposite meanings.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .config import ATTENTION_PROJECTIONS, MLP_PROJECTIONS, PROJECTIONS, Config, read_config
from .numerics import F32, ternarize
from .safetensors import FormatError, Reader

ATTN_SUB_NORMS = ("attn_sub_norm", "inner_attn_ln")
FFN_SUB_NORMS = ("ffn_sub_norm", "ffn_layernorm")


@dataclass(frozen=True)
class Linear:
    """One ternary projection: y = f32(acc) * (s * alpha) + bias.

    With scales of groups, f32(acc_j) * alpha[j] are added group by group, then y = sum * s
    + bias; docs/numerics.md 4.
    """

    digits: np.ndarray  # int8 [out, in], each -1, 0 or 1
    alpha: np.ndarray  # f32 [1], [out] or [out, groups]
    bias: np.ndarray | None = None  # f32 [out]
    norm: np.ndarray | None = None  # f32 [in], of an rms_norm before quantization


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


def _scales(reader: Reader, config: Config, name: str, shape: tuple[int, int]) -> np.ndarray:
    """[1] | [out] | [out, 1] | [out, groups] -> [out, groups], or [1, 1]."""
    scale = reader.f32(name)
    rows, columns = shape
    groups = scale.shape[1] if scale.ndim == 2 else 1
    if scale.size != 1:
        _expect(name, scale.shape, (rows, groups)[: scale.ndim])
    if columns % groups:
        raise FormatError(f"'{name}' has {groups} groups, {columns} columns are no multiple")
    if not np.all(np.isfinite(scale)) or np.any(scale <= 0):
        raise FormatError(f"'{name}' holds {scale.min()}, expected above 0")
    scale = scale.reshape(-1, groups)
    return scale if config.weight_scale == "multiplies" else F32(1) / scale


def _linear(reader: Reader, config: Config, prefix: str, shape: tuple[int, int]) -> Linear:
    name = prefix + ".weight"
    if config.weight_scale == "none":
        digits, alpha = ternarize(reader.f32(name))
        alpha = np.full((1, 1), alpha)
    else:
        digits = unpack(reader.raw(name), name)
        alpha = _scales(reader, config, prefix + ".weight_scale", shape)
    _expect(name, digits.shape, shape)
    bias = norm = None
    if prefix + ".bias" in reader:
        bias = _norm(reader, prefix + ".bias", shape[0])
    if config.inner_norm_eps is not None:
        norm = _norm(reader, prefix + ".rms_norm.weight", shape[1])
    return Linear(digits, alpha, bias, norm)


def _in_one_shape(alphas: list[np.ndarray]) -> list[np.ndarray]:
    """Scales [1 | rows, groups] of all layers, in as few groups as hold them."""
    finest = math.lcm(*(alpha.shape[1] for alpha in alphas))
    width = finest
    for alpha in alphas:
        ends = np.flatnonzero((alpha[:, 1:] != alpha[:, :-1]).any(axis=0)) + 1
        width = math.gcd(width, *(ends * (finest // alpha.shape[1])).tolist())
    return [np.repeat(alpha, finest // alpha.shape[1], axis=1)[:, ::width] for alpha in alphas]


def _simplify(layers: list[Layer]) -> None:
    """Adjacent groups that have equal scales in all layers are one.

    Without groups, the scales are [1] or [out]: both are one formula.
    """
    for name in PROJECTIONS:
        linears = [layer.linears[name] for layer in layers]
        alphas = _in_one_shape([linear.alpha for linear in linears])
        for layer, linear, alpha in zip(layers, linears, alphas):
            groups = alpha.shape[1]
            if groups == 1:
                alpha = alpha[:, 0]
            else:
                alpha = np.broadcast_to(alpha, (len(linear.digits), groups))
            layer.linears[name] = replace(linear, alpha=alpha)


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
    _simplify(layers)
    norm = _norm(reader, "model.norm.weight", config.hidden_size)
    return Checkpoint(config, embedding, layers, norm, head)
