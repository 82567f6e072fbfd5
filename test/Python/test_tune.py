# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern tune`: what is measured and kept, and that it changes no bits.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
from pathlib import Path

import pytest
from cached import made_once
from tern_reference.synth import synthesize
from test_driver import A48, run

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="layouts of x86-64")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tern"


def few_weights(directory: Path, size: int) -> set[str]:
    """Writes a model of few weights; returns what rules for them are called."""
    sizes = dict(hidden=size, intermediate=size, heads=1, kv_heads=1, head_dim=64, layers=1)
    synthesize(directory, act="silu", vocab=300, **sizes)
    return {
        "+".join(f"{shape}/-128..127/t{tokens}" for tokens in (1, 16, 128))
        for shape in (f"192x{size}", f"{size}x64", f"{2 * size}x{size}", f"{size}x{size}")
    }


@pytest.fixture
def tuned(tern, home):
    """The words of `tern tune` on a small model, the file that it kept at home, and the model."""

    def make(directory: Path) -> None:
        few_weights(directory / "model", 256)
        environment = os.environ | {"XDG_CACHE_HOME": str(directory / "cache")}
        done = run(tern, "tune", directory / "model", "-t", "1", "-r", "1", env=environment)
        assert done.returncode == 0, done.stderr
        (directory / "said").write_text(done.stdout)

    once = made_once("tuned", Path(tern).read_bytes() + Path(__file__).read_bytes(), make)
    shutil.copytree(once / "cache", home.parent)
    (file,) = (home / "strategies").iterdir()
    return (once / "said").read_text(), file, once / "model"


def test_choices_are_kept_and_used(tern, home, tuned, tmp_path):
    said, file, model = tuned
    assert "GMAC/s" in said and "other results" not in said
    assert re.search(rf"kept in .*/cache/tern/strategies/{file.name}$", said, re.M)
    rules = json.loads(file.read_text())
    assert rules and all("/t1" in rule["weight"] for rule in rules)
    flags = [model, "-p", "To be", "--temp", "0", "-n", "8"]
    file.rename(tmp_path / "rules")
    before = run(tern, "run", *flags, "--logits", tmp_path / "a.npy")
    assert before.returncode == 0, before.stderr
    # All of them are changed to one layout, so that they are seen to be used.
    for rule in rules:
        rule |= {"layout": "contiguous_columns", "lists": True}
    file.write_text(json.dumps(rules))
    remarks = run(tern, "compile", model, "--compile-to=packed", "--remarks")
    assert remarks.returncode == 0, remarks.stderr
    assert remarks.stderr.count("contiguous_columns, as measured, takes") >= len(rules)
    after = run(tern, "run", *flags, "--logits", tmp_path / "b.npy")
    assert after.returncode == 0, after.stderr
    assert after.stdout == before.stdout
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    # Two programs, one before and one after.
    assert run(tern, "cache", "list").stdout.count("2 programs") == 1
    # Of another target nothing was kept.
    other = run(tern, "compile", model, "--compile-to=packed", "--remarks", "--target=generic")
    assert "as measured" not in other.stderr


def test_rules_of_another_version_are_left_alone(tern, tuned):
    _, file, model = tuned
    rules = json.loads(file.read_text())
    file.write_text(json.dumps([rule | {"layout": "of_old"} for rule in rules]))
    done = run(tern, "compile", model, "--compile-to=packed", "--remarks")
    assert done.returncode == 0, done.stderr
    assert "as measured" not in done.stderr
    file.write_text("{")
    done = run(tern, "compile", model, "--compile-to=packed")
    assert done.returncode == 1 and str(file) in done.stderr


def test_bench_of_kernels_keeps_nothing(tern, home):
    done = run(tern, "bench", A48, "--kernels", "-t", "2", "-r", "1")
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    # More than caches hold.
    found = re.fullmatch(r"threads: 2; copies of each weight: (\d+) MB; all caches: (\d+) MB", first)
    size, caches = found.groups()
    assert int(size) >= max(4 * int(caches) - 4, 268)
    # Lists have rows of their own, all times a spread.
    shapes = [line for line in lines if not line.startswith("  ")]
    for words in ("/rows33/t1", "/columns17/t1", "/t128"):
        assert any(words in shape for shape in shapes), words
    times = [line for line in lines if line.startswith("  ")]
    assert any("rows_in_lanes" in time for time in times)
    assert all(re.search(r" us ± *\d+ % +[\d.]+ GB/s +[\d.]+ GMAC/s$", time) for time in times)
    assert not (home / "strategies").exists()


def test_numbers_of_the_family(tern, home):
    done = run(tern, "tune", "--family", "-t", "1", "-r", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    first = next(line for line in lines if "rows_in_lanes" in line)
    assert "one token" in first and "stall 1.00 (1.00) reach 1.00 (1.00)" in first
    for word in ("-8..7", " few ", " many "):
        assert any(word in line for line in lines), word
    assert not home.exists()
    done = run(tern, "tune", A48, "--family")
    assert done.returncode == 2 and "--family takes no MODEL" in done.stderr
    done = run(tern, "tune", A48, "-o", "x.o")
    assert done.returncode == 2 and "-o and --layout are for tern tune --family" in done.stderr


def test_other_machines_are_refused(tern, home):
    done = run(tern, "tune", A48, "--target=riscv64-unknown-elf", "--cpu=generic-rv64+m+a+f+d+c")
    assert done.returncode == 1
    assert "measured on the machine they are for" in done.stderr


def test_compile_tunes_first(tern, tuned, tmp_path):
    """And replaces the rules for the same weights, of which this model has three."""
    _, file, _ = tuned
    rules, output = json.loads(file.read_text()), tmp_path / "p.mlir"
    weights = few_weights(tmp_path / "model", 192)
    assert not weights & {rule["weight"] for rule in rules}
    old = [{"weight": weight, "layout": "of_old", "why": "before"} for weight in weights]
    file.write_text(json.dumps(rules + [rules[0] | rule for rule in old]))
    flags = ["--tune", "--compile-to=packed", "--remarks", "-o", output]
    done = run(tern, "compile", tmp_path / "model", *flags)
    assert done.returncode == 0, done.stderr
    assert "as measured" in done.stderr and "kept in" in done.stderr
    assert os.path.getsize(output) > 0
    kept = json.loads(file.read_text())
    assert kept[: len(rules)] == rules
    assert {rule["weight"] for rule in kept[len(rules) :]} == weights
    assert len(kept) == len(rules) + len(weights)
    assert "before" not in {rule["why"] for rule in kept}
