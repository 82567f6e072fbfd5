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
from test_compiled import run_driver
from test_golden import golden_json

A48 = str(model_directory(MODELS[0]))
M4 = ["--target=thumbv7em-none-eabihf", "--cpu=cortex-m4", "--max-tokens=1", "-c", "128"]


def need(*tools: str) -> None:
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"no '{tool}'")


def make(folder: Path, *arguments: str, status: int = 0) -> str:
    done = subprocess.run(
        ["make", "-s", "-C", str(folder), "--no-print-directory", *arguments],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == status, done.stderr[-3000:]
    return done.stdout


def want() -> str:
    return golden_json(MODELS[0])["greedy"][0]["text"].rstrip()


@pytest.fixture(scope="module")
def m4(tern, tmp_path_factory) -> Path:
    need("clang", "ld.lld", "make", "qemu-system-arm")
    folder = tmp_path_factory.mktemp("m4")
    run_driver([tern, "compile", A48, "--emit=project", "-o", str(folder), *M4])
    return folder


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
