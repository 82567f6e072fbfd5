# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""python/tern as it is shipped: next to libtern's headers, other versions of it, in a wheel.

Needs TERN_BINARY in a build folder; without it these tests are skipped. What the package
answers is in test_python_package.py.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from conftest import ROOT
from test_driver import run
from test_python_package import WANT, library, libtern  # noqa: F401 (fixtures)

HOST = (ROOT / "runtime/include/tern/host.h").read_text()
VERSION = re.findall(r'TERN_VERSION_TEXT "(.*)"', HOST)[0]


def python(*arguments: object, **variables: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "python"), **variables}
    return run(sys.executable, *arguments, env=environment)


def test_structs_are_those_of_the_header(library, tmp_path):
    """Each field of Python lies where C has it."""
    from tern import structs

    lines = []
    for name, struct in structs.ALL.items():
        lines += [f'printf("{name} %zu\\n", sizeof({name}));']
        for field, kind in struct._fields_:
            lines += [
                f'printf("{name}.{field} %zu %zu\\n", offsetof({name}, {field}),'
                f" sizeof((({name} *)0)->{field}));"
            ]
    source = tmp_path / "layout.c"
    body = "\n".join(lines)
    source.write_text(
        "#include <stddef.h>\n#include <stdio.h>\n#include <tern/engine.h>\n#include <tern/tools.h>\n"
        f"int main(void) {{\n{body}\n}}\n"
    )
    done = run("cc", "-I", ROOT / "runtime/include", source, "-o", tmp_path / "layout")
    assert done.returncode == 0, done.stderr
    found = dict(line.split(" ", 1) for line in run(tmp_path / "layout").stdout.splitlines())
    for name, struct in structs.ALL.items():
        assert found[name] == str(ctypes.sizeof(struct)), name
        for field, _ in struct._fields_:
            place = getattr(struct, field)
            assert found[f"{name}.{field}"] == f"{place.offset} {place.size}", (name, field)


def test_missing_and_older_libraries_are_said(libtern, tmp_path):
    from tern.library import PROTOTYPES

    inits = [f"void {name}(unsigned *size) {{ *size = 8; }}\n" for name in PROTOTYPES if "_init" in name]
    others = [f"int {name}(void) {{ return 0; }}\n" for name in PROTOTYPES if "_init" not in name]
    for name, code in (("lacks", inits), ("short", inits + others)):
        (tmp_path / f"{name}.c").write_text("".join(code))
        done = run("cc", "-shared", "-fPIC", tmp_path / f"{name}.c", "-o", tmp_path / f"{name}.so")
        assert done.returncode == 0, done.stderr
    for path, words in (
        (tmp_path / "none", "cannot load libtern.so.0"),
        (tmp_path / "lacks.so", "has no tern_version: it is older than"),
        (tmp_path / "short.so", "of 8 bytes, expected at least .*: it is older than"),
    ):
        done = python("-c", "import tern; tern.Model('x')", TERN_LIBRARY=str(path))
        assert done.returncode == 1
        assert re.search(rf"^tern.errors.Error: .*{words}", done.stderr, re.M), done.stderr
    done = python("-c", "import tern; print(tern.library_version())", TERN_LIBRARY=str(libtern))
    assert done.stdout == f"{VERSION}\n"
    # The package itself is there without any.
    assert python("-c", "import tern", TERN_LIBRARY="/none").returncode == 0


def test_version_is_one():
    from tern import __version__

    assert __version__ == VERSION
    assert f"project(tern VERSION {__version__} " in (ROOT / "CMakeLists.txt").read_text()


def test_types_hold(tmp_path):
    if not shutil.which("mypy"):
        pytest.skip("no mypy")
    done = run("mypy", "--strict", "--cache-dir", tmp_path, ROOT / "python/tern")
    assert done.returncode == 0, done.stdout


def blocks_of(page: str) -> str:
    """Also those of a list, which are indented."""
    found = re.findall(r"^( *)<!-- run: python -->\n *```python\n(.*?)^ *```\n", page, re.S | re.M)
    return "\n".join(textwrap.dedent(code) for _, code in found)


def test_page_runs(library, libtern, tmp_path):
    """All blocks of docs/python.md, one after the other."""
    for file in (library, library.with_suffix(".weights")):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "plain.jinja").write_text("{% for m in messages %}{{ m.content }}\n{% endfor %}ROMEO:")
    (tmp_path / "page.py").write_text(blocks_of((ROOT / "docs/python.md").read_text()))
    variables = {"PYTHONPATH": str(ROOT / "python"), "TERN_LIBRARY": str(libtern)}
    done = run(sys.executable, "page.py", cwd=tmp_path, env=variables)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(WANT[0]["text"][:20])
    assert "temperature is -1, expected 0 or more" in done.stdout


def test_wheel_runs_the_example_of_the_first_page(library, libtern, tmp_path):
    """In an environment that has nothing else."""
    pip = sorted(Path("/usr/share/python-wheels").glob("pip-*.whl"))
    if not pip or run(sys.executable, "-c", "import build, wheel").returncode != 0:
        pytest.skip("no python3-build, python3-wheel or python3-venv")
    variables = {**os.environ, "PYTHON": sys.executable}
    done = run("sh", ROOT / "tools/wheel.sh", libtern, tmp_path / "wheels", env=variables)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "wheels").iterdir()
    # PEP 600: it installs where the C library has all symbols that libtern asks for.
    symbols = run("objdump", "-T", libtern).stdout
    wanted = re.findall(r"\*UND\*.*GLIBC_2\.(\d+)", symbols)
    assert len(wanted) > 50
    assert re.fullmatch(rf"tern-[\d.]+-py3-none-manylinux_2_{max(map(int, wanted))}_\w+\.whl", wheel.name)
    assert run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "empty").returncode == 0
    inside = tmp_path / "empty" / "bin" / "python"
    done = run(inside, "-m", "pip", "install", "--no-index", wheel, env={"PYTHONPATH": str(pip[-1])})
    assert done.returncode == 0, done.stderr
    for file in (library, library.with_suffix(".weights")):
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / "example.py").write_text(blocks_of((ROOT / "README.md").read_text()))
    done = run(inside, "example.py", cwd=tmp_path, env={})
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(WANT[0]["text"][:20])
    done = run(inside, "-c", "import tern; tern.Model('bard.so').embed('x')", cwd=tmp_path, env={})
    assert "Error: this needs numpy" in done.stderr
