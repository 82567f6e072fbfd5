# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The forward pass: tokens in, hidden states of every layer and logits out.

One `step` is any number of tokens of one sequence; how a text is cut into
steps changes no bit of the result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np

from .attention import KVRows, attend
from .checkpoint import Checkpoint, Layer, Linear
from .config import ActivationQuant, Config, ConfigError
from .delta import DeltaState, delta_net
from .numerics import F32, hadamard, int8_absmax, int_absmax, integer_product, quantize
from .numerics import r32_dot, rms_norm, sigmoid
from .rope import rope_tables

CACHE_CODE_BITS = (3, 4, 8)
HEADS = ("16", "int8", "int8-planes", "int6", "int4")  # planes are stored otherwise, no more


@dataclass(frozen=True)
class Options:
    """Choices of a caller; None means as the config says.

    kv_bits alone leaves bos_bits as the checkpoint says, unless kv_bits is wider or one
    of the two is 16: then they are equal.
    """

    kv_bits: int | None = None  # 3 | 4 | 8 | 16
    bos_bits: int | None = None  # 3 | 4 | 8; a 16-bit cache has no other width
    q_bits: int | None = None  # 8: int8_absmax; 4: a 4-bit code
    head: str = "16"  # 16: the checkpoint's floats; int8, int6 or int4
    embedding: str = "16"  # or int8; a tied head of 16 bits is then int8 too


@dataclass(frozen=True)
class Result:
    """Results of one step."""

    hidden: np.ndarray  # f32 [layers, t, hidden]: the residual after each layer
    logits: np.ndarray  # f32 [t, vocab]


class Cache:
    """The state of one sequence: keys and values of every layer, or what else it keeps."""

    def __init__(self, config: Config, bits: int, bos_bits: int):
        def rows() -> KVRows:
            return KVRows(config.num_key_value_heads, config.head_dim, bits, bos_bits)

        self.layers: list[tuple[KVRows, KVRows] | DeltaState] = [
            DeltaState(config.delta) if config.is_recurrent(layer) else (rows(), rows())
            for layer in range(config.num_hidden_layers)
        ]

    @property
    def length(self) -> int:
        """Tokens held."""
        return next(len(rows[0].codes) for rows in self.layers if isinstance(rows, tuple))


def bitlinear(x: np.ndarray, linear: Linear, quant: ActivationQuant) -> np.ndarray:
    """[t, in] -> [t, out]: exact integer products, then their scales."""
    if quant.hadamard:
        x = hadamard(x)
    if quant.scheme == "f32":
        y = float_product(x, linear.digits, in_groups(linear, 1))
    else:
        q, s = quantize(x, quant.scheme, quant.topk, quant.block)
        if s.ndim == 2:
            y = scaled_product(q, linear.digits, in_groups(linear, s.shape[1]), s)
        elif linear.alpha.ndim == 2:
            y = scaled_product(q, linear.digits, linear.alpha) * s[:, None]
        else:
            y = integer_product(q, linear.digits) * (s[:, None] * linear.alpha)
    return y if linear.bias is None else y + linear.bias


def in_groups(linear: Linear, blocks: int) -> np.ndarray:
    """Its scales [out, groups], in the fewest groups that so many blocks are made of."""
    alpha = linear.alpha.reshape(len(linear.alpha), -1)
    alpha = np.repeat(alpha, math.lcm(alpha.shape[1], blocks) // alpha.shape[1], axis=1)
    return np.broadcast_to(alpha, (len(linear.digits), alpha.shape[1]))


def scaled_product(
    q: np.ndarray, digits: np.ndarray, alpha: np.ndarray, s: np.ndarray | None = None
) -> np.ndarray:
    """The sum, group by group, of f32(acc_j) * alpha[j]: [t, in] -> [t, out].

    With factors s [t, blocks], each term is multiplied by that of its block as well.
    """
    y = np.zeros((len(q), len(digits)), F32)
    groups = alpha.shape[1]
    for j, columns in enumerate(_groups(digits.shape[1], groups)):
        p = integer_product(q[:, columns], digits[:, columns]) * alpha[:, j]
        y = y + (p if s is None else p * s[:, j * s.shape[1] // groups, None])
    return y


def float_product(x: np.ndarray, digits: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """The sum, group by group, of R32(digit * x) * alpha[j]: [t, in] -> [t, out]."""
    y = np.zeros((len(x), len(digits)), F32)
    for j, columns in enumerate(_groups(digits.shape[1], alpha.shape[1])):
        y = y + r32_dot(x[:, columns], digits[:, columns].astype(F32)) * alpha[:, j]
    return y


def _groups(columns: int, groups: int) -> list[slice]:
    size = columns // groups
    return [slice(first, first + size) for first in range(0, columns, size)]


def rope(x: np.ndarray, cos: np.ndarray, sin: np.ndarray) -> np.ndarray:
    """[t, heads, d], tables [t, r/2] -> [t, heads, d]; pairs are (i, i + r/2), the rest stays."""
    half = cos.shape[-1]
    a, b, rest = np.split(x, [half, 2 * half], axis=-1)
    cos, sin = cos[:, None], sin[:, None]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin, rest], axis=-1)


def glu(g: np.ndarray, u: np.ndarray, act: str) -> np.ndarray:
    """Gate and up -> the input of down_proj (before its sub-norm)."""
    if act == "relu2":
        return np.where(g <= 0, F32(0), (g * g) * u)  # whatever u is behind a closed gate
    return (g * sigmoid(g)) * u


class Model:
    """A checkpoint and the choices that do not change between steps."""

    def __init__(self, checkpoint: Checkpoint, options: Options = Options()):
        self.checkpoint, self.config = checkpoint, checkpoint.config
        self.options = options
        config = self.config
        if options.kv_bits is None:
            self.kv_bits = config.kv_bits
            self.bos_bits = options.bos_bits or config.bos_bits
        else:
            self.kv_bits = options.kv_bits
            fits = options.kv_bits <= config.bos_bits < 16
            self.bos_bits = options.bos_bits or (config.bos_bits if fits else options.kv_bits)
        if self.kv_bits == 16:
            self.bos_bits = 16
        elif not {self.kv_bits, self.bos_bits} <= set(CACHE_CODE_BITS):
            raise ConfigError(f"cache of {self.kv_bits} bits, bos {self.bos_bits}")
        self.q_bits = options.q_bits or config.q_bits
        self._embedding = self._prepare_embedding()
        self._head = self._prepare_head()

    def _prepare_embedding(self) -> np.ndarray:
        table = self.checkpoint.embedding
        if self.options.embedding == "16":
            return table
        if self.options.embedding != "int8":
            raise ConfigError(f"embedding is {self.options.embedding!r}, expected 16 or int8")
        if isinstance(table, Linear):
            raise ConfigError("embedding is 'int8', but this model's is ternary")
        rows, row_scale = int_absmax(table, 8)
        return rows.astype(F32) * row_scale[:, None]

    def _prepare_head(self) -> Callable[[np.ndarray], np.ndarray]:
        head = self.checkpoint.head
        if isinstance(head, Linear):
            if self.options.head != "16":
                raise ConfigError(f"head is {self.options.head!r}, but this model's is ternary")
            return lambda h: bitlinear(h, head, self.config.activations["lm_head"])
        form = self.options.head
        if form == "16" and head is self.checkpoint.embedding:
            form = self.options.embedding
        if form == "16":
            return lambda h: r32_dot(h, head)
        if form not in HEADS:
            raise ConfigError(f"head is {form!r}, expected one of {', '.join(HEADS)}")
        rows, row_scale = int_absmax(head, int(form[3]))
        rows = rows.astype(np.int8)

        def integer_head(h: np.ndarray) -> np.ndarray:
            q, s = int8_absmax(h)
            return integer_product(q, rows, digit_limit=128) * (s[:, None] * row_scale)

        return integer_head

    def new_cache(self) -> Cache:
        return Cache(self.config, self.kv_bits, self.bos_bits)

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # defined, like the rest
    def step(self, cache: Cache, tokens: Sequence[int], last: int | None = None) -> Result:
        """Appends the tokens; logits are of the last so many (None: all)."""
        config, position = self.config, cache.length
        ids = np.asarray(tokens, np.int64)
        if position + len(ids) > config.max_position_embeddings:
            raise ValueError(f"{position + len(ids)} tokens exceed the context")
        if not len(ids) or ids.min() < 0 or ids.max() >= config.vocab_size:
            raise ValueError("tokens must be in [0, vocab_size), at least one")
        x = self._embedding[ids] * F32(config.embedding_scale)
        residual = F32(config.residual_scale)
        positions = np.arange(position, position + len(ids))
        tables = rope_tables(positions, config.rotary_dim, config.rope)
        hidden = np.empty((config.num_hidden_layers,) + x.shape, F32)
        for index, layer in enumerate(self.checkpoint.layers):
            h, kept = rms_norm(x, layer.input_norm, config.rms_norm_eps), cache.layers[index]
            if isinstance(kept, DeltaState):
                mixed = self._delta_net(layer, h, kept)
            else:
                mixed = self._attention(layer, h, kept, tables, position)
            x = x + mixed * residual
            x = x + self._mlp(layer, x) * residual
            hidden[index] = x
        wanted = x if last is None else x[len(x) - last :]
        h = rms_norm(wanted, self.checkpoint.norm, config.rms_norm_eps)
        return Result(hidden, self._head(h / F32(config.head_divisor)))

    def run(self, tokens: Sequence[int]) -> Result:
        """A whole sequence from an empty cache."""
        return self.step(self.new_cache(), tokens)

    def generate(self, tokens: Sequence[int], count: int, stop: bool = True) -> list[int]:
        """Greedy continuation; of equal logits the lower id wins."""
        cache, feed, out = self.new_cache(), list(tokens), []
        while len(out) < count:
            logits = self.step(cache, feed, last=1).logits[0]
            out.append(int(np.argmax(logits)))
            if stop and out[-1] in self.config.eos_token_ids:
                break
            feed = out[-1:]
        return out

    def _linear(self, layer: Layer, name: str, x: np.ndarray) -> np.ndarray:
        linear = layer.linears[name]
        if linear.norm is not None:
            x = rms_norm(x, linear.norm, self.config.inner_norm_eps)
        return bitlinear(x, linear, self.config.activations[name])

    def _attention(self, layer: Layer, h, rows: tuple[KVRows, KVRows], tables, first: int):
        config = self.config
        q, k, v = (
            self._linear(layer, n, h).reshape(len(h), -1, config.head_dim)
            for n in ("q_proj", "k_proj", "v_proj")
        )
        if config.output_gate:  # behind each head's query
            q, gate = q[:, 0::2], q[:, 1::2].reshape(len(h), -1)
        if layer.q_norm is not None:  # of each head by itself
            q = rms_norm(q, layer.q_norm, config.rms_norm_eps)
            k = rms_norm(k, layer.k_norm, config.rms_norm_eps)
        rows[0].append(rope(k, *tables))
        rows[1].append(v)
        a = attend(rope(q, *tables), *rows, first, self.q_bits).reshape(len(h), -1)
        if layer.attn_sub_norm is not None:
            a = rms_norm(a, layer.attn_sub_norm, config.rms_norm_eps)
        if config.output_gate:
            a = sigmoid(gate) * a
        return self._linear(layer, "o_proj", a)

    def _delta_net(self, layer: Layer, h: np.ndarray, state: DeltaState) -> np.ndarray:
        x, z = self._linear(layer, "in_proj_qkv", h), self._linear(layer, "in_proj_z", h)
        eps = self.config.rms_norm_eps
        y = delta_net(self.config.delta, layer.delta, h, x, z, state, eps)
        return self._linear(layer, "out_proj", y)

    def _mlp(self, layer: Layer, x: np.ndarray) -> np.ndarray:
        config = self.config
        h = rms_norm(x, layer.post_attention_norm, config.rms_norm_eps)
        g, u = self._linear(layer, "gate_proj", h), self._linear(layer, "up_proj", h)
        f = glu(g, u, config.hidden_act)
        if layer.ffn_sub_norm is not None:
            f = rms_norm(f, layer.ffn_sub_norm, config.rms_norm_eps)
        return self._linear(layer, "down_proj", f)
