# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Digits and scales as GGUF files store them, and back, for tests.

Written from the description of the blocks; the compiler's reader shares nothing
with it. A scale that the encoding cannot hold is an error, so that a file says
exactly what the digits do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .numerics import F32


def _half(alpha: np.ndarray) -> np.ndarray:
    """float16 as [..., 2] bytes."""
    if np.any(np.float16(alpha).astype(F32) != alpha):
        raise ValueError(f"a scale is no float16, which this encoding needs: {alpha.ravel()[:4]}")
    return np.ascontiguousarray(np.float16(alpha)[..., None]).view(np.uint8)


def _per_block(digits: np.ndarray, alpha: np.ndarray, size: int) -> np.ndarray:
    """The scale of each block, [blocks, 2] bytes; `alpha` is [1 | rows, 1 | groups]."""
    rows, blocks = digits.shape[0], digits.shape[1] // size
    if blocks % alpha.shape[1]:
        raise ValueError(f"{alpha.shape[1]} groups are no blocks of {size}")
    wide = np.repeat(alpha, blocks // alpha.shape[1], axis=1)
    return _half(np.broadcast_to(wide, (rows, blocks)).reshape(-1))


def _blocks(digits: np.ndarray, size: int) -> np.ndarray:
    """u8 codes 0, 1, 2 as [blocks, size]."""
    if digits.shape[1] % size:
        raise ValueError(f"{digits.shape[1]} columns are no multiple of the block of {size}")
    return (digits + 1).astype(np.uint8).reshape(-1, size)


def _trits(places: np.ndarray) -> np.ndarray:
    """[..., 5] codes, the first the most significant: one byte, a fraction of 256."""
    value = np.zeros(places.shape[:-1], np.uint16)
    for i in range(5):
        value = value * 3 + places[..., i]
    return ((value * 256 + 242) // 243).astype(np.uint8)


def _fields(codes: np.ndarray, shifts: tuple[int, ...]) -> np.ndarray:
    """[..., 4, width]: four fields of a byte, at the given shifts."""
    out = np.zeros(codes.shape[:-2] + codes.shape[-1:], np.uint8)
    for i, shift in enumerate(shifts):
        out |= codes[..., i, :] << np.uint8(shift)
    return out


def _tritted(digits: np.ndarray, alpha: np.ndarray, size: int) -> bytes:
    """Blocks of `size` digits: those of a byte lie size / 8 apart, then half as many, then an
    eighth, where there are four."""
    codes = _blocks(digits, size)
    n, far = len(codes), size // 8
    a = _trits(codes[:, : 5 * far].reshape(n, 5, far).transpose(0, 2, 1))
    b = _trits(codes[:, 5 * far : 15 * far // 2].reshape(n, 5, far // 2).transpose(0, 2, 1))
    last = codes[:, 15 * far // 2 :].reshape(n, 4, far // 8).transpose(0, 2, 1)
    c = _trits(np.concatenate([last, np.zeros((n, far // 8, 1), np.uint8)], axis=2))
    scale = _per_block(digits, alpha, size)
    return np.concatenate([a, b, c, scale], axis=1).tobytes()


def _tq2_0(digits: np.ndarray, alpha: np.ndarray) -> bytes:
    codes = _blocks(digits, 256)
    n = len(codes)
    qs = _fields(codes.reshape(n, 2, 4, 32), (0, 2, 4, 6)).reshape(n, 64)
    scale = _per_block(digits, alpha, 256)
    return np.concatenate([qs, scale], axis=1).tobytes()


def _i2_s(digits: np.ndarray, alpha: np.ndarray, width: int) -> bytes:
    codes = _blocks(digits, 4 * width)
    qs = _fields(codes.reshape(len(codes), 4, width), (6, 4, 2, 0))
    if alpha.size != 1:
        raise ValueError("this encoding has one scale")
    return qs.tobytes() + alpha.astype(F32).tobytes() + bytes(28)


def _q2_0(digits: np.ndarray, alpha: np.ndarray, group: int) -> bytes:
    codes = _blocks(digits, group)
    n = len(codes)
    qs = _fields(codes.reshape(n, group // 4, 4).transpose(0, 2, 1), (0, 2, 4, 6))
    scale = _per_block(digits, alpha, group)
    return np.concatenate([scale, qs], axis=1).tobytes()


def _with_row_scale(rows: np.ndarray, scales: np.ndarray) -> bytes:
    """`scales` are [1 | rows, bytes]."""
    prefix = np.broadcast_to(scales, (len(rows), scales.shape[1]))
    return np.concatenate([prefix, rows], axis=1).tobytes()


def _by_row(alpha: np.ndarray) -> np.ndarray:
    if alpha.shape[1] != 1:
        raise ValueError("this encoding has one scale for a row")
    return np.ascontiguousarray(alpha[:, 0].astype(F32))


def _iq1_bn(digits: np.ndarray, alpha: np.ndarray) -> bytes:
    codes = _blocks(digits, 64).reshape(-1, 4, 16)
    n = len(codes)
    ql = _trits(codes[:, :, :15].reshape(n, 12, 5)[:, :, ::-1])
    extra = np.zeros((n, 5), np.uint8)
    extra[:, 1:] = codes[:, ::-1, 15]
    block = np.concatenate([ql, _trits(extra)[:, None]], axis=1)
    return _with_row_scale(block.reshape(len(digits), -1), _half(_by_row(alpha)))


def _iq2_bn(digits: np.ndarray, alpha: np.ndarray) -> bytes:
    codes = _blocks(digits, 64).reshape(-1, 4, 16)
    qs = _fields(codes, (0, 2, 4, 6))
    return _with_row_scale(
        qs.reshape(len(digits), -1), _by_row(alpha)[:, None].view(np.uint8)
    )


def _values(digits: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return digits * np.repeat(alpha, digits.shape[1] // alpha.shape[1], axis=1).astype(F32)


def _f16(digits: np.ndarray, alpha: np.ndarray) -> bytes:
    _half(alpha)
    return _values(digits, alpha).astype(np.float16).tobytes()


def _bf16(digits: np.ndarray, alpha: np.ndarray) -> bytes:
    if np.any(alpha.astype(F32).view(np.uint32) & 0xFFFF):
        raise ValueError(f"a scale is no bfloat16, which this encoding needs: {alpha.ravel()[:4]}")
    return (_values(digits, alpha).view(np.uint32) >> 16).astype(np.uint16).tobytes()


def _f32(digits: np.ndarray, alpha: np.ndarray) -> bytes:
    return _values(digits, alpha).astype(F32).tobytes()


@dataclass(frozen=True)
class Encoding:
    """A type's number and what makes bytes of digits [rows, columns] and their scales."""

    id: int
    encode: Callable[[np.ndarray, np.ndarray], bytes]


ENCODINGS = {
    "tq1_0": Encoding(34, lambda d, a: _tritted(d, a, 256)),
    "tq2_0": Encoding(35, _tq2_0),
    "i2_s": Encoding(36, lambda d, a: _i2_s(d, a, 32)),
    "i2_s_arm": Encoding(36, lambda d, a: _i2_s(d, a, 16)),
    "q2_0_g64": Encoding(42, lambda d, a: _q2_0(d, a, 64)),
    "q2_0_g128": Encoding(42, lambda d, a: _q2_0(d, a, 128)),
    "pq2_0": Encoding(142, lambda d, a: _q2_0(d, a, 128)),
    "ptq1_0": Encoding(143, lambda d, a: _tritted(d, a, 128)),
    "iq1_bn": Encoding(134, _iq1_bn),
    "iq2_bn": Encoding(135, _iq2_bn),
    "f16": Encoding(1, _f16),
    "bf16": Encoding(30, _bf16),
    "f32": Encoding(0, _f32),
}


# The reader: the opposite of the above, by the formulas of the description and not by
# the writers' code.


def _half_at(blocks: np.ndarray, at: int) -> np.ndarray:
    return np.ascontiguousarray(blocks[:, at : at + 2]).view("<f2")[:, 0].astype(F32)


def _digits_of(codes: np.ndarray) -> np.ndarray:
    if codes.size and codes.max() == 3:
        block, element = np.argwhere(codes == 3)[0]
        raise ValueError(f"code 3 in block {block}, element {element} is no digit")
    return codes.astype(np.int8) - np.int8(1)


def _decode_q2_0(blocks: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
    j = np.arange(group)
    return _digits_of(blocks[:, 2 + j // 4] >> (2 * (j % 4)).astype(np.uint8) & 3), _half_at(blocks, 0)


def _decode_ptq1_0(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Digit n of a byte is ((byte * 3^n mod 256) * 3) >> 8, minus 1."""
    j = np.arange(128)
    byte = np.where(j < 80, j % 16, np.where(j < 120, 16 + (j - 80) % 8, 24 + (j - 120) % 2))
    place = np.where(j < 80, j // 16, np.where(j < 120, (j - 80) // 8, (j - 120) // 2))
    rest = blocks[:, byte].astype(np.uint32) * 3**place % 256
    return (rest * 3 >> 8).astype(np.int8) - np.int8(1), _half_at(blocks, 26)


def _decode_tq2_0(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    j = np.arange(256)
    shift = (2 * (j % 128 // 32)).astype(np.uint8)
    return _digits_of(blocks[:, j // 128 * 32 + j % 32] >> shift & 3), _half_at(blocks, 64)


def decode_q4_k(blocks: np.ndarray) -> np.ndarray:
    """u8 [blocks, 144] -> f32 [blocks, 256]: d * scale * code - dmin * minimum by 32 values.

    Six bits of each of eight scales and minima: four have a byte's lower six bits, the
    others a half of a byte and the upper two bits of the first four.
    """
    first, second, third = (blocks[:, at : at + 4] for at in (4, 8, 12))
    scale = np.concatenate([first & 63, (third & 15) | (first >> 6) << 4], axis=1)
    minimum = np.concatenate([second & 63, third >> 4 | (second >> 6) << 4], axis=1)
    codes = blocks[:, 16:].reshape(-1, 4, 1, 32) >> np.array([0, 4], np.uint8)[:, None] & 15
    step = (_half_at(blocks, 0)[:, None] * scale.astype(F32))[..., None]
    low = (_half_at(blocks, 2)[:, None] * minimum.astype(F32))[..., None]
    return (step * codes.reshape(-1, 8, 32).astype(F32) - low).reshape(len(blocks), 256)


# Name -> elements and bytes of a block, and its reader.
_DECODERS = {
    "tq2_0": (256, 66, _decode_tq2_0),
    "q2_0_g64": (64, 18, lambda b: _decode_q2_0(b, 64)),
    "q2_0_g128": (128, 34, lambda b: _decode_q2_0(b, 128)),
    "pq2_0": (128, 34, lambda b: _decode_q2_0(b, 128)),
    "ptq1_0": (128, 28, _decode_ptq1_0),
}


def decode(kind: str, data: bytes, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Digits int8 `shape` and the scale of each block, f32 [rows, blocks]."""
    elements, size, read = _DECODERS[kind]
    rows, columns = shape
    blocks = np.frombuffer(data, np.uint8, rows * columns // elements * size)
    digits, scales = read(blocks.reshape(-1, size))
    return digits.reshape(shape), scales.reshape(rows, -1)
