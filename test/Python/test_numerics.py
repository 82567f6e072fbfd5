# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Single definitions on numbers small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tern_reference import numerics as n
from tern_reference.attention import KVRows, attend
from tern_reference.checkpoint import Linear
from tern_reference.config import ActivationQuant
from tern_reference.model import bitlinear, glu
from tern_reference.rope import Rope, rope_tables

F32 = np.float32


def f32(*values: float) -> np.ndarray:
    return np.array([values], F32)


def scalar_r32(values: list[np.float32]) -> np.float32:
    """The definition, one addition at a time."""
    a = [F32(0)] * 32
    for index, value in enumerate(values):
        a[index % 32] = F32(a[index % 32] + value)
    for h in (16, 8, 4, 2, 1):
        for j in range(h):
            a[j] = F32(a[j] + a[j + h])
    return a[0]


@pytest.mark.parametrize("size", [1, 3, 31, 32, 33, 65, 5460])
def test_r32_is_the_written_order(size):
    x = np.random.default_rng(size).standard_normal((3, size)).astype(F32)
    w = np.random.default_rng(size + 1).standard_normal((2, size)).astype(F32)
    assert n.r32(x).tolist() == [scalar_r32(list(row)) for row in x]
    expected = [[scalar_r32(list(a * b)) for b in w] for a in x]
    assert n.r32_dot(x, w).tolist() == expected


def test_r32_order_shows():
    """Added one by one from the left, these small numbers would vanish."""
    x = np.full(64, 2.0**-24, F32)
    x[0] = 1
    left = F32(0)
    for value in x:
        left = F32(left + value)
    assert left == 1 and n.r32(x) > 1


def test_exp():
    x = np.linspace(-87, 87, 20001).astype(F32)
    relative = np.abs(n.exp(x).astype(np.float64) / np.exp(x.astype(np.float64)) - 1)
    assert relative.max() < 9e-8
    assert n.exp(f32(-1000, 1000)).tolist() == n.exp(f32(-87, 87)).tolist()
    assert n.exp(f32(-87)).min() > 1.6e-38
    assert n.exp(f32(0)).item() == 1


@pytest.mark.filterwarnings("ignore:invalid value")
def test_infinities_and_nan():
    nan, inf = math.nan, math.inf
    assert n.exp(f32(inf, -inf)).tolist() == n.exp(f32(87, -87)).tolist()
    assert np.isnan(n.exp(f32(nan))).all()
    for quantize, lowest in ((n.int8_absmax, -128), (n.int4_absmean, -8), (n.fp4_e2m1, -12)):
        q, s = quantize(f32(inf, 1, -inf))
        assert q.tolist() == [[lowest, 0, lowest]] and s.item() == inf
        assert np.isnan(quantize(f32(1, nan, 2))[1]).all()
    assert n.topk_mask(f32(1, nan, -inf, 2), 0.5).tolist() == [[False, True, True, False]]
    half = n.to_f16(f32(1e6, -65520, inf, nan, -nan, 65519))
    assert half.view(np.uint16).tolist() == [[0x7BFF, 0xFBFF, 0x7BFF, 0x7E00, 0x7E00, 0x7BFF]]
    codes, g = n.kv_encode(f32(inf, -inf, 0), 3)
    assert codes.tolist() == [[7, 0, 4]] and g.item() == 65504
    codes, g = n.kv_encode(f32(1, nan), 3)
    assert codes.tolist() == [[0, 0]] and np.isnan(g).all()
    gated = glu(f32(-1, 0, 2), f32(inf, nan, 3), "relu2")
    assert gated.tolist() == [[0, 0, 12]] and np.isnan(glu(f32(nan), f32(1), "relu2")).all()


def test_int8_absmax():
    q, s = n.int8_absmax(f32(0.5, -2.0, 1.0, 0.0))
    assert q.tolist() == [[32, -127, 64, 0]] and s.item() == F32(2) / F32(127)
    assert n.int8_absmax(f32(0, 0))[1].item() == F32(1e-5) / F32(127)


def test_int4_absmean_clips_outliers_and_has_sqrt7():
    q, s = n.int4_absmean(f32(1, -1, 1, -1, 100, -100, 0, 0))
    assert q.tolist() == [[0, 0, 0, 0, 7, -8, 0, 0]]
    assert s.item() == F32(25.5) / F32(math.sqrt(7))


def test_fp4_values_and_ties_to_the_even_code():
    q, s = n.fp4_e2m1(f32(6, -4, 0.25, 0.75, 1.25, 1.75, 2.5, 3.5, -5.0, 0.26))
    assert q.tolist() == [[12, -8, 0, 2, 2, 4, 4, 8, -8, 1]]
    assert s.item() == F32(0.5)


@pytest.mark.parametrize(
    "ratio, kept", [(0.25, [1]), (0.3, [1, 2]), (0.5, [1, 2]), (1, [0, 1, 2, 3])]
)
def test_topk_keeps_the_lower_index_of_equals(ratio, kept):
    mask = n.topk_mask(f32(1, -3, 3, 2), ratio)[0]
    assert np.flatnonzero(mask).tolist() == kept


def test_topk_zeroes_q_but_not_the_statistic():
    q, s = n.quantize(f32(1, 2, 3, 4), "int8_absmax", 0.5)
    assert q.tolist() == [[0, 0, 95, 127]] and s.item() == F32(4) / F32(127)


def test_blocks_are_rows_of_their_own():
    x = np.random.default_rng(5).standard_normal((3, 24)).astype(F32)
    for scheme in n.SCHEMES:
        q, s = n.quantize(x, scheme, None, block=8)
        assert s.shape == (3, 3)
        for j in range(3):
            one, factor = n.quantize(x[:, 8 * j : 8 * j + 8], scheme, None)
            assert np.array_equal(q[:, 8 * j : 8 * j + 8], one)
            assert np.array_equal(s[:, j], factor)
    kept = n.quantize(x, "int8_absmax", 0.25, block=8)[0] != 0
    assert (kept <= n.topk_mask(x, 0.25)).all()  # of the row, not of a block


def scalar_products(x, linear: Linear, quant: ActivationQuant, groups: int) -> list:
    """docs/numerics.md 4, number by number: terms of groups by rising group, from +0."""
    out = []
    size = x.shape[1] // groups
    for t in range(len(x)):
        for row, alpha in zip(linear.digits, linear.alpha):
            y = F32(0)
            for j in range(groups):
                k = slice(j * size, (j + 1) * size)
                a = alpha[j * len(alpha) // groups]
                if quant.scheme == "f32":
                    p = F32(scalar_r32([F32(d * v) for d, v in zip(row[k], x[t, k])]) * a)
                else:
                    block = j * size // quant.block * quant.block
                    part = x[t, block : block + quant.block]
                    g = max(F32(np.abs(part).max()), F32(1e-5))
                    q = [int(np.rint(v * F32(F32(127) / g))) for v in x[t, k]]
                    acc = sum(int(d) * c for d, c in zip(row[k], q))
                    p = F32(F32(F32(acc) * a) * F32(g / F32(127)))
                y = F32(y + p)
            out.append(y)
    return out


@pytest.mark.parametrize(
    "quant, scales, groups",
    [
        (ActivationQuant(block=8), 6, 6),  # a block is two groups
        (ActivationQuant(block=4), 3, 6),  # a group is two blocks
        (ActivationQuant(block=24), 1, 1),
        (ActivationQuant(block=8), 2, 6),  # 12 and 8: six of 4 are what both are made of
        (ActivationQuant("f32"), 3, 3),
        (ActivationQuant("f32"), 1, 1),
    ],
)
def test_sums_over_groups_are_the_written_order(quant, scales, groups):
    random = np.random.default_rng(scales)
    digits = random.integers(-1, 2, (5, 24)).astype(np.int8)
    alpha = random.uniform(0.5, 2, (5, scales)).astype(F32)
    x = random.standard_normal((3, 24)).astype(F32)
    linear = Linear(digits, alpha if scales > 1 else alpha[:, 0])
    expected = scalar_products(x, Linear(digits, alpha), quant, groups)
    assert bitlinear(x, linear, quant).ravel().tolist() == expected


def scalar_hadamard(row: list[np.float32], block: int) -> list[np.float32]:
    """The definition, one pair at a time."""
    x = list(row)
    h = 1
    while h < block:
        for i in range(len(x)):
            if not i & h:
                x[i], x[i + h] = F32(x[i] + x[i + h]), F32(x[i] - x[i + h])
        h *= 2
    return [F32(value * F32(1 / math.sqrt(block))) for value in x]


@pytest.mark.parametrize(
    "size, block", [(4, 4), (12, 4), (100, 4), (5460, 4), (192, 64), (512, 512), (3, 1)]
)
def test_hadamard_number_by_number(size, block):
    assert n.hadamard_block(size) == block
    x = np.random.default_rng(size).standard_normal((3, size)).astype(F32)
    assert n.hadamard(x).tolist() == [scalar_hadamard(row, block) for row in x]


def test_hadamard_is_sylvester_s_matrix():
    """Orthogonal, and its own inverse but for rounding."""
    rows = np.array([[1]])
    for _ in range(6):
        rows = np.block([[rows, rows], [rows, -rows]])
    x = np.random.default_rng(0).standard_normal((2, 192)).astype(F32)
    expected = (x.astype(np.float64).reshape(2, 3, 64) @ rows / 8).reshape(2, 192)
    assert np.abs(n.hadamard(x) - expected).max() < 1e-6
    assert np.abs(n.hadamard(n.hadamard(x)) - x).max() < 1e-6


def test_topk_is_of_the_transformed_row():
    """An outlier is spread over its block, so all of that block stays."""
    x = f32(0, 8, 0, 0, 1, 1, 1, 1)
    linear = Linear(np.eye(8, dtype=np.int8), F32(1), None)
    y = bitlinear(x, linear, ActivationQuant("int8_absmax", 0.5, hadamard=True))
    assert np.flatnonzero(y[0]).tolist() == [0, 1, 2, 3]
    y = bitlinear(x, linear, ActivationQuant("int8_absmax", 0.5))
    assert np.flatnonzero(y[0]).tolist() == [1, 4, 5, 6]


def test_ternarize():
    digits, alpha = n.ternarize(np.array([[0.5, -0.1], [0.24, -2.0]], F32))
    assert alpha == F32((0.5 + 0.1 + 0.24 + 2.0) / 4)
    assert digits.tolist() == [[1, 0], [0, -1]]


def test_bf16():
    assert n.widen_bf16(np.array([0x3F80, 0xC000, 1], np.uint16)).tolist() == [1, -2, 2.0**-133]
    halves = np.array([1 + 2**-8, 1 + 3 * 2**-8], F32)
    assert n.to_bf16(halves).tolist() == [0x3F80, 0x3F82]


def test_kv_codes():
    x = f32(1.0, -1.0, 0.0, 0.3)
    codes, g = n.kv_encode(x, 3)
    assert codes.tolist() == [[7, 0, 4, 5]] and g.tolist() == [1.0]
    assert n.kv_odd(codes, 3).tolist() == [[7, -7, 1, 3]]
    assert n.kv_encode(f32(1e9, -1e9), 4)[1].tolist() == [65504.0]
    assert n.kv_encode(f32(0, 0), 4)[1].astype(F32).item() == F32(np.float16(1e-5))


def test_integer_product_at_the_worst_case():
    """Every |q| = 128 or |digit| = 127: no sum is rounded on the way."""
    q = np.full((1, 5461), -128, F32)
    assert n.integer_product(q, np.full((1, 5461), -1, np.int8)).item() == 128 * 5461
    wide = n.integer_product(q + F32(1), np.full((1, 5461), 127, np.int8), digit_limit=128)
    assert wide.item() == F32(-127 * 127 * 5461)


def test_integer_product_has_no_negative_zero():
    q = np.array([[-0.0, -0.0]], F32)
    assert not np.signbit(n.integer_product(q, np.array([[1, -1]], np.int8))).any()


def test_bos_has_its_own_width():
    rows = np.random.default_rng(0).standard_normal((3, 1, 8)).astype(F32)
    cache = KVRows(1, 8, 3, 4)
    cache.append(rows[:1])
    cache.append(rows[1:])
    assert cache.codes[0].max() > 7 and cache.codes[1:].max() <= 7
    assert cache.widths().tolist() == [4, 3, 3]


@pytest.mark.parametrize("bits", [3, 8, 16])
def test_attention_of_one_token_is_its_value(bits):
    """Softmax over one token is 1, so what comes out is the value as cached."""
    keys, values = KVRows(1, 4, bits, bits), KVRows(1, 4, bits, bits)
    keys.append(np.ones((1, 1, 4), F32))
    values.append(np.array([[[1.0, -1.0, 0.5, -0.25]]], F32))
    out = attend(np.ones((1, 2, 4), F32), keys, values, 0, 8)
    limit = {3: 0.15, 8: 0.005, 16: 0}[bits]
    assert np.abs(out - np.array([1.0, -1.0, 0.5, -0.25], F32)).max() <= limit


def test_rope_starts_at_position_zero():
    cos, sin = rope_tables(np.array([0, 1]), 4, Rope(100.0))
    assert cos[0].tolist() == [1, 1] and sin[0].tolist() == [0, 0]
    assert cos[1].tolist() == [F32(math.cos(1.0)), F32(math.cos(0.1))]


def scalar_attention(q, k, v, bits, widths, q_bits=8):
    """One query head over all rows of k, v: the definition, number by number."""
    scale = F32(1) / np.sqrt(F32(len(q)))
    integers, fq = n.int8_absmax(q) if q_bits == 8 else (None, None)
    if q_bits != 8:
        codes, g = n.kv_encode(q, q_bits)
        integers, fq = 2 * codes.astype(int) - (2**q_bits - 1), F32(g) / F32(2**q_bits - 1)
    score, odd, factor = [], [], []
    for key, value, width in zip(k, v, widths):
        m = 2**width - 1
        codes, g = n.kv_encode(key, width)
        total = F32(sum(int(a) * (2 * int(c) - m) for a, c in zip(integers, codes)))
        score.append(F32(total * F32(F32(fq * scale) * F32(F32(g) / F32(m)))))
        codes, g = n.kv_encode(value, width)
        odd.append([2 * int(c) - m for c in codes])
        factor.append(F32(F32(g) / F32(m)))
    top = max(score)
    e = [n.exp(np.array([F32(s - top)]))[0] for s in score]
    w = [F32(a * b) for a, b in zip(e, factor)]
    parts = []
    for start in range(0, len(w), 64):
        block = w[start : start + 64]
        most = max(block)
        p = [int(np.rint(F32(x * F32(F32(255) / most)))) for x in block]
        sums = [F32(sum(a * u[i] for a, u in zip(p, odd[start:]))) for i in range(len(q))]
        parts.append([F32(s * F32(most / F32(255))) for s in sums])
    z = scalar_r32(e)
    return [F32(scalar_r32(list(column)) / z) for column in zip(*parts)]


@pytest.mark.parametrize("q_bits", [8, 4])
@pytest.mark.parametrize("bits, bos_bits", [(3, 4), (4, 4), (8, 8), (8, 3)])
def test_attention_number_by_number(bits, bos_bits, q_bits):
    """Two blocks of tokens, head_dim 10: its scale is no power of two."""
    rng = np.random.default_rng(bits)
    q, k, v = (rng.standard_normal((70, 1, 10)).astype(F32) * F32(2) for _ in range(3))
    keys, values = KVRows(1, 10, bits, bos_bits), KVRows(1, 10, bits, bos_bits)
    keys.append(k)
    values.append(v)
    out = attend(q, keys, values, 0, q_bits)
    for t in (0, 1, 32, 63, 64, 69):
        widths = [bos_bits] + [bits] * t
        expected = scalar_attention(q[t, 0], k[: t + 1, 0], v[: t + 1, 0], bits, widths, q_bits)
        assert out[t, 0].tolist() == expected


def test_glu():
    rng = np.random.default_rng(0)
    g, u = (rng.standard_normal((1, 500)).astype(F32) for _ in range(2))
    r = np.maximum(g, F32(0))
    assert glu(g, u, "relu2").tolist() == ((r * r) * u).tolist()
    sigmoid = [F32(F32(1) / F32(F32(1) + e)) for e in n.exp(-g)[0]]
    silu = [F32(F32(a * s) * b) for a, s, b in zip(g[0], sigmoid, u[0])]
    assert glu(g, u, "silu")[0].tolist() == silu
    assert glu(f32(-3.0), f32(2.0), "relu2").tolist() == [[0.0]]
    assert abs(glu(f32(-3.0), f32(2.0), "silu").item() + 6 / (1 + math.exp(3))) < 1e-7
