# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tokenizer.model as seeds: the fields of SentencePiece's sentencepiece_model.proto."""

from __future__ import annotations

import struct

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)


def varint(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def piece(text: str, score: float, kind: int) -> bytes:
    fields = message(1, text.encode()) + struct.pack("<Bf", 2 << 3 | 5, score)
    return message(1, fields + (number(3, kind) if kind != NORMAL else b""))


def charsmap() -> bytes:
    """No-break spaces to spaces, and e with an accent to the letter of its own."""
    units = [0] * 1024
    texts = b" \0\xc3\xa9\0"
    # (where the unit lies, the byte that leads to it, where its children are)
    for at, byte, base in [(0, 0, 256), (256 ^ 0xC2, 0xC2, 512), (512 ^ 0xA0, 0xA0, 513),
                           (256 ^ 0x65, 0x65, 768), (768 ^ 0xCC, 0xCC, 769),
                           (769 ^ 0x81, 0x81, 770)]:  # fmt: skip
        units[at] = byte | (at ^ base) << 10 | (base in (513, 770)) << 8
    units[513], units[770] = 1 << 31, 1 << 31 | 2
    return struct.pack("<I1024I", 4096, *units) + texts


def sentencepiece_models() -> dict[str, bytes]:
    pieces = piece("<unk>", 0, UNKNOWN) + piece("<s>", 0, CONTROL) + piece("</s>", 0, CONTROL)
    pieces += piece("<0xFF>", 0, BYTE) + piece("[x]", 0, USER_DEFINED) + piece("[y]", 0, UNUSED)
    for i, text in enumerate(["\u2581", "H", "e", "l", "o", "\u2581H", "el", "lo", "\u00e9"]):
        pieces += piece(text, -i / 3, NORMAL)
    training = lambda model: message(
        2, number(3, model) + number(35, 1) + number(41, 1) + number(42, 2)
    )
    removes = lambda flag: number(3, 1) + number(4, flag) + number(5, 1)
    return {
        "bpe": pieces + training(2) + message(3, removes(0)),
        "unigram": pieces + training(1) + message(3, message(2, charsmap()) + removes(1)),
    }
