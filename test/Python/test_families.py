# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Qwen3 and MiniCPM: in files of either kind, inspected, exported, refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from artifact import assert_same_artifact
from tern_reference.checkpoint import load
from tern_reference.config import ConfigError, parse_config
from tern_reference.gguf import convert, read, write
from tern_reference.model import Model
from tern_reference.rope import Rope, rope_tables, yarn_bounds, yarn_factor
from tern_reference.safetensors import Pending, Reader, write_shards
from tern_reference.synth import synthesize
from test_compiled import run_driver
from test_driver import run

# Rows of whole blocks, heads that are wider together than the model.
SHAPE = dict(hidden=256, intermediate=512, vocab=300)
QWEN3 = dict(family="qwen3", heads=3, kv_heads=1, head_dim=256, **SHAPE)
MINICPM = dict(family="minicpm", heads=4, kv_heads=2, **SHAPE)
YARN = {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 8192}
GROUPS = dict(encoding="products-f16")  # nothing says how activations are quantized


def config_of(model: Path) -> dict:
    return json.loads((model / "config.json").read_text())


def change(model: Path, **fields: object) -> None:
    config = {**config_of(model), **fields}
    (model / "config.json").write_text(json.dumps(config))


# ---------------------------------------------------------------------------
# The reference, by the numbers of the papers
# ---------------------------------------------------------------------------


def test_yarn_of_bonsai_8b():
    assert yarn_bounds(128, 1e6, 16384, 32, 1, True) == (20, 37)
    assert yarn_bounds(128, 1e6, 8192, 32, 1, True) == (17, 34)
    assert round(yarn_factor(4), 6) == 1.138629 and yarn_factor(0.5) == 1


def test_tables_are_multiplied_before_they_are_rounded():
    positions = np.arange(64)
    plain = rope_tables(positions, 8, Rope(1e4))
    scaled = rope_tables(positions, 8, Rope(1e4, (), 1.138629436111989))
    again = [(x * np.float32(1.138629436111989)).astype(np.float32) for x in plain]
    assert np.allclose(scaled, again, rtol=1e-6) and not np.array_equal(scaled, again)


def test_yarn_counts_at_every_position(tmp_path):
    """At position 0 the scores alone grow, by the square of the factor."""
    synthesize(tmp_path, **QWEN3, rope="yarn", layers=1)
    model = Model(load(tmp_path))
    want = model.run([5]).hidden
    rope = model.config.rope
    assert rope.factor == yarn_factor(4) and rope.divisors[0] == 1 and rope.divisors[-1] == 4
    change(tmp_path, rope_scaling=None)
    two = Model(load(tmp_path)).run([5, 7]).hidden
    change(tmp_path, rope_scaling=YARN)
    assert not np.array_equal(Model(load(tmp_path)).run([5, 7]).hidden[:, 1], two[:, 1])
    assert np.array_equal(want[:, 0], two[:, 0])  # one token sees itself alone


def test_scales_of_minicpm_are_where_they_belong(tmp_path):
    """Powers of two may as well stand in the tensors."""
    synthesize(tmp_path, **MINICPM, scale_depth=1.4, dim_model_base=64, tied=False)
    model = Model(load(tmp_path))
    assert model.config.residual_scale == 1.4 / 2**0.5 and model.config.head_divisor == 4
    want = model.run([1, 2, 3])
    change(tmp_path, scale_emb=24, dim_model_base=32)
    model = Model(load(tmp_path))
    model.checkpoint.embedding[:] /= 2
    model.checkpoint.norm[:] *= 2
    got = model.run([1, 2, 3])
    assert np.array_equal(got.hidden, want.hidden) and np.array_equal(got.logits, want.logits)
    change(tmp_path, scale_depth=2.8)
    assert not np.array_equal(Model(load(tmp_path)).run([1, 2, 3]).hidden, want.hidden)


def test_reference_refuses_what_it_cannot_be(tmp_path):
    config = synthesize(tmp_path, **QWEN3)
    for wrong in (
        {"architectures": ["LlamaForCausalLM"]},
        {"rope_scaling": {"rope_type": "dynamic", "factor": 2}},
        {"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0] * 128,
                          "long_factor": [2.0] * 128, "original_max_position_embeddings": 64}},
    ):  # fmt: skip
        with pytest.raises(ConfigError):
            parse_config({**config, **wrong})
    with pytest.raises(ConfigError, match="original_max"):
        parse_config({**config, "rope_scaling": {"type": "yarn", "factor": 2}})


# ---------------------------------------------------------------------------
# GGUF
# ---------------------------------------------------------------------------

FORMS = [
    ("tq2_0", dict(**QWEN3)),
    ("q2_0_g128", dict(**QWEN3, **GROUPS, rope="yarn", tied=False)),
    ("f16", dict(**QWEN3, rope="linear", scales="row")),
    ("tq1_0", dict(**MINICPM, rope="longrope", tied=False)),
    ("q2_0_g128", dict(**MINICPM, **GROUPS, rope="longrope", layers=3)),
]


@pytest.mark.parametrize("kind, options", FORMS)
def test_files_are_the_directory(tern, tmp_path, kind, options):
    """The writer of the reference shares no code with the compiler."""
    if options.get("rope") == "linear":
        options = {**options, "rope": "default"}  # it writes a tensor of factors for that
    synthesize(tmp_path / "hf", **options)
    convert(tmp_path / "hf", tmp_path / "m.gguf", kind)
    metadata, tensors = read(tmp_path / "m.gguf")
    assert metadata["general.architecture"] == options["family"]
    assert ("blk.1.attn_q_norm.weight" in tensors) == (options["family"] == "qwen3")
    assert ("rope_factors_long.weight" in tensors) == (options.get("rope") == "longrope")
    assert_same_artifact(tern, tmp_path / "hf", tmp_path / "m.gguf", tmp_path / "out")


@pytest.mark.parametrize(
    "kind, options",
    [("tq2_0", dict(**QWEN3, rope="yarn")), ("f16", dict(**QWEN3, rope="linear")),
     ("f16", dict(**QWEN3, rope="yarn-mscale", tied=False)),
     ("tq2_0", dict(**MINICPM, rope="longrope")), ("f16", dict(**MINICPM, rope="longrope-far")),
     ("tq2_0", dict(**MINICPM, tied=False, scale_emb=7.3))],
)  # fmt: skip
def test_exported_files_come_back(tern, tmp_path, kind, options):
    synthesize(tmp_path / "hf", **options)
    out = tmp_path / "m.gguf"
    run_driver([tern, "export", str(tmp_path / "hf"), "-o", str(out), f"--type={kind}"])
    metadata, tensors = read(out)
    assert metadata["general.architecture"] == options["family"]
    assert "rope_freqs.weight" not in tensors
    scaling = f"{options['family']}.rope.scaling.type"
    assert metadata.get(scaling, "default").startswith(options.get("rope", "default").split("-")[0])
    assert_same_artifact(tern, tmp_path / "hf", out, tmp_path / "out")
    run_driver([tern, "export", str(out), "-o", str(tmp_path / "n.gguf"), f"--type={kind}"])
    assert (tmp_path / "n.gguf").read_bytes() == out.read_bytes()


def test_export_says_what_engines_read(tern, tmp_path):
    """All that the reference's writer says, the compiler's says too."""
    both = dict(**QWEN3, rope="yarn"), dict(**MINICPM, rope="longrope")
    for number, options in enumerate(both):
        model, want, got = (tmp_path / f"{number}{end}" for end in ("", "a.gguf", "b.gguf"))
        synthesize(model, **options)
        convert(model, want, "tq2_0")
        run_driver([tern, "export", str(model), "-o", str(got), "--type=tq2_0"])
        (metadata, tensors), (more, others) = read(want), read(got)
        assert {key: more.get(key) for key in metadata} == metadata
        assert others == tensors


@pytest.mark.parametrize(
    "options, words",
    [(dict(**QWEN3, bias="attention"), "both biases and norms of heads"),
     (dict(**QWEN3, rope="llama3"), "rotary embeddings that are scaled so"),
     (dict(**{**MINICPM, "act": "relu2"}), "relu2 without sub-norms")],
)  # fmt: skip
def test_graphs_that_engines_lack(tern, tmp_path, options, words):
    synthesize(tmp_path / "hf", **options)
    done = run(tern, "export", tmp_path / "hf", "-o", tmp_path / "m.gguf", "--type=f16")
    assert done.returncode == 1 and words in done.stderr and "--arch=" in done.stderr


# ---------------------------------------------------------------------------
# Bad input: one sentence each
# ---------------------------------------------------------------------------


def sentence(tern: str, model: Path) -> str:
    done = run(tern, "inspect", model)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_missing_norms_of_heads_are_one_sentence(tern, tmp_path):
    synthesize(tmp_path, **QWEN3)
    entries = Reader(tmp_path)
    kept = [
        Pending(name, entry.dtype, entry.shape, lambda name=name: iter([entries.raw(name)]))
        for name, entry in entries.entries.items()
        if "_norm.weight" not in name or "q_norm" not in name and "k_norm" not in name
    ]
    (tmp_path / "less").mkdir()
    write_shards(tmp_path / "less", kept, 1)
    (tmp_path / "less" / "config.json").write_text((tmp_path / "config.json").read_text())
    assert "'model.layers.0.self_attn.q_norm.weight' is missing, but qwen3 norms every head" in (
        sentence(tern, tmp_path / "less")
    )
    change(tmp_path, architectures=["LlamaForCausalLM"], model_type="llama")
    done = run(tern, "inspect", tmp_path)
    assert done.returncode == 1 and "k_norm.weight' is not part of the model" in done.stderr


WRONG = {
    "use_sliding_window": ({"use_sliding_window": True}, "'use_sliding_window' = true"),
    "window": ({"use_sliding_window": True, "sliding_window": 64}, "'sliding_window' = 64"),
    "layers": ({"layer_types": ["full_attention", "sliding_attention"]}, "'layer_types'"),
    "class": ({"architectures": ["LlamaForCausalLM"]}, "which is meant?"),
    "yarn": ({"rope_scaling": {"type": "yarn", "factor": 4}}, "original_max_position_embeddings'"),
    "kv": ({"num_key_value_heads": None}, "'num_key_value_heads'"),
    "norm": ({"head_dim": 128}, "_norm.weight"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_fields_are_named(tern, tmp_path, name):
    fields, words = WRONG[name]
    synthesize(tmp_path, **QWEN3)
    change(tmp_path, **fields)
    done = run(tern, "inspect", tmp_path)
    assert done.returncode == 1 and words in done.stderr
    assert name == "norm" or done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["scale_emb", "scale_depth", "dim_model_base"])
def test_scales_are_required(tern, tmp_path, name):
    synthesize(tmp_path, **MINICPM)
    convert(tmp_path, tmp_path / "m.gguf", "tq2_0")
    change(tmp_path, **{name: None})
    assert f"'{name}'" in sentence(tern, tmp_path)
    metadata, tensors = read(tmp_path / "m.gguf")
    key = {"scale_emb": "embedding", "scale_depth": "residual", "dim_model_base": "logit"}[name]
    metadata.pop(f"minicpm.{key}_scale")
    write(tmp_path / "n.gguf", metadata, list(tensors.values()))
    assert f"'minicpm.{key}_scale' is missing" in sentence(tern, tmp_path / "n.gguf")


def test_inspect_says_the_family(tern, tmp_path):
    synthesize(tmp_path / "q", **QWEN3, rope="yarn")
    facts = json.loads(run(tern, "inspect", tmp_path / "q", "--json").stdout)
    assert facts["family"] == "qwen3" and facts["head_norms"] and facts["rope_stretch"] == 4
    assert round(facts["rope_factor"], 6) == 1.138629 and facts["warnings"] == []
    synthesize(tmp_path / "m", **MINICPM)
    change(tmp_path / "m", sparse_config={"dense_len": 8192, "kernel_size": 32}, mup_denominator=32)
    facts = json.loads(run(tern, "inspect", tmp_path / "m", "--json").stdout)
    assert facts["family"] == "minicpm" and not facts["head_norms"]
    assert facts["embedding_scale"] == 12 and facts["head_divisor"] == np.float32(256 / 40)
    assert len(facts["warnings"]) == 1
    assert "'sparse_config', which is not followed" in facts["warnings"][0]
    text = run(tern, "inspect", tmp_path / "m").stdout
    assert "embedding times 12, blocks times" in text
