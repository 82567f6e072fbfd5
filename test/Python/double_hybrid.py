# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Qwen3.5's hybrids in double precision, from the formulas of their papers.

As double_precision.py, and as independent of python/tern_reference. The delta rule is
computed in its chunked form, by a triangular system for each chunk (arXiv 2412.06464,
equations 8 to 11), where the reference goes token by token; `by_steps` is the recurrence.

Sources: Gated DeltaNet arXiv 2412.06464, DeltaNet in chunks 2406.06484, gated attention
2505.06708.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from double_precision import Array, Change, DoubleModel, angles, unchanged

CHUNK = 16


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def by_steps(q: Array, k: Array, v: Array, beta: Array, log_decay: Array) -> Array:
    """One head: q, k [t, i], v [t, j], gates [t] -> [t, j]."""
    state, out = np.zeros((k.shape[1], v.shape[1])), np.empty_like(v)
    for t in range(len(q)):
        state = state * np.exp(log_decay[t])
        state = state + np.outer(k[t], beta[t] * (v[t] - k[t] @ state))
        out[t] = q[t] @ state
    return out


def by_chunks(q: Array, k: Array, v: Array, beta: Array, log_decay: Array) -> Array:
    """The same by matrices: what each token writes solves a triangular system."""
    state, out = np.zeros((k.shape[1], v.shape[1])), np.empty_like(v)
    for first in range(0, len(q), CHUNK):
        part = slice(first, first + CHUNK)
        qc, kc, vc, b = q[part], k[part], v[part], beta[part, None]
        c = np.cumsum(log_decay[part])
        between = np.tril(np.exp(np.minimum(c[:, None] - c, 0)))
        system = np.eye(len(c)) + np.tril(b * (kc @ kc.T) * between, -1)
        grown = np.exp(c)[:, None]
        u = np.linalg.solve(system, b * (vc - grown * (kc @ state)))
        out[part] = grown * (qc @ state) + (qc @ kc.T * between) @ u
        state = np.exp(c[-1]) * state + (kc * np.exp(c[-1] - c)[:, None]).T @ u
    return out


class DoubleHybrid(DoubleModel):
    """A Qwen3.5 of text alone."""

    rule = staticmethod(by_chunks)

    def __init__(self, directory: Path):
        super().__init__(directory)
        self.rotary = int(self.head_dim * self.config["rope_parameters"]["partial_rotary_factor"])
        for name in self.weights:  # stored as what is added to 1
            if name.endswith("norm.weight") and "linear_attn" not in name:
                self.weights[name] = 1 + self.weights[name]

    def layer(
        self, index: int, x: Array, quantize: Change = unchanged, cache: Change = unchanged
    ) -> Array:
        if self.config["layer_types"][index] == "full_attention":
            return super().layer(index, x, quantize, cache)
        w, base = self.weights, f"model.layers.{index}."
        h = self._norm(x, base + "input_layernorm")
        x = x + quantize(self._delta(base + "linear_attn.", h, quantize)) @ (
            w[base + "linear_attn.out_proj.weight"].T
        )
        h = quantize(self._norm(x, base + "post_attention_layernorm"))
        gate, up = (h @ w[f"{base}mlp.{name}_proj.weight"].T for name in ("gate", "up"))
        return x + quantize(gate * sigmoid(gate) * up) @ w[base + "mlp.down_proj.weight"].T

    def _attention(self, base: str, h: Array, quantize: Change, cache: Change) -> Array:
        """Half of q_proj's rows of each head are a gate of what attention gives."""
        w, t, d = self.weights, len(h), self.head_dim
        rows = w[base + "q_proj.weight"].reshape(self.heads, 2, d, -1)
        gates, plain = rows[:, 1].reshape(self.heads * d, -1), rows[:, 0].reshape(self.heads * d, -1)
        output = w[base + "o_proj.weight"]
        self.weights = {**w, base + "q_proj.weight": plain, base + "o_proj.weight": np.eye(len(plain))}
        a = super()._attention(base, h, unchanged, cache)
        self.weights = w
        return quantize(a * sigmoid(h @ gates.T)) @ output.T

    def _rotate(self, x: Array) -> Array:
        turn, factor = angles(self.config, self.rotary)
        half = len(turn)
        z = x[..., :half] + 1j * x[..., half : 2 * half]
        z = z * factor * np.exp(1j * np.arange(len(x))[:, None, None] * turn)
        return np.concatenate([z.real, z.imag, x[..., 2 * half :]], axis=-1)

    def _delta(self, base: str, h: Array, quantize: Change) -> Array:
        """The input of out_proj, [t, value heads * value_dim]."""
        w, c, t = self.weights, self.config, len(h)
        heads, key_heads = c["linear_num_value_heads"], c["linear_num_key_heads"]
        coded = quantize(h)
        x = coded @ w[base + "in_proj_qkv.weight"].T
        taps = w[base + "conv1d.weight"][:, 0]
        padded = np.concatenate([np.zeros((taps.shape[1] - 1, x.shape[1])), x])
        x = sum(taps[:, k] * padded[k : k + t] for k in range(taps.shape[1]))
        x = x * sigmoid(x)
        keys = key_heads * c["linear_key_head_dim"]
        q, k = (part.reshape(t, key_heads, -1) for part in (x[:, :keys], x[:, keys : 2 * keys]))
        q, k = (y / np.sqrt((y * y).sum(axis=-1, keepdims=True) + 1e-6) for y in (q, k))
        q = q / np.sqrt(q.shape[-1])
        v = x[:, 2 * keys :].reshape(t, heads, -1)
        beta = sigmoid(h @ w[base + "in_proj_b.weight"].T)
        a = h @ w[base + "in_proj_a.weight"].T + w[base + "dt_bias"]
        log_decay = -np.exp(w[base + "A_log"]) * np.logaddexp(0, a)
        out = np.empty_like(v)
        for head in range(heads):
            key = head // (heads // key_heads)
            gates = (beta[:, head], log_decay[:, head])
            out[:, head] = self.rule(q[:, key], k[:, key], v[:, head], *gates)
        z = (coded @ w[base + "in_proj_z.weight"].T).reshape(out.shape)
        return (z * sigmoid(z) * self._norm(out, base + "norm")).reshape(t, -1)
