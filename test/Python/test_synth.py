# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Synthetic checkpoints: every encoding loads, runs, and has the zeros asked for."""

from __future__ import annotations

import filecmp
import json
import re

import numpy as np
import pytest
from conftest import ROOT
from tern_reference import model as model_module
from tern_reference.checkpoint import load
from tern_reference.model import Model
from tern_reference.numerics import quantize
from tern_reference.published import PUBLISHED
from tern_reference.published import SMALL as SMALL_SIZES
from tern_reference.safetensors import Reader
from tern_reference.synth import ENCODINGS, PRESETS, config_json, main, settings, synthesize
from tern_reference.tokenizer import Tokenizer

SMALL = dict(hidden=192, intermediate=688, layers=2, heads=3, kv_heads=1, vocab=300)
GROUPED = [name for name in ENCODINGS if name.startswith("products") or name == "affine"]
WHOLE_GROUPS = dict(hidden=256, heads=4, intermediate=640)


def run(directory, tokens=48):
    checkpoint = load(directory)
    ids = np.random.default_rng(0).integers(0, checkpoint.config.vocab_size, tokens)
    return Model(checkpoint).run(ids)


@pytest.mark.parametrize("scheme", ["b158", "a48", "a48-fp4"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_behaves(tmp_path, encoding, scheme):
    shape = {**SMALL, **WHOLE_GROUPS} if encoding in GROUPED else SMALL
    synthesize(tmp_path, encoding=encoding, scheme=scheme, **shape)
    result = run(tmp_path)
    rms = np.sqrt(np.mean(result.hidden.astype(np.float64) ** 2, axis=(1, 2)))
    embedding = 2 / np.sqrt(shape["hidden"])
    assert np.all(rms > embedding) and np.all(rms < 1.5 * embedding)
    assert 1.5 < result.logits.std() < 2.5


def test_multiply_and_divide_are_one_model(tmp_path):
    for name in ("packed-multiply", "packed-divide"):
        synthesize(tmp_path / name, encoding=name, **SMALL)
    multiply, divide = (load(tmp_path / name) for name in ("packed-multiply", "packed-divide"))
    for name, linear in multiply.layers[1].linears.items():
        other = divide.layers[1].linears[name]
        assert (linear.digits == other.digits).all()
        assert linear.alpha == pytest.approx(other.alpha, rel=2**-7)


def test_masters_have_digits_like_packed_ones(tmp_path):
    synthesize(tmp_path, encoding="master-bf16", **SMALL)
    linear = load(tmp_path).layers[0].linears["gate_proj"]
    assert np.mean(linear.digits != 0) == pytest.approx(176 / 256, abs=0.02)
    assert linear.alpha == pytest.approx(1 / np.sqrt(176 / 256 * 192), rel=0.02)


@pytest.mark.parametrize(
    "names, expected", [("sub_norm", "ffn_sub_norm"), ("inner_ln", "ffn_layernorm")]
)
def test_names_of_sub_norms(tmp_path, names, expected):
    synthesize(tmp_path, norm_names=names, **SMALL)
    assert f"model.layers.0.mlp.{expected}.weight" in Reader(tmp_path)
    assert load(tmp_path).layers[0].ffn_sub_norm is not None
    assert load(tmp_path).layers[0].attn_sub_norm is not None


def test_without_sub_norms_and_untied(tmp_path):
    synthesize(tmp_path, sub_norms=False, tied=False, act="silu", **SMALL)
    checkpoint = load(tmp_path)
    assert checkpoint.layers[0].ffn_sub_norm is checkpoint.layers[0].attn_sub_norm is None
    assert checkpoint.head is not checkpoint.embedding
    assert np.isfinite(run(tmp_path).logits).all()


def test_shards_hold_the_same_tensors(tmp_path):
    synthesize(tmp_path / "one", **SMALL)
    synthesize(tmp_path / "three", shards=3, **SMALL)
    assert len(list((tmp_path / "three").glob("model-*-of-00003.safetensors"))) == 3
    one, three = Reader(tmp_path / "one"), Reader(tmp_path / "three")
    assert set(one.entries) == set(three.entries)
    assert all((one.raw(name) == three.raw(name)).all() for name in one.entries)


def test_the_same_seed_gives_the_same_file(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        synthesize(tmp_path / name, seed=seed, **SMALL)
    file = "model.safetensors"
    assert filecmp.cmp(tmp_path / "a" / file, tmp_path / "b" / file, shallow=False)
    assert not filecmp.cmp(tmp_path / "a" / file, tmp_path / "c" / file, shallow=False)


@pytest.mark.parametrize("encoding", ["packed-multiply", "master-f16"])
@pytest.mark.parametrize("gate, down", [(0.662, 0.809), (0.5, 0.75), (0.8, 0.9), (0.3, 0.6)])
def test_zeros_on_demand(tmp_path, monkeypatch, encoding, gate, down):
    synthesize(tmp_path, scheme="a48", gate_zeros=gate, down_zeros=down, encoding=encoding, **SMALL)
    seen = {"gate_proj": [], "down_proj": []}
    shapes = {"gate_proj": (688, 192), "down_proj": (192, 688)}
    plain = model_module.bitlinear

    def bitlinear(x, linear, quant):
        y = plain(x, linear, quant)
        if linear.digits.shape == shapes["down_proj"]:
            seen["down_proj"].append(np.mean(quantize(x, quant.scheme, quant.topk)[0] == 0))
        elif linear.digits.shape == shapes["gate_proj"]:
            seen["gate_proj"].append(np.mean(y <= 0))
        return y

    monkeypatch.setattr(model_module, "bitlinear", bitlinear)
    run(tmp_path)
    assert len(seen["gate_proj"]) == 4
    gates = seen["gate_proj"][::2]  # gate_proj and up_proj have one shape; gate is first
    assert np.mean(gates) == pytest.approx(gate, abs=0.04)
    assert np.mean(seen["down_proj"]) == pytest.approx(down, abs=0.04)


@pytest.mark.parametrize("vocab, bos, eos", [(257, 256, 256), (258, 256, 257), (300, 298, 299)])
def test_byte_tokenizer(tmp_path, vocab, bos, eos):
    config = synthesize(tmp_path, **{**SMALL, "vocab": vocab})
    assert (config["bos_token_id"], config["eos_token_id"]) == (bos, eos)
    tokenizer = Tokenizer.load(tmp_path)
    assert tokenizer.encode("Aé\n") == [0x41, 0xC3, 0xA9, 0x0A]
    assert tokenizer.encode("a<|begin_of_text|>") == [97, bos]
    assert sorted(tokenizer.pieces) == list(range(vocab))
    generation = json.loads((tmp_path / "generation_config.json").read_text())
    assert generation["eos_token_id"] == eos


def test_no_tokenizer(tmp_path, capsys):
    flags = ["--hidden", "64", "--heads", "1", "--intermediate", "44", "--layers", "1"]
    assert main(["-o", str(tmp_path), "--no-tokenizer", *flags]) == 0
    assert not (tmp_path / "tokenizer.json").exists()


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--hidden", "194", "--heads", "1"], "multiples of 4"),
        (["--act", "silu", "--gate-zeros", "0.5"], "silu has no zeros"),
        (["--no-sub-norms", "--down-zeros", "0.5"], "there is none"),
    ],
)
def test_refusals(tmp_path, capsys, flags, message):
    assert main(["-o", str(tmp_path / "x"), *flags]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_checkpoints(tmp_path, name):
    """Names, types and shapes of the tensors follow from the real config."""
    published = PUBLISHED[name]
    config = synthesize(tmp_path, like=name, small=True)
    assert list(config) == list(published.config)
    changed = {key for key in config if config[key] != published.config[key]}
    assert changed <= {*SMALL_SIZES, *published.small, "bos_token_id", "eos_token_id", "pad_token_id"}
    files = len(list(tmp_path.glob("*.safetensors")))
    assert files == published.shards and np.isfinite(run(tmp_path, 4).logits).all()
    settings_of = settings({"like": name})
    assert settings_of["hidden"] == published.config["hidden_size"]


def test_page_names_every_published_form():
    page = (ROOT / "docs" / "models.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ") and line.count("|") > 4]
    named = {name for row in rows for name in re.findall(r"`([^`]*)`", row.split("|")[4])}
    assert named - {"--like"} == set(PUBLISHED)


def test_published_checkpoints_are_not_varied(tmp_path, capsys):
    for flags in (["--like", "2b-4t", "--hidden", "64"], ["--small"]):
        assert main(["-o", str(tmp_path / "x"), *flags]) == 1
    assert "only --seed and --shards vary" in capsys.readouterr().err


def test_names_of_tensors_in_published_checkpoints(tmp_path):
    layer, norms = "model.layers.1.", (".inner_attn_ln", ".attn_sub_norm")
    for name, (dtype, norm, scale, head) in {
        "2b-4t": ("U8", norms[1], "BF16", False),
        "2b-4t-bf16": ("BF16", norms[1], None, False),
        "700m": ("F32", norms[0], None, False),
        "3b": ("F16", norms[0], None, False),
        "falcon3-1b": ("U8", None, "BF16", True),
    }.items():
        synthesize(tmp_path / name, like=name, small=True)
        entries = Reader(tmp_path / name).entries
        assert entries[layer + "self_attn.q_proj.weight"].dtype == dtype
        present = [n for n in norms if f"{layer}self_attn{n}.weight" in entries]
        assert present == ([norm] if norm else [])
        scales = entries.get(layer + "mlp.up_proj.weight_scale")
        assert (scales and (scales.dtype, tuple(scales.shape))) == (scale and (scale, (1,)))
        assert ("lm_head.weight" in entries) == head


def test_preset_of_the_published_model():
    """microsoft/bitnet-b1.58-2B-4T's config, where it matters."""
    config = config_json(settings({"preset": "2B-4T"}))
    assert config["head_dim"] == 128 and config["rope_theta"] == 500000.0
    assert config["quantization_config"]["linear_class"] == "autobitlinear"
    assert config["bos_token_id"] == 128000 and 128009 in config["eos_token_id"]
    assert "activation_quantization" not in config and config["tie_word_embeddings"]
    assert settings({"preset": "3B"})["head_dim"] == 100
    assert all(config_json(settings({"preset": name})) for name in PRESETS)
