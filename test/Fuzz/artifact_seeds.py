# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Artifacts as seeds: runtime/include/tern/artifact.h and tokenizer.h."""

from __future__ import annotations

import struct


def padded(data: bytes, to: int) -> bytes:
    return data + bytes(-len(data) % to)


def words(*values: int) -> tuple[bytes, int]:
    return struct.pack(f"<{len(values)}I", *values), len(values)


def table() -> bytes:
    """A tokenizer of the tokens a, b, ab and <s>, which splits at every character."""
    tokens = [b"a", b"b", b"ab", b"<s>"]
    offsets = [sum(map(len, tokens[:i])) for i in range(len(tokens) + 1)]
    byte_tokens = [0xFFFFFFFF] * 256
    byte_tokens[ord("a")], byte_tokens[ord("b")] = 0, 1
    charsmap, late, split, no_pattern = 10, 6, 8, 0xFFFFFFFF
    units = [1 << 10, *[0] * 95, ord("a") | 1 << 8 | (96 ^ 2) << 10]
    units[2] = 1 << 31
    arrays = [
        words(*offsets),
        (b"".join(tokens), offsets[-1]),
        (b"\1\1\1\7", 4),  # their flags
        words(*byte_tokens),
        words(0, 1, 1, 1, 1),  # merge_starts
        (struct.pack("<3I", 1, 0, 2), 1),  # right, rank, result
        (b"", 0),  # scores
        words(0, 2, 1),  # by_bytes
        words(3),  # added tokens
        words(0, 3),
        (b"<s>", 3),
        (b"", 0),  # late ones
        words(0),
        (b"", 0),
        (struct.pack("<12I", charsmap, no_pattern, 0, 0, late, 0, 0, 0, split, 0, 0, 0), 3),
        (b"b\0", 2),  # strings: what the charsmap makes of an a
        words(len(units), *units),
        words(0, 0x20 << 8 | 1, 0x21 << 8),  # classes
        (bytes(byte == 0x20 for byte in range(128)), 128),
        (b"\0\1", 2),  # their flags
        (struct.pack("<4I", 0, 3, 9, 1), 1),  # an automaton, and which matches lie ahead
        words(0, 0, 0, 4, 4, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1),
    ]  # fmt: skip
    header = 8 + 4 * 13 + 64 + 8 * len(arrays)
    spans, data = b"", b""
    for content, count in arrays:
        spans += struct.pack("<II", header + len(data), count)
        data += padded(content, 4)
    affix = struct.pack("<16i", 3, *[0] * 15)
    version, bpe = 3, 1
    fields = struct.pack("<5Ii7I", version, header + len(data), bpe, 0, len(tokens), -1,
                         1, 0, 3, 0, 2, 1, 0)  # fmt: skip
    return b"TERNTOK1" + fields + affix + spans + data


def artifact(tokenizer: bytes, template: bytes, variables: bytes = b"") -> bytes:
    header_bytes = 8 + 8 + 16 + 3 * 24 + 32
    generation = struct.pack("<IiI16iIfIfffIII", 4 * 41, 3, 1, *([3] + [0] * 15), 1, 0.8, 40, 0.9,
                             0.0, 1.0, len(template), 64, len(variables))  # fmt: skip
    stops = b"a\0bc\0" if template else b""
    words = [2, 1, 3] if template else []
    generation += struct.pack("<iiIIIIi6I", -1, 9, 0, 2, 3, 0, -1, stops.count(b"\0"), len(stops),
                              len(words), 0, 0, 0)  # fmt: skip
    generation += template + variables + stops + struct.pack(f"<{len(words)}I", *words)
    weights_at = 4096
    sections = [(weights_at, 64), (header_bytes, len(tokenizer)),
                (weights_at + 64, len(generation))]  # fmt: skip
    total = weights_at + 64 + len(generation)
    out = struct.pack("<8sIIQQ", b"TERNART1", 3, header_bytes, 0x1234, total)
    for offset, size in sections:
        out += struct.pack("<QQQ", offset, size, 0)  # opening compares no checksum
    out += bytes(32)
    return padded(out + tokenizer, weights_at)[:weights_at] + bytes(range(64)) + generation


def artifacts() -> dict[str, bytes]:
    return {
        "whole": artifact(table(), b"{{ messages }}", b"{}"),
        "bare": artifact(b"", b""),
    }
