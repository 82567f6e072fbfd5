# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""tools/benchmark.py and docs/benchmarks.py: programs measured in turns, and their page."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Prints what `bench -o jsonl` does, a rate from a list of its own, and notes the call.
PROGRAM = """#!/bin/sh
echo "$0 $*" >>{log}
rate=$(head -1 {name}.rates) && sed -i 1d {name}.rates
echo "{{\\"build\\": \\"tern 9\\", \\"avg_ts\\": $rate, \\"gigabytes_per_second\\": 20.0,"\
 "\\"read_bandwidth\\": 25.0, \\"cpu_info\\": \\"C\\", \\"backend\\": \\"B\\"}}"
"""


def make_program(folder: Path, name: str, rates: list[float]) -> Path:
    path = folder / name
    path.write_text(PROGRAM.format(log=folder / "log", name=path))
    path.chmod(0o755)
    Path(f"{path}.rates").write_text("".join(f"{rate}\n" for rate in rates))
    return path


def measure(folder: Path, *flags: str) -> subprocess.CompletedProcess:
    script = [sys.executable, ROOT / "tools/benchmark.py", "-o", folder / "m.json"]
    return subprocess.run([*script, *flags], capture_output=True, text=True, check=False)


def test_rounds_are_in_turns_and_medians_count(tmp_path):
    ours = make_program(tmp_path, "ours", [10, 40, 30])
    other = make_program(tmp_path, "other", [5, 7, 6])
    done = measure(
        tmp_path, "--program", f"b1.58:prefill={ours}", "--runs", "3", "--threads", "2",
        "--peer", f"engine={other} {{prompt}} {{threads}}", "--machine", "M",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    calls = [line.split("/")[-1].split() for line in (tmp_path / "log").read_text().splitlines()]
    assert [call[0] for call in calls] == ["ours", "other", "other", "ours", "ours", "other"]
    bench = "bench -p 512 -n 0 -d 0 -b 1 -t 2 -r 1 -o jsonl"
    assert calls[0][1:] == bench.split() and calls[1][1:] == ["512", "2"]
    found = json.loads((tmp_path / "m.json").read_text())
    assert (found["machine"], found["tern"], found["peer"]) == ("M", "9", "engine")
    (row,) = found["rows"]
    assert (row["tern"], row["tern_spread"], row["peer"]) == (30, 0.5, 6)
    assert (row["gigabytes_per_second"], row["read_bandwidth"]) == (20, 25)


def test_a_peer_stays_out_of_tests_that_it_cannot_do(tmp_path):
    ours = make_program(tmp_path, "ours", [10, 9, 8])
    other = make_program(tmp_path, "other", [5])
    done = measure(
        tmp_path, "--program", f"b1.58:depth={ours}", "--runs", "1", "--depths", "0,64,128",
        "--peer", f"engine={other} {{generated}}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads((tmp_path / "m.json").read_text())["rows"]
    assert [(row["depth"], row["peer"]) for row in rows] == [(0, 5), (64, None), (128, None)]


def test_a_program_that_fails_is_named(tmp_path):
    done = measure(tmp_path, "--program", "b1.58:prefill=/bin/false", "--runs", "1")
    assert done.returncode == 1
    assert "/bin/false bench" in done.stderr and "expected one object" in done.stderr
    assert not (tmp_path / "m.json").exists()


@pytest.fixture
def docs(tmp_path):
    """A copy of what docs/benchmarks.py reads and writes."""
    for name in ("benchmarks.py", "svg.py", "benchmarks.md"):
        shutil.copy(ROOT / "docs" / name, tmp_path)
    for name in ("benchmarks", "pictures"):
        shutil.copytree(ROOT / "docs" / name, tmp_path / name)
    return tmp_path


def draw(docs: Path, *flags: str) -> subprocess.CompletedProcess:
    command = [sys.executable, docs / "benchmarks.py", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_changed_figure_makes_page_and_pictures_stale(docs):
    assert draw(docs, "--check").returncode == 0
    path = docs / "benchmarks/zen4.json"
    machine = json.loads(path.read_text())
    row = machine["rows"][0] | {"gigabytes_per_second": 11.1, "read_bandwidth": 22.2}
    machine["rows"][0] = row | {"tern": 1234.5, "tern_spread": 0.02}
    path.write_text(json.dumps(machine))
    stale = draw(docs, "--check")
    assert stale.returncode == 1
    for name in ("benchmarks.md", "zen4-speed.svg", "zen4-roof.svg"):
        assert f"{name} is stale" in stale.stdout
    assert draw(docs).returncode == 0 and draw(docs, "--check").returncode == 0
    assert "| 1234 ± 2 % |" in (docs / "benchmarks.md").read_text()
    assert "1234.5" in (docs / "pictures/zen4-speed.svg").read_text()
    assert "11.1, 50 %" in (docs / "pictures/zen4-roof.svg").read_text()


def test_depth_is_drawn_from_two_points_on(docs):
    path = docs / "benchmarks/zen4.json"
    machine = json.loads(path.read_text())
    row = machine["rows"][0] | {"test": "depth", "model": "seen", "peer": None}
    machine["rows"] += [row, row | {"depth": 2048, "tern": 30.0}]
    machine["rows"].append(row | {"model": "unseen", "depth": 512})
    path.write_text(json.dumps(machine))
    assert draw(docs).returncode == 0
    picture = (docs / "pictures/zen4-depth.svg").read_text()
    assert ">seen<" in picture and ">unseen<" not in picture and ">2048<" in picture
    assert "pictures/zen4-depth.svg" in (docs / "benchmarks.md").read_text()


def test_a_machine_without_a_place_is_named(docs):
    shutil.copy(docs / "benchmarks/zen4.json", docs / "benchmarks/other.json")
    done = draw(docs)
    assert done.returncode == 1 and "other" in done.stderr
