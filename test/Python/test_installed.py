# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The tree that `cmake --install` makes: it compiles, and what it compiles runs.

Needs TERN_BINARY in a build folder; without it these tests are skipped.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from conftest import MODELS, ROOT, model_directory
from test_docs import RUN
from test_driver import run
from test_golden import golden_json

A48 = model_directory(MODELS[0])


@pytest.fixture(scope="module")
def prefix(tern, tmp_path_factory) -> Path:
    """Moved after it was installed: nothing in it may say where it is."""
    build = Path(tern).resolve().parents[1]
    if not (build / "cmake_install.cmake").exists():
        pytest.skip(f"{build} is not a build folder")
    folder = tmp_path_factory.mktemp("installed")
    done = run("cmake", "--install", build, "--prefix", folder / "first")
    assert done.returncode == 0, done.stderr
    (folder / "first").rename(folder / "moved")
    return folder / "moved"


def test_installed_compiler_compiles(prefix, tmp_path):
    """With nothing of an environment."""
    tern = prefix / "bin" / "tern"
    version = run(tern, "--version", env={})
    assert version.returncode == 0, version.stderr
    done = run(tern, "compile", A48, "-o", tmp_path / "bard", "--target=generic", env={}, cwd="/")
    assert done.returncode == 0, done.stderr
    want = golden_json(MODELS[0])["greedy"][0]
    flags = ["-p", want["prompt"], "-n", len(want["ids"]), "--temp", "0"]
    done = run(tmp_path / "bard", *flags, env={})
    assert done.returncode == 0 and want["text"].rstrip() in done.stdout


def test_installed_libraries_and_headers_link(prefix, tmp_path):
    """The example of the runtime, with the model that tests use."""
    sources = [ROOT / "runtime/examples/hello.c", ROOT / "test/Runtime/fake_model.c"]
    libraries = [prefix / "lib" / name for name in ("libtern_host.a", "libtern_core.a")]
    done = run(
        "cc", "-I", prefix / "include", "-I", ROOT / "test/Runtime", "-DTERN_EXAMPLE_MODEL=tern_model_fake",
        *sources, *libraries, "-lm", "-pthread", "-o", tmp_path / "hello",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "usage" in run(tmp_path / "hello").stderr


LIBRARIES = {
    "libtern.so": ("-D", {"tern_engine_open", "tern_main", "tern_step"}),
    "libtern.a": ("-g", {"tern_engine_open", "tern_main", "tern_step"}),
    "libtern_core.a": ("-g", {"tern_step"}),
    "libtern_host.a": ("-g", {"main", "tern_main"}),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_libraries_export_their_names_alone(prefix, name):
    """None that is not tern_... but a program's main."""
    flag, needed = LIBRARIES[name]
    done = run("nm", flag, "--defined-only", prefix / "lib" / name)
    assert done.returncode == 0, done.stderr
    found = {fields[2] for fields in map(str.split, done.stdout.splitlines()) if len(fields) == 3}
    names = {symbol.partition("@")[0] for symbol in found} - {"TERN_0"}
    assert needed <= names
    assert not {symbol for symbol in names - needed if not symbol.startswith("tern_")}
    if name == "libtern.so":
        assert all(symbol == "TERN_0" or symbol.endswith("@@TERN_0") for symbol in found)
        done = run("readelf", "-d", prefix / "lib/libtern.so")
        assert "soname: [libtern.so.0]" in done.stdout


def test_commands_of_engine_run(prefix, tmp_path):
    """In C and C++, by pkg-config; two questions of one engine get both answers."""
    env = {
        "PATH": f"{prefix}/bin:/usr/bin:/bin",
        "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig"),
        "LD_LIBRARY_PATH": str(prefix / "lib"),
        "EXAMPLES": str(prefix / "share/tern/runtime/examples"),
        "MODEL": str(A48),
    }
    blocks = RUN.findall((ROOT / "docs/engine.md").read_text())
    assert [name for name, _ in blocks] == ["c", "cpp"]
    want = [answer["text"] for answer in golden_json(MODELS[0])["greedy"]]
    for name, commands in blocks:
        done = run("sh", "-ec", commands, cwd=tmp_path, env=env)
        assert done.returncode == 0, (name, done.stderr)
        assert done.stdout.startswith(want[0][:20]), (name, done.stdout)
    done = run(tmp_path / "engine", "./bard.weights", "ROMEO:", cwd=tmp_path, env=env)
    assert done.returncode == 1 and "an engine opens a library" in done.stderr


def test_cmake_finds_the_package(prefix, tmp_path):
    """Both targets link what the example needs, from wherever it was moved to."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.20)\n"
        "project(example LANGUAGES C)\n"
        "find_package(tern 0.1 REQUIRED)\n"
        f"add_executable(shared {ROOT}/runtime/examples/engine.c)\n"
        f"add_executable(archive {ROOT}/runtime/examples/engine.c)\n"
        "target_link_libraries(shared tern::tern)\n"
        "target_link_libraries(archive tern::static)\n"
    )
    build = tmp_path / "build"
    done = run("cmake", "-G", "Ninja", "-S", tmp_path, "-B", build, f"-Dtern_ROOT={prefix}")
    assert done.returncode == 0, done.stderr
    done = run("cmake", "--build", build)
    assert done.returncode == 0, done.stdout
    for name in ("shared", "archive"):
        done = run(build / name)
        assert done.returncode == 2 and "usage" in done.stderr


def test_a_missing_library_of_the_runtime_is_named(prefix, tmp_path):
    copy = tmp_path / "bin"
    copy.mkdir()
    shutil.copy(prefix / "bin" / "tern", copy)
    done = run(copy / "tern", "compile", A48, "-o", tmp_path / "bard", "--target=generic")
    assert done.returncode == 1 and "lib/libtern_host.a is missing" in done.stderr
