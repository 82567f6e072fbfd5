# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Ternary embeddings and heads. Their numbers are those of test_compiled's cases; here is
what else depends on them: batches, files, sizes, refusals.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from abi import CompiledModel
from artifact import artifact, assert_same_artifact
from cached import case_directory
from conftest import TARGETS
from tern_reference.checkpoint import Linear, load
from tern_reference.config import ConfigError
from tern_reference.gguf import convert, read
from tern_reference.model import Model, Options, Result
from tern_reference.safetensors import Pending, Reader, write_shards
from tern_reference.synth import synthesize
from test_compiled import assert_same, run_compiled, run_driver
from test_driver import assert_refused, run
from test_inspect import inspect

CC = os.environ.get("CC", "cc")
SHAPE = dict(hidden=256, intermediate=512, layers=1, heads=4, kv_heads=2, table="ternary")


def test_reference():
    """Rows are digits times scales; the head is a projection."""
    checkpoint = load(case_directory("table-tied-groups"))
    head = checkpoint.head
    assert isinstance(head, Linear) and head is checkpoint.table and head.alpha.shape == (1004, 6)
    row, column = 77, 45
    want = np.float32(head.digits[row, column]) * head.alpha[row, column // 32]
    assert checkpoint.embedding[row, column] == want
    with pytest.raises(ConfigError, match="ternary"):
        Model(checkpoint, Options(head="int8"))


@pytest.mark.parametrize("target", TARGETS)
def test_batches(tern, tmp_path, target):
    """Sequences of a batch, logits of some tokens, several workers: no bit changes."""
    if not shutil.which(CC):
        pytest.skip(f"no C compiler '{CC}' to link an object with")
    directory, base = case_directory("table-tied-groups"), tmp_path / "bard"
    run_driver([tern, "compile", str(directory), "-o", f"{base}.o", f"--target={target}"])
    compiled, model = CompiledModel(base, CC), Model(load(directory))
    ids = np.random.default_rng(5).integers(0, 1004, (2, 21)).tolist()
    want = [model.run(row) for row in ids]
    sequences = [compiled.sequence() for _ in ids]
    for first, end, logits in ((0, 18, 3), (18, 19, 1), (19, 21, 2)):
        work = [(s, row[first:end]) for s, row in zip(sequences, ids)]
        results = compiled.step(work, workers=3, order="threads", logits_count=logits)
        for (hidden, got), each in zip(results, want):
            expected = Result(each.hidden[:, first:end], each.logits[end - logits : end])
            assert_same(Result(hidden, got), expected)


@pytest.mark.parametrize(
    "scheme",
    [{"scheme": "int4_absmean", "hadamard": True}, {"scheme": "int8_absmax", "block": 64, "topk": 0.5}],
    ids=["hadamard", "blocks"],
)  # fmt: skip
def test_activations_of_the_head(tern, tmp_path, scheme):
    """A config may say them; else they are those of q_proj."""
    synthesize(tmp_path, **SHAPE, vocab=300, scheme="a48")
    config = json.loads((tmp_path / "config.json").read_text())
    config["activation_quantization"]["lm_head"] = scheme
    (tmp_path / "config.json").write_text(json.dumps(config))
    ids = [1, 299, 7, 64]
    want = Model(load(tmp_path)).run(ids)
    assert_same(run_compiled(tern, tmp_path, ids, tmp_path, TARGETS[-1], threads=2), want)
    [table] = inspect(tern, tmp_path)[0]["ternary_tables"]
    assert table["scheme"] == scheme["scheme"] and table["block"] == scheme.get("block", 0)


def weights(tern: str, model: Path, *flags: str) -> dict[str, str]:
    """The types of all weights of a model, with their layouts."""
    text = run_driver([tern, "compile", str(model), "--compile-to=packed", *flags])
    for alias, layout in re.findall(r"^(#\w+) = (#tern\.layout<.*>)$", text, re.M):
        text = text.replace(f"{alias}>", f"{layout}>")
    return dict(re.findall(r"tern\.weight @(\S+) .* : (tensor<.*>)", text))


def test_a_tied_table_is_stored_once(tern, tmp_path):
    tied = weights(tern, case_directory("table-tied-groups"), "--target=generic")
    assert "lm_head" not in tied and "lm_head.scale" not in tied
    # Scales of groups are in the layout, or a weight beside it.
    scales = tied.get("embed_tokens.scale")
    assert scales is None if "], f" in tied["embed_tokens"] else "1004x6x" in scales
    synthesize(tmp_path, **SHAPE, tied=False)
    untied = weights(tern, tmp_path, f"--target={TARGETS[-1]}")
    assert "rows, k:4:1, []" in untied["embed_tokens"]  # one run for each token
    assert untied["lm_head"] != untied["embed_tokens"] or TARGETS[-1] == "generic"


@pytest.mark.parametrize("tied", [True, False])
def test_bytes_of_a_token(tern, tmp_path, tied):
    """The head is read whole, of a table that is only looked up one row and its scales."""
    synthesize(tmp_path, **SHAPE, tied=tied, scales="row", vocab=1024)
    done = run(tern, "bench", tmp_path, "-p", "0", "-n", "8", "-r", "1", "-o", "json", "--dense")
    [row] = json.loads(done.stdout)
    matrices = 256 * (2 * 256 + 2 * 128 + 3 * 512) // 4
    scales = 4 * (256 + 2 * 128 + 256 + 2 * 512 + 256)
    head = 1024 * (256 // 4 + 4)
    others = row["bytes_per_token"] - matrices - scales - head
    looked_up = 0 if tied else 256 // 4 + 4
    norms = 4 * (4 * 256 + 512)
    assert looked_up + norms <= others < looked_up + norms + 4096  # a row of angles, the cache
    assert row["model_size"] >= matrices + scales + head * (1 if tied else 2)


def test_inspect(tern):
    facts, text = inspect(tern, case_directory("table-tied-groups"), "--check")
    [table] = facts["ternary_tables"]
    assert (table["name"], table["head"]) == ("model.embed_tokens.weight", True)
    assert (table["rows"], table["columns"], table["scale_groups"]) == (1004, 192, 6)
    assert table["scheme"] == "int8_absmax" and 0.25 < table["zeros"] < 0.4
    assert re.search(r"^embed_tokens +1004 +192 .*int8_absmax, a scale per 32 columns", text, re.M)
    assert facts["ternary_bits"] == 2.5  # a bf16 for 32 weights
    assert facts["matrix_types"] == [{"type": "U8", "scales": "BF16", "count": 15}]  # 2 layers
    facts, text = inspect(tern, case_directory("table-untied-rows"))
    assert [t["head"] for t in facts["ternary_tables"]] == [False, True]
    assert re.search(r"^embed_tokens .*looked up, a scale per row$", text, re.M)
    facts, _ = inspect(tern, case_directory("head-alone"))
    assert [t["name"] for t in facts["ternary_tables"]] == ["lm_head.weight"]


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kind", ["tq1_0", "q2_0_g64", "iq2_bn"])
def test_gguf(tern, tmp_path, kind, tied):
    """token_embd and output in a ternary type are the model of the directory."""
    scales = "row" if kind == "iq2_bn" else "group"
    options = dict(scales=scales, group_size=256, tied=tied, vocab=300, encoding="packed-multiply")
    synthesize(tmp_path / "hf", **SHAPE, **options)
    rewrite_scales(tmp_path / "hf", "F16", np.float16)
    convert(tmp_path / "hf", tmp_path / "m.gguf", kind)
    flags = ["--hidden-act=relu2"]
    (tmp_path / "out").mkdir()
    got = artifact(tern, tmp_path / "m.gguf", tmp_path / "out" / "a", *flags)
    assert got == artifact(tern, tmp_path / "hf", tmp_path / "out" / "b")


def rewrite_scales(directory: Path, dtype: str, convert) -> None:
    """All scales become what `convert` makes of them; blocks can hold float16."""
    reader, tensors = Reader(directory), []
    for name, entry in reader.entries.items():
        array, kind = reader.raw(name), entry.dtype
        if name.endswith("_scale"):
            array, kind = convert(reader.f32(name)), dtype
        tensors.append(Pending(name, kind, array.shape, lambda array=array: iter([array])))
    write_shards(directory, tensors, 1)


def test_odd_number_of_rows(tern, tmp_path, monkeypatch):
    """Packed directories have a multiple of four, GGUF any number of tokens."""
    synthesize(tmp_path / "hf", tokenizer=False, **SHAPE, vocab=120)
    whole = load(tmp_path / "hf")
    table = replace(whole.table, digits=whole.table.digits[:117])
    odd = replace(
        whole, config=replace(whole.config, vocab_size=117), table=table, head=table,
        embedding=table.values(),
    )  # fmt: skip
    monkeypatch.setattr("tern_reference.gguf.load", lambda directory: odd)
    convert(tmp_path / "hf", tmp_path / "m.gguf", "tq2_0")
    ids, out = [0, 116, 5, 77, 116], tmp_path / "logits.npy"
    for target in TARGETS:
        command = [tern, "run", tmp_path / "m.gguf", "--hidden-act=relu2", f"--target={target}"]
        command += ["--ids", ",".join(map(str, ids)), "-n", "0", "--logits", out]
        run_driver(list(map(str, command)))
        assert (np.load(out) == Model(odd).run(ids).logits).all()


@pytest.mark.parametrize("tied", [True, False])
def test_export(tern, tmp_path, tied):
    """A table is written as all matrices are, and comes back with its exact scale."""
    synthesize(tmp_path / "hf", **SHAPE, tied=tied, vocab=300)
    file = tmp_path / "m.gguf"
    run_driver([tern, "export", str(tmp_path / "hf"), "-o", str(file), "--type=tq2_0"])
    metadata, tensors = read(file)
    assert tensors["token_embd.weight"].type == 35 and ("output.weight" in tensors) != tied
    assert len(metadata["tern.table_scales"]) == 2
    assert (metadata["tern.table_scales"][1] == 0) == tied
    assert_same_artifact(tern, tmp_path / "hf", file, tmp_path / "out")
    again = tmp_path / "n.gguf"
    run_driver([tern, "export", str(file), "-o", str(again), "--type=tq2_0"])
    assert again.read_bytes() == file.read_bytes()


def test_export_as_values(tern, tmp_path):
    """float16 holds digits times scales that are float16: tern tells them from floats where
    rows are whole groups of 128."""
    synthesize(tmp_path / "hf", **SHAPE, vocab=300)
    rewrite_scales(tmp_path / "hf", "F32", lambda scale: scale * np.float32(1.0001))
    file = tmp_path / "m.gguf"
    command = ("export", tmp_path / "hf", "-o", file, "--type=f16")
    assert_refused(run(tern, *command), "'model.embed_tokens.weight'", "no float16")
    rewrite_scales(tmp_path / "hf", "F16", np.float16)
    done = run(tern, *command)
    assert done.returncode == 0 and "model.embed_tokens" not in done.stderr
    assert_same_artifact(tern, tmp_path / "hf", file, tmp_path / "out")
    synthesize(tmp_path / "hf", **{**SHAPE, "hidden": 192}, vocab=300)
    done = run(tern, *command)
    assert done.returncode == 0
    assert "the digits of 'model.embed_tokens.weight' are written as f16" in done.stderr


def test_refusals(tern, tmp_path):
    model = case_directory("table-tied")
    done = run(tern, "run", model, "-p", "x", "--head=int6")
    assert_refused(done, "a head of int6 was asked for", "the head of this model is ternary")
    shutil.copytree(case_directory("table-alone"), tmp_path / "floats")
    config = json.loads((tmp_path / "floats" / "config.json").read_text())
    config["activation_quantization"] = {"lm_head": {"scheme": "int4_absmean"}}
    (tmp_path / "floats" / "config.json").write_text(json.dumps(config))
    done = run(tern, "inspect", tmp_path / "floats")
    assert_refused(done, "'activation_quantization.lm_head' is of a ternary head")
    shutil.copytree(model, tmp_path / "model")
    tensors = []
    reader = Reader(tmp_path / "model")
    for name, entry in reader.entries.items():
        array = reader.raw(name)
        if name != "model.embed_tokens.weight_scale":
            tensors.append(
                Pending(name, entry.dtype, array.shape, lambda array=array: iter([array]))
            )
    write_shards(tmp_path / "model", tensors, 1)
    done = run(tern, "run", tmp_path / "model", "-p", "x")
    assert_refused(done, "tensor 'model.embed_tokens.weight_scale' is missing")
