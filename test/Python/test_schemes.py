# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Schemes as data: docs/schemes.md, tern's table and config.json say the same.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import MODELS, ROOT, TARGETS, in_turn, model_directory
from damage import copy_model, edit_config
from test_compiled import assert_same, run_compiled
from test_driver import assert_refused, run
from tern_reference.checkpoint import load
from tern_reference.model import Model

A48 = model_directory(MODELS[0])
PAGE = (ROOT / "docs" / "schemes.md").read_text()
SCHEMES = {"int8": "int8_absmax", "int4": "int4_absmean", "fp4": "fp4_e2m1", "f32": "f32"}
GROUPS = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))


def quantization(cell: str) -> dict:
    """A cell, as "int8, top 50 %", as config.json has it."""
    words = [word.strip() for word in cell.split(",")]
    result: dict = {"scheme": SCHEMES[words[0]]}
    for word in words[1:]:
        if word == "Hadamard":
            result["hadamard"] = True
        elif word.startswith("blocks of "):
            result["block"] = int(word.split()[-1])
        else:
            result["topk"] = int(re.fullmatch(r"top (\d+) %", word).group(1)) / 100
    return result


def documented() -> dict[str, dict]:
    """The table of names in docs/schemes.md: name -> the two objects."""
    result = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not re.fullmatch(r"`[\w.-]+`", cells[0]) or len(cells) != 6:
            continue
        activations = {
            name: quantization(cell) for group, cell in zip(GROUPS, cells[1:5]) for name in group
        }
        bits, bos_bits = map(int, cells[5].split(","))
        result[cells[0].strip("`")] = {
            "activation_quantization": activations,
            "kv_cache_quantization": {"bits": bits, "bos_bits": bos_bits},
        }
    return result


DOCUMENTED = documented()


def model_ir(tern: str, model: Path, *flags) -> str:
    done = run(tern, "compile", model, "--compile-to=import", "--name=bard", *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def with_config(tmp_path: Path, objects: dict) -> Path:
    """A copy of the bundled model whose config has these two objects only."""
    model = copy_model(tmp_path / "model")
    both = {"activation_quantization": None, "kv_cache_quantization": None}
    edit_config(lambda config: config.update({**both, **objects}))(model)
    return model


def test_help_lists_the_schemes_of_the_page(tern):
    help_text = run(tern, "compile", "--help").stdout
    assert re.findall(r"^ {28}([\w.-]+) +\S", help_text, re.MULTILINE) == list(DOCUMENTED)
    assert len(DOCUMENTED) == 8


# 128 does not divide the 192 inputs of the bundled model's layers.
FITTING = [name for name in DOCUMENTED if name != "int8-128"]


def test_blocks_that_do_not_fit(tern, tmp_path):
    done = run(tern, "compile", A48, "-o", tmp_path / "x", "--activations=int8-128")
    assert_refused(done, "blocks of 128", "192 inputs of q_proj")
    done = run(tern, "inspect", with_config(tmp_path, DOCUMENTED["int8-128"]))
    assert_refused(done, "blocks of 128", "192 inputs of q_proj")


@pytest.mark.parametrize("name", FITTING)
def test_a_name_is_what_the_page_says(tern, tmp_path, name):
    expected = model_ir(tern, with_config(tmp_path, DOCUMENTED[name]))
    assert model_ir(tern, A48, f"--activations={name}") == expected


def test_the_file_on_the_page_is_v2(tern, tmp_path):
    file = tmp_path / "v2.json"
    file.write_text(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL).group(1))
    assert json.loads(file.read_text()) == DOCUMENTED["v2"]
    by_file = model_ir(tern, A48, f"--activations={file}")
    assert by_file == model_ir(tern, A48, "--activations=v2")
    assert by_file.count("tern.hadamard") == 2


def test_flags_go_over_schemes(tern):
    text = model_ir(tern, A48, "--activations=v2", "--topk=down_proj=0.25", "--kv-bits=8")
    assert "act_quant <int4_absmean> top_k <keep = 128>" in text
    assert text.count("top_k") == 1 and "bits = 8, bos_bits = 8" in text
    assert "bits = 3, bos_bits = 4" in model_ir(tern, A48, "--kv-bits=3")
    assert "bits = 4, bos_bits = 8" in model_ir(tern, A48, "--activations=v2", "--kv-bits=4")
    assert "top_k" not in model_ir(tern, A48, "--topk=1")
    assert "top_k <keep = 58>" in model_ir(tern, A48, "--topk=0.3")  # ceil(0.3 * 192)


@pytest.mark.parametrize("name, target", in_turn(FITTING, twice=lambda name: name == "v2"))
def test_numbers_of_a_scheme(tern, tmp_path, name, target):
    """The trained weights under each scheme, to the bit."""
    model = with_config(tmp_path, DOCUMENTED[name])
    ids = list(range(1, 70, 3))
    assert_same(run_compiled(tern, model, ids, tmp_path, target), Model(load(model)).run(ids))


# A scheme that no paper has.
OWN = {
    "activation_quantization": {
        **dict.fromkeys(GROUPS[0], {"scheme": "fp4_e2m1", "topk": 0.7, "hadamard": True}),
        "o_proj": {"scheme": "int4_absmean", "topk": 0.1},
        **dict.fromkeys(GROUPS[2], {"scheme": "int8_absmax", "topk": 0.9, "hadamard": True}),
        "down_proj": {"scheme": "fp4_e2m1", "topk": 1 / 3, "hadamard": True},
    },
    "kv_cache_quantization": {"bits": 8, "bos_bits": 3, "q_bits": 4},
}
# Blocks of every size, with all else that can be said.
BLOCKS = {
    "activation_quantization": {
        **dict.fromkeys(GROUPS[0], {"scheme": "int4_absmean", "block": 12, "topk": 0.6}),
        "o_proj": {"scheme": "int8_absmax", "block": 192, "topk": 0.5},
        **dict.fromkeys(GROUPS[2], {"scheme": "fp4_e2m1", "block": 4, "hadamard": True}),
        "down_proj": {"scheme": "int8_absmax", "block": 64, "hadamard": True},
    },
    "kv_cache_quantization": {"bits": 16},
}


@pytest.mark.parametrize("name, target", in_turn(["own", "blocks"]))
def test_numbers_of_a_scheme_of_one_s_own(tern, tmp_path, name, target):
    model = with_config(tmp_path / name, {"own": OWN, "blocks": BLOCKS}[name])
    ids = list(range(2, 80, 2))
    assert_same(run_compiled(tern, model, ids, tmp_path, target), Model(load(model)).run(ids))


def test_projections_of_one_input_share_its_transform(tern, tmp_path):
    file = tmp_path / "own.json"
    mixed = dict.fromkeys(sum(GROUPS, ()), {"scheme": "int4_absmean", "hadamard": True})
    file.write_text(json.dumps({"activation_quantization": mixed}))
    done = run(tern, "compile", A48, "--compile-to=fused", f"--activations={file}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("tern.hadamard") == 4
    assert '"q_proj+k_proj+v_proj"' in done.stdout


def test_bits_of_a_query_from_the_config(tern, tmp_path):
    model = with_config(tmp_path, {"kv_cache_quantization": {"bits": 4, "q_bits": 4}})
    got = run_compiled(tern, model, [5, 6, 7], tmp_path, TARGETS[-1])
    assert_same(got, Model(load(model)).run([5, 6, 7]))


# A compiled program says its scheme, and is found again by it.


@pytest.mark.parametrize("emit, file", [("exe", "bard"), ("shared", "bard.so"), ("obj", "bard.o")])
def test_inspect_says_the_scheme(tern, tmp_path, emit, file):
    out = tmp_path / file
    done = run(tern, "compile", A48, "-o", out, f"--emit={emit}", "--activations=v2", "--topk=0.25")
    assert done.returncode == 0, done.stderr
    text = run(tern, "inspect", out).stdout
    assert "int4_absmean, top 25.0 %, Hadamard in blocks of 64: o_proj" in text
    assert "first position 8" in text


def test_inspect_says_the_scheme_of_a_checkpoint(tern, tmp_path):
    done = run(tern, "inspect", with_config(tmp_path, DOCUMENTED["v2"]))
    assert done.returncode == 0, done.stderr
    assert "512     int4_absmean, Hadamard in blocks of 512" in done.stdout


def test_programs_of_schemes_are_cached_apart(tern, tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    file = tmp_path / "mine.json"

    def programs(*flags) -> int:
        done = run(tern, "run", A48, "--ids=1,2", "-n", "1", *flags, env=environment)
        assert done.returncode == 0, done.stderr
        return sum(path.is_file() for path in (tmp_path / "tern").iterdir())

    assert programs("--activations=v2") == 1
    assert programs("--activations=v2", "--topk=0.5") == 2
    file.write_text("{}")
    assert programs(f"--activations={file}") == 3
    file.write_text('{"kv_cache_quantization": {"bits": 8}}')  # the same name, another scheme
    assert programs(f"--activations={file}") == 4
    assert programs(f"--activations={file}") == 4


# Refusals.


@pytest.mark.parametrize(
    "text, words",
    [
        ("{", ["mine.json", "not valid JSON"]),
        ('{"activation_quantisation": {}}', ["mine.json", "'activation_quantisation'"]),
        ('{"kv_cache_quantization": {"bit": 3}}', ["mine.json", "'kv_cache_quantization.bit'"]),
        (
            '{"activation_quantization": {"o_proj": {"scheme": "int2"}}}',
            ["mine.json", "o_proj.scheme", "int2", "int8_absmax"],
        ),
        (
            '{"activation_quantization": {"up_proj": {"scheme": "fp4_e2m1"}}}',
            ["gate_proj and up_proj are quantized once"],
        ),
        (
            '{"activation_quantization": {"o_proj": {"scheme": "int8_absmax", "block": 128}}}',
            ["blocks of 128", "192 inputs of o_proj"],
        ),
        (
            '{"activation_quantization": {"o_proj": {"scheme": "int8_absmax", "block": 2}}}',
            ["mine.json", "o_proj.block"],
        ),
    ],
)
def test_a_file_is_refused(tern, tmp_path, text, words):
    file, out = tmp_path / "mine.json", tmp_path / "out"
    file.write_text(text)
    out.mkdir()
    assert_refused(run(tern, "compile", A48, "-o", out / "x", f"--activations={file}"), *words)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize(
    "flags, words, status",
    [
        (["--activations=v3"], ["'v3'", "a4.8-fp4", "v2-a8", "nor a file"], 1),
        (["--activations"], ["needs a value"], 2),
        (["--topk=0"], ["'0'", "above 0"], 2),
        (["--topk=o=0.5"], ["'o=0.5'", "down_proj"], 2),
        (["--topk=gate_proj=0.5"], ["gate_proj and up_proj"], 1),
        (["--activations=float", "--topk=0.5"], ["o_proj stay f32"], 1),
        (["--activations=v2", "--bos-bits=16"], ["16 for position 0"], 1),
    ],
)
def test_flags_are_refused(tern, tmp_path, flags, words, status):
    for command in (["compile", A48, "-o", "x"], ["run", A48, "--ids=1"]):
        environment = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
        done = run(tern, *command, *flags, cwd=tmp_path, env=environment)
        assert_refused(done, *words, status=status)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("flag", ["--activations=v2", "--topk=0.5", "--kv-bits=3", "--context=9"])
def test_ir_has_its_scheme(tern, flag):
    text = model_ir(tern, A48)
    done = run(tern, "compile", "-", "--compile-from=import", "--compile-to=fused", flag, input=text)
    assert_refused(done, flag.split("=")[0], "--compile-from", status=2)


def test_a_program_takes_no_scheme(tern, tmp_path):
    assert run(tern, "compile", A48, "-o", tmp_path / "bard").returncode == 0
    done = run(tern, "run", tmp_path / "bard", "--ids=1", "--activations=v2")
    assert_refused(done, "is compiled already", status=2)
