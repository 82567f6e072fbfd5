# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tools/gpu-check.sh, with the interpreter of test/Device in the place of a card.

Needs TERN_BINARY and cc. States that go from a CPU to a GPU and back are tested here as well,
and so are batches.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from test_gpu import find_library  # noqa: F401 (a fixture)

SCRIPT = ROOT / "tools" / "gpu-check.sh"


def start(*command: object, **variables: str) -> subprocess.CompletedProcess:
    words, environment = [str(word) for word in command], {**os.environ, **variables}
    return subprocess.run(
        words, capture_output=True, text=True, env=environment, timeout=300, check=False
    )


@pytest.fixture(scope="module", name="folder")
def prepare(tern, library, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("check") / "prepared"
    variables = {"TERN_BINARY": str(Path(tern).resolve())}
    done = start("sh", SCRIPT, "--prepare", folder, "--quick", **variables)
    assert done.returncode == 0 and not list(folder.glob("tmp*")), done.stderr
    return folder


def check(folder: Path, report: Path, *flags: str, **variables: str) -> tuple[int, str, dict]:
    """Status, table and report."""
    done = start(folder / "gpu-check", "-o", report, *flags, **variables)
    assert report.exists(), done.stderr
    return done.returncode, done.stdout, json.loads(report.read_text())


def test_all_is_equal(folder, library, tmp_path):
    status, table, report = check(folder, tmp_path / "report", LD_LIBRARY_PATH=library)
    assert status == 0, table
    assert report["interpreter"] and report["quick"] and "figures of time mean nothing" in table
    assert report["different"] == report["failed"] == 0
    equal = [result["name"] for result in report["results"] if result.get("equal")]
    carried = [f"carried to and from the CPU: {what}" for what in ("saved", "logits", "batches", "greedy")]
    shapes = [f"h204-g68-d100, {what} of {n}" for what in ("hidden", "logits") for n in (5, 9)]
    models = [f"shakespeare-b158, {what}" for what in ("text", "hidden of 9", "logits of 9")]
    assert {*carried, *shapes, *models} <= {*equal}
    [opcodes] = [int(name.split()[0]) for name in equal if name.endswith(" opcodes")]
    assert opcodes >= 175
    figures = {(r["step"], r["name"]): r for r in report["results"] if "value" in r}
    for name in ("copy", "read", "launch in a graph", "with edges that let it begin early"):
        assert figures["device", name]["value"] > 0
    steps = [name for step, name in figures if step == "products" and ", behind" in name]
    assert len(steps) == 6 and sum(name.endswith(", behind 160") for name in steps) == 1
    products = [name for step, name in figures if step == "products" and name.endswith("tokens")]
    # Gate and up are one launch but for prompts.
    assert len(products) == len(set(products)) == 4 + 4 + 5
    assert figures["models", "shakespeare-b158, batch of 2, behind 0"]["unit"] == "tok/s"


#: A step, a fault in the code that it loads, and results that differ then.
FAULTS = {
    "an opcode": ("opcodes", r"add\.rn\.f32=>sub.rn.f32", "add.rn.f32 %d, %a, %b;"),
    "a clamp": ("shapes", r"max\.f32=>min.f32", "h204-g68-d100, logits of 5"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_noticed(folder, library, tmp_path, fault):
    step, change, name = FAULTS[fault]
    variables = {"LD_LIBRARY_PATH": library, "TERN_PTX_REPLACE": change}
    status, table, report = check(folder, tmp_path / "report", "--only", step, **variables)
    different = [result["name"] for result in report["results"] if result.get("equal") is False]
    assert status == 1 and report["different"] == len(different) and name in different
    # Only it: the last one is all of them.
    assert step != "opcodes" or all("add.rn.f32" in text for text in different[:-1])
    assert f"{len(different)} different" in table and "DIFFERENT: " in table


def test_steps_fail_alone(folder, tmp_path):
    variables = {"LD_LIBRARY_PATH": "", "PATH": os.environ["PATH"]}
    flags = ["--only", "device,opcodes"]
    status, table, report = check(folder, tmp_path / "report", *flags, **variables)
    assert status == 1 and report["failed"] == 2
    assert table.count("FAILED: no driver is installed: there is no libcuda.so.1") == 2


def test_steps_have_limits(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import gpu_check

    monkeypatch.setitem(gpu_check.STEPS, "device", (gpu_check.check_device, 0))
    [record] = gpu_check.run_step("device", 0)
    assert record == {"step": "device", "name": "device", "error": "it took more than 0 s"}


def test_usage(folder, tmp_path):
    done = start("sh", SCRIPT)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: sh tools/gpu-check.sh --prepare DIR")
    done = start(sys.executable, folder / "gpu_check.py", "--only", "opcode")
    assert done.returncode == 2 and "got opcode" in done.stderr
    (tmp_path / "file").write_text("")
    done = start("sh", SCRIPT, "--prepare", tmp_path)
    assert done.returncode == 1
    assert "is not empty" in done.stderr or "there is no" in done.stderr
