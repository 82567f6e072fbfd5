# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Qwen3's network on floats, with its gradients, for `tern_reference.train`.

Every function here returns its result and another one that turns the gradient of the
result into those of its arguments. Sums are numpy's: these numbers are not the defined
ones of numerics.py, and no compiled model is compared with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
GROUP = 128  # inputs of a row that share a scale


@dataclass(frozen=True)
class Shape:
    """Sizes of a model with a tied table, and YaRN's factor and original length."""

    hidden: int = 256
    intermediate: int = 768
    layers: int = 4
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 128
    vocab: int = 1024
    context: int = 256
    eps: float = 1e-6
    theta: float = 10000.0
    yarn: float = 4.0
    original: int = 64

    def __post_init__(self) -> None:
        for name in ("hidden", "intermediate", "head_dim"):
            if getattr(self, name) % GROUP:
                raise ValueError(f"{name} is {getattr(self, name)}, no multiple of {GROUP}")
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.heads} heads are no multiple of {self.kv_heads} kv heads")

    def config(self) -> dict[str, object]:
        """config.json, without the tokenizer's ids."""
        return {
            "architectures": ["Qwen3ForCausalLM"],
            "model_type": "qwen3",
            "hidden_act": "silu",
            "hidden_size": self.hidden,
            "intermediate_size": self.intermediate,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head_dim,
            "vocab_size": self.vocab,
            "max_position_embeddings": self.context,
            "rms_norm_eps": self.eps,
            "rope_theta": self.theta,
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": self.yarn,
                "original_max_position_embeddings": self.original,
            },
            "attention_bias": False,
            "use_sliding_window": False,
            "tie_word_embeddings": True,
            "torch_dtype": "float16",
        }

    def matrices(self) -> dict[str, tuple[int, int]]:
        """[out, in] of each projection of a layer."""
        q, kv = self.heads * self.head_dim, self.kv_heads * self.head_dim
        return {
            "self_attn.q_proj": (q, self.hidden),
            "self_attn.k_proj": (kv, self.hidden),
            "self_attn.v_proj": (kv, self.hidden),
            "self_attn.o_proj": (self.hidden, q),
            "mlp.gate_proj": (self.intermediate, self.hidden),
            "mlp.up_proj": (self.intermediate, self.hidden),
            "mlp.down_proj": (self.hidden, self.intermediate),
        }


def initial_masters(shape: Shape, random: np.random.Generator) -> dict[str, Array]:
    """Normal matrices, those that write to the residual smaller; norms are 1."""

    def normal(rows: int, columns: int, deviation: float) -> Array:
        return (random.standard_normal((rows, columns)) * deviation).astype(np.float32)

    masters = {"model.embed_tokens.weight": normal(shape.vocab, shape.hidden, 0.05)}
    for index in range(shape.layers):
        base = f"model.layers.{index}."
        for name, (rows, columns) in shape.matrices().items():
            writes = name.endswith(("o_proj", "down_proj"))
            deviation = 1 / math.sqrt(columns * (2 * shape.layers if writes else 1))
            masters[base + name + ".weight"] = normal(rows, columns, deviation)
        norms = {
            "input_layernorm": shape.hidden,
            "post_attention_layernorm": shape.hidden,
            "self_attn.q_norm": shape.head_dim,
            "self_attn.k_norm": shape.head_dim,
        }
        for name, size in norms.items():
            masters[base + name + ".weight"] = np.ones(size, np.float32)
    masters["model.norm.weight"] = np.ones(shape.hidden, np.float32)
    return masters


def rms_norm(x: Array, weight: Array, eps: float) -> tuple[Array, Callable]:
    """[..., n]; gradients of x and of the weight."""
    r = 1 / np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + eps).astype(x.dtype)
    unit = x * r

    def back(dy: Array) -> tuple[Array, Array]:
        d = dy * weight
        dx = r * (d - unit * (d * unit).mean(axis=-1, keepdims=True))
        return dx, (dy * unit).reshape(-1, len(weight)).sum(axis=0)

    return unit * weight, back


def yarn_tables(shape: Shape) -> tuple[Array, Array]:
    """cos and sin [context, head_dim / 2], times YaRN's factor (arXiv 2309.00071)."""
    half = shape.head_dim // 2

    def turns_at(turns: float) -> float:
        """The pair of features that turns so often within the original length."""
        return half * math.log(shape.original / (2 * math.pi * turns)) / math.log(shape.theta)

    low = max(math.floor(turns_at(32)), 0)
    high = min(math.ceil(turns_at(1)), shape.head_dim - 1)
    ramp = np.clip((np.arange(half) - low) / max(high - low, 0.001), 0, 1)
    frequency = shape.theta ** (-np.arange(half) / half) * (ramp / shape.yarn + 1 - ramp)
    angle = np.arange(shape.context)[:, None] * frequency
    factor = 0.1 * math.log(shape.yarn) + 1
    return np.cos(angle) * factor, np.sin(angle) * factor


def rotate(x: Array, cos: Array, sin: Array) -> Array:
    """[..., t, d]; pairs are (i, i + d/2). The transpose is that of -sin."""
    a, b = np.split(x, 2, axis=-1)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def attention(q: Array, k: Array, v: Array) -> tuple[Array, Callable]:
    """q [n, kv, g, t, d], k and v [n, kv, 1, t, d], causal."""
    scale = q.dtype.type(1 / math.sqrt(q.shape[-1]))
    scores = (q * scale) @ k.swapaxes(-1, -2)
    scores += np.triu(np.full((q.shape[-2],) * 2, -np.inf, q.dtype), 1)
    p = np.exp(scores - scores.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)

    def back(dy: Array) -> tuple[Array, Array, Array]:
        dp = dy @ v.swapaxes(-1, -2)
        ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) * scale
        dk = (ds.swapaxes(-1, -2) @ q).sum(axis=2, keepdims=True)
        dv = (p.swapaxes(-1, -2) @ dy).sum(axis=2, keepdims=True)
        return ds @ k, dk, dv

    return p @ v, back


def silu_glu(gate: Array, up: Array) -> tuple[Array, Callable]:
    """silu(gate) * up."""
    s = 1 / (1 + np.exp(-gate))
    y = gate * s

    def back(dy: Array) -> tuple[Array, Array]:
        return dy * up * (s + y * (1 - s)), dy * y

    return y * up, back


class Network:
    """A shape and its rotary tables; weights come with each call, by their names."""

    def __init__(self, shape: Shape, dtype: type = np.float32):
        self.shape = shape
        self.tables = [table.astype(dtype) for table in yarn_tables(shape)]

    def loss(self, weights: dict[str, Array], inputs: Array, targets: Array) -> Array:
        """-log p of each target [n, t]."""
        return self._forward(weights, inputs, targets)[0]

    def gradients(
        self, weights: dict[str, Array], inputs: Array, targets: Array
    ) -> tuple[float, dict[str, Array]]:
        """The mean loss and its gradient by every weight."""
        losses, back = self._forward(weights, inputs, targets)
        return float(losses.mean()), back()

    def _forward(self, weights: dict[str, Array], inputs: Array, targets: Array):
        shape, tape = self.shape, []
        table = weights["model.embed_tokens.weight"]
        x = table[inputs.reshape(-1)]
        for index in range(shape.layers):
            for part in (self._attention, self._mlp):
                y, back = part(weights, f"model.layers.{index}.", x, inputs.shape)
                x = x + y
                tape.append(back)
        h, norm_back = rms_norm(x, weights["model.norm.weight"], shape.eps)
        logits = h @ table.T
        logits -= logits.max(axis=-1, keepdims=True)
        rows, right = np.arange(len(logits)), targets.reshape(-1)
        sums = np.exp(logits).sum(axis=-1)
        losses = np.log(sums) - logits[rows, right]

        def back() -> dict[str, Array]:
            out: dict[str, Array] = {}
            d = np.exp(logits) / sums[:, None]
            d[rows, right] -= 1
            d /= len(d)
            of_table = d.T @ h
            dx, out["model.norm.weight"] = norm_back(d @ table)
            for part in reversed(tape):
                dx = dx + part(dx, out)
            np.add.at(of_table, inputs.reshape(-1), dx)
            return out | {"model.embed_tokens.weight": of_table}

        return losses.reshape(targets.shape), back

    def _attention(self, weights: dict[str, Array], base: str, x: Array, size: tuple[int, int]):
        """The part between two residuals; its gradient takes dy and writes the weights'."""
        shape, (n, t) = self.shape, size
        cos, sin = (table[:t] for table in self.tables)
        names = {short: f"{base}self_attn.{short}.weight" for short in
                 ("q_proj", "k_proj", "v_proj", "o_proj", "q_norm", "k_norm")}  # fmt: skip
        heads = {"q": shape.heads, "k": shape.kv_heads, "v": shape.kv_heads}

        def split(y: Array) -> Array:  # -> [n, kv, heads of each, t, d]
            return y.reshape(n, t, shape.kv_heads, -1, shape.head_dim).transpose(0, 2, 3, 1, 4)

        def join(y: Array) -> Array:
            return y.transpose(0, 3, 1, 2, 4).reshape(n * t, -1)

        h, norm_back = rms_norm(x, weights[base + "input_layernorm.weight"], shape.eps)
        of = {name: split(h @ weights[names[f"{name}_proj"]].T) for name in heads}
        q, q_back = rms_norm(of["q"], weights[names["q_norm"]], shape.eps)
        k, k_back = rms_norm(of["k"], weights[names["k_norm"]], shape.eps)
        y, attention_back = attention(rotate(q, cos, sin), rotate(k, cos, sin), of["v"])
        a = join(y)

        def back(dy: Array, out: dict[str, Array]) -> Array:
            out[names["o_proj"]] = dy.T @ a
            dq, dk, dv = attention_back(split(dy @ weights[names["o_proj"]]))
            dq, out[names["q_norm"]] = q_back(rotate(dq, cos, -sin))
            dk, out[names["k_norm"]] = k_back(rotate(dk, cos, -sin))
            dh = np.zeros_like(h)
            for name, d in zip(heads, map(join, (dq, dk, dv))):
                out[names[f"{name}_proj"]] = d.T @ h
                dh += d @ weights[names[f"{name}_proj"]]
            dx, out[base + "input_layernorm.weight"] = norm_back(dh)
            return dx

        return a @ weights[names["o_proj"]].T, back

    def _mlp(self, weights: dict[str, Array], base: str, x: Array, size: tuple[int, int]):
        norm = base + "post_attention_layernorm.weight"
        gate, up, down = (f"{base}mlp.{name}_proj.weight" for name in ("gate", "up", "down"))
        h, norm_back = rms_norm(x, weights[norm], self.shape.eps)
        f, glu_back = silu_glu(h @ weights[gate].T, h @ weights[up].T)

        def back(dy: Array, out: dict[str, Array]) -> Array:
            out[down] = dy.T @ f
            dg, du = glu_back(dy @ weights[down])
            out[gate], out[up] = dg.T @ h, du.T @ h
            dx, out[norm] = norm_back(dg @ weights[gate] + du @ weights[up])
            return dx

        return f @ weights[down].T, back
