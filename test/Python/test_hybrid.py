# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Qwen3.5's hybrids: the reference, calls through the ABI, files of either kind, bad input.

Whole runs of odd shapes are among the cases of test_compiled.py; formulas in double
precision in test_double_precision.py.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from abi import CompiledModel
from artifact import assert_same_artifact
from conftest import TARGETS
from tern_reference.checkpoint import load
from tern_reference.config import ConfigError, parse_config
from tern_reference.gguf import convert, read, write
from tern_reference.model import Model, Result
from tern_reference.numerics import F32, exp, sigmoid, softplus
from tern_reference.safetensors import Pending, Reader, write_shards
from tern_reference.synth import synthesize
from tern_reference.tiled import tile
from test_compiled import assert_same, run_compiled, run_driver
from test_driver import run
from test_layer_kinds import CC

HYBRID = dict(
    family="qwen3_5", hidden=128, intermediate=256, layers=5, heads=2, kv_heads=1, head_dim=64,
    vocab=300, interval=2, key_heads=2, value_heads=6, key_dim=20, value_dim=128,
)  # fmt: skip
GROUPS = dict(encoding="products-f16")


def ids_of(count: int) -> list[int]:
    return np.random.default_rng(count).integers(0, 300, count).tolist()


# ---------------------------------------------------------------------------
# The reference
# ---------------------------------------------------------------------------


def test_functions_of_gates():
    x = np.concatenate([np.linspace(-100, 100, 4001), [-1e-30, 0, 1e-30]]).astype(F32)
    wide = x.astype(np.float64)
    assert np.allclose(softplus(x), np.maximum(np.logaddexp(0, wide), np.exp(-87)), 2e-7, 0)
    inner = np.abs(x) <= 80
    assert np.allclose(sigmoid(x)[inner], 1 / (1 + np.exp(-wide[inner])), 2e-7, 0)
    assert np.isnan(softplus(np.array([np.nan], F32))).all()
    assert softplus(np.array([np.inf], F32)) == np.inf
    assert np.all(exp(softplus(x)[inner & (x > 1)]) > 1)


@pytest.mark.parametrize("tokens", [1, 2, 3, 40])
def test_steps_are_one_step(tmp_path, tokens):
    synthesize(tmp_path, **HYBRID)
    model, ids = Model(load(tmp_path)), ids_of(40)
    want, cache, parts = model.run(ids), model.new_cache(), []
    for first in range(0, 40, tokens):
        parts.append(model.step(cache, ids[first : first + tokens]))
    got = Result(
        np.concatenate([p.hidden for p in parts], axis=1), np.concatenate([p.logits for p in parts])
    )
    assert_same(got, want)


def test_order_of_heads_changes_nothing_without_groups(tmp_path):
    """Those of a file are permuted; only sums of groups see it."""
    synthesize(tmp_path, **HYBRID)
    checkpoint = load(tmp_path)
    assert_same(Model(tile(checkpoint)).run(ids_of(9)), Model(checkpoint).run(ids_of(9)))
    order = [0, 3, 1, 4, 2, 5]
    own, other = checkpoint.layers[0].delta, tile(checkpoint).layers[0].delta
    assert np.array_equal(other.bias, own.bias[order]) and not np.array_equal(other.bias, own.bias)


# ---------------------------------------------------------------------------
# Through the ABI
# ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compiled(tern, tmp_path_factory) -> tuple[CompiledModel, Result, list[int]]:
    """A model, and what the reference says of 70 tokens."""
    if not shutil.which(CC):
        pytest.skip(f"no C compiler '{CC}' to link an object with")
    out = tmp_path_factory.mktemp("hybrid")
    synthesize(out / "m", **HYBRID)
    command = [tern, "compile", str(out / "m"), "-o", str(out / "it.o"), "--name=it"]
    run_driver([*command, f"--target={TARGETS[-1]}", "--emit=obj"])
    reference = Model(load(out / "m"))
    return CompiledModel(out / "it", CC), reference.run(ids_of(70)), ids_of(70)


def joined(parts: list) -> Result:
    hidden = np.concatenate([hidden for hidden, _ in parts], axis=1)
    return Result(hidden, np.concatenate([logits for _, logits in parts]))


def test_what_a_state_is(compiled):
    model = compiled[0].model
    features, layers = 2 * 2 * 20 + 6 * 128, 3
    layer = -(-3 * features * 4 // 64) * 64 + 20 * 6 * 128 * 4
    assert (model.kind_count, model.is_recurrent, model.kv_bits) == (2, 1, 16)
    assert model.state_fixed_bytes == 64 + layers * layer


@pytest.mark.parametrize("sizes", [[70], [1] * 70, [33, 1, 1, 35], [2, 3, 65]], ids=str)
def test_any_split_of_a_text(compiled, sizes):
    model, want, ids = compiled
    sequence, at, parts = model.sequence(), 0, []
    for size in sizes:
        parts += model.step([(sequence, ids[at : at + size])], workers=3, order="reverse")
        at += size
    assert_same(joined(parts), want)


def test_sequences_of_a_batch_keep_apart(compiled):
    """Tokens of three texts in one call, of which one begins in it."""
    model, want, ids = compiled
    one, two = model.sequence(), model.sequence()
    parts = model.step([(one, ids[:9])]), model.step([(two, ids[:30])])
    both = model.step([(two, ids[30:70]), (one, ids[9:20]), (model.sequence(), ids[:5])], workers=2)
    assert_same(joined([*parts[0], both[1]]), Result(want.hidden[:, :20], want.logits[:20]))
    assert_same(joined([*parts[1], both[0]]), want)
    assert_same(joined([both[2]]), Result(want.hidden[:, :5], want.logits[:5]))


def test_a_copy_of_a_state_goes_on_alike(compiled):
    """Snapshot, restore and fork: a state is its bytes."""
    model, want, ids = compiled
    sequence = model.sequence()
    first = model.step([(sequence, ids[:20])])
    saved = sequence.state.bytes.copy()
    rest = model.step([(sequence, ids[20:])])
    assert_same(joined([*first, *rest]), want)
    other = model.sequence()
    other.state.bytes[:] = saved
    other.position = 20
    assert_same(joined([*first, *model.step([(other, ids[20:])])]), want)


def test_states_of_one_size_are_told_apart(tern, tmp_path):
    """Keys of 16 and values of 24 features, and the opposite."""
    models = []
    for name, sizes in (("a", (16, 24)), ("b", (24, 16))):
        shape = dict(value_heads=4, key_dim=sizes[0], value_dim=sizes[1])
        synthesize(tmp_path / f"m{name}", **{**HYBRID, **shape})
        out = ["-o", str(tmp_path / f"{name}.o"), "--emit=obj", f"--name={name}"]
        run_driver([tern, "compile", str(tmp_path / f"m{name}"), *out, "--target=generic"])
        models.append(CompiledModel(tmp_path / name, CC).model)
    assert models[0].state_fixed_bytes == models[1].state_fixed_bytes
    assert models[0].state_id != models[1].state_id


# ---------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------


def test_text_model_of_a_model_of_pictures(tern, tmp_path):
    synthesize(tmp_path / "plain", **HYBRID)
    synthesize(tmp_path / "nested", nested=True, **HYBRID)
    assert_same_artifact(tern, tmp_path / "plain", tmp_path / "nested", tmp_path / "out")
    done = run(tern, "inspect", tmp_path / "nested")
    assert done.returncode == 0 and "the 1 tensors of pictures are not used" in done.stdout
    assert "the 1 tensors of layers that predict further tokens ('mtp.') are not used" in done.stdout


@pytest.mark.parametrize(
    "kind, options",
    [("tq2_0", dict(hidden=256, heads=4)), ("f16", {}), ("q2_0_g128", GROUPS)],
)
def test_gguf_is_the_reference_with_its_heads(tern, tmp_path, kind, options):
    options = {**HYBRID, **options}
    synthesize(tmp_path / "hf", **options)
    convert(tmp_path / "hf", tmp_path / "m.gguf", kind)
    metadata, tensors = read(tmp_path / "m.gguf")
    assert metadata["qwen35.ssm.inner_size"] == 768 and "blk.0.ssm_a" in tensors
    got = run_compiled(tern, tmp_path / "m.gguf", ids_of(20), tmp_path, TARGETS[-1])
    checkpoint = load(tmp_path / "hf")
    if kind == "f16" and "encoding" not in options:  # says nothing of activations
        assert checkpoint.config.activations["out_proj"].block is None
    assert_same(got, Model(tile(checkpoint)).run(ids_of(20)))


def test_export_of_hybrids_is_refused(tern, tmp_path):
    synthesize(tmp_path / "hf", **HYBRID)
    done = run(tern, "export", tmp_path / "hf", "-o", tmp_path / "m.gguf", "--type=f16")
    assert done.returncode == 1 and "no GGUF files of models with recurrent layers" in done.stderr
    assert not (tmp_path / "m.gguf").exists()


def test_inspect_says_both_kinds(tern, tmp_path):
    synthesize(tmp_path, **HYBRID)
    done = run(tern, "inspect", tmp_path, "--check")
    assert done.returncode == 0, done.stderr
    assert "3 layers, 6 heads (2 for keys) of 20 by 128" in done.stdout
    assert "bytes at any length" in done.stdout and "in_proj_qkv" in done.stdout


# ---------------------------------------------------------------------------
# Bad input: one sentence each
# ---------------------------------------------------------------------------


def sentence(tern: str, model: Path) -> str:
    done = run(tern, "inspect", model)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def without(model: Path, out: Path, unwanted: str) -> Path:
    """The same model without some tensors."""
    reader = Reader(model)
    kept = [
        Pending(name, entry.dtype, entry.shape, lambda name=name: iter([reader.raw(name)]))
        for name, entry in reader.entries.items()
        if unwanted not in name
    ]
    out.mkdir()
    write_shards(out, kept, 1)
    shutil.copy(model / "config.json", out)
    return out


def test_another_basis_is_named(tern, tmp_path):
    synthesize(tmp_path / "m", nested=True, **{**HYBRID, "hidden": 128}, encoding="affine")
    path = tmp_path / "m" / "model.safetensors"
    reader, name = Reader(path), "language_model.model.layers.0.mlp.down_proj.signs"
    kept = [
        Pending(name, entry.dtype, entry.shape, lambda name=name: iter([reader.raw(name)]))
        for name, entry in reader.entries.items()
    ]
    (tmp_path / "more").mkdir()
    signs = Pending(name, "F16", (256,), lambda: iter([np.ones(256, np.float16)]))
    write_shards(tmp_path / "more", [*kept, signs], 1)
    shutil.copy(tmp_path / "m" / "config.json", tmp_path / "more")
    assert "down_proj.signs' are the signs of a Hadamard basis" in sentence(tern, tmp_path / "more")


@pytest.mark.parametrize("name", ["0.linear_attn.conv1d.weight", "2.linear_attn.A_log"])
def test_missing_tensors_of_recurrent_layers(tern, tmp_path, name):
    synthesize(tmp_path / "m", **HYBRID)
    words = f"'model.layers.{name}' is missing"
    assert words in sentence(tern, without(tmp_path / "m", tmp_path / "less", name))


def test_layer_types_that_contradict_the_interval(tern, tmp_path):
    config = synthesize(tmp_path, **HYBRID)
    config["full_attention_interval"] = 4
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert "'layer_types' has full_attention for layer 1, which contradicts" in (
        sentence(tern, tmp_path)
    )


def test_reference_refuses_layers_without_attention(tmp_path):
    config = synthesize(tmp_path, **HYBRID)
    with pytest.raises(ConfigError, match="layer_types"):
        parse_config({**config, "layer_types": ["linear_attention"] * 5})


@pytest.mark.parametrize(
    "change, words",
    [({"qwen35.ssm.inner_size": 770}, "is no multiple of 'qwen35.ssm.time_step_rank' = 6"),
     ({"qwen35.ssm.group_count": 4}, "is not a multiple of 'linear_num_key_heads' = 4"),
     ({"qwen35.nextn_predict_layers": 1}, "'qwen35.nextn_predict_layers'"),
     ({"prism.hadamard.version": 1}, "does not support the metadata 'prism.hadamard.version'"),
     ({"qwen35.ssm.state_size": None}, "'qwen35.ssm.state_size' is missing")],
)  # fmt: skip
def test_metadata_of_another_model(tern, tmp_path, change, words):
    synthesize(tmp_path / "hf", **HYBRID)
    convert(tmp_path / "hf", tmp_path / "m.gguf", "f16")
    metadata, tensors = read(tmp_path / "m.gguf")
    metadata |= change
    kept = {key: value for key, value in metadata.items() if value is not None}
    for tensor in tensors.values():
        size = {0: 4, 1: 2, 30: 2}[tensor.type] * int(np.prod(tensor.shape))
        tensors[tensor.name] = replace(tensor, data=tensor.data[:size])
    write(tmp_path / "m.gguf", kept, list(tensors.values()))
    assert words in sentence(tern, tmp_path / "m.gguf")
