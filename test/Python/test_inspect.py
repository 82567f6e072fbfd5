# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern inspect --json`: the facts that the text has, under the keys of docs/inspect.md.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from conftest import ROOT
from damage import DAMAGES, copy_model, edit_config
from tern_reference.gguf import convert
from tern_reference.synth import synthesize
from test_driver import A48, assert_refused, run

SHAPE = dict(hidden=64, heads=2, head_dim=32, intermediate=128, layers=1)


def keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(part)


def inspect(tern, *arguments, status: int = 0) -> tuple[dict, str]:
    """The facts, and the text; neither has any that the other's run has not."""
    as_text, as_json = (run(tern, "inspect", *arguments, *flags) for flags in ((), ("--json",)))
    assert as_text.returncode == as_json.returncode == status, as_json.stderr
    assert as_text.stderr == as_json.stderr
    facts = json.loads(as_json.stdout)
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "inspect.md").read_text()))
    assert set(keys(facts)) <= documented
    assert facts["accepted"] == (status == 0) == (not facts["problems"])
    return facts, as_text.stdout


def test_a_directory(tern):
    facts, text = inspect(tern, A48, "--check", "--tensors")
    assert facts["input"] == str(A48) and facts["checked"]
    assert facts["architecture"] == "BitNetForCausalLM" and "architecture BitNetForCausalLM\n" in text
    sizes = ("layers", "hidden_size", "intermediate_size", "heads", "kv_heads", "head_size", "vocabulary")
    assert [facts[key] for key in sizes] == [5, 192, 512, 3, 1, 64, 1024]
    assert facts["weight_form"] == "multiplies" and facts["gate"] == "relu2" and facts["tied_head"]
    assert facts["cache"] == {"bits": 3, "bos_bits": 4, "q_bits": 8, "bytes": 67584}
    o_proj = facts["projections"][3]
    assert (o_proj["name"], o_proj["scheme"], o_proj["topk"]) == ("o_proj", "int8_absmax", 0.5)
    assert f"{100 * o_proj['zeros']:.1f} %" in text
    assert round(facts["ternary_bits"], 3) == 2 and facts["parameters"] == 2168320
    tokenizer = facts["tokenizer"]
    assert f"byte-level BPE, 1024 tokens, {tokenizer['bytes']} bytes\n" in text
    assert (tokenizer["kind"], tokenizer["tokens"]) == ("byte-level BPE", 1024)
    assert facts["ends_at"] == [{"id": 1023, "token": "<|end_of_text|>"}]
    assert facts["sampling"]["top_p"] == 0.95 and not facts["chat"]
    assert len(facts["tensor_list"]) == facts["tensors"] == 92
    assert all(f"{t['type']:<22}{t['name']}\n" in text for t in facts["tensor_list"])


def test_what_is_unusual(tern, tmp_path):
    synthesize(tmp_path, scales="group", bias="qkv", rope="llama3", inner_norms=True, **SHAPE)
    facts, text = inspect(tern, tmp_path)
    q_proj, o_proj = facts["projections"][0], facts["projections"][3]
    assert (q_proj["scale_rows"], q_proj["scale_groups"], q_proj["bias"]) == (64, 2, True)
    assert not o_proj["bias"] and "zeros" not in o_proj
    assert facts["rope_stretch"] == 8 and facts["inner_norm_epsilon"] == 1e-6
    assert not text.endswith("\n\n")


def test_a_gguf_file(tern, tmp_path):
    synthesize(tmp_path / "hf", **SHAPE)
    convert(tmp_path / "hf", tmp_path / "m.gguf", "q2_0_g64")
    facts, text = inspect(tern, tmp_path / "m.gguf", "--hidden-act=relu2")
    assert facts["architecture"] in ("bitnet", "bitnet-b1.58", "bitnet-25")
    assert f"architecture {facts['architecture']}\n" in text
    assert facts["weight_form"] == "per tensor"


@pytest.mark.parametrize("emit, name", [("exe", "bard"), ("shared", "bard.so")])
def test_what_was_compiled(tern, tmp_path, emit, name):
    command = ("compile", A48, "-o", tmp_path / name, f"--emit={emit}", "--target=x86-64-v3")
    assert run(tern, *command).returncode == 0
    facts, text = inspect(tern, tmp_path / name)
    [model] = facts["models"]
    assert model["name"] == "bard" and model["cache_bytes"] == 67584
    assert "avx2" in model["cpu_features"] and "avx512f" not in model["cpu_features"]
    assert f"schemes      {facts['schemes']}\n" in text
    assert ("weights" in facts) == (emit == "exe")
    if emit == "shared":
        facts, text = inspect(tern, tmp_path / "bard.weights")
    assert f"{facts['weights']['bytes']} bytes, id {facts['weights']['id']}\n" in text
    assert facts["begins_with"]["id"] == 1022


def test_what_would_be_refused(tern, tmp_path):
    model = copy_model(tmp_path / "model")
    DAMAGES["code_three"][0](model)
    facts, text = inspect(tern, model, "--check", status=1)
    assert len(facts["problems"]) == 1 and f"refused      {facts['problems'][0]}\n" in text
    assert facts["layers"] == 5 and facts["ends_at"]  # the rest is said all the same
    edit_config(lambda config: config.update(hidden_act="gelu", num_hidden_layers=0))(model)
    facts, text = inspect(tern, model, status=1)
    assert len(facts["problems"]) == 2 and all(problem in text for problem in facts["problems"])
    edit_config(lambda config: config.update(hidden_act="relu2", num_hidden_layers=5, max_position_embeddings=1 << 24))(model)
    facts, _ = inspect(tern, model, status=1)
    assert "--context" in facts["problems"][0] and facts["cache"]["bytes"] > 1 << 30


def test_what_is_no_model(tern, tmp_path):
    (tmp_path / "text").write_text("not a model")
    for name in ("text", "missing"):
        facts, _ = inspect(tern, tmp_path / name, status=1)
        assert name in facts["problems"][0]


def test_names_of_a_file_are_text(tern, tmp_path):
    """JSON is UTF-8 and the text has no control characters, whatever a folder is called."""
    model = copy_model(tmp_path / "a\u202eb")
    done = run(tern, "inspect", model)
    assert "\u202e" not in done.stdout and json.loads(run(tern, "inspect", model, "--json").stdout)["input"] == str(model)
    assert_refused(run(tern, "inspect", "--json"), "takes one FILE", status=2)
