# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models with a scale for each row and group: one in every published form, to the bit."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Callable

import numpy as np
import pytest
from artifact import artifact, assert_same_artifact
from tern_reference.checkpoint import Linear, load, recover, unpack_affine
from tern_reference.gguf import Tensor, convert, read
from tern_reference.gguf import write as write_gguf
from tern_reference.gguf_encodings import decode, decode_q4_k
from tern_reference.model import Model
from tern_reference.numerics import F32, to_bf16
from tern_reference.safetensors import FormatError, Pending, Reader, write
from tern_reference.synth import synthesize
from test_compiled import assert_same, run_driver
from test_driver import assert_refused
from test_driver import run as run_tern
from test_gguf import IDS, run

# Rows of whole groups.
SHAPE = dict(
    hidden=256, intermediate=384, layers=2, heads=4, kv_heads=2, head_dim=64, vocab=300, act="silu",
    sub_norms=False, tied=False, table="ternary", seed=3,
)  # fmt: skip
BLOCKS = ("q2_0_g64", "q2_0_g128", "pq2_0", "ptq1_0")
FORMS = ("mlx", "mlx-64", "products-f32", *(f"gguf-{kind}" for kind in (*BLOCKS, "f16", "f32")))


def rewrite(directory: Path, change: Callable[[str, np.ndarray], np.ndarray], dtype: str) -> None:
    """The same model with other numbers in its tensors."""
    reader = Reader(directory)
    tensors = []
    for name in reader.entries:
        values = change(name, reader.f32(name))
        tensors.append(Pending(name, dtype, values.shape, lambda v=values: [v]))
    write(directory / "model.safetensors", tensors)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("groups") / "unpacked"
    synthesize(directory, **SHAPE, encoding="products-f16")
    return directory


def in_groups_of_64(directory: Path) -> None:
    """MLX's scales, each for half as many columns."""
    reader = Reader(directory)
    tensors = []
    for name, entry in reader.entries.items():
        values = reader.raw(name)
        if name.endswith((".scales", ".biases")):
            values = np.repeat(values, 2, axis=1)
        tensors.append(Pending(name, entry.dtype, values.shape, lambda v=values: [v]))
    write(directory / "model.safetensors", tensors)
    config = json.loads((directory / "config.json").read_text())
    for field in ("quantization", "quantization_config"):
        config[field]["group_size"] = 64
    (directory / "config.json").write_text(json.dumps(config))


def make(form: str, unpacked: Path, out: Path) -> tuple[Path, list[str]]:
    """A model of that form and the flags it needs."""
    kind = form.removeprefix("gguf-")
    if kind != form:
        convert(unpacked, out / "model.gguf", kind)
        return out / "model.gguf", []
    synthesize(out / "model", **SHAPE, encoding="affine" if form.startswith("mlx") else form)
    if form == "mlx-64":
        in_groups_of_64(out / "model")
    if form == "products-f32":  # of the very scales
        shutil.copytree(unpacked, out / "model", dirs_exist_ok=True)
        rewrite(out / "model", lambda name, values: values, "F32")
    return out / "model", []


@pytest.fixture(scope="module")
def expected(tern, unpacked, tmp_path_factory) -> dict[str, bytes]:
    """The code and the weights of the directory, and what they compute."""
    out = tmp_path_factory.mktemp("groups") / "out"
    files = artifact(tern, unpacked, out)
    assert_same(run(tern, unpacked, out), Model(load(unpacked)).run(IDS))
    return files


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_the_same_model(tern, unpacked, expected, tmp_path, form):
    """Down to the bytes of code and weights."""
    model, flags = make(form, unpacked, tmp_path)
    got = artifact(tern, model, tmp_path / "out", *flags)
    assert got.keys() == expected.keys()
    for name, contents in expected.items():
        assert got[name] == contents, name
    text = run_tern(tern, "inspect", model, "--check", *flags).stdout
    assert "a scale per 128 columns of a row" in text and "nothing in it would be refused" in text
    facts = json.loads(run_tern(tern, "inspect", model, "--json", *flags).stdout)
    parameters = sum(math.prod(entry.shape) for entry in Reader(unpacked).entries.values())
    assert facts["parameters"] == parameters
    assert facts["ternary"] == parameters - 5 * SHAPE["hidden"]  # norms
    bits = {"mlx": 2.25, "mlx-64": 2.5, "gguf-ptq1_0": 1.75, "gguf-q2_0_g64": 2.25}
    assert facts["ternary_bits"] == bits.get(form, 2.125 if "2_0" in form else 16 if form == "gguf-f16" else 32)


def round_factors(path: Path) -> None:
    """Lists of longrope are float32 in a GGUF file."""
    config = json.loads(path.read_text())
    for key, value in (config.get("rope_scaling") or {}).items():
        if isinstance(value, list):
            config["rope_scaling"][key] = [float(F32(factor)) for factor in value]
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    "like, form", [("bonsai-1.7b", "mlx"), ("bonsai-8b", "ptq1_0"), ("bonsai-8b", "q2_0_g64"),
                   ("bitcpm-0.5b", "pq2_0"), ("bitcpm-1b", "pq2_0")],
)  # fmt: skip
def test_published_models_in_two_forms(tern, tmp_path, like, form):
    """With their config's graph, field for field, and of small sizes."""
    synthesize(tmp_path / "hf", like=like, small=True)
    round_factors(tmp_path / "hf" / "config.json")
    want = Model(load(tmp_path / "hf")).run(IDS)
    if form == "mlx":
        synthesize(tmp_path / "other", like=like, small=True, form="mlx")
    else:
        convert(tmp_path / "hf", tmp_path / "other.gguf", form)
    other = tmp_path / ("other" if form == "mlx" else "other.gguf")
    for model in (tmp_path / "hf", other):
        assert_same(run(tern, model, tmp_path), want)


def test_bf16_products_are_the_reference(tern, tmp_path):
    """With tables that are not ternary, as BitCPM's; scales that fit are float16."""
    synthesize(tmp_path / "hf", **{**SHAPE, "table": "float"}, encoding="products-bf16")
    checkpoint = load(tmp_path / "hf")
    assert not isinstance(checkpoint.table, Linear) and not isinstance(checkpoint.head, Linear)
    assert_same(run(tern, tmp_path / "hf", tmp_path), Model(checkpoint).run(IDS))
    convert(tmp_path / "hf", tmp_path / "m.gguf", "pq2_0")
    assert_same_artifact(tern, tmp_path / "hf", tmp_path / "m.gguf", tmp_path / "out")


def test_scales_that_need_32_bits(tern, unpacked, tmp_path):
    """They are found when weights are written: few rows are looked at before."""
    model = tmp_path / "model"
    shutil.copytree(unpacked, model)

    def change(name: str, values: np.ndarray) -> np.ndarray:
        if name == "model.layers.1.mlp.down_proj.weight":
            values[-1, -128:] = np.sign(values[-1, -128:]) * F32(float.fromhex("0x1.02p-20"))
        return values

    rewrite(model, change, "F32")
    assert_same(run(tern, model, tmp_path), Model(load(model)).run(IDS))
    done = run_tern(tern, "compile", model, "-o", tmp_path / "it.weights", "--emit=weights", "-v", "--name=it")
    assert done.returncode == 0, done.stderr
    assert "16 bits hold exactly, but in row 255 and group 2" in done.stderr
    # Code that is made without weights goes with them.
    files = artifact(tern, model, tmp_path / "out")
    assert len(files["it.weights"]) > len(artifact(tern, unpacked, tmp_path / "half")["it.weights"])


def test_a_scale_for_each_shard(tern, tmp_path):
    """TriLM: matrices were trained in parts, of rows or of columns."""
    model = tmp_path / "model"
    synthesize(model, **{**SHAPE, "intermediate": 512, "table": "float"}, encoding="products-f16")

    def change(name: str, values: np.ndarray) -> np.ndarray:
        if not name.endswith("_proj.weight"):
            return values
        axis = int(name.endswith(("o_proj.weight", "down_proj.weight")))
        parts = np.split(np.sign(values), 2, axis)
        return np.concatenate([parts[0] * np.float16(0.02), parts[1] * np.float16(0.03)], axis)

    rewrite(model, change, "F16")
    assert_same(run(tern, model, tmp_path), Model(load(model)).run(IDS))
    facts = json.loads(run_tern(tern, "inspect", model, "--json").stdout)
    shapes = {p["name"]: (p["scale_rows"], p["scale_groups"]) for p in facts["projections"]}
    assert shapes["q_proj"] == (256, 1) and shapes["up_proj"] == (512, 1)
    assert shapes["o_proj"] == (256, 2) and shapes["down_proj"] == (256, 2)


def test_tables_in_q4_k(tern, tmp_path):
    """As BitCPM's files have their embedding: random blocks, by the formula."""
    shape = {**SHAPE, "table": "float"}
    synthesize(tmp_path / "hf", **shape, encoding="products-bf16")
    convert(tmp_path / "hf", tmp_path / "m.gguf", "pq2_0")
    blocks = np.random.default_rng(1).integers(0, 256, (300, 144), np.uint8)
    blocks[:, :4] = np.array([0.01, 0.1], "<f2").view(np.uint8)
    metadata, tensors = read(tmp_path / "m.gguf")
    name = "token_embd.weight"
    tensors[name] = Tensor(name, tensors[name].shape, 12, blocks.tobytes())
    write_gguf(tmp_path / "q4.gguf", metadata, list(tensors.values()))
    embedding = decode_q4_k(blocks)
    checkpoint = replace(load(tmp_path / "hf"), table=embedding, embedding=embedding)
    assert_same(run(tern, tmp_path / "q4.gguf", tmp_path), Model(checkpoint).run(IDS))


def test_the_reader_reads_what_the_writer_wrote(unpacked, tmp_path):
    checkpoint = load(unpacked)
    for kind in BLOCKS:
        convert(unpacked, tmp_path / f"{kind}.gguf", kind)
        tensors = read(tmp_path / f"{kind}.gguf")[1]
        for name, linear in [("output", checkpoint.head),
                             ("blk.1.ffn_down", checkpoint.layers[1].linears["down_proj"])]:  # fmt: skip
            tensor = tensors[name + ".weight"]
            digits, scales = decode(kind, tensor.data, tensor.shape)
            assert np.array_equal(digits, linear.digits)
            assert np.array_equal(scales[:, :: scales.shape[1] // linear.alpha.shape[1]], linear.alpha)


@pytest.mark.parametrize("kind", (*BLOCKS, "f16"))
def test_export_is_lossless(tern, unpacked, tmp_path, kind):
    """From a directory, and from each type to another."""
    file = tmp_path / "model.gguf"
    run_driver([tern, "export", str(unpacked), "-o", str(file), f"--type={kind}"])
    convert(unpacked, tmp_path / "want.gguf", kind)
    want, got = read(tmp_path / "want.gguf")[1], read(file)[1]
    assert got == want
    for other in BLOCKS:
        again = tmp_path / f"{other}.gguf"
        run_driver([tern, "export", str(file), "-o", str(again), f"--type={other}"])
        convert(unpacked, tmp_path / "want.gguf", other)
        assert read(again)[1] == read(tmp_path / "want.gguf")[1]


def test_types_are_said_where_one_number_has_two(tern, unpacked, tmp_path):
    """A row of 64 columns is no block of 128, so only sizes that fit both are asked about."""
    convert(unpacked, tmp_path / "m.gguf", "q2_0_g64")
    text = run_driver([tern, "inspect", str(tmp_path / "m.gguf"), "--tensors"])
    assert "q2_0_g64 [300, 256]" in text and "q2_0_g128" not in text
    done = run_tern(tern, "inspect", tmp_path / "m.gguf", "--gguf-reading=q2_0_g128")
    assert done.returncode == 0  # sizes say it


def spoil(directory: Path, name: str, row: int, column: int, value: float) -> None:
    """Another float16 in a tensor."""
    entry = Reader(directory).entries[name]
    with open(entry.path, "r+b") as file:
        file.seek(entry.begin + 2 * (row * entry.shape[1] + column))
        file.write(np.float16(value).tobytes())


Q = "model.layers.0.self_attn.q_proj"


def test_neighbours_are_told(tern, unpacked, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(unpacked, model)
    values = Reader(model).raw(Q + ".weight")
    row, column = np.argwhere(values > 0)[-1]
    spoil(model, Q + ".weight", row, column, np.nextafter(values[row, column], np.float16(9)))
    checkpoint = load(model)
    assert_same(run(tern, model, tmp_path), Model(checkpoint).run(IDS))
    before, after = load(unpacked).layers[0].linears["q_proj"], checkpoint.layers[0].linears["q_proj"]
    assert np.array_equal(before.alpha, after.alpha)
    sentence = "1 groups of 128 weights hold two magnitudes next to each other"
    assert sentence in run_driver([tern, "inspect", str(model), "--check"])
    done = run_tern(tern, "compile", model, "-o", tmp_path / "it.weights", "--emit=weights", "--target=generic")
    assert done.returncode == 0 and sentence in done.stderr


def test_ordinary_models_are_refused(tern, tmp_path):
    """By their first weights, in one sentence, whatever is asked for."""
    synthesize(tmp_path / "hf", **{**SHAPE, "table": "float"}, encoding="master-bf16")
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    del config["quantization_config"]
    config.update(architectures=["LlamaForCausalLM"], model_type="llama")
    (tmp_path / "hf" / "config.json").write_text(json.dumps(config))
    for command in (["inspect", tmp_path / "hf"], ["run", tmp_path / "hf", "-p", "x"]):
        done = run_tern(tern, *command)
        assert_refused(done, "q_proj.weight' is not ternary: row 0, block 0", "ternarized first")


def test_recovery_by_hand():
    group = np.zeros((1, 128), np.float16)
    group[0, :4] = [0.5, -0.5, 0.5, 0.0]
    digits, scales, inexact = recover(group)
    assert digits[0, :4].tolist() == [1, -1, 1, 0] and scales.tolist() == [[0.5]] and not inexact
    group[0, 4] = -np.nextafter(np.float16(0.5), np.float16(1))  # 1 of 4
    assert recover(group)[1:] == ([[0.5]], 1)
    group[0, 5:7] = group[0, 4]  # 3 of 6: the larger one
    assert recover(group)[1] == -F32(group[0, 4])
    group[0, 7] = 0.25
    with pytest.raises(FormatError, match="row 0, block 0 holds 0.25 and 0.500"):
        recover(group)
    with pytest.raises(FormatError, match="row 0, block 0 holds"):
        recover(np.where(group == 0.25, 0, group).astype(F32))  # no step of float16 in float32
    assert recover(np.zeros((2, 256), F32))[1].tolist() == [[0, 0], [0, 0]]
    assert to_bf16(F32(0.5)) == 0x3F00


def test_affine_by_hand():
    word = np.array([[0b10_01_00_10, 0]], np.uint32)
    one, zero = np.array([[1.5, 0]], F32), np.array([[0, 0]], F32)
    digits, scales = unpack_affine(word, one, -one)
    assert digits[0, :5].tolist() == [1, -1, 0, 1, -1] and scales.tolist() == [[1.5, 0]]
    assert not digits[0, 16:].any()
    assert not unpack_affine(word, zero, zero)[0].any()
    for bias in (one, -one * F32(2), -np.array([[1.5, np.nan]], F32)):
        with pytest.raises(FormatError, match="a bias is not -scale"):
            unpack_affine(word, one, bias)
    with pytest.raises(FormatError, match="code 3 at row 0, column 1"):
        unpack_affine(word | np.uint32(12), one, -one)


def test_pytorch_pickles_are_explained(tern, unpacked, tmp_path):
    """BitCPM-CANN comes as pytorch_model.bin alone."""
    model = tmp_path / "model"
    shutil.copytree(unpacked, model)
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    done = run_tern(tern, "inspect", model)
    assert_refused(done, "'pytorch_model.bin' is of PyTorch; convert it", "save_pretrained('NEW')")

