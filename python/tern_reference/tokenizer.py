# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Byte-level BPE from tokenizer.json, split by its own pattern, without or with NFC.

`re` has no \\p{L} and \\p{N}, so their classes are made from unicodedata, and
\\s is written out: Python's also holds U+001C..U+001F, Unicode's does not.
"""

from __future__ import annotations

import functools
import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import Iterable

LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Qwen2's splits each digit by itself.
QWEN2_PATTERN = LLAMA3_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}")
_SPACE = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"


@functools.cache
def _category_ranges(first_letter: str) -> str:
    """The inside of a character class: all of general category L or N."""
    ranges: list[list[int]] = []
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code))[0] == first_letter:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in ranges)


@functools.cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """A tokenizer's regular expression, with \\p{L}, \\p{N}, \\s, \\S translated."""
    out, inside, i = [], False, 0
    while i < len(pattern):
        token = pattern[i]
        if token == "\\":
            token = pattern[i : i + (5 if pattern[i + 1] in "pP" else 2)]
        classes = {
            r"\p{L}": _category_ranges("L"),
            r"\p{N}": _category_ranges("N"),
            r"\s": _SPACE,
        }
        if token in classes:
            out.append(classes[token] if inside else f"[{classes[token]}]")
        elif token == r"\S" and not inside:
            out.append(f"[^{_SPACE}]")
        elif token[0] == "\\" and token[1] in "pPSwWdD":
            raise ValueError(f"tokenizer.json: '{token}' in the split pattern is not known")
        else:
            inside = token == "[" or (inside and token != "]")
            out.append(token)
        i += len(token)
    return re.compile("".join(out))


@functools.cache
def byte_alphabet() -> tuple[str, ...]:
    """The character that stands for each byte in a byte-level vocabulary."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in visible]
    table = {b: chr(b) for b in visible}
    table.update({b: chr(256 + i) for i, b in enumerate(hidden)})
    return tuple(table[b] for b in range(256))


class Tokenizer:
    """Text to ids and back; special tokens are recognised in the text."""

    def __init__(self, raw: dict):
        model = raw["model"]
        normalizer = (raw.get("normalizer") or {}).get("type")
        if model.get("type", "BPE") != "BPE" or normalizer not in (None, "NFC"):
            raise ValueError("tokenizer.json: expected byte-level BPE, normalized by NFC or not")
        self.composes = normalizer == "NFC"
        self.vocab: dict[str, int] = dict(model["vocab"])
        merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in model["merges"]]
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.special = {t["content"]: t["id"] for t in raw.get("added_tokens", [])}
        self.pattern = compile_pattern(_split_pattern(raw.get("pre_tokenizer")))
        self.whole_words = bool(model.get("ignore_merges"))
        names = {i: token for token, i in self.vocab.items()}
        bytes_of = {c: b for b, c in enumerate(byte_alphabet())}
        self.pieces = {
            i: bytes(bytes_of[c] for c in token)
            for i, token in names.items()
            if all(c in bytes_of for c in token)
        }
        self.pieces.update({i: t.encode() for t, i in self.special.items()})
        self._bpe = functools.lru_cache(maxsize=1 << 16)(self._merge_word)

    @classmethod
    def load(cls, directory: Path) -> "Tokenizer":
        return cls(json.loads((Path(directory) / "tokenizer.json").read_text(encoding="utf-8")))

    def encode(self, text: str) -> list[int]:
        """Ids of a text, without bos."""
        ids: list[int] = []
        names = sorted(self.special, key=len, reverse=True)
        parts = re.split("(" + "|".join(map(re.escape, names)) + ")", text) if names else [text]
        for part in parts:
            if part in self.special:
                ids.append(self.special[part])
            else:
                part = unicodedata.normalize("NFC", part) if self.composes else part
                for match in self.pattern.finditer(part):
                    ids.extend(self._bpe(match.group()))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ids; bytes that are no UTF-8 become U+FFFD."""
        return b"".join(self.pieces[i] for i in ids).decode("utf-8", errors="replace")

    def _merge_word(self, word: str) -> tuple[int, ...]:
        """Repeatedly joins the pair of lowest rank, leftmost first."""
        alphabet = byte_alphabet()
        parts = [alphabet[b] for b in word.encode("utf-8")]
        if self.whole_words and "".join(parts) in self.vocab:
            return (self.vocab["".join(parts)],)
        while len(parts) > 1:
            ranks = [self.ranks.get(pair, len(self.ranks)) for pair in zip(parts, parts[1:])]
            best = min(ranks)
            if best == len(self.ranks):
                break
            at = ranks.index(best)
            parts[at : at + 2] = [parts[at] + parts[at + 1]]
        return tuple(self.vocab[p] for p in parts)


def _split_pattern(pre: dict | None) -> str:
    """The Split regex of a pre-tokenizer."""
    steps = (pre or {}).get("pretokenizers", [pre] if pre else [])
    for step in steps:
        if step["type"] == "Split":
            return step["pattern"]["Regex"]
    raise ValueError("tokenizer.json: expected a pre_tokenizer with a Split pattern")
