# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""GGUF files: the same weights give the same numbers in every encoding, to the bit."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from artifact import assert_same_artifact
from tern_reference.checkpoint import load
from tern_reference.gguf import Tensor, convert, read, write, write_masters
from tern_reference.gguf_encodings import ENCODINGS
from tern_reference.model import Model, Result
from tern_reference.synth import main, synthesize
from tern_reference.synth_tokenizer import sentencepiece as sentencepiece_files
from test_compiled import assert_same, run_driver

# Rows of whole blocks for all encodings.
SHAPE = dict(hidden=256, intermediate=512, layers=2, heads=4, kv_heads=2, vocab=300)
LLAMA = dict(act="silu", sub_norms=False, tied=False)
IDS = [0, 17, 299, 5, 256, 3, 3, 8]


def flags_of(kind: str) -> list[str]:
    """The flags that say what a file of this encoding leaves open."""
    return [f"--gguf-reading={kind}"] if kind.startswith("i2_s") else []


def run(tern: str, model: Path, out: Path, *flags: str) -> Result:
    logits, hidden = out / "logits.npy", out / "hidden.npy"
    command = [tern, "run", str(model), "--ids", ",".join(map(str, IDS)), "-n", "0"]
    command += ["--logits", str(logits), "--hidden", str(hidden), "--target=generic", *flags]
    run_driver(command)
    return Result(np.load(hidden), np.load(logits))


def refusal(tern: str, model: Path, *flags: str) -> str:
    done = subprocess.run([tern, "inspect", str(model), *flags], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


# Of the others test_forms.py shows that they are this one.
@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=() if k == "tq1_0" else pytest.mark.slow) for k in ENCODINGS]
)
def test_every_encoding_is_the_same_model(tern, tmp_path, kind):
    synthesize(tmp_path / "hf", **SHAPE)
    convert(tmp_path / "hf", tmp_path / "model.gguf", kind)
    want = Model(load(tmp_path / "hf")).run(IDS)
    got = run(tern, tmp_path / "model.gguf", tmp_path, "--hidden-act=relu2", *flags_of(kind))
    assert_same(got, want)


def flags_of_groups(options: dict) -> list[str]:
    """A Llama with groups is taken for one that was trained with floats."""
    is_llama = options.get("act") == "silu"
    return ["--activations=b1.58"] if is_llama else ["--hidden-act=relu2"]


ROWS = dict(scales="row")


@pytest.mark.parametrize(
    "kind, options",
    [("iq1_bn", ROWS), ("iq2_bn", ROWS), ("tq2_0", ROWS), ("f16", ROWS), ("iq2_bn", ROWS | LLAMA),
     ("tq1_0", dict(scales="group", group_size=256)),
     ("tq2_0", dict(scales="group", group_size=256)),
     ("q2_0_g128", dict(scales="group", group_size=128)),
     ("q2_0_g64", dict(scales="group", group_size=64) | LLAMA)],
)  # fmt: skip
def test_scales_of_rows_and_blocks(tern, tmp_path, kind, options):
    synthesize(tmp_path / "hf", **SHAPE, **options)
    convert(tmp_path / "hf", tmp_path / "model.gguf", kind)
    flags = flags_of_groups(options)
    assert_same_artifact(tern, tmp_path / "hf", tmp_path / "model.gguf", tmp_path / "out", *flags)


@pytest.mark.parametrize(
    "kind, options",
    [("q2_0_g64", dict(group_size=128)), ("q2_0_g64", dict(group_size=64)),
     ("tq2_0", dict(group_size=512, hidden=512, intermediate=1024)),
     ("tq2_0", dict(group_size=512, hidden=512, intermediate=1024) | LLAMA)],
)  # fmt: skip
def test_groups_wider_than_blocks_are_the_same_groups(tern, tmp_path, kind, options):
    synthesize(tmp_path / "hf", **{**SHAPE, "scales": "group", **options})
    convert(tmp_path / "hf", tmp_path / "model.gguf", kind)
    flags = flags_of_groups(options)
    assert_same_artifact(
        tern, tmp_path / "hf", tmp_path / "model.gguf", tmp_path / "out", *flags
    )


@pytest.mark.parametrize("dtype", ["f16", "f32"])
def test_masters_are_those_of_a_directory(tern, tmp_path, dtype):
    """Of more values than are read at a time."""
    shape = {**SHAPE, "intermediate": 4352, "layers": 1}
    synthesize(tmp_path / "hf", **shape, encoding=f"master-{dtype}")
    write_masters(tmp_path / "hf", tmp_path / "model.gguf")
    assert_same_artifact(
        tern, tmp_path / "hf", tmp_path / "model.gguf", tmp_path / "out", "--hidden-act=relu2"
    )


def test_rows_of_llama_are_put_back(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE, **LLAMA)
    convert(tmp_path / "hf", tmp_path / "model.gguf", "tq2_0")
    assert_same(run(tern, tmp_path / "model.gguf", tmp_path), Model(load(tmp_path / "hf")).run(IDS))


def test_text_is_the_same(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE)
    convert(tmp_path / "hf", tmp_path / "model.gguf", "i2_s")
    flags = ["-p", "It's 1234 o'clock", "-n", "12", "--temp", "0", "--target=generic"]
    directory = run_driver([tern, "run", str(tmp_path / "hf"), *flags])
    file = run_driver([tern, "run", str(tmp_path / "model.gguf"), "--hidden-act=relu2",
                       "--gguf-reading=i2_s", *flags])  # fmt: skip
    assert directory == file and directory


def sentencepiece(directory: Path) -> None:
    """Pieces that are made in several ways, with the merges that their scores mean."""
    path = directory / "tokenizer.json"
    root = sentencepiece_files(300, 1, [2])[0]
    vocab = root["model"]["vocab"]
    pieces = ["\u2581", "t", "h", "e", "\u00e9", "th", "he", "\u2581t", "the", "\u2581the", "ee"]
    for number, piece in enumerate(pieces):
        vocab.pop(f"<{270 + number}>")
        vocab[piece] = 270 + number
    made = [p for p in pieces if len(p) > 1]
    pairs = [(p[:i], p[i:]) for p in made for i in range(1, len(p))]
    root["model"]["merges"] = [list(pair) for pair in pairs if set(pair) <= set(pieces)]
    path.write_text(json.dumps(root))
    (directory / "tokenizer_config.json").write_text(json.dumps(
        {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": True}))  # fmt: skip


def test_sentencepiece_is_the_same_tokenizer(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE, bos=1, eos=[2])
    sentencepiece(tmp_path / "hf")
    convert(tmp_path / "hf", tmp_path / "model.gguf", "tq2_0")
    for number, text in enumerate(["the heet th\u00e9", " the  thee\n", "\u4f60\U0001f600 <s>e"]):
        flags = ["-p", text, "-n", "4", "--temp", "0", "--target=generic"]
        directory = run_driver([tern, "run", str(tmp_path / "hf"), *flags])
        file = run_driver([tern, "run", str(tmp_path / "model.gguf"), "--hidden-act=relu2", *flags])
        assert directory == file, number
    file = tmp_path / "exported.gguf"
    run_driver([tern, "export", str(tmp_path / "hf"), "-o", str(file)])
    want, got = read(tmp_path / "model.gguf")[0], read(file)[0]
    assert got["tokenizer.ggml.tokens"] == want["tokenizer.ggml.tokens"]
    assert got["tokenizer.ggml.token_type"] == want["tokenizer.ggml.token_type"]
    flags = ["-p", "the heet", "-n", "4", "--temp", "0", "--target=generic"]
    directory = run_driver([tern, "run", str(tmp_path / "hf"), *flags])
    assert run_driver([tern, "run", str(file), *flags]) == directory


def test_synth_writes_files(tmp_path, tern):
    flags = ["--hidden=256", "--intermediate=256", "--heads=4", "--kv-heads=4", "--vocab=300"]
    assert main(["-o", str(tmp_path), "--gguf=tq1_0", *flags]) == 0
    text = run_driver([tern, "inspect", str(tmp_path / "model.gguf"), "--hidden-act=relu2",
                       "--check", "--tensors"])  # fmt: skip
    assert "tq1_0 [256, 256]" in text and "nothing in it would be refused" in text


def test_what_a_file_leaves_open_is_asked(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE)
    convert(tmp_path / "hf", tmp_path / "model.gguf", "tq2_0")
    assert "--hidden-act" in refusal(tern, tmp_path / "model.gguf")


def test_other_architectures_are_refused(tern, tmp_path):
    path = tmp_path / "x.gguf"
    write(path, {"general.architecture": "gpt2"}, [Tensor("a", (1,), 0, bytes(4))])
    assert "x.gguf" in refusal(tern, path) and "'gpt2'" in refusal(tern, path)
