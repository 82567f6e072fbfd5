# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Reading checkpoints: packing, scales, masters, shards, refusals, tokenizer."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from conftest import MODELS, model_directory
from tern_reference.checkpoint import load, pack, unpack
from tern_reference.config import ActivationQuant, ConfigError, parse_config
from tern_reference.model import Model, Options
from tern_reference.numerics import F32, ternarize, to_bf16, widen_bf16
from tern_reference.safetensors import FormatError, Pending, Reader, write
from tern_reference.synth import synthesize
from tern_reference.tokenizer import Tokenizer, compile_pattern

BASE = dict(
    hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2, vocab_size=9,
    max_position_embeddings=16, rms_norm_eps=1e-5, hidden_act="relu2", model_type="bitnet",
)  # fmt: skip


def test_packed_rows_are_quarters():
    """Byte r holds rows r, r + out/4, r + out/2, r + 3*out/4, lowest bits first."""
    packed = np.array([[0b10_01_00_10], [0b00_00_10_01]], np.uint8)
    assert unpack(packed)[:, 0].tolist() == [1, 0, -1, 1, 0, -1, 1, -1]


def test_pack_and_unpack():
    digits = np.random.default_rng(0).integers(-1, 2, (12, 7)).astype(np.int8)
    assert (unpack(pack(digits)) == digits).all()


def test_code_3_is_an_error():
    with pytest.raises(FormatError, match="'w': code 3 at row 3, column 1"):
        unpack(np.array([[0, 0], [0, 0b00_00_11_00]], np.uint8), "w")


def test_weight_scale_meanings():
    def meaning(**quantization):
        return parse_config({**BASE, "quantization_config": quantization}).weight_scale

    assert meaning(quant_method="bitnet") == "divides"
    assert meaning(quant_method="bitnet", linear_class="bitlinear") == "divides"
    auto = dict(quant_method="bitnet", linear_class="autobitlinear")
    assert meaning(**auto) == meaning(**auto, quantization_mode="offline") == "multiplies"
    assert meaning(**auto, quantization_mode="online") == "none"
    assert parse_config(BASE).weight_scale == "none"


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_act": "gelu"},
        {"quantization_config": {"quant_method": "gptq"}},
        {"quantization_config": {"quant_method": "bitnet", "linear_class": "other"}},
        {"activation_quantization": {"q_proj": {"scheme": "int4_absmax"}}},
        {"activation_quantization": {"qkv_proj": {"scheme": "int8_absmax"}}},
        {"activation_quantization": {"o_proj": {"scheme": "int8_absmax", "topk": 50}}},
        {"kv_cache_quantization": {"bits": 5}},
        {"rope_scaling": {"type": "yarn", "factor": 2}},
        {"num_key_value_heads": 3},
        {"head_dim": 5},
    ],
)
def test_unknown_config_values_are_errors(change):
    with pytest.raises(ConfigError):
        parse_config({**BASE, **change})


def test_groups_are_as_wide_as_scales_allow(tmp_path):
    """In all rows of all layers."""
    shape = dict(hidden=64, heads=2, head_dim=32, intermediate=96, layers=2, vocab=300)
    synthesize(tmp_path, scales="group", group_size=16, **shape)

    def shapes_after_filling(layer: int, scales: np.ndarray) -> list[tuple[int, ...]]:
        entry = Reader(tmp_path).entries[f"model.layers.{layer}.self_attn.q_proj.weight_scale"]
        with open(entry.path, "r+b") as file:
            file.seek(entry.begin)
            file.write(to_bf16(scales.astype(F32)).tobytes())
        return [one.linears["q_proj"].alpha.shape for one in load(tmp_path).layers]

    rows = 1 + np.arange(64)[:, None] / 64
    assert shapes_after_filling(0, np.ones((64, 4))) == [(64, 4), (64, 4)]
    assert shapes_after_filling(1, np.repeat(rows, 4, axis=1)) == [(64,), (64,)]
    assert shapes_after_filling(1, rows + [[0, 0, 1, 1]]) == [(64, 2), (64, 2)]
    assert shapes_after_filling(0, rows + [[0, 1, 1, 0]]) == [(64, 4), (64, 4)]


def test_a_missing_key_is_named():
    with pytest.raises(ConfigError, match="missing vocab_size"):
        parse_config({k: v for k, v in BASE.items() if k != "vocab_size"})


def test_config_of_the_bundled_models(bundled):
    a48, b158 = (bundled(name).config for name in MODELS)
    assert a48.activations["q_proj"] == ActivationQuant("int4_absmean")
    assert a48.activations["o_proj"] == ActivationQuant("int8_absmax", 0.5)
    assert (a48.kv_bits, a48.bos_bits) == (3, 4)
    assert set(b158.activations.values()) == {ActivationQuant()}
    assert (b158.kv_bits, b158.bos_bits, b158.weight_scale) == (16, 16, "multiplies")


def test_kv_bits_alone_leaves_bos_bits(bundled):
    """Unless they would be fewer than the others' or 16."""
    checkpoint = bundled(MODELS[0])
    wide = replace(checkpoint, config=replace(checkpoint.config, bos_bits=8))
    assert Model(wide, Options(kv_bits=4)).bos_bits == 8
    assert Model(bundled(MODELS[1]), Options(kv_bits=3)).bos_bits == 3
    for options, expected in [
        (Options(), (3, 4)),
        (Options(kv_bits=3), (3, 4)),
        (Options(kv_bits=4), (4, 4)),
        (Options(kv_bits=8), (8, 8)),
        (Options(kv_bits=3, bos_bits=8), (3, 8)),
        (Options(kv_bits=16), (16, 16)),
        (Options(bos_bits=3), (3, 3)),
    ]:
        model = Model(checkpoint, options)
        assert (model.kv_bits, model.bos_bits) == expected


@pytest.mark.parametrize(
    "bytes_, message",
    [
        (b"\0\0", "too short"),
        (b"\xff" * 8 + b"{}", "header of"),
        (b"\2\0\0\0\0\0\0\0{x", "not JSON"),
    ],
)
def test_malformed_safetensors(tmp_path, bytes_, message):
    path = tmp_path / "model.safetensors"
    path.write_bytes(bytes_)
    with pytest.raises(FormatError, match=message):
        Reader(path)


def test_safetensors_checks_offsets(tmp_path):
    path = tmp_path / "x.safetensors"
    write(path, [Pending("a", "F32", (3,), lambda: [np.arange(3, dtype="<f4")])])
    assert Reader(path).f32("a").tolist() == [0, 1, 2]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match="'a' needs 12 bytes"):
        Reader(path)


def test_every_float_type_is_widened_exactly(tmp_path):
    values = np.array([1.0, -0.15625, 65504.0, 0.0], np.float32)
    path = tmp_path / "x.safetensors"
    made = {"BF16": to_bf16(values), "F16": values.astype("<f2"), "F32": values}
    write(path, [Pending(k, k, (4,), lambda a=a: [a]) for k, a in made.items()])
    reader = Reader(path)
    assert reader.f32("F16").tolist() == reader.f32("F32").tolist() == values.tolist()
    assert reader.f32("BF16").tolist() == widen_bf16(to_bf16(values)).tolist()


def test_ternarize_keeps_the_scale_of_a_bundled_matrix(bundled):
    """A master made of alpha * digits plus small noise gives the digits back."""
    linear = bundled(MODELS[0]).layers[0].linears["up_proj"]
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, linear.digits.shape)
    digits, alpha = ternarize((linear.digits * 1.2 + noise).astype(F32))
    assert (digits == linear.digits).all() and 0.5 < alpha < 1.2


PIECES = [
    ("Hello world", ["Hello", " world"]),
    ("it's IT'S we'LL", ["it", "'s", " IT", "'S", " we", "'LL"]),
    ("12345", ["123", "45"]),
    ("a  b\n\n c \n", ["a", " ", " b", "\n\n", " c", " \n"]),
    ("x!?\n\ny", ["x", "!?\n\n", "y"]),
    ("naïve ½ Ⅷ été", ["naïve", " ", "½", " ", "Ⅷ", " été"]),
    ("\x1c\x85\u3000.", ["\x1c", "\x85", "\u3000", "."]),
    ("end   ", ["end", "   "]),
]


@pytest.mark.parametrize("text, pieces", PIECES)
def test_split(text, pieces):
    pattern = Tokenizer.load(model_directory(MODELS[0])).pattern
    assert pattern.findall(text) == pieces


def test_unknown_escape_in_the_pattern_is_an_error():
    with pytest.raises(ValueError, match="not known"):
        compile_pattern(r"\p{Lu}+")


def test_tokenizer_round_trip():
    tokenizer = Tokenizer.load(model_directory(MODELS[0]))
    text = "£ 日本 \u0000 🙂 <|begin_of_text|> ROMEO:"
    ids = tokenizer.encode(text)
    assert 1022 in ids and tokenizer.decode(ids) == text


@pytest.mark.parametrize(
    "change, message",
    [
        ({"head_dim": 32}, r"q_proj.weight' is \[64, 64\], expected \[32, 64\]"),
        ({"intermediate_size": 48}, r"gate_proj.weight' is \[44, 64\], expected \[48, 64\]"),
        ({"vocab_size": 9}, r"embed_tokens.weight' is \[8, 64\], expected \[9, 64\]"),
        ({"num_hidden_layers": 2}, "no tensor 'model.layers.1"),
    ],
)
def test_refuses_the_wrong_shape(tmp_path, change, message):
    sizes = dict(hidden=64, intermediate=44, layers=1, heads=1, vocab=8)
    config = synthesize(tmp_path, sub_norms=False, **sizes)
    (tmp_path / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(FormatError, match=message):
        load(tmp_path)
