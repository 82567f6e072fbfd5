# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`--strategy FILE`: other layouts and kernels, the same bits, and what is refused.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import MODELS, model_directory
from test_driver import A48, run

B158 = model_directory(MODELS[1])
TARGET = "--target=x86-64-v3"
NAMES = ("rows_in_lanes", "contiguous_rows", "contiguous_columns")
PERMUTES = "--cpu=x86-64-v4+avx512vnni+avx512vbmi"


def write(tmp_path, rules):
    path = tmp_path / "strategy.json"
    path.write_text(rules if isinstance(rules, str) else json.dumps(rules))
    return f"--strategy={path}"


@pytest.mark.parametrize("lists", (True, False))
@pytest.mark.parametrize("layout", NAMES)
def test_bits_are_the_same(tern, tmp_path, layout, lists):
    """Every layout for all weights that may have it."""
    rules = [{"projection": "*", "layout": layout, "lists": lists}]
    flags = [A48, "-p", "To be", "--temp", "0", "-n", "8", TARGET]
    expected = run(tern, "run", *flags, "--logits", tmp_path / "a.npy")
    assert expected.returncode == 0, expected.stderr
    found = run(tern, "run", *flags, "--logits", tmp_path / "b.npy", write(tmp_path, rules))
    assert found.returncode == 0, found.stderr
    assert found.stdout == expected.stdout
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()


@pytest.mark.parametrize("model", (A48, B158))
def test_lookups_are_the_same_bits(tern, tmp_path, model):
    """Int4 codes in one plane, int8 in two; one token and several at a time."""
    if "avx512vbmi" not in Path("/proc/cpuinfo").read_text().split():
        pytest.skip("this host has no permutes of bytes")
    rules = [{"projection": "*", "layout": "groups_in_lanes"}]
    flags = [model, "-p", "To be, or not to be", "--temp", "0", "-n", "8"]
    expected = run(tern, "run", *flags, "--logits", tmp_path / "a.npy", "--target=generic")
    assert expected.returncode == 0, expected.stderr
    found = run(
        tern, "run", *flags, "--logits", tmp_path / "b.npy", PERMUTES, write(tmp_path, rules)
    )
    assert found.returncode == 0, found.stderr
    assert found.stdout == expected.stdout
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()


@pytest.mark.parametrize("layout", ("plain_columns", "paired_rows", "groups_in_lanes"))
def test_digit_by_digit(tern, tmp_path, layout):
    """Words of one byte, of four and of five."""
    flags = [A48, "-p", "To be", "--temp", "0", "-n", "2", "--target=generic"]
    expected = run(tern, "run", *flags, "--logits", tmp_path / "a.npy")
    assert expected.returncode == 0, expected.stderr
    rules = write(tmp_path, [{"projection": "*", "layout": layout}])
    found = run(tern, "run", *flags, "--logits", tmp_path / "b.npy", rules)
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "b.npy").read_bytes() == (tmp_path / "a.npy").read_bytes()


def test_choices_are_seen(tern, tmp_path):
    rules = [
        {"projection": "k_proj", "layout": "contiguous_rows"},
        {"projection": "o_*", "layout": "contiguous_columns"},
    ]
    flags = ["--compile-to=packed", "--remarks", TARGET, write(tmp_path, rules)]
    done = run(tern, "compile", A48, "-o", tmp_path / "p.mlir", *flags)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "p.mlir").read_text()
    assert '@"q_proj+k_proj+v_proj" per_layer <digits>' in text
    for words in (
        "q_proj+k_proj+v_proj: contiguous_rows, as asked for, takes",
        "o_proj: 192 x 192 digits in 12288 bytes, layout b2, columns,",
    ):
        assert words in done.stderr, words


@pytest.mark.parametrize(
    "rules, words",
    [
        ("[", ["strategy.json", "Unexpected EOF"]),
        ([{"projection": "o_proj"}], ["strategy.json", "rule 1", '"layout"']),
        (
            [{"projection": "o_proj", "layout": "tables"}],
            ["o_proj=tables", "rows_in_lanes, contiguous_rows, contiguous_columns"],
        ),
        (
            [{"projection": "w_proj", "layout": "contiguous_rows"}],
            ["w_proj=contiguous_rows", "q_proj+k_proj+v_proj, o_proj"],
        ),
    ],
)
def test_what_is_refused(tern, tmp_path, rules, words):
    flags = ["--emit=obj", TARGET, "-o", tmp_path / "x.o", write(tmp_path, rules)]
    done = run(tern, "compile", A48, *flags)
    assert done.returncode != 0 and done.stdout == ""
    for word in words:
        assert word in done.stderr, done.stderr
    assert not (tmp_path / "x.o").exists()


def test_a_file_that_is_not_there(tern):
    done = run(tern, "run", A48, "-p", "x", "--strategy=no/such.json")
    assert done.returncode != 0 and "no/such.json" in done.stderr
