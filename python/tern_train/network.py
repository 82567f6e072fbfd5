# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The forward pass of docs/numerics.md 5 in PyTorch, for windows of a text.

Values are the reference's but for the rounding of float sums; gradients are
straight-through (quantizers.py). Parameters go by their names in a checkpoint, and are
rounded to its type before use, so that what is written is what was trained.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tern_reference.checkpoint import projection_shape
from tern_reference.config import Config, ConfigError, parse_config
from tern_reference.rope import rope_tables

from .attention import Cache, attend, rope
from .linear import project, stored, values
from .zeros import Zeros

FAMILIES = ("bitnet", "llama", "qwen3")
Parameters = dict[str, Tensor]


class Network:
    """A model's shape and arithmetic; the parameters are handed to each call."""

    def __init__(self, raw: dict[str, Any]):
        """raw: a config.json whose matrices are masters, or products."""
        self.raw = raw
        self.config: Config = parse_config(raw)
        if self.config.family not in FAMILIES:
            names = ", ".join(FAMILIES)
            raise ConfigError(f"model_type is {self.config.family}, expected one of {names}")
        if self.config.inner_norm_eps is not None:
            raise ConfigError("use_rms_norm is not trained, only sub-norms are")
        self.group: int = self.config.weight_group
        self._check_shapes()
        self.kind = torch.float16 if self.group else torch.bfloat16
        self.cache = Cache(self.config.kv_bits, self.config.bos_bits, self.config.q_bits)

    def with_scheme(self, activations: dict[str, Any], cache: Cache) -> Network:
        """The same shape, otherwise quantized."""
        other = self.with_cache(cache)
        raw = {**self.raw, "activation_quantization": activations}
        other.config = replace(self.config, activations=parse_config(raw).activations)
        return other

    def with_cache(self, cache: Cache) -> Network:
        other = copy.copy(self)
        other.cache = cache
        return other

    def _check_shapes(self) -> None:
        """Refuses what could not be written in the end."""
        for name, shape in self.shapes().items():
            if name.endswith("_proj.weight") and not self.group and shape[0] % 4:
                raise ConfigError(f"'{name}' has {shape[0]} rows, expected a multiple of 4")
            if len(shape) == 2 and self.group and shape[1] % self.group:
                expected = f"expected a multiple of {self.group}"
                raise ConfigError(f"'{name}' has {shape[1]} columns, {expected}")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all parameters that a new model has; an old one may have no sub-norms."""
        c = self.config
        result: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (c.vocab_size, c.hidden_size)
        }
        for index in range(c.num_hidden_layers):
            base = f"model.layers.{index}."
            for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
                result[f"{base}self_attn.{name}.weight"] = projection_shape(c, name)
            for name in ("gate_proj", "up_proj", "down_proj"):
                result[f"{base}mlp.{name}.weight"] = projection_shape(c, name)
            result[base + "input_layernorm.weight"] = (c.hidden_size,)
            result[base + "post_attention_layernorm.weight"] = (c.hidden_size,)
            if c.family == "bitnet":
                queries = c.num_attention_heads * c.head_dim
                result[base + "self_attn.attn_sub_norm.weight"] = (queries,)
                result[base + "mlp.ffn_sub_norm.weight"] = (c.intermediate_size,)
            if c.head_norms:
                result[base + "self_attn.q_norm.weight"] = (c.head_dim,)
                result[base + "self_attn.k_norm.weight"] = (c.head_dim,)
        result["model.norm.weight"] = (c.hidden_size,)
        if not c.tie_word_embeddings:
            result["lm_head.weight"] = (c.vocab_size, c.hidden_size)
        return result

    def table(self, parameters: Parameters, name: str) -> Tensor:
        """Embedding or head as the forward pass reads it; one of products is ternary."""
        table = parameters[name + ".weight"]
        return values(table, self.group) if self.group else stored(table, self.kind)

    def logits(self, parameters: Parameters, ids: Tensor, zeros: Zeros | None = None) -> Tensor:
        """Windows of ids [b, t] -> [b * t, vocab]."""
        table = self.table(parameters, "model.embed_tokens")
        x = torch.nn.functional.embedding(ids, table).flatten(0, 1)
        tables = self.tables(ids.shape[1])
        for index in range(self.config.num_hidden_layers):
            x = self.layer(parameters, index, x, tables, zeros)
        return self.head(parameters, x)

    def head(self, parameters: Parameters, x: Tensor) -> Tensor:
        """The residual stream behind the last layer [t, hidden] -> logits [t, vocab]."""
        h = self._norm(parameters, "model.norm", x)
        name = "model.embed_tokens" if self.config.tie_word_embeddings else "lm_head"
        if self.group:
            quant = self.config.activations["lm_head"]
            return project(h, [parameters[name + ".weight"]], quant, self.group)[0]
        return h @ self.table(parameters, name).t()

    def tables(self, tokens: int) -> tuple[Tensor, Tensor]:
        """cos and sin [t, head_dim / 2] of positions from 0."""
        cos, sin = rope_tables(np.arange(tokens), self.config.head_dim, self.config.rope)
        return torch.from_numpy(cos), torch.from_numpy(sin)

    def layer(
        self,
        parameters: Parameters,
        index: int,
        x: Tensor,
        tables: tuple[Tensor, Tensor],
        zeros: Zeros | None = None,
    ) -> Tensor:
        """The residual stream [b * t, hidden] behind one layer."""
        x = x + self._attention(parameters, f"model.layers.{index}.", x, tables, zeros)
        return x + self._mlp(parameters, f"model.layers.{index}.", x, zeros)

    def _norm(self, parameters: Parameters, name: str, x: Tensor) -> Tensor:
        """rms_norm of the last axis; x itself where the checkpoint has no such norm."""
        weight = parameters.get(name + ".weight")
        if weight is None:
            return x
        r = 1 / torch.sqrt((x * x).mean(dim=-1, keepdim=True) + self.config.rms_norm_eps)
        return (x * r) * stored(weight, self.kind)

    def _project(
        self, parameters: Parameters, block: str, names: str, x: Tensor, zeros: Zeros | None
    ) -> Tensor:
        """Projections that share one quantization of x, beside each other."""
        masters = [
            parameters[f"{block}{name}_proj.weight"]
            if self.group
            else stored(parameters[f"{block}{name}_proj.weight"], self.kind)
            for name in names.split()
        ]
        first = names.split()[0] + "_proj"
        y, codes = project(x, masters, self.config.activations[first], self.group)
        if zeros is not None and codes is not None:
            zeros.count(first, codes == 0)
        return y

    def _attention(
        self,
        parameters: Parameters,
        base: str,
        x: Tensor,
        tables: tuple[Tensor, Tensor],
        zeros: Zeros | None,
    ) -> Tensor:
        c, block = self.config, base + "self_attn."
        h = self._norm(parameters, base + "input_layernorm", x)
        y = self._project(parameters, block, "q k v", h, zeros)
        heads, kv_heads = c.num_attention_heads, c.num_key_value_heads
        y = y.reshape(-1, len(tables[0]), heads + 2 * kv_heads, c.head_dim).transpose(1, 2)
        q, k, v = y.split([heads, kv_heads, kv_heads], dim=1)
        if c.head_norms:
            q = self._norm(parameters, block + "q_norm", q)
            k = self._norm(parameters, block + "k_norm", k)
        out = attend(rope(q, *tables), rope(k, *tables), v, self.cache)
        a = out.transpose(1, 2).reshape(len(x), heads * c.head_dim)
        a = self._norm(parameters, block + "attn_sub_norm", a)
        return self._project(parameters, block, "o", a, zeros)

    def _mlp(self, parameters: Parameters, base: str, x: Tensor, zeros: Zeros | None) -> Tensor:
        block = base + "mlp."
        h = self._norm(parameters, base + "post_attention_layernorm", x)
        gate, up = self._project(parameters, block, "gate up", h, zeros).chunk(2, dim=-1)
        if zeros is not None:
            zeros.count("closed gates", gate <= 0)
        if self.config.hidden_act == "relu2":
            f = torch.relu(gate).square() * up
        else:
            f = gate * torch.sigmoid(gate) * up
        f = self._norm(parameters, block + "ffn_sub_norm", f)
        return self._project(parameters, block, "down", f, zeros)
