# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Random tensors whose activations behave: the weights behind `tern_reference.synth`.

Scales. Embeddings have an rms of e = 2 / sqrt(hidden), so logits have a spread
of about 2. q, k, v, gate and up have outputs of rms 1, o_proj and down_proj
each add 0.3 e to the residual stream, so it grows slowly and never explodes.
The final norm has random signs; without them a tied head would always answer
with the token it was given.

Zeros on demand. A few channels, the *anchors*, hold e for every token: the
embedding has it there, and o_proj and down_proj have zero rows there. The norm
before the MLP makes them ANCHOR (in units of an ordinary channel's rms).

* gate: in each gate row about m anchors have digit -1, the others 0, so the
  gate is normal around -m * ANCHOR / sqrt(nonzeros per row), and m is chosen so
  that the wanted share is below zero (the fraction of m by chance per row).
* down_proj input: one channel whose gate and up rows see the anchors alone is
  positive for every token, and its sub-norm weight makes it the row's maximum,
  so large that int8 rounds the wanted share of the others to zero. Its own
  column in down_proj is zero. A share below what the gates and rounding give
  without it cannot be reached; without sub-norms there is nothing to set.
"""

from __future__ import annotations

import math
import statistics
import zlib
from dataclasses import dataclass, replace
from typing import Callable, Iterator

import numpy as np

from .checkpoint import pack
from .delta import DeltaNet
from .numerics import F32, to_bf16
from .safetensors import Pending

ANCHOR = 2.0  # still inside the range of int4_absmean, which clips at 2.1 rms
NONZERO = 176 / 256  # share of digits that are not 0, as of a normal master
UPDATE = 0.3  # what each block adds to the residual, relative to the embedding
_DIGITS = np.repeat(np.array([-1, 0, 1], np.int8), [88, 80, 88])

Edit = Callable[[np.ndarray, np.random.Generator], None]


@dataclass(frozen=True)
class Spec:
    """The model to synthesize; sizes as in config.json."""

    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    encoding: str = "packed-multiply"
    act: str = "relu2"
    sub_norms: bool = True
    norm_names: str = "sub_norm"
    tied: bool = True
    seed: int = 0
    gate_zeros: float | None = None
    down_zeros: float | None = None
    scales: str = "tensor"  # tensor | row | group: packed matrices have so many
    group_size: int = 32  # columns
    bias: str = "none"  # none | qkv | attention | all
    inner_norms: bool = False  # an rms_norm in each projection
    head_norms: bool = False  # of each head of q and k
    delta: DeltaNet | None = None  # of a hybrid's recurrent layers
    interval: int = 1  # every so many layers of a hybrid have attention
    nested: bool = False  # a hybrid's tensors are beside those of pictures
    embedding_scale: float = 1.0  # multiplies rows of the embedding
    residual_scale: float = 1.0  # multiplies what a block adds
    table: str = "float"  # float | ternary: the embedding
    head: str = "float"  # the same, if not tied

    @property
    def has_groups(self) -> bool:
        """Stored as products of digits and scales, or as MLX's codes."""
        return self.encoding.startswith("products") or self.encoding == "affine"

    def has_bias(self, name: str) -> bool:
        """`name` is a projection's, with its block's: "...self_attn.q_proj"."""
        if self.bias == "qkv":
            return name.endswith(("q_proj", "k_proj", "v_proj"))
        return self.bias == "all" or (self.bias == "attention" and ".self_attn." in name)


def normal_quantile(share: float) -> float:
    return statistics.NormalDist().inv_cdf(share)


class Plan:
    """Numbers derived once from a Spec: scales, anchors and the outlier."""

    def __init__(self, spec: Spec):
        self.spec = spec
        rng = np.random.default_rng([spec.seed, 1])
        spread = math.sqrt(NONZERO * spec.hidden)
        self.embedding_rms = 2.0 / math.sqrt(spec.hidden)
        self.shift = 0.0
        self.anchors_per_row = 0.0
        self.anchors = np.zeros(0, np.int64)
        if spec.gate_zeros is not None or spec.down_zeros is not None:
            self.shift = normal_quantile(0.5 if spec.gate_zeros is None else spec.gate_zeros)
            self.anchors_per_row = abs(self.shift) * spread / ANCHOR
            count = max(math.ceil(self.anchors_per_row) + 1, math.ceil(spread / ANCHOR))
            if count > spec.hidden // 4:
                raise ValueError(f"hidden {spec.hidden} is too small for these shares of zeros")
            self.anchors = np.sort(rng.choice(spec.hidden, count, replace=False))
        self._plan_down(rng, spread)

    def _plan_down(self, rng: np.random.Generator, spread: float) -> None:
        """The rms of the GLU's output, and the outlier's channel and weight."""
        g = rng.standard_normal(1 << 18) - self.shift
        u = rng.standard_normal(1 << 18)
        if self.spec.act == "relu2":
            f = np.maximum(g, 0) ** 2 * u
        else:
            f = g / (1 + np.exp(-g)) * u
        self.glu_rms = float(np.sqrt(np.mean(f * f)))
        self.outlier, self.outlier_weight = None, 1.0
        if self.spec.down_zeros is not None:
            threshold = float(np.quantile(np.abs(f), self.spec.down_zeros))
            own = (len(self.anchors) * ANCHOR / spread) ** 3
            self.outlier = int(rng.integers(self.spec.intermediate))
            self.outlier_weight = 254.0 * threshold / own

    def residual_rms(self, blocks: int) -> float:
        """Expected rms of the residual after so many attention and MLP blocks."""
        return self.embedding_rms * math.sqrt(1.0 + blocks * UPDATE**2)


def _edit_gate(plan: Plan) -> Edit:
    def edit(w: np.ndarray, rng: np.random.Generator) -> None:
        if not len(plan.anchors):
            return
        counts = np.floor(plan.anchors_per_row + rng.random(len(w)))
        chosen = np.arange(len(plan.anchors)) < counts[:, None]
        w[:, plan.anchors] = chosen * (-1 if plan.shift >= 0 else 1)
        _edit_up(plan)(w, rng)

    return edit


def _edit_up(plan: Plan) -> Edit:
    def edit(w: np.ndarray, rng: np.random.Generator) -> None:
        if plan.outlier is not None:
            w[plan.outlier] = 0
            w[plan.outlier, plan.anchors] = 1

    return edit


def _edit_residual(plan: Plan, column: int | None) -> Edit:
    def edit(w: np.ndarray, rng: np.random.Generator) -> None:
        w[plan.anchors] = 0
        if column is not None:
            w[:, column] = 0

    return edit


class Tensors:
    """The list of tensors to write; nothing is computed before its turn."""

    def __init__(self, plan: Plan):
        self.plan, self.spec = plan, plan.spec
        kind = self.spec.encoding.rpartition("-")[2]
        self.dtype = {"f16": "F16", "f32": "F32", "affine": "F16"}.get(kind, "BF16")

    def all(self) -> list[Pending]:
        spec = self.spec
        out = self._embedding_or_head("model.embed_tokens", spec.table, anchored=True)
        for layer in range(spec.layers):
            out += self._layer(layer)
        signs = self._rng("signs").choice([-1.0, 1.0], spec.hidden)
        out.append(self._norm("model.norm.weight", signs))
        if not spec.tied:
            out += self._embedding_or_head("lm_head", spec.head, anchored=False)
        return self._with_pictures(out) if spec.nested else out

    def _with_pictures(self, tensors: list[Pending]) -> list[Pending]:
        """The text model's, in a part of their own, and two that are not its."""
        part = "model.language_model."
        out = [
            replace(t, name=part + t.name.removeprefix("model."))
            if t.name.startswith("model.") else t
            for t in tensors
        ]  # fmt: skip
        if self.is_mlx:
            return [replace(t, name="language_model." + t.name) for t in tensors]
        return out + [
            self._ones("model.visual.patch_embed.proj.weight", 8),
            self._ones("mtp.norm.weight", self.spec.hidden),
        ]

    @property
    def is_mlx(self) -> bool:
        """Norms of hybrids are sums with 1, and convolutions are turned around."""
        return self.spec.encoding == "affine"

    def _ones(self, name: str, size: int) -> Pending:
        return Pending(name, self.dtype, (size,), lambda: iter([self._floats(np.ones(size))]))

    def _embedding_or_head(self, name: str, kind: str, anchored: bool) -> list[Pending]:
        spec, rms = self.spec, self.plan.embedding_rms / self.spec.embedding_scale
        if kind == "float":
            return [self._table(name + ".weight", anchored)]
        alpha = rms / math.sqrt(NONZERO)
        if spec.has_groups:
            return self._grouped(name, spec.vocab, spec.hidden, alpha, None)
        return self._packed_table(name, spec.vocab, spec.hidden, alpha)

    def _rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng([self.spec.seed, 2, zlib.crc32(name.encode())])

    def _floats(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x, F32)
        if self.dtype == "BF16":
            return to_bf16(x)
        return x.astype("<f2" if self.dtype == "F16" else "<f4")

    def _layer(self, index: int) -> list[Pending]:
        spec, plan = self.spec, self.plan
        base = f"model.layers.{index}."
        attention, mlp = base + "self_attn.", base + "mlp."
        queries, keys = spec.heads * spec.head_dim, spec.kv_heads * spec.head_dim
        hidden, glu = spec.hidden, spec.intermediate
        unit = 1.0 / math.sqrt(NONZERO * hidden)
        step = UPDATE * plan.embedding_rms / spec.residual_scale
        glu_rms = 1.0 if spec.sub_norms else plan.glu_rms
        before, between = self._anchored(2 * index, 1.0), self._anchored(2 * index + 1, ANCHOR)
        out = [
            self._norm(base + "input_layernorm.weight", before),
            self._norm(base + "post_attention_layernorm.weight", between),
        ]
        if spec.sub_norms:
            names = ("attn_sub_norm", "ffn_sub_norm")
            if spec.norm_names == "inner_ln":
                names = ("inner_attn_ln", "ffn_layernorm")
            ffn = np.ones(glu)
            if plan.outlier is not None:
                ffn[plan.outlier] = plan.outlier_weight
            out.append(self._norm(f"{attention}{names[0]}.weight", np.ones(queries)))
            out.append(self._norm(f"{mlp}{names[1]}.weight", ffn))
        edit = _edit_residual(plan, None)
        if spec.delta and (index + 1) % spec.interval:
            out += self._delta(base + "linear_attn.", spec.delta, unit, step)
        else:
            if spec.head_norms:
                for name in ("q_norm", "k_norm"):
                    out.append(self._norm(f"{attention}{name}.weight", np.ones(spec.head_dim)))
            gated = queries * (2 if spec.delta else 1)
            for name, rows in (("q_proj", gated), ("k_proj", keys), ("v_proj", keys)):
                out += self._linear(attention + name, rows, hidden, unit)
            o_scale = step / math.sqrt(NONZERO * queries)
            out += self._linear(attention + "o_proj", hidden, queries, o_scale, edit)
        out += self._linear(mlp + "gate_proj", glu, hidden, unit, _edit_gate(plan))
        out += self._linear(mlp + "up_proj", glu, hidden, unit, _edit_up(plan))
        down_scale = step / (math.sqrt(NONZERO * glu) * glu_rms)
        edit = _edit_residual(plan, plan.outlier)
        out += self._linear(mlp + "down_proj", hidden, glu, down_scale, edit)
        return out

    def _delta(self, base: str, net: DeltaNet, unit: float, step: float) -> list[Pending]:
        """A recurrent layer: rates of decay and gates spread as in trained ones."""
        hidden, heads = self.spec.hidden, net.value_heads
        shape = (net.features, net.taps, 1) if self.is_mlx else (net.features, 1, net.taps)

        def log_rates(rng: np.random.Generator) -> np.ndarray:
            return np.log(rng.uniform(1, 16, heads))

        def biases(rng: np.random.Generator) -> np.ndarray:
            return np.log(np.expm1(np.exp(rng.uniform(math.log(1e-3), math.log(0.1), heads))))

        def gates(rng: np.random.Generator) -> np.ndarray:
            return rng.standard_normal((heads, hidden)) / math.sqrt(hidden)

        def taps(rng: np.random.Generator) -> np.ndarray:
            return rng.standard_normal(shape) / math.sqrt(net.taps)

        def norm(rng: np.random.Generator) -> np.ndarray:
            return 1 + 0.1 * rng.standard_normal(net.value_dim)

        out_scale = step / math.sqrt(NONZERO * net.values) / 0.35  # about the rms of silu
        return [
            self._values(base + "A_log", (heads,), log_rates),
            self._values(base + "dt_bias", (heads,), biases),
            self._values(base + "in_proj_a.weight", (heads, hidden), gates),
            self._values(base + "in_proj_b.weight", (heads, hidden), gates),
            self._values(base + "conv1d.weight", shape, taps),
            self._values(base + "norm.weight", (net.value_dim,), norm),
            *self._linear(base + "in_proj_qkv", net.features, hidden, unit),
            *self._linear(base + "in_proj_z", net.values, hidden, unit),
            *self._linear(base + "out_proj", hidden, net.values, out_scale),
        ]

    def _values(
        self, name: str, shape: tuple[int, ...], draw: Callable[[np.random.Generator], np.ndarray]
    ) -> Pending:
        return Pending(name, self.dtype, shape, lambda: iter([self._floats(draw(self._rng(name)))]))

    def _anchored(self, blocks: int, level: float) -> np.ndarray:
        """Norm weights that bring the anchors to `level`, the others to 1."""
        weight = np.ones(self.spec.hidden)
        plan = self.plan
        weight[plan.anchors] = level * plan.residual_rms(blocks) / plan.embedding_rms
        return weight

    def _norm(self, name: str, weight: np.ndarray) -> Pending:
        """Weights 10 % around the given ones; anchors and outlier included."""

        def make() -> Iterator[np.ndarray]:
            jitter = 1.0 + 0.1 * self._rng(name).standard_normal(len(weight))
            values = weight * np.where(np.abs(weight) == 1, jitter, 1.0)
            yield self._floats(values - 1.0 if self.spec.delta and not self.is_mlx else values)

        return Pending(name, self.dtype, weight.shape, make)

    def _table(self, name: str, anchored: bool) -> Pending:
        """Embedding or head, in pieces: values drawn from 65536 normal ones."""
        spec, plan = self.spec, self.plan

        def make() -> Iterator[np.ndarray]:
            rng = self._rng(name)
            rms = plan.embedding_rms / spec.embedding_scale
            values = self._floats(rms * rng.standard_normal(1 << 16))
            rows = max(1, (1 << 22) // spec.hidden)
            for first in range(0, spec.vocab, rows):
                shape = (min(rows, spec.vocab - first), spec.hidden)
                piece = values[rng.integers(0, 1 << 16, shape, np.uint16)]
                if anchored:
                    piece[:, plan.anchors] = self._floats(np.array(plan.embedding_rms))
                yield piece

        return Pending(name, self.dtype, (spec.vocab, spec.hidden), make)

    def _packed_table(self, name: str, rows: int, columns: int, alpha: float) -> list[Pending]:
        """Digits and scales, in pieces: each is packed by itself, which only permutes rows."""

        def make() -> Iterator[np.ndarray]:
            rng, step = self._rng(name), 4 * max(1, (1 << 20) // columns)
            for first in range(0, rows, step):
                shape = (min(step, rows - first), columns)
                yield pack(_DIGITS[rng.integers(0, 256, shape, np.uint8)])

        return [
            Pending(name + ".weight", "U8", (rows // 4, columns), make),
            self._scales(name + ".weight_scale", rows, columns, alpha),
        ]

    def _linear(
        self, name: str, rows: int, columns: int, alpha: float, edit: Edit | None = None
    ) -> list[Pending]:
        """A ternary matrix as the encoding has it, and what belongs to it."""
        more = []
        if self.spec.has_bias(name):
            more.append(self._bias(name + ".bias", rows))
        if self.spec.inner_norms:
            more.append(self._norm(name + ".rms_norm.weight", np.ones(columns)))
        if self.spec.has_groups:
            return self._grouped(name, rows, columns, alpha, edit) + more
        if not self.spec.encoding.startswith("packed"):
            make_master = self._master(name, (rows, columns), alpha, edit)
            return [Pending(name + ".weight", self.dtype, (rows, columns), make_master), *more]

        def make() -> Iterator[np.ndarray]:
            rng = self._rng(name)
            digits = _DIGITS[np.frombuffer(rng.bytes(rows * columns), np.uint8)]
            digits = digits.reshape(rows, columns)
            if edit:
                edit(digits, rng)
            yield pack(digits)

        return [
            Pending(name + ".weight", "U8", (rows // 4, columns), make),
            self._scales(name + ".weight_scale", rows, columns, alpha),
            *more,
        ]

    def _grouped(
        self, name: str, rows: int, columns: int, alpha: float, edit: Edit | None
    ) -> list[Pending]:
        """The same digits and scales, whatever they are stored as, some rows at a time."""
        group = self.spec.group_size
        words = np.uint32(2) * np.arange(16, dtype=np.uint32)

        def parts() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            """Digits and stored scales."""
            rng, scale_rng = self._rng(name), self._rng(name + ".weight_scale")
            step = rows if edit else max(1, (1 << 23) // columns)
            for first in range(0, rows, step):
                count = min(step, rows - first)
                digits = _DIGITS[np.frombuffer(rng.bytes(count * columns), np.uint8)]
                digits = digits.reshape(count, columns)
                if edit:
                    edit(digits, rng)
                spread = np.exp2(scale_rng.uniform(-0.5, 0.5, (count, columns // group)))
                yield digits, self._floats(alpha * spread)

        def products() -> Iterator[np.ndarray]:
            for digits, scales in parts():
                wide = np.repeat(scales, group, axis=1)
                if self.dtype == "BF16":  # as bits
                    signs = (digits < 0).astype(np.uint16) << np.uint16(15)
                    yield np.where(digits == 0, np.uint16(0), wide | signs)
                else:
                    yield digits.astype(wide.dtype) * wide

        def codes() -> Iterator[np.ndarray]:
            for digits, _ in parts():
                fields = (digits + 1).astype(np.uint32).reshape(len(digits), -1, 16)
                yield np.bitwise_or.reduce(fields << words, axis=2)

        if self.spec.encoding != "affine":
            return [Pending(name + ".weight", self.dtype, (rows, columns), products)]
        shape = (rows, columns // group)
        return [
            Pending(name + ".weight", "U32", (rows, columns // 16), codes),
            Pending(name + ".scales", self.dtype, shape, lambda: (s for _, s in parts())),
            Pending(name + ".biases", self.dtype, shape, lambda: (-s for _, s in parts())),
        ]

    def _scales(self, name: str, rows: int, columns: int, alpha: float) -> Pending:
        """One scale, or many that differ by up to a factor of two."""
        groups = columns // self.spec.group_size
        shape = {"tensor": (1,), "row": (rows,), "group": (rows, groups)}[self.spec.scales]

        def make() -> Iterator[np.ndarray]:
            spread = 0.0 if shape == (1,) else 0.5
            value = alpha * np.exp2(self._rng(name).uniform(-spread, spread, shape))
            yield self._floats(value if self.spec.encoding == "packed-multiply" else 1.0 / value)

        return Pending(name, self.dtype, shape, make)

    def _bias(self, name: str, rows: int) -> Pending:
        """About as large as what it is added to."""

        def make() -> Iterator[np.ndarray]:
            residual = name.endswith(("o_proj.bias", "down_proj.bias"))
            size = UPDATE * self.plan.embedding_rms if residual else 1.0
            yield self._floats(0.3 * size * self._rng(name).standard_normal(rows))

        return Pending(name, self.dtype, (rows,), make)

    def _master(self, name: str, shape: tuple[int, int], alpha: float, edit: Edit | None):
        def make() -> Iterator[np.ndarray]:
            rng = self._rng(name)
            w = rng.standard_normal(shape, F32) * F32(math.sqrt(math.pi / 2))  # mean |w| = 1
            if edit:
                edit(w, rng)
            yield self._floats(w * F32(alpha))

        return make
