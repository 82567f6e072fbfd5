# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Qwen3, llama and MiniCPM in double precision, from their papers' formulas.

An independent second opinion on the reference: nothing here comes from python/tern_reference,
neither its reader nor its config. It reads a directory whose matrices are plain floats
or MLX's codes, and computes W x with numpy's sums. `quantize` changes the input of every
matrix, `cache` every key and value; without them nothing is rounded but doubles.

Sources: RMSNorm arXiv 1910.07467, RoPE 2104.09864, GQA 2305.13245, YaRN 2309.00071, LongRoPE
2402.13753, Qwen3 2505.09388, MiniCPM 2404.06395 (scalars), SwiGLU 2002.05202.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Array = np.ndarray
Change = Callable[[Array], Array]


def read_tensors(path: Path) -> dict[str, Array]:
    """All tensors of a safetensors file, as float64."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    out = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        kind = {"BF16": "<u2", "F16": "<f2", "F32": "<f4", "U32": "<u4"}[entry["dtype"]]
        values = np.frombuffer(data[begin:end], kind).reshape(entry["shape"])
        if entry["dtype"] == "BF16":
            values = (values.astype("<u4") << 16).view("<f4")
        out[name] = values if entry["dtype"] == "U32" else values.astype(np.float64)
    return out


def unpack_affine(tensors: dict[str, Array]) -> dict[str, Array]:
    """MLX's 2-bit codes, the first in the lowest bits, as scale * code + bias."""
    out = dict(tensors)
    for name in [name for name in tensors if name.endswith(".scales")]:
        base = name.removesuffix("scales")
        words, scales, biases = (out.pop(base + kind) for kind in ("weight", "scales", "biases"))
        codes = words[..., None] >> np.arange(0, 32, 2, dtype=np.uint32) & 3
        groups = codes.reshape(*scales.shape, -1) * scales[..., None] + biases[..., None]
        out[base + "weight"] = groups.reshape(len(words), -1)
    return out


def yarn(d: int, theta: float, rope: dict) -> tuple[Array, float]:
    """Angles of one position [d/2], and the factor of cos and sin."""
    low, high = yarn_bounds(d, theta, rope)
    i = np.arange(d // 2)
    r = np.clip((i - low) / (high - low if high > low else 0.001), 0, 1)
    s = rope["factor"]
    if rope.get("mscale") and rope.get("mscale_all_dim"):
        over, under = (0.1 * rope[name] * math.log(s) + 1 for name in ("mscale", "mscale_all_dim"))
        factor = over / under
    else:
        factor = rope.get("attention_factor") or 0.1 * math.log(s) + 1
    return theta ** (-2.0 * i / d) * (r / s + 1 - r), factor


def yarn_bounds(d: int, theta: float, rope: dict) -> tuple[float, float]:
    """The pairs between which stretching sets in."""
    length = rope["original_max_position_embeddings"]

    def pair(rotations: float) -> float:
        return d * math.log(length / (2 * math.pi * rotations)) / (2 * math.log(theta))

    low, high = pair(rope.get("beta_fast") or 32), pair(rope.get("beta_slow") or 1)
    if rope.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    return max(low, 0), min(high, d - 1)


def angles(config: dict, d: int) -> tuple[Array, float]:
    """Angles of one position [d/2], and the factor of cos and sin."""
    rope = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    theta = float(rope.get("rope_theta") or config.get("rope_theta") or 10000.0)
    plain = theta ** (-2.0 * np.arange(d // 2) / d)
    kind = rope.get("rope_type") or rope.get("type") or "default"
    if kind == "yarn":
        return yarn(d, theta, rope)
    if kind == "longrope":
        assert rope["short_factor"] == rope["long_factor"]  # else it depends on the length
        length = rope["original_max_position_embeddings"]
        longer = math.log(max(config["max_position_embeddings"] / length, 1))
        return plain / np.array(rope["short_factor"]), math.sqrt(1 + longer / math.log(length))
    assert kind == "default", kind
    return plain, 1.0


@dataclass
class Trace:
    """The residual after each layer [layers, t, hidden], and logits [t, vocab]."""

    hidden: Array
    logits: Array


def unchanged(x: Array) -> Array:
    return x


class DoubleModel:
    """A directory's weights, and the forward pass of a whole sequence."""

    def __init__(self, directory: Path):
        self.config = json.loads((directory / "config.json").read_text(encoding="utf-8"))
        self.weights = unpack_affine(read_tensors(directory / "model.safetensors"))
        c = self.config
        self.heads = c["num_attention_heads"]
        self.kv_heads = c.get("num_key_value_heads") or self.heads
        self.head_dim = c.get("head_dim") or c["hidden_size"] // self.heads
        # MiniCPM's three scalars, 1 elsewhere.
        self.scale_emb = c.get("scale_emb") or 1
        depth = c.get("scale_depth")
        self.residual = depth / math.sqrt(c["num_hidden_layers"]) if depth else 1
        base = c.get("dim_model_base")
        self.logit_divisor = c["hidden_size"] / base if base else 1

    def run(
        self, tokens: list[int], quantize: Change = unchanged, cache: Change = unchanged
    ) -> Trace:
        """A whole sequence; all matrices' inputs are quantized, the head's too."""
        x, hidden = self.embed(tokens), []
        for index in range(self.config["num_hidden_layers"]):
            x = self.layer(index, x, quantize, cache)
            hidden.append(x)
        return Trace(np.stack(hidden), self.head(x, quantize))

    def embed(self, tokens: list[int]) -> Array:
        """[t, hidden]."""
        return self.weights["model.embed_tokens.weight"][tokens] * self.scale_emb

    def layer(
        self, index: int, x: Array, quantize: Change = unchanged, cache: Change = unchanged
    ) -> Array:
        """The residual [t, hidden] of all tokens before a layer -> behind it.

        `quantize` takes [t, inputs], `cache` [t, kv heads, head_dim]; both give the same.
        """
        w, base = self.weights, f"model.layers.{index}."
        h = quantize(self._norm(x, base + "input_layernorm"))
        x = x + self.residual * self._attention(base + "self_attn.", h, quantize, cache)
        h = quantize(self._norm(x, base + "post_attention_layernorm"))
        gate, up = (h @ w[f"{base}mlp.{name}_proj.weight"].T for name in ("gate", "up"))
        f = quantize(gate / (1 + np.exp(-gate)) * up)
        return x + self.residual * (f @ w[base + "mlp.down_proj.weight"].T)

    def head(self, x: Array, quantize: Change = unchanged) -> Array:
        """The last residual -> logits [t, vocab]."""
        h = quantize(self._norm(x, "model.norm") / self.logit_divisor)
        is_tied = self.config.get("tie_word_embeddings")
        return h @ self.weights["model.embed_tokens.weight" if is_tied else "lm_head.weight"].T

    def _norm(self, x: Array, name: str) -> Array:
        square = (x * x).mean(axis=-1, keepdims=True)
        return x / np.sqrt(square + self.config["rms_norm_eps"]) * self.weights[name + ".weight"]

    def _attention(self, base: str, h: Array, quantize: Change, cache: Change) -> Array:
        w, t, d = self.weights, len(h), self.head_dim
        q, k, v = ((h @ w[f"{base}{name}_proj.weight"].T).reshape(t, -1, d) for name in "qkv")
        if base + "q_norm.weight" in w:
            q, k = self._norm(q, base + "q_norm"), self._norm(k, base + "k_norm")
        q, k, v = self._rotate(q), cache(self._rotate(k)), cache(v)
        out = np.zeros_like(q)
        for head in range(self.heads):
            kv = head // (self.heads // self.kv_heads)
            scores = q[:, head] @ k[:, kv].T / math.sqrt(d)
            scores[np.triu_indices(t, 1)] = -np.inf
            p = np.exp(scores - scores.max(axis=1, keepdims=True))
            out[:, head] = p / p.sum(axis=1, keepdims=True) @ v[:, kv]
        return quantize(out.reshape(t, -1)) @ w[base + "o_proj.weight"].T

    def _rotate(self, x: Array) -> Array:
        turn, factor = angles(self.config, self.head_dim)
        z = x[..., : len(turn)] + 1j * x[..., len(turn) :]
        z = z * factor * np.exp(1j * np.arange(len(x))[:, None, None] * turn)
        return np.concatenate([z.real, z.imag], axis=-1)


def half(x: Array) -> Array:
    """A 16-bit cache."""
    return np.clip(x, -65504, 65504).astype(np.float16).astype(np.float64)


def int8_blocks(size: int | None) -> Change:
    """Integers of -128..127 by the largest of each block (None: of a row), times their step."""

    def change(x: Array) -> Array:
        blocks = x.reshape(len(x), -1, size or x.shape[-1])
        step = np.maximum(np.abs(blocks).max(axis=-1, keepdims=True), 1e-5) / 127
        return (np.clip(np.rint(blocks / step), -128, 127) * step).reshape(x.shape)

    return change
