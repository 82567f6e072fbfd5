# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled models through the ABI: batches, splits and task orders change no bit.

Needs TERN_BINARY, and a C compiler to link what `--emit=obj` writes ($CC or
cc). Targets are those of conftest.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import numpy as np
import pytest
from abi import BAD_ARGUMENT, BAD_TOKEN, CONTEXT_FULL, CompiledModel
from cached import case_directory, compiled_once
from cases import CASES
from conftest import MODELS, ROOT, in_turn, model_directory
from tern_reference.checkpoint import load
from tern_reference.model import Model, Options, Result
from test_compiled import assert_same, option_flags, run_driver

CC = os.environ.get("CC", "cc")

# A model of each kind of cache, product and head; names of CASES or bundled.
NAMES = [
    MODELS[0], "h308-g5460", "kv3-d100", "kv4-d100-q4", "kv16-d100", "sparse-a48",
    "a48-fp4", "silu-no-norms-divide", "head-int8", "bias-all-groups", "blocks-groups-128",
    "blocks-a48",
]  # fmt: skip


@pytest.fixture(scope="session")
def compiled(tern, tmp_path_factory):
    """(name, target) -> (compiled model, reference model), made once."""
    if not shutil.which(CC):
        pytest.skip(f"no C compiler '{CC}' to link an object with")

    @functools.cache
    def build(name: str, target: str) -> tuple[CompiledModel, Model]:
        work = tmp_path_factory.mktemp("abi")
        directory, options = model_directory(name), Options()
        if name in CASES:
            directory, options = case_directory(name), CASES[name].options
        flags = ["--emit=obj", f"--target={target}", "--name=bard", *option_flags(options)]
        kept = compiled_once(tern, directory, flags)
        for file in kept.iterdir():
            shutil.copy(file, work)
        return CompiledModel(work / "bard", CC), Model(load(directory), options)

    return build


def tokens_of(model: Model, count: int, seed: int) -> list[int]:
    return np.random.default_rng(seed).integers(0, model.config.vocab_size, count).tolist()


def joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> Result:
    hidden = np.concatenate([h for h, _ in parts], axis=1)
    return Result(hidden, np.concatenate([logits for _, logits in parts]))


every = pytest.mark.parametrize("name, target", in_turn(NAMES))
some = pytest.mark.parametrize("name, target", in_turn(NAMES[:3]))


@every
def test_any_split(compiled, name, target):
    """Token by token, across a block of 64, and in uneven pieces."""
    compiled_model, model = compiled(name, target)
    ids = tokens_of(model, 70, 1)
    want = model.run(ids)
    for sizes in ([1] * 70, [63, 1, 1, 5], [7, 58, 2, 3], [70]):
        sequence, at, parts = compiled_model.sequence(), 0, []
        for size in sizes:
            parts += compiled_model.step([(sequence, ids[at : at + size])])
            at += size
        assert_same(joined(parts), want)


@every
def test_any_batch(compiled, name, target):
    """Sequences of different lengths share a step: each as if it were alone."""
    compiled_model, model = compiled(name, target)
    texts = [tokens_of(model, n, seed) for seed, n in enumerate((20, 9, 33, 1, 12))]
    sequences = [compiled_model.sequence() for _ in texts]
    steps = [(5, 1, 32, 0, 3), (1, 1, 1, 1, 1), (0, 3, 0, 0, 7), (14, 4, 0, 0, 1)]
    parts, at = [[] for _ in texts], [0] * len(texts)
    for counts in steps:
        rows = [i for i, count in enumerate(counts) if count]
        work = [(sequences[i], texts[i][at[i] : at[i] + counts[i]]) for i in rows]
        for i, result in zip(rows, compiled_model.step(work)):
            parts[i].append(result)
            at[i] += counts[i]
    assert at == [len(text) for text in texts]
    for text, got in zip(texts, parts):
        assert_same(joined(got), model.run(text))


@every
@pytest.mark.parametrize("order", ["forward", "backward", "shuffled", "threads"])
def test_any_workers(compiled, name, target, order):
    """Tasks may run in any order and at once."""
    compiled_model, model = compiled(name, target)
    ids = tokens_of(model, 12, 2)
    want = model.run(ids)
    for workers in (2, 3, 64, 1000):
        sequence = compiled_model.sequence()
        parts = compiled_model.step([(sequence, ids[:11])], workers, order)
        parts += compiled_model.step([(sequence, ids[11:])], workers, order)
        assert_same(joined(parts), want)


@some
def test_logits_of_the_last_tokens(compiled, name, target):
    compiled_model, model = compiled(name, target)
    ids = tokens_of(model, 9, 3)
    want = model.run(ids)
    for count in (0, 1, 4):
        work = [(compiled_model.sequence(), ids)]
        [(hidden, logits)] = compiled_model.step(work, logits_count=count)
        assert_same(Result(hidden, logits), Result(want.hidden, want.logits[9 - count :]))


@some
def test_refusals_write_nothing(compiled, name, target):
    """A bad segment anywhere leaves every state of the call as it was."""
    compiled_model, model = compiled(name, target)
    vocab, context = model.config.vocab_size, compiled_model.model.max_context
    good, bad = compiled_model.sequence(), compiled_model.sequence()
    for tokens, position, answer in [
        ([1, vocab], 0, BAD_TOKEN),
        ([-1], 0, BAD_TOKEN),
        ([1, 1], context - 1, CONTEXT_FULL),
        ([1], context, CONTEXT_FULL),
        ([], 0, BAD_ARGUMENT),
    ]:
        bad.position = position
        before = good.state.bytes.copy(), bad.state.bytes.copy()
        compiled_model.step([(good, [1, 2]), (bad, tokens)], expect=answer)
        assert (good.state.bytes == before[0]).all() and (bad.state.bytes == before[1]).all()


def test_code_of_its_own_for_few(tern, tmp_path):
    """With --few, 2 to 16 tokens take other functions, with the same bits."""
    if not shutil.which(CC):
        pytest.skip(f"no C compiler '{CC}' to link an object with")
    directory, base = model_directory(MODELS[0]), tmp_path / "bard"
    command = [tern, "compile", str(directory), "--target=generic", "--few"]
    run_driver([*command, "-o", str(base.with_suffix(".o"))])
    compiled_model, model = CompiledModel(base, CC), Model(load(directory), Options())
    for table in (compiled_model.model.embed, compiled_model.model.head):
        assert len(set(table)) == 3
    ids = tokens_of(model, 40, 6)
    want = model.run(ids)
    for sizes in ([2, 16, 17, 1, 4], [40], [15, 3, 18, 4]):
        sequence, at, parts = compiled_model.sequence(), 0, []
        for size in sizes:
            parts += compiled_model.step([(sequence, ids[at : at + size])])
            at += size
        assert_same(joined(parts), want)


# The binding itself, on a model of forty lines of C.

TOY = r"""
#include "tern/abi.h"
#define ARGUMENTS const tern_env *env, const void *w, void *scratch, const tern_rows *rows, size_t l
static void task(void *arg, uint32_t i) {
  const tern_rows *rows = arg;
  if (i < rows->count) rows->output[i] = (float)rows->positions[i];
}
static void embed(ARGUMENTS) {
  (void)env, (void)w, (void)scratch, (void)l;
  for (size_t r = 0; r < rows->count; ++r) rows->output[r] = 0;
}
static void layer(ARGUMENTS) {
  (void)w, (void)scratch, (void)l;
  if (env->parallel) env->parallel(env->host, task, (void *)rows, rows->count);
  else for (uint32_t i = 0; i < rows->count; ++i) task((void *)rows, i);
  for (size_t r = 0; r < rows->count; ++r) ((uint8_t *)rows->states[r])[7] = 1;
}
static void head(ARGUMENTS) {
  (void)env, (void)scratch, (void)l;
  for (size_t r = 0; r < rows->count; ++r)
    for (int i = 0; i < 2 + OVERRUN; ++i) rows->logits[r][i] = ((const float *)w)[i % 2];
}
static const char *const names[] = {"up_proj"};
static const tern_layer layers[] = {{0, 0}};
static const tern_kind kinds[] = {{0, 4, "layer", {layer, layer, layer}}};
const tern_model tern_model_toy = {
  .abi_version = TERN_ABI_VERSION, .size = sizeof(tern_model), .vocab_size = 2,
  .hidden_size = 1, .layer_count = 1, .kind_count = 1, .max_context = 32, .max_tokens = 8,
  .head_tokens = 4, .alignment = 64, .state_block_tokens = 16, .projection_count = 1,
  .kv_bits = 16, .weights_id = 42, .weights_bytes = 8, .scratch_bytes = 64,
  .state_fixed_bytes = 4, .state_block_bytes = 4, .name = "toy", .target = "t",
  .projection_names = names, .kinds = kinds, .layers = layers,
  .embed = {embed, embed, embed}, .head = {head, head, head},
};
"""


def toy(directory, overrun: int) -> CompiledModel:
    if not shutil.which(CC):
        pytest.skip(f"no C compiler '{CC}'")
    (directory / "toy.c").write_text(TOY)
    include = ["-I", str(ROOT / "runtime" / "include"), f"-DOVERRUN={overrun}"]
    command = [CC, "-fPIC", "-c", "toy.c", "-o", "toy.o", *include]
    subprocess.run(command, cwd=directory, check=True)
    header = b"TERNART1" + np.array([1, 88], "<u4").tobytes()
    header += np.array([42, 56, 48, 8], "<u8").tobytes()
    (directory / "toy.weights").write_bytes(header + np.array([0.5, -2.0], "<f4").tobytes())
    return CompiledModel(directory / "toy", CC)


@pytest.mark.parametrize("order", [None, "forward", "backward", "shuffled", "threads"])
def test_binding(tmp_path, order):
    model = toy(tmp_path, overrun=0)
    sequence, other = model.sequence(), model.sequence(17)
    sequence.position = 3
    a, b = model.step([(sequence, [0, 1]), (other, [1, 1, 0])], 3, order, logits_count=2)
    assert a[0].tolist() == [[[3], [4]]] and b[0].tolist() == [[[0], [1], [2]]]
    assert a[1].tolist() == b[1].tolist() == [[0.5, -2.0]] * 2
    assert (sequence.position, other.position) == (5, 3)
    assert len(other.state.bytes) == 4 + 2 * 4
    model.step([(sequence, [2])], expect=BAD_TOKEN)
    model.step([(sequence, [])], expect=BAD_ARGUMENT)
    assert sequence.position == 5


def test_binding_sees_an_overrun(tmp_path):
    model = toy(tmp_path, overrun=1)
    with pytest.raises(AssertionError, match="wrote outside logits"):
        model.step([(model.sequence(), [0, 1])])
