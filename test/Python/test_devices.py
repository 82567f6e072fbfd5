# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Folders that build a program for a device, and what memory is said to be needed.

Needs TERN_BINARY, clang, lld, make and an emulator for each board; a board that lacks one
is skipped. docs/devices.md has more of them, whose commands test_docs.py runs.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from boards import run_quietly
from conftest import MODELS, ROOT, model_directory
from damage import edit_tensor
from tern_reference.synth import synthesize
from test_boards import LEAST, LIMITS
from test_compiled import run_driver
from test_golden import golden_json

A48 = str(model_directory(MODELS[0]))
M4 = ["--target=thumbv7em-none-eabihf", "--cpu=cortex-m4", "--max-tokens=1", "-c", "128"]


def need(*tools: str) -> None:
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"no '{tool}'")


def make(folder: Path, *arguments: str, status: int = 0) -> str:
    """The text that is said, of a refusal make's."""
    done = subprocess.run(
        ["make", "-s", "-C", str(folder), "--no-print-directory", *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == status, done.stderr[-3000:]
    return done.stdout or done.stderr


def want() -> str:
    return golden_json(MODELS[0])["greedy"][0]["text"].rstrip()


@pytest.fixture(scope="module")
def m4(tern, tmp_path_factory) -> Path:
    need("clang", "ld.lld", "make", "qemu-system-arm")
    folder = tmp_path_factory.mktemp("m4")
    command = [tern, "compile", A48, "--emit=project", "-o", str(folder), *M4, "--report"]
    (folder / "report").write_text(run_driver(command))
    return folder


def test_instructions_of_a_token_are_reported(m4):
    """As many as test_boards.py counts in another program, within 6 % of both sides."""
    [line] = [line for line in (m4 / "report").read_text().splitlines() if line.startswith("inst")]
    counts = re.fullmatch(r"instructions (\d+) to (\d+) for a token", line)
    assert LEAST <= int(counts[1]) < int(counts[2]) <= LIMITS["--head=16"]


@pytest.mark.parametrize("tool, flags", [
    ("qemu-system-riscv32", ["--target=riscv32-unknown-elf", "--embed-weights"]),
    ("qemu-aarch64", ["--target=aarch64-linux-gnu"]),
])  # fmt: skip
def test_project(tern, tmp_path, tool, flags):
    need("clang", "ld.lld", "make", tool, "aarch64-linux-gnu-gcc")
    run_driver([tern, "compile", A48, "--emit=project", "-o", str(tmp_path), "-c", "128", *flags])
    said = make(tmp_path, "run").rstrip()
    assert said and want().startswith(said)
    files = {path.name for path in tmp_path.iterdir()}
    assert ("model.weights" in files) == ("model-weights.S" in files) == ("--embed-weights" not in flags)
    if tool == "qemu-aarch64":
        assert "no emulator" in make(tmp_path, "count", status=2)
    # The same folder may be written again, no other one.
    (tmp_path / "target.mk").write_text("mine\n")
    command = [tern, "compile", A48, "--emit=project", "-o", str(tmp_path), *flags]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "no project of tern's" in done.stderr


DAMAGE = {
    "the context is full": ("#define TOKENS 60", "#define TOKENS 128"),
    "memory is not aligned": ("= tern_weights_model;", "= tern_weights_model + 4;"),
    "packed for another model": ("= TERN_MODEL_WEIGHTS_BYTES;", "= 4096;"),
}


@pytest.mark.parametrize("words", DAMAGE)
def test_a_device_answers_with_a_status(m4, words):
    source = (m4 / "main.c").read_text()
    before, after = DAMAGE[words]
    assert before in source
    (m4 / "main.c").write_text(source.replace(before, after))
    said = make(m4, "-B", "run", status=2)
    (m4 / "main.c").write_text(source)
    assert words in said.splitlines()[-1] and "fault" not in said


@pytest.mark.parametrize("target", ["thumbv7em-none-eabihf", "wasm32-unknown-unknown"])
def test_an_object_with_its_weights(tern, tmp_path, target):
    """Has the bytes that lie beside another one, and takes as much."""
    said = []
    for name, flags in {"beside": [], "inside": ["--embed-weights"]}.items():
        (tmp_path / name).mkdir()
        out = ["-o", str(tmp_path / name / "bard.o"), "--report", *flags]
        said.append(run_driver([tern, "compile", A48, f"--target={target}", *M4[2:], *out]))
    beside, inside = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("beside", "inside"))
    assert set(inside) == {"bard.o", "bard.h"} and b"bard.weights" not in inside["bard.h"]
    sections = np.frombuffer(beside["bard.weights"], "<u8", 6, 32).reshape(2, 3).tolist()
    for offset, size, _ in sections:
        assert inside["bard.o"].count(beside["bard.weights"][offset : offset + size]) == 1
    flash, others = (parts(text.splitlines()[0].split(": ")[1]) for text in said)
    assert all(abs(flash[part] - others[part]) < 64 for part in flash | others)


def test_libraries_of_another_machine(tern, tmp_path):
    """A shared library is opened with the program; an archive has the runtime in it."""
    need("aarch64-linux-gnu-gcc", "qemu-aarch64")
    compiler = ["aarch64-linux-gnu-gcc", f"-I{ROOT}/runtime/include", str(ROOT / "runtime/examples/hello.c")]
    for library in ("libbard.a", "libbard.so"):
        out = ["-o", str(tmp_path / library), "--target=aarch64-linux-gnu", "--max-tokens=1"]
        run_driver([tern, "compile", A48, *out])
    assert '"libbard"' in run_driver([tern, "inspect", str(tmp_path / "libbard.a"), "--json"])
    flags = ["-DTERN_EXAMPLE_MODEL=tern_model_libbard", "-lm", "-pthread", "-o", "hello"]
    run_quietly(*compiler, "libbard.so", "libbard.a", "-Wl,-rpath,.", *flags, cwd=tmp_path)
    assert b"[libbard.so]" in run_quietly("aarch64-linux-gnu-readelf", "-d", "hello", cwd=tmp_path)
    program = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "hello", "libbard.weights", "ROMEO:"]
    said = run_quietly(*program, cwd=tmp_path).decode()
    assert said.strip() and want().startswith(said.rstrip()), said


def test_weights_are_embedded_in_objects_of_checkpoints(tern, tmp_path):
    for flags, words in [
        (["-o", "bard.so"], "goes with --emit=obj, archive or project"),
        (["-o", "-", "--emit=obj"], "goes with --emit=obj, archive or project"),
        (["-o", "bard.o", "--target=aarch64-apple-darwin"], "leave it out"),
    ]:
        command = [tern, "compile", A48, "--embed-weights", *flags]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode and words in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


# Memory that is said to be needed.


def compile_m4(tern: str, out: Path, *flags: str) -> subprocess.CompletedProcess:
    command = [tern, "compile", A48, "-o", str(out / "bard.o"), *M4, *flags]
    return subprocess.run(command, capture_output=True, text=True)


def parts(line: str) -> dict[str, int]:
    return {name: int(n) for n, name in re.findall(r"(\d+) ([a-z ]+[a-z])", line)}


def test_report_and_inspect_say_the_same(tern, tmp_path):
    done = compile_m4(tern, tmp_path, "--report")
    assert done.returncode == 0, done.stderr
    flash, ram = done.stdout.splitlines()
    said = parts(flash.split(": ")[1])
    assert said["ternary weights"] == 491520 and said["embedding"] == 393216
    assert said["rotary tables"] == 32768 and 0 < said["constants"] < 4096 < said["code"]
    assert 0 < said["tokenizer"] < 40000 and re.search(r"\d+ largest stack frame$", ram)
    header = (tmp_path / "bard.h").read_text()
    sizes = {n: int(v) for n, v in re.findall(r"TERN_BARD_(\w+) UINT64_C\((\d+)\)", header)}
    weights = sum(said[n] for n in ("ternary weights", "embedding", "rotary tables", "norms",
                                    "scales", "padding") if n in said)  # fmt: skip
    assert weights == sizes["WEIGHTS_BYTES"] and said["tokenizer"] == sizes["TOKENIZER_BYTES"]
    facts = json.loads(run_driver([tern, "inspect", str(tmp_path / "bard.o"), "--json"]))
    memory = facts["memory"]
    said_of_ram = [int(part.split()[0]) for part in ram.split(": ")[1].split(", ")]
    assert [p["bytes"] for p in memory["ram"]] == said_of_ram
    assert memory["ram_bytes"] == sum(said_of_ram) == int(ram.split()[1])
    both = {p["name"]: p["bytes"] for p in memory["flash"]}
    assert all(said[name] == count for name, count in both.items() if count)


def test_what_is_over_a_budget_is_told_with_what_would_fit(tern, tmp_path):
    done = compile_m4(tern, tmp_path, "--max-flash=512K", "--max-ram=40K", "--head=int8")
    assert done.returncode == 1 and not list(tmp_path.iterdir())
    [line] = done.stderr.splitlines()
    flash, ram = line.split("; and ")
    assert "more than --max-flash=524288 allows: " in flash and "491520 ternary weights" in flash
    [context] = re.findall(r"--context=(\d+) makes it (\d+)", ram)
    assert int(context[0]) < 128 and int(context[1]) <= 40 << 10
    assert compile_m4(tern, tmp_path, "--max-ram=40K", "-c", context[0]).returncode == 0


SMALL = dict(hidden=64, heads=2, head_dim=32, intermediate=96, layers=1, vocab=300)


def compile_small(tern: str, model: Path, out: Path, *flags: str) -> subprocess.CompletedProcess:
    out = ["-o", str(out / "bard.o"), "--target=generic", "--max-tokens=1"]
    command = [tern, "compile", str(model), *out, *flags]
    return subprocess.run(command, capture_output=True, text=True)


def test_savings_together_are_those_of_all_flags(tern, tmp_path):
    """Of a head and an embedding that are two matrices, and of a context that fits only
    when all else is small.
    """
    synthesize(tmp_path / "model", tied=False, **SMALL)
    budget = ["--max-flash=1K", "--max-ram=12K", "--workers=4", "--kv-bits=8"]
    done = compile_small(tern, tmp_path / "model", tmp_path, *budget)
    assert done.returncode == 1
    flash, ram = done.stderr.split("; and ")
    for words, base, flags in [
        (flash, ["--kv-bits=8"], ["--head=int4", "--embedding=int8"]),
        (ram, [], ["--workers=1", "--kv-bits=3", "--context="]),
    ]:
        said = re.search(r"; ((?:--\S+ )+)together make it (\d+)(, which is still)?", words)
        chosen = said[1].split()
        assert len(chosen) == len(flags) and bool(said[3]) == (words == flash), words
        assert all(flag.startswith(start) for flag, start in zip(chosen, flags)), words
        other = compile_small(tern, tmp_path / "model", tmp_path, *base, *chosen, "--report")
        assert re.search(rf"^(flash|RAM) +{said[2]} bytes: ", other.stdout, re.M), other.stdout


def test_a_model_that_is_compiled_twice_is_reported_once(tern, tmp_path):
    """Whose first scales are of 16 bits, and not all."""
    shape = SMALL | dict(hidden=256, head_dim=64, intermediate=128)
    synthesize(tmp_path / "model", encoding="products-bf16", **shape)

    def shrink(values: bytearray) -> None:
        row = np.frombuffer(values, "<u2")[-256:]
        row[row != 0] -= 40 << 7  # times 2^-40

    edit_tensor("model.layers.0.mlp.gate_proj.weight", shrink)(tmp_path / "model")
    done = compile_small(tern, tmp_path / "model", tmp_path, "--report", "-v")
    assert done.returncode == 0 and "compiling again" in done.stderr, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["flash", "RAM"]


@pytest.mark.parametrize("text", ["", "1.5M", "12X", "-1", "99999999T"])
def test_sizes_are_checked(tern, tmp_path, text):
    done = compile_m4(tern, tmp_path, f"--max-flash={text}")
    assert done.returncode == 2 and "--max-flash takes a number of bytes" in done.stderr


def test_projects_are_refused_by_reason(tern, tmp_path):
    def refusal(*flags: str) -> str:
        command = [tern, "compile", A48, "--emit=project", *flags]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode != 0
        [line] = done.stderr.splitlines()
        return line

    assert "there is no example" in refusal("-o", str(tmp_path / "p"), "--target=aarch64-apple-darwin")
    assert "excludes --name" in refusal("-o", str(tmp_path / "p"), "--name=x")
    assert "excludes -o -" in refusal("-o", "-")
    (tmp_path / "file").write_text("")
    assert "no project of tern's" in refusal("-o", str(tmp_path))
