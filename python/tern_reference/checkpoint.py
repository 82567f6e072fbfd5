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

from .config import (
    ATTENTION_PROJECTIONS, DELTA_PROJECTIONS, MLP_PROJECTIONS, PRODUCT_GROUP, Config, read_config,
)  # fmt: skip
from .delta import DeltaWeights
from .numerics import F32, ternarize
from .safetensors import FormatError, Reader

ATTN_SUB_NORMS = ("attn_sub_norm", "inner_attn_ln")
FFN_SUB_NORMS = ("ffn_sub_norm", "ffn_layernorm")


@dataclass(frozen=True)
class Linear:
    """One ternary projection, or a ternary table or head: y = f32(acc) * (s * alpha) + bias.

    With scales of groups, f32(acc_j) * alpha[j] are added group by group, then y = sum * s
    + bias; docs/numerics.md 4.
    """

    digits: np.ndarray  # int8 [out, in], each -1, 0 or 1
    alpha: np.ndarray  # f32 [1], [out] or [out, groups]
    bias: np.ndarray | None = None  # f32 [out]
    norm: np.ndarray | None = None  # f32 [in], of an rms_norm before quantization

    def values(self) -> np.ndarray:
        """Digits times their scales, f32 [out, in]; exact."""
        alpha = self.alpha if self.alpha.ndim == 2 else self.alpha[:, None]
        wide = np.repeat(alpha, self.digits.shape[1] // alpha.shape[1], axis=1)
        return self.digits.astype(F32) * wide


@dataclass(frozen=True)
class Layer:
    """One decoder layer; a sub-norm is None where the checkpoint has none."""

    linears: dict[str, Linear]  # by projection name, as in the config
    input_norm: np.ndarray  # f32 [hidden]
    post_attention_norm: np.ndarray  # f32 [hidden]
    attn_sub_norm: np.ndarray | None  # f32 [heads * head_dim]
    ffn_sub_norm: np.ndarray | None  # f32 [intermediate]
    q_norm: np.ndarray | None = None  # f32 [head_dim], of each head of q
    k_norm: np.ndarray | None = None  # f32 [head_dim], of each head of k
    delta: DeltaWeights | None = None  # of a recurrent layer


@dataclass(frozen=True)
class Checkpoint:
    """Everything a forward pass reads."""

    config: Config
    table: np.ndarray | Linear  # f32 [vocab, hidden], or ternary
    embedding: np.ndarray  # f32 [vocab, hidden], its values
    layers: list[Layer]
    norm: np.ndarray  # f32 [hidden]
    head: np.ndarray | Linear  # the same; the table itself when tied


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


def recover(values: np.ndarray, name: str = "tensor") -> tuple[np.ndarray, np.ndarray, int]:
    """Products f16 or f32 [rows, columns] -> digits, f32 scales [rows, groups], inexact groups.

    The values of a group are -a, 0 or a. In float16, two neighbouring magnitudes count
    as the more frequent one, of equally many as the larger one. Zeros have the scale 0.
    """
    rows, columns = values.shape
    if columns % PRODUCT_GROUP:
        raise FormatError(f"'{name}': {columns} columns are no groups of {PRODUCT_GROUP}")
    magnitudes = np.abs(values).reshape(rows, -1, PRODUCT_GROUP)
    if not np.isfinite(magnitudes).all():
        raise FormatError(f"'{name}' holds a value that is not finite")
    largest = magnitudes.max(axis=2)
    smallest = np.where(magnitudes > 0, magnitudes, largest[..., None]).min(axis=2)
    near = largest == smallest
    if values.dtype == np.float16:
        near |= np.nextafter(smallest, np.float16(np.inf)) == largest
    if not near.all():
        row, group = np.argwhere(~near)[0]
        two = f"{smallest[row, group]} and {largest[row, group]}"
        raise FormatError(f"'{name}' is not ternary: row {row}, block {group} holds {two}")
    fewer = (magnitudes == smallest[..., None]).sum(axis=2) > (
        magnitudes == largest[..., None]
    ).sum(axis=2)
    scales = np.where(fewer, smallest, largest).astype(F32)
    return np.sign(values).astype(np.int8), scales, int((largest != smallest).sum())


def unpack_affine(
    words: np.ndarray, scales: np.ndarray, biases: np.ndarray, name: str = "tensor"
) -> tuple[np.ndarray, np.ndarray]:
    """MLX's u32 [out, in/16] with f32 [out, groups] -> digits, scales.

    A code is a digit plus one where the bias is -scale, and nothing else is ternary.
    """
    if not np.isfinite(scales).all() or np.any(scales < 0) or np.any(biases != -scales):
        raise FormatError(f"'{name}' is not ternary: a bias is not -scale")
    shifts = np.arange(0, 32, 2, dtype=np.uint32)
    codes = (words[..., None] >> shifts & np.uint32(3)).reshape(len(words), -1)
    if codes.max(initial=0) == 3:
        row, column = np.argwhere(codes == 3)[0]
        raise FormatError(f"'{name}': code 3 at row {row}, column {column} is no digit")
    width = codes.shape[1] // scales.shape[1]
    digits = (codes.astype(np.int8) - np.int8(1)).reshape(len(words), -1, width)
    digits = np.where(scales[..., None] == 0, np.int8(0), digits)
    scales = np.where((digits == 0).all(axis=2), F32(0), scales)
    return digits.reshape(codes.shape), scales


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


def _grouped(reader: Reader, config: Config, prefix: str) -> tuple[np.ndarray, np.ndarray, int]:
    """Digits, scales [out, groups] and inexact groups, of products or MLX's codes."""
    name = prefix + ".weight"
    if config.weight_scale == "products":
        is_half = reader.entries[name].dtype == "F16"
        return recover(reader.raw(name) if is_half else reader.f32(name), name)
    scales, biases = (reader.f32(f"{prefix}.{kind}") for kind in ("scales", "biases"))
    return *unpack_affine(reader.raw(name), scales, biases, name), 0


def _linear(reader: Reader, config: Config, prefix: str, shape: tuple[int, int]) -> Linear:
    name = prefix + ".weight"
    if config.weight_group:
        digits, alpha, _ = _grouped(reader, config, prefix)
    elif config.weight_scale == "none":
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


def _widest_runs(alpha: np.ndarray) -> int:
    """Adjacent groups that have one scale, in all rows; 0 stands for any scale."""
    rows, groups = alpha.shape
    for width in range(groups, 1, -1):
        if groups % width:
            continue
        runs = alpha.reshape(rows, -1, width)
        smallest = np.where(runs == 0, np.inf, runs).min(axis=2)
        if np.all((runs == 0) | (runs == smallest[..., None])):
            return width
    return 1


def _without_zeros(alpha: np.ndarray, width: int) -> np.ndarray:
    """[rows, groups / width]: the first scale of each run that is not 0, else of the row."""

    def first(values: np.ndarray) -> np.ndarray:
        at = (values != 0).argmax(axis=-1)
        return np.take_along_axis(values, at[..., None], -1)[..., 0]

    runs = first(alpha.reshape(len(alpha), -1, width))
    rows = first(runs)
    any_row = first(rows) or F32(2.0**-16)
    return np.where(runs != 0, runs, np.where(rows != 0, rows, any_row)[:, None]).astype(F32)


def _in_one_shape(alphas: list[np.ndarray]) -> list[np.ndarray]:
    """Scales [1 | rows, groups] of all layers, in as few groups as hold them."""
    finest = math.lcm(*(alpha.shape[1] for alpha in alphas))
    widths = [_widest_runs(alpha) * (finest // alpha.shape[1]) for alpha in alphas]
    width = math.gcd(*widths)
    filled = [_without_zeros(a, w * a.shape[1] // finest) for a, w in zip(alphas, widths)]
    return [np.repeat(alpha, w // width, axis=1) for alpha, w in zip(filled, widths)]


def _simplify(layers: list[Layer], projections: tuple[str, ...]) -> None:
    """Adjacent groups that have equal scales in all layers are one.

    Without groups, the scales are [1] or [out]: both are one formula.
    """
    for name in projections:
        own = [layer for layer in layers if name in layer.linears]
        linears = [layer.linears[name] for layer in own]
        alphas = _in_one_shape([linear.alpha for linear in linears])
        for layer, linear, alpha in zip(own, linears, alphas):
            layer.linears[name] = replace(linear, alpha=_by_rows(alpha, len(linear.digits)))


def _by_rows(alpha: np.ndarray, rows: int) -> np.ndarray:
    """[1 | rows, groups] -> [1], [rows] or [rows, groups]."""
    groups = alpha.shape[1]
    return alpha[:, 0] if groups == 1 else np.broadcast_to(alpha, (rows, groups))


def _grouped_table(reader: Reader, config: Config, prefix: str) -> Linear | None:
    """Embedding or head of products or codes, if it is ternary."""
    try:
        if config.weight_scale == "affine" and prefix + ".scales" not in reader:
            return None
        digits, scales, _ = _grouped(reader, config, prefix)
    except FormatError:
        if config.weight_scale == "affine":
            raise
        return None
    return Linear(digits, _by_rows(_in_one_shape([scales])[0], len(digits)))


def _table(reader: Reader, config: Config, prefix: str) -> np.ndarray | Linear:
    """Embedding or head: floats, or stored as the projections are."""
    name, shape = prefix + ".weight", (config.vocab_size, config.hidden_size)
    linear = _grouped_table(reader, config, prefix) if config.weight_group else None
    if linear is not None:
        _expect(name, linear.digits.shape, shape)
        return linear
    if config.weight_scale == "none" or reader.entries[name].dtype != "U8":
        values = reader.f32(name)
        _expect(name, values.shape, shape)
        return values
    digits = unpack(reader.raw(name), name)
    _expect(name, digits.shape, shape)
    [alpha] = _in_one_shape([_scales(reader, config, name + "_scale", shape)])
    return Linear(digits, _by_rows(alpha, len(digits)))


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
    hidden, glu, net = config.hidden_size, config.intermediate_size, config.delta
    shapes = {
        "q_proj": (queries * (2 if config.output_gate else 1), hidden),
        "k_proj": (keys, hidden),
        "v_proj": (keys, hidden),
        "o_proj": (hidden, queries),
        "gate_proj": (glu, hidden),
        "up_proj": (glu, hidden),
        "down_proj": (hidden, glu),
    }
    if net:
        shapes["in_proj_qkv"] = (net.features, hidden)
        shapes["in_proj_z"] = (net.values, hidden)
        shapes["out_proj"] = (hidden, net.values)
    return shapes[name]


def _layer(reader: Reader, config: Config, index: int) -> Layer:
    base = f"model.layers.{index}"
    attention, mlp = base + ".self_attn", base + ".mlp"
    linears = {}
    mixer = (attention, ATTENTION_PROJECTIONS)
    if config.is_recurrent(index):
        mixer = (base + ".linear_attn", DELTA_PROJECTIONS)
    for block, names in (mixer, (mlp, MLP_PROJECTIONS)):
        for name in names:
            shape = projection_shape(config, name)
            linears[name] = _linear(reader, config, f"{block}.{name}", shape)
    hidden = config.hidden_size
    queries = config.num_attention_heads * config.head_dim
    kind = {}
    if config.is_recurrent(index):
        kind["delta"] = _delta(reader, config, mixer[0])
    elif config.head_norms:
        for name in ("q_norm", "k_norm"):
            weight = _norm(reader, f"{attention}.{name}.weight", config.head_dim)
            kind[name] = _from_one(config, weight)
    return Layer(
        linears,
        _from_one(config, _norm(reader, base + ".input_layernorm.weight", hidden)),
        _from_one(config, _norm(reader, base + ".post_attention_layernorm.weight", hidden)),
        _sub_norm(reader, attention, ATTN_SUB_NORMS, queries),
        _sub_norm(reader, mlp, FFN_SUB_NORMS, config.intermediate_size),
        **kind,
    )


def _from_one(config: Config, weight: np.ndarray) -> np.ndarray:
    """The weight of a norm."""
    return F32(1) + weight if config.norms_from_one else weight


def _delta(reader: Reader, config: Config, base: str) -> DeltaWeights:
    """The floats of a recurrent layer."""
    net = config.delta
    heads = (net.value_heads,)

    def read(name: str, shape: tuple[int, ...]) -> np.ndarray:
        values = reader.f32(f"{base}.{name}")
        _expect(f"{base}.{name}", values.shape, shape)
        return values

    taps = reader.f32(base + ".conv1d.weight").reshape(net.features, -1)
    _expect(base + ".conv1d.weight", taps.shape, (net.features, net.taps))
    return DeltaWeights(
        read("in_proj_b.weight", (*heads, config.hidden_size)),
        read("in_proj_a.weight", (*heads, config.hidden_size)),
        read("dt_bias", heads),
        (-np.exp(read("A_log", heads).astype(np.float64))).astype(F32),
        np.ascontiguousarray(taps.T),
        read("norm.weight", (net.value_dim,)),
    )


def _take_text_model(reader: Reader) -> None:
    """A model of text and pictures has the text model's tensors in a part of their own."""
    for prefix, usual in (("model.language_model.", "model."), ("language_model.", "")):
        for name in [name for name in reader.entries if name.startswith(prefix)]:
            reader.entries[usual + name.removeprefix(prefix)] = reader.entries.pop(name)


def load(directory: str | os.PathLike) -> Checkpoint:
    """Reads a model directory: config.json and its safetensors."""
    directory = Path(directory)
    config = read_config(directory)
    reader = Reader(directory)
    if config.delta:
        _take_text_model(reader)
        taps = (e.shape for name, e in reader.entries.items() if name.endswith("conv1d.weight"))
        if any(shape[-1] == 1 for shape in taps):  # MLX turns them around, and has added 1
            config = replace(config, norms_from_one=False)
    table = head = _table(reader, config, "model.embed_tokens")
    if not config.tie_word_embeddings:
        head = _table(reader, config, "lm_head")
    embedding = table.values() if isinstance(table, Linear) else table
    layers = [_layer(reader, config, i) for i in range(config.num_hidden_layers)]
    _simplify(layers, config.projections)
    norm = _from_one(config, _norm(reader, "model.norm.weight", config.hidden_size))
    return Checkpoint(config, table, embedding, layers, norm, head)
