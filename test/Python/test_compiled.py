# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Compiled models against the reference: every layer and every logit, to the bit.

Needs TERN_BINARY, the path of the `tern` driver; without it these tests are
skipped. TERN_TARGETS, comma separated, says which targets to run; by default
`generic` and every x86-64 level that this machine executes.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cached import case_directory, reference
from cases import CASES, Case
from conftest import MODELS, TARGETS, in_turn, model_directory
from test_golden import (
    INT8_EMBEDDING,
    PERPLEXITIES,
    VARIANTS,
    check_int8_embedding,
    golden,
    golden_json,
    int8_embedding_json,
)
from tern_reference.checkpoint import Checkpoint, load, pack
from tern_reference.config import MLP_PROJECTIONS
from tern_reference.model import Model, Options, Result
from tern_reference.safetensors import Pending, Reader, write_shards
from tern_reference.synth import synthesize

HELD_OUT = Path(__file__).resolve().parents[1] / "data" / "shakespeare-heldout.txt"
TIMEOUT = 300  # seconds for one compilation and run


def option_flags(options: Options) -> list[str]:
    """The driver's spelling of the reference's options."""
    flags = [f"--head={options.head}"] if options.head != "16" else []
    if options.embedding != "16":
        flags.append(f"--embedding={options.embedding}")
    if options.kv_bits is not None:
        flags += ["--kv-bits", str(options.kv_bits)]
    if options.bos_bits is not None:
        flags += ["--bos-bits", str(options.bos_bits)]
    if options.q_bits is not None:
        flags += ["--q-bits", str(options.q_bits)]
    return flags


def run_driver(command: list[str], status: int = 0) -> str:
    """stdout of a command that must end with this status."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    if done.returncode != status:
        pytest.fail(f"{' '.join(command)}\nexit {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout


def run_compiled(
    tern: str, model: Path, ids: list[int], out: Path, target: str,
    options: Options = Options(), threads: int = 1,
) -> Result:  # fmt: skip
    """All prompt positions through a compiled model, nothing generated."""
    logits, hidden = out / "logits.npy", out / "hidden.npy"
    command = [tern, "run", str(model), "--ids", ",".join(map(str, ids)), "-n", "0"]
    command += ["--logits", str(logits), "--hidden", str(hidden)]
    command += [f"--target={target}", "-t", str(threads), *option_flags(options)]
    run_driver(command)
    return Result(np.load(hidden), np.load(logits))


def first_difference(got: np.ndarray, want: np.ndarray, what: str) -> str:
    """Empty if equal to the bit, else where and by how much: [tokens, n] arrays."""
    if got.dtype != np.float32 or got.shape != want.shape:
        return f"{what}: {got.dtype} {got.shape}, expected float32 {want.shape}"
    wrong = np.ascontiguousarray(got).view(np.uint32) != np.ascontiguousarray(want).view(np.uint32)
    wrong &= ~(np.isnan(got) & np.isnan(want))  # which NaN is not defined
    if not wrong.any():
        return ""
    token, index = map(int, np.argwhere(wrong)[0])
    worst = np.max(np.abs(got.astype(np.float64) - want.astype(np.float64)))
    return (
        f"{what}: {wrong.sum()} of {wrong.size} numbers differ, in {wrong.any(axis=1).sum()} "
        f"tokens, first at token {token}, index {index}: {got[token, index]!r}, expected "
        f"{want[token, index]!r}; largest difference {worst:.3g}"
    )


def assert_same(got: Result, want: Result) -> None:
    """The first layer that differs is the message: what follows it is noise."""
    __tracebackhide__ = True
    assert len(got.hidden) == len(want.hidden), f"{len(got.hidden)} layers"
    for layer, (a, b) in enumerate(zip(got.hidden, want.hidden)):
        if difference := first_difference(a, b, f"hidden state after layer {layer}"):
            pytest.fail(difference)
    if difference := first_difference(got.logits, want.logits, "logits"):
        pytest.fail(difference)


# The comparison itself, without a compiler.


def test_comparison_sees_one_bit():
    want = np.zeros((2, 3), np.float32)
    got = want.copy()
    assert first_difference(got, want, "x") == ""
    got[1, 2] = -0.0
    assert "token 1, index 2: -0.0, expected 0.0" in first_difference(got, want, "x")
    assert "expected float32 (2, 3)" in first_difference(got[:1], want, "x")


@pytest.mark.parametrize("name", CASES)
def test_case_is_sound(name, tmp_path):
    """Each case can be built, and the reference's numbers on it are finite."""
    case = CASES[name]
    case.build(tmp_path)
    result = Model(load(tmp_path), case.options).run(case.ids()[:4])
    assert np.isfinite(result.logits).all() and np.isfinite(result.hidden).all()
    assert len(np.unique(result.hidden[-1])) > 16


# Bundled models against the golden files.


@pytest.mark.parametrize("variant, target", in_turn(VARIANTS))
@pytest.mark.parametrize("name", MODELS)
def test_bundled(tern, tmp_path, name, variant, target):
    want, options = golden(name), VARIANTS[variant]
    ids = want.f32("tokens").astype(int).tolist()
    got = run_compiled(tern, model_directory(name), ids, tmp_path, target, options, threads=2)
    if variant + ".hidden" in want:
        expected = want.f32(variant + ".hidden")
    else:
        expected = Model(load(model_directory(name)), options).run(ids).hidden
    assert_same(got, Result(expected, want.f32(variant + ".logits")))


def test_bundled_int8_embedding(tern, tmp_path, name=MODELS[0]):
    ids = golden(name).f32("tokens").astype(int).tolist()
    model = model_directory(name)
    got = run_compiled(tern, model, ids, tmp_path, TARGETS[-1], INT8_EMBEDDING, threads=2)
    check_int8_embedding(got, int8_embedding_json())


# One target: every one gives the same logits, as the tests around this one say.
@pytest.mark.parametrize("variant", PERPLEXITIES)
@pytest.mark.parametrize("name", MODELS)
def test_perplexity(tern, name, variant):
    command = [tern, "ppl", str(model_directory(name)), "-f", str(HELD_OUT)]
    command += ["-c", "192", "--chunks", "11", f"--target={TARGETS[-1]}"]
    words = run_driver(command + option_flags(PERPLEXITIES[variant])).split()
    want = golden_json(name)["perplexity"][variant]
    assert words[0] == "perplexity" and words[2] == "tokens", words
    assert abs(float(words[1]) / want["value"] - 1) < 1e-9
    assert int(words[3]) == want["tokens"]


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", MODELS)
def test_any_number_of_threads(tern, tmp_path, name, target, threads):
    want = golden(name)
    ids = want.f32("tokens").astype(int).tolist()
    got = run_compiled(tern, model_directory(name), ids, tmp_path, target, threads=threads)
    assert_same(got, Result(want.f32("config.hidden"), want.f32("config.logits")))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("count", [1, 2, 63, 64, 65])
def test_any_number_of_tokens(tern, tmp_path, count, target):
    """A prefix gives the first rows of the whole: shapes of a step do not show."""
    name = MODELS[0]
    want = golden(name)
    ids = want.f32("tokens").astype(int).tolist()[:count]
    got = run_compiled(tern, model_directory(name), ids, tmp_path, target)
    hidden, logits = want.f32("config.hidden")[:, :count], want.f32("config.logits")[:count]
    assert_same(got, Result(hidden, logits))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("index", range(3))
@pytest.mark.parametrize("name", MODELS)
def test_greedy_text(tern, name, index, target):
    """Token by token: the same text as the reference."""
    want = golden_json(name)["greedy"][index]
    command = [tern, "run", str(model_directory(name)), "-p", want["prompt"], "--temp", "0"]
    command += ["-n", str(len(want["ids"])), f"--target={target}"]
    assert want["text"].rstrip() in run_driver(command)


def test_packed_and_masters_are_one_model(tern, tmp_path):
    """Masters, and what they are ternarized to, packed with scales of f32."""
    masters, packed = tmp_path / "masters", tmp_path / "packed"
    synthesize(masters, hidden=196, heads=3, head_dim=64, layers=2, encoding="master-bf16")
    checkpoint, reader = load(masters), Reader(masters)
    pack_masters(checkpoint, reader, packed)
    config = json.loads((masters / "config.json").read_text())
    config["quantization_config"]["quantization_mode"] = "offline"
    (packed / "config.json").write_text(json.dumps(config))
    results = []
    for model in (masters, packed):
        out = tmp_path / ("out-" + model.name)
        out.mkdir()
        results.append(run_compiled(tern, model, [1, 2, 3], out, TARGETS[-1]))
    assert_same(*results)


def pack_masters(checkpoint: Checkpoint, reader: Reader, directory: Path) -> None:
    """The tensors of a model of masters, its matrices packed."""
    linears = {
        f"model.layers.{i}.{'mlp' if name in MLP_PROJECTIONS else 'self_attn'}.{name}": linear
        for i, layer in enumerate(checkpoint.layers)
        for name, linear in layer.linears.items()
    }
    tensors = []
    for name, entry in reader.entries.items():
        linear = linears.get(name.removesuffix(".weight"))
        arrays = [(name, entry.dtype, reader.raw(name))]
        if linear:
            arrays = [(name, "U8", pack(linear.digits)), (name + "_scale", "F32", linear.alpha)]
        for each, dtype, array in arrays:
            tensors.append(Pending(each, dtype, array.shape, lambda array=array: iter([array])))
    directory.mkdir()
    write_shards(directory, tensors, 1)


# Threads.


def shared_loops(tern: str, model: Path, function: str) -> set[str]:
    """The loops of a function that are handed out, if there are workers: by an indirect
    call, behind which is the direct one of a caller without."""
    text = run_driver([tern, "compile", str(model), "--compile-to=llvm", "-o", "-"])
    body = re.search(rf"llvm\.func [^\n]*@{function}\(.*?\n  }}", text, re.S)
    assert body, function
    names = re.findall(rf'llvm\.call (?:%\d+|@"?{function}\.([\w.+]+))', body[0])
    return {after for before, after in zip(names, names[1:]) if not before and after}


def test_a_layer_is_shared_if_it_is_worth_it(tern, tmp_path):
    """Products of a token in a layer of the bundled model are not, those of a wide one are."""
    wide = tmp_path / "wide"
    synthesize(wide, hidden=1024, intermediate=4096, heads=16, head_dim=64, layers=2)
    products = {"q_proj+k_proj+v_proj", "o_proj"}
    assert not products & shared_loops(tern, model_directory(MODELS[0]), "layer.decode")
    assert products <= shared_loops(tern, wide, "layer.decode")
    texts = set()
    for flags in (["-t", "1"], ["-t", "3"], ["-t", "2", "--target=generic"]):
        out = tmp_path / "logits.npy"
        command = [tern, "run", str(wide), "--ids", "1,2,3", "-n", "6", "--ignore-eos"]
        text = run_driver([*command, "--print-ids", "--temp", "0", "--logits", str(out), *flags])
        texts.add((text, out.read_bytes()))
    assert len(texts) == 1


# Synthetic models against the reference.


# Features that have kernels, and not only loops alike for all targets.
KERNELS = (
    "h196", "h204", "h308", "h316", "scales-groups", "blocks", "a48", "sparse", "v2-", "kv", "head",
    "table",
)  # fmt: skip


@pytest.mark.parametrize(
    "name, target", in_turn(CASES, twice=lambda name: name.startswith(KERNELS))
)
def test_synthetic(tern, tmp_path, name, target):
    case: Case = CASES[name]
    directory = case_directory(name)
    got = run_compiled(
        tern, directory, case.ids(), tmp_path, target, case.options, case.threads
    )  # fmt: skip
    assert_same(got, reference(name))
