# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A byte-level BPE vocabulary learned from a text, as tokenizer.json has it.

The split is Llama-3's. Ids: the 256 bytes in the order of their characters, the merges in
the order in which they are learned, then begin and end of text.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from typing import Any

from tern_reference.tokenizer import LLAMA3_PATTERN, byte_alphabet, compile_pattern

BEGIN, END = "<|begin_of_text|>", "<|end_of_text|>"
SMALLEST_VOCABULARY = 256 + 2

Pair = tuple[int, int]


def learn_merges(text: str, count: int) -> tuple[list[str], list[Pair]]:
    """Up to `count` merges: all symbols, bytes first, and pairs of their indices.

    The most frequent pair of neighbours is merged next; of equally frequent ones that with
    the lower indices. There are fewer merges if no pair is left.
    """
    symbols = sorted(byte_alphabet())
    index = {symbol: i for i, symbol in enumerate(symbols)}
    alphabet = byte_alphabet()
    split = Counter(match.group() for match in compile_pattern(LLAMA3_PATTERN).finditer(text))
    words = [[index[alphabet[byte]] for byte in word.encode("utf-8")] for word in split]
    frequency = list(split.values())
    pairs: Counter[Pair] = Counter()
    places: defaultdict[Pair, set[int]] = defaultdict(set)
    for number, word in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += frequency[number]
            places[pair].add(number)
    merges: list[Pair] = []
    heap = [(-times, pair) for pair, times in pairs.items()]
    heapq.heapify(heap)
    while len(merges) < count and heap:
        times, best = heapq.heappop(heap)
        if pairs[best] != -times:  # counted anew since it was put here
            if pairs[best]:
                heapq.heappush(heap, (-pairs[best], best))
            continue
        merges.append(best)
        symbols.append(symbols[best[0]] + symbols[best[1]])
        fresh: set[Pair] = set()
        for number in places.pop(best):
            old, new = words[number], _merged(words[number], best, len(symbols) - 1)
            for pair in zip(old, old[1:]):
                pairs[pair] -= frequency[number]
            for pair in zip(new, new[1:]):
                pairs[pair] += frequency[number]
                places[pair].add(number)
                if len(symbols) - 1 in pair:
                    fresh.add(pair)
            words[number] = new
        for pair in fresh:
            heapq.heappush(heap, (-pairs[pair], pair))
    return symbols, merges


def _merged(word: list[int], pair: Pair, symbol: int) -> list[int]:
    out: list[int] = []
    for part in word:
        if out and (out[-1], part) == pair:
            out[-1] = symbol
        else:
            out.append(part)
    return out


def tokenizer_files(text: str, vocabulary: int, context: int) -> dict[str, dict[str, Any]]:
    """tokenizer.json, tokenizer_config.json and generation_config.json by name."""
    if vocabulary < SMALLEST_VOCABULARY:
        least = f"expected {SMALLEST_VOCABULARY} or more: the bytes and two ends of text"
        raise ValueError(f"a vocabulary of {vocabulary} tokens, {least}")
    symbols, merges = learn_merges(text, vocabulary - SMALLEST_VOCABULARY)
    filler = [f"<{i}>" for i in range(len(symbols), vocabulary - 2)]
    vocab = {symbol: i for i, symbol in enumerate([*symbols, *filler])}
    bos, eos = vocabulary - 2, vocabulary - 1
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    special = {bos: BEGIN, eos: END}
    added = [{"id": i, "content": t, **flags, "special": True} for i, t in special.items()]
    split = {"type": "Split", "pattern": {"Regex": LLAMA3_PATTERN}, "behavior": "Isolated"}
    flow = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    begin = {"SpecialToken": {"id": BEGIN, "type_id": 0}}
    tokenizer = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split | {"invert": False}, flow | {"use_regex": False}],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                begin,
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": BEGIN, "type_id": 1}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {BEGIN: {"id": BEGIN, "ids": [bos], "tokens": [BEGIN]}},
        },
        "decoder": flow | {"add_prefix_space": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [f"{symbols[a]} {symbols[b]}" for a, b in merges],
        },
    }
    names = {"bos_token": BEGIN, "eos_token": END, "model_max_length": context}
    sampling = {"do_sample": True, "temperature": 0.8, "top_p": 0.95}
    return {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": names | {"tokenizer_class": "PreTrainedTokenizerFast"},
        "generation_config.json": {"bos_token_id": bos, "eos_token_id": eos} | sampling,
    }
