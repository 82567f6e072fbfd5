# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The reference against the golden files of the bundled models, with ==."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from conftest import MODELS, ROOT, model_directory
from tern_reference.model import Model, Options, Result
from tern_reference.perplexity import perplexity
from tern_reference.safetensors import Reader
from tern_reference.tokenizer import Tokenizer

VARIANTS = {
    "kv16": Options(kv_bits=16),
    "config": Options(),
    "kv3_bos4_q4": Options(kv_bits=3, bos_bits=4, q_bits=4),
    "kv4": Options(kv_bits=4, bos_bits=4),
    "kv8": Options(kv_bits=8, bos_bits=8),
    "config_int8_head": Options(head="int8"),
}
PERPLEXITIES = {
    "kv16": Options(kv_bits=16),
    "kv8": Options(kv_bits=8),
    "kv4": Options(kv_bits=4),
    "kv3_bos4": Options(kv_bits=3, bos_bits=4),
    "kv3": Options(kv_bits=3, bos_bits=3),
    "kv3_bos4_q4": Options(kv_bits=3, bos_bits=4, q_bits=4),
}


def golden(name: str) -> Reader:
    return Reader(model_directory(name) / "golden.safetensors")


def golden_json(name: str) -> dict:
    return json.loads((model_directory(name) / "golden.json").read_text(encoding="utf-8"))


def assert_same_bits(got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(got.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", MODELS)
def test_logits_and_hidden(bundled, name, variant):
    want = golden(name)
    tokens = want.f32("tokens").astype(int)
    result = Model(bundled(name), VARIANTS[variant]).run(tokens)
    if variant + ".hidden" in want:
        assert_same_bits(result.hidden, want.f32(variant + ".hidden"))
    assert_same_bits(result.logits, want.f32(variant + ".logits"))


INT8_EMBEDDING = Options(embedding="int8")


def check_int8_embedding(result: Result, want: dict) -> None:
    for name, numbers in (("hidden", result.hidden), ("logits", result.logits)):
        got = hashlib.sha256(np.ascontiguousarray(numbers, "<f4").tobytes()).hexdigest()
        assert got == want["sha256"][name], name


def int8_embedding_json() -> dict:
    """Of the tokens of golden.safetensors, and greedy text: not that of 16 bits."""
    path = ROOT / "test/data/golden-embedding-int8.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_int8_embedding(bundled):
    want, name = int8_embedding_json(), MODELS[0]
    model = Model(bundled(name), INT8_EMBEDDING)
    check_int8_embedding(model.run(golden(name).f32("tokens").astype(int)), want)
    greedy = want["greedy"]
    assert model.generate(greedy["prompt_ids"], len(greedy["ids"]), stop=False) == greedy["ids"]
    assert greedy["ids"] != golden_json(name)["greedy"][0]["ids"]


@pytest.mark.parametrize("variant", ["kv16", "config", "kv3_bos4_q4"])
@pytest.mark.parametrize("name", MODELS)
def test_any_split_of_the_tokens(bundled, name, variant):
    """Steps of 1, 63, 1, 2 and 33 tokens: the bits of one step of 100."""
    want = golden(name)
    tokens = want.f32("tokens").astype(int)[:100]
    model = Model(bundled(name), VARIANTS[variant])
    cache, at, parts = model.new_cache(), 0, []
    for count in (1, 63, 1, 2, 33):
        parts.append(model.step(cache, tokens[at : at + count]))
        at += count
    assert at == len(tokens)
    assert_same_bits(np.concatenate([p.logits for p in parts]), want.f32(variant + ".logits")[:100])
    whole = model.new_cache()
    model.step(whole, tokens)
    for rows, expected in zip(cache.layers, whole.layers):
        for got, want_rows in zip(rows, expected):
            np.testing.assert_array_equal(got.codes, want_rows.codes)
            np.testing.assert_array_equal(got.g, want_rows.g)


@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("name", MODELS)
def test_greedy_text(bundled, name, index):
    want = golden_json(name)["greedy"][index]
    tokenizer = Tokenizer.load(model_directory(name))
    prompt = [bundled(name).config.bos_token_id] + tokenizer.encode(want["prompt"])
    assert prompt == want["prompt_ids"]
    ids = Model(bundled(name)).generate(prompt, len(want["ids"]), stop=False)
    assert ids == want["ids"]
    assert tokenizer.decode(ids) == want["text"]


def check_perplexity(checkpoint, name: str, variant: str) -> None:
    """The windows that golden.json's "how" describes."""
    text = (ROOT / "test/data/shakespeare-heldout.txt").read_bytes().decode("utf-8")
    ids = Tokenizer.load(model_directory(name)).encode(text)
    value, tokens = perplexity(Model(checkpoint, PERPLEXITIES[variant]), ids, 191, 11)
    want = golden_json(name)["perplexity"][variant]
    assert tokens == want["tokens"]
    assert value == pytest.approx(want["value"], rel=1e-12)


@pytest.mark.parametrize("name", MODELS)
def test_perplexity(bundled, name):
    check_perplexity(bundled(name), name, "kv3_bos4")


@pytest.mark.slow
@pytest.mark.parametrize("variant", [v for v in PERPLEXITIES if v != "kv3_bos4"])
@pytest.mark.parametrize("name", MODELS)
def test_perplexity_of_every_cache(bundled, name, variant):
    check_perplexity(bundled(name), name, variant)
