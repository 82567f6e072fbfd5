# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern export`: a file that other engines load and that is the same model here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from artifact import assert_same_artifact
from conftest import MODELS, model_directory
from tern_reference.gguf import convert, read, write
from tern_reference.synth import synthesize
from test_compiled import run_driver
from test_driver import assert_refused, run
from test_gguf import LLAMA, SHAPE

# Keys without which llama.cpp and its relatives do not load a model.
NEEDED = ("context_length", "embedding_length", "block_count", "feed_forward_length",
          "attention.head_count", "attention.layer_norm_rms_epsilon")  # fmt: skip


def export(tern: str, model: Path, out: Path, *flags: str) -> Path:
    run_driver([tern, "export", str(model), "-o", str(out), *flags])
    return out


@pytest.mark.parametrize("name", MODELS)
def test_bundled_models_come_back(tern, tmp_path, name):
    model = model_directory(name)
    file = export(tern, model, tmp_path / "m.gguf", "--type=f16")
    assert_same_artifact(tern, model, file, tmp_path / "out")
    flags = ["-p", "ROMEO:", "-n", "24", "--temp", "0", "--target=generic"]
    assert run_driver([tern, "run", file, *flags]) == run_driver([tern, "run", model, *flags])


@pytest.mark.parametrize(
    "options",
    [{}, LLAMA, dict(encoding="packed-divide"), dict(encoding="master-f32"), dict(scheme="a48"),
     dict(norm_names="inner_ln"), dict(eos=[298, 299], bos=297), dict(scales="row", **LLAMA),
     dict(rope="llama3", **LLAMA), dict(bias="all", **LLAMA),
     dict(act="silu", norm_names="inner_ln")],
    ids=["relu2", "llama", "divides", "masters", "a48", "inner", "ends", "rows", "rope", "biases",
         "silu"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["tq2_0", "f16"])
def test_models_come_back(tern, tmp_path, options, kind):
    synthesize(tmp_path / "hf", **{**SHAPE, **options})
    path = tmp_path / "hf" / "generation_config.json"
    sampling = dict(do_sample=True, temperature=0.5, top_k=7, top_p=0.75, min_p=0.25)
    fields = {**json.loads(path.read_text()), **sampling, "repetition_penalty": 1.5}
    path.write_text(json.dumps(fields))
    file = export(tern, tmp_path / "hf", tmp_path / "m.gguf", f"--type={kind}")
    assert_same_artifact(tern, tmp_path / "hf", file, tmp_path / "out")
    again = export(tern, file, tmp_path / "n.gguf", f"--type={kind}")
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize(
    "options", [{}, LLAMA, dict(bias="qkv", **LLAMA)], ids=["relu2", "llama", "biases"]
)
@pytest.mark.parametrize("kind", ["tq2_0", "f16"])
def test_tensors_are_those_of_the_reference(tern, tmp_path, options, kind):
    """The Python writer shares no code with this one."""
    synthesize(tmp_path / "hf", **{**SHAPE, **options})
    convert(tmp_path / "hf", tmp_path / "want.gguf", kind)
    want, want_tensors = read(tmp_path / "want.gguf")
    file = export(tern, tmp_path / "hf", tmp_path / "m.gguf", f"--type={kind}")
    got, got_tensors = read(file)
    assert got_tensors == want_tensors
    assert {key: got[key] for key in want} == want
    assert all(f"{got['general.architecture']}.{field}" in got for field in NEEDED)
    assert len(got["tern.weight_scales"]) == 14


def test_type_that_does_not_fit_is_refused(tern, tmp_path):
    done = run(tern, "export", model_directory(MODELS[0]), "-o", tmp_path / "m.gguf")
    assert_refused(done, "_proj.weight", "192 columns", "tq2_0", "--type=f16")
    assert list(tmp_path.iterdir()) == []


def test_groups_are_blocks(tern, tmp_path):
    for size, kind, other in [
        (256, "tq2_0", ""), (256, "f16", ""), (128, "f16", ""), (128, "tq2_0", "--type=pq2_0 can"),
        (64, "f16", "--type=q2_0_g64 can"), (64, "pq2_0", "--type=q2_0_g64 can"), (32, "pq2_0", "cannot hold"),
    ]:  # fmt: skip
        model, out = tmp_path / f"{size}{kind}", tmp_path / f"{size}{kind}.gguf"
        synthesize(model, **SHAPE, scales="group", group_size=size)
        done = run(tern, "export", model, "-o", out, f"--type={kind}")
        if other:
            assert_refused(done, "_proj.weight", f"groups of {size} columns", other)
            assert not out.exists()
        else:
            assert_same_artifact(tern, model, out, tmp_path / f"{size}{kind}.out")


def test_schemes_that_readers_would_not_guess_are_said(tern, tmp_path):
    """Of a Llama with groups that quantizes activations by token."""
    synthesize(tmp_path / "hf", **SHAPE, **LLAMA, scales="group", group_size=128)
    file = export(tern, tmp_path / "hf", tmp_path / "m.gguf", "--type=pq2_0")
    said = json.loads(read(file)[0]["tern.activation_quantization"])
    assert said["q_proj"] == {"scheme": "int8_absmax"}
    assert_same_artifact(tern, tmp_path / "hf", file, tmp_path / "out")


def test_failure_leaves_the_old_file(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE, encoding="master-f32")
    old = tmp_path / "m.gguf"
    old.write_text("old")
    # A value that is found when the tensor is read, with the file half written.
    weights = tmp_path / "hf" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-4:] = np.float32(np.nan).tobytes()
    weights.write_bytes(data)
    assert_refused(run(tern, "export", tmp_path / "hf", "-o", old), "nan")
    assert old.read_text() == "old" and len(list(tmp_path.iterdir())) == 2


def test_architecture_follows_from_the_model(tern, tmp_path):
    for number, (options, want) in enumerate(
        [({}, "bitnet-b1.58"), (dict(act="silu"), "bitnet"), (LLAMA, "llama")]
    ):
        synthesize(tmp_path / str(number), **{**SHAPE, **options})
        metadata, _ = read(export(tern, tmp_path / str(number), tmp_path / "m.gguf"))
        assert metadata["general.architecture"] == want


@pytest.mark.parametrize(
    "options, words",
    [(dict(bias="qkv"), "biases and sub-norms"),
     (dict(act="silu", tied=False), "silu and a head of its own"),
     (dict(act="silu", head_dim=32), "heads that are not as wide"),
     (dict(act="silu", rope="llama3"), "scaled rotary embeddings")],
)  # fmt: skip
def test_graphs_that_engines_lack_are_refused(tern, tmp_path, options, words):
    synthesize(tmp_path / "hf", **{**SHAPE, **options})
    done = run(tern, "export", tmp_path / "hf", "-o", tmp_path / "m.gguf")
    assert_refused(done, words, "--arch=")


def test_norms_in_projections_have_no_name(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE, **LLAMA, inner_norms=True)
    done = run(tern, "export", tmp_path / "hf", "-o", tmp_path / "m.gguf")
    assert_refused(done, ".rms_norm.weight", "GGUF has no name")


def test_activation_is_said_as_engines_take_it(tern, tmp_path):
    """By "silu" llama.cpp means a graph without a gate of its own, and stops."""
    for act, own in [("relu2", "bitnet.hidden_activation"), ("silu", "tern.hidden_act")]:
        synthesize(tmp_path / act, **SHAPE, act=act)
        file = export(tern, tmp_path / act, tmp_path / f"{act}.gguf", "--arch=bitnet")
        said = {key: value for key, value in read(file)[0].items() if "hidden_act" in key}
        assert said == {own: act}


def test_scales_survive_another_order(tern, tmp_path):
    """llama-quantize sorts tensors, and keeps what it does not know."""
    synthesize(tmp_path / "hf", **SHAPE, **LLAMA)
    metadata, tensors = read(export(tern, tmp_path / "hf", tmp_path / "m.gguf"))
    write(tmp_path / "n.gguf", metadata, [tensors[name] for name in sorted(tensors)])
    assert_same_artifact(tern, tmp_path / "hf", tmp_path / "n.gguf", tmp_path / "out")


def test_model_that_no_engine_computes_is_refused(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE, sub_norms=False)
    out = tmp_path / "m.gguf"
    done = run(tern, "export", tmp_path / "hf", "-o", out)
    assert_refused(done, "relu2 without sub-norms", "--arch=")
    export(tern, tmp_path / "hf", out, "--arch=bitnet")
    assert_same_artifact(tern, tmp_path / "hf", out, tmp_path / "out")


def test_schemes_are_noted(tern, tmp_path):
    done = run(tern, "export", model_directory(MODELS[0]), "-o", tmp_path / "m.gguf", "--type=f16")
    assert done.returncode == 0 and "8-bit activations" in done.stderr
    metadata, _ = read(tmp_path / "m.gguf")
    assert json.loads(metadata["tern.kv_cache_quantization"]) == {"bits": 3, "bos_bits": 4}


def test_chat_template_and_added_ends_are_taken_along(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE)
    path = tmp_path / "hf" / "tokenizer_config.json"
    config = json.loads(path.read_text())
    path.write_text(json.dumps({**config, "chat_template": "{{ messages }}"}))
    metadata, _ = read(export(tern, tmp_path / "hf", tmp_path / "m.gguf"))
    assert metadata["tokenizer.chat_template"] == "{{ messages }}"


def test_wrong_usage(tern, tmp_path):
    for arguments in (["m"], ["m", "-o"], ["-o", "x.gguf"], ["a", "b", "-o", "x"]):
        assert run(tern, "export", *arguments, cwd=tmp_path).returncode == 2
    assert run(tern, "export", "--help").returncode == 0
