# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pages are true: their commands run, their links lead somewhere.

The first test needs TERN_BINARY; without it it is skipped.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "test/models/shakespeare-a48"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
RUN = re.compile(r"<!-- run: (\w+) -->\n```sh\n(.*?)```\n", re.DOTALL)
# The bundled model's greedy text after "ROMEO:", test/data/golden.json.
ANSWER = " but I am a man"


@pytest.mark.skipif("TERN_BINARY" not in os.environ, reason="needs TERN_BINARY")
def test_commands_of_embedding_run(tmp_path):
    """In their order, in one folder, with the libraries of the build as PREFIX."""
    tern = Path(os.environ["TERN_BINARY"])
    prefix = tmp_path / "prefix"
    prefix.mkdir()
    (prefix / "include").symlink_to(ROOT / "runtime/include")
    (prefix / "lib").symlink_to(tern.parents[1] / "lib")
    env = {
        "PATH": f"{tern.parent}:/usr/bin:/bin",
        "PREFIX": str(prefix),
        "EXAMPLES": str(ROOT / "runtime/examples"),
        "MODEL": str(MODEL),
    }
    blocks = RUN.findall((ROOT / "docs/embedding.md").read_text())
    assert [name for name, _ in blocks] == ["c", "python", "c"]
    for name, commands in blocks:
        done = subprocess.run(
            ["sh", "-ec", commands], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, (name, done.stderr)
        assert done.stdout.startswith(ANSWER), (name, done.stdout)


DEVICES = {
    "pi": ["aarch64-linux-gnu-gcc", "qemu-aarch64"],
    "m4": ["clang", "ld.lld", "make", "qemu-system-arm"],
    "page": ["clang", "wasm-ld", "make", "node"],
}


@pytest.mark.skipif("TERN_BINARY" not in os.environ, reason="needs TERN_BINARY")
@pytest.mark.parametrize("device", DEVICES)
def test_commands_of_devices_run(device, tmp_path):
    """All of one device in their order; the last one says the model's text."""
    for tool in DEVICES[device]:
        if not shutil.which(tool):
            pytest.skip(f"no '{tool}' for {device}")
    blocks = RUN.findall((ROOT / "docs/devices.md").read_text())
    assert {name for name, _ in blocks} == set(DEVICES)
    commands = "".join(commands for name, commands in blocks if name == device)
    path = f"{Path(os.environ['TERN_BINARY']).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", commands], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PATH": path, "MODEL": str(MODEL), "PREFIX": str(ROOT / "runtime"),
             "EXAMPLES": str(ROOT / "runtime/examples")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert any(line.startswith(ANSWER) for line in done.stdout.splitlines()), done.stdout


def test_c_of_the_abi_compiles(tmp_path):
    """The declarations of docs/abi.md agree with the headers."""
    blocks = re.findall(r"^```c\n(.*?)^```", (ROOT / "docs/abi.md").read_text(), re.M | re.S)
    assert len(blocks) == 4
    source = tmp_path / "abi.c"
    source.write_text(
        '#include "tern/host.h"\n'
        + "".join(blocks)
        + "tern_function same_type(void) { return function; }\n"
    )
    command = ["cc", "-std=c11", "-Wall", "-Werror", "-fsyntax-only"]
    subprocess.run([*command, f"-I{ROOT}/runtime/include", source], check=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    prose = re.sub(r"^ *(`{3,})\w*\n.*?^ *\1$", "", page.read_text(), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", prose)
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing
