# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Debian's packages and `cmake --install`: they compile, and what they compile runs.

Needs TERN_BINARY in a build folder; without it these tests are skipped.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from conftest import MODELS, ROOT, model_directory
from test_docs import RUN
from test_driver import run
from test_golden import golden_json

A48 = model_directory(MODELS[0])
WANT = golden_json(MODELS[0])["greedy"][0]


PACKAGES = {"libtern0", "libtern-dev", "tern", "python3-tern", "python3-tern-train"}


@pytest.fixture(scope="session")
def build(tern) -> Path:
    build = Path(tern).resolve().parents[1]
    if not (build / "cmake_install.cmake").exists():
        pytest.skip(f"{build} is not a build folder")
    return build


@pytest.fixture(scope="session")
def packages(build, tmp_path_factory) -> dict[str, Path]:
    """Debian's, by name; made once for all workers, without what takes long: the search
    for libraries that clean_root.sh tests, and compression."""
    if not shutil.which("dpkg-deb"):
        pytest.skip("no dpkg-deb")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "packages"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            quick = ["CPACK_DEBIAN_COMPRESSION_TYPE=none", "CPACK_STRIP_FILES=OFF"]
            quick += [f"CPACK_DEBIAN_{part}_PACKAGE_SHLIBDEPS=OFF" for part in ("COMPILER", "LIBRARY")]
            flags = [word for setting in quick for word in ("-D", setting)]
            done = run("cpack", "-G", "DEB", "-B", folder, *flags, cwd=build)
            assert done.returncode == 0, done.stderr
    found = {path.name.partition("_")[0]: path for path in folder.glob("*.deb")}
    assert set(found) == PACKAGES
    return found


@pytest.fixture(scope="module")
def prefix(packages, tmp_path_factory) -> Path:
    """All of them, where they were not made for: nothing in them may say where it is."""
    root = tmp_path_factory.mktemp("root")
    for package in packages.values():
        done = run("dpkg-deb", "-x", package, root)
        assert done.returncode == 0, done.stderr
    return root / "usr"


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_packages_are_what_is_installed(build, prefix, packages, tmp_path):
    """All of it, and each file in one of them."""
    done = run("cmake", "--install", build, "--prefix", tmp_path / "installed")
    assert done.returncode == 0, done.stderr
    assert files_below(tmp_path / "installed") == files_below(prefix)
    listed = []
    for package in packages.values():
        lines = run("dpkg-deb", "-c", package).stdout.splitlines()
        assert all(line.split()[1] == "root/root" for line in lines)
        listed += [line.split()[5] for line in lines if not line.startswith("d")]
    assert len(listed) == len(set(listed)) == len(files_below(prefix))
    wanted = {
        "libtern0": ["usr/lib/libtern.so.0"],
        "libtern-dev": ["usr/lib/libtern.so", "usr/include/tern/engine.hpp", "usr/lib/libtern.a"],
        "tern": ["usr/bin/tern", "usr/share/man/man1/tern-compile.1.gz",
                 "usr/share/bash-completion/completions/tern"],
        "python3-tern": ["usr/lib/python3/dist-packages/tern/py.typed"],
        "python3-tern-train": [f"usr/lib/python3/dist-packages/tern_{file}" for file in (
            "train/__main__.py", "train/recipes/a4.8-2m.toml", "reference/tokenizer.py")],
    }  # fmt: skip
    for name, files in wanted.items():
        assert set(files) <= {file.removeprefix("./") for file in owned(packages[name])}, name
        assert f"usr/share/doc/{name}/copyright" in "".join(owned(packages[name]))
    depends = run("dpkg-deb", "-f", packages["libtern-dev"], "Depends").stdout
    version = run("dpkg-deb", "-f", packages["libtern0"], "Version").stdout.strip()
    assert f"libtern0 (= {version})" in depends
    # Of the libraries that tern is linked with, the one that dpkg-shlibdeps may not find.
    [llvm] = re.findall(r"\[libLLVM\.so\.(\d+)", run("readelf", "-d", prefix / "bin/tern").stdout)
    assert f"libllvm{llvm}" in run("dpkg-deb", "-f", packages["tern"], "Depends").stdout


def owned(package: Path) -> list[str]:
    return [line.split()[5] for line in run("dpkg-deb", "-c", package).stdout.splitlines()]


def test_installed_tern_and_examples_agree(build, prefix):
    """In C, C++ and Python, by the script that a clean Debian runs, too."""
    done = run("sh", ROOT / "tools/package/try.sh", A48, prefix)
    assert done.returncode == 0, done.stdout + done.stderr
    assert WANT["text"][:20] in done.stdout and "the installed tern works" in done.stdout
    commit = (build / "share/tern/commit.txt").read_text().strip()
    said = rf"tern [\d.]+, LLVM 22.*\ncommit: {commit}\nbuilt by: \w+ .*\nLLVM's targets: .*X86"
    assert re.match(said, done.stdout) and re.fullmatch(r"[0-9a-f]{12}( with changes)?|unknown", commit)


def test_scripts_of_packages_name_them(packages):
    for name in ("python3-tern", "python3-tern-train"):
        for script, program in (("postinst", "py3compile"), ("prerm", "py3clean")):
            assert f"  {program} -p {name}\n" in run("dpkg-deb", "-I", packages[name], script).stdout


def test_installed_trainer_trains(prefix, tmp_path):
    """A few steps, from the recipe that is installed with it."""
    pytest.importorskip("torch")
    text = (ROOT / "test/data/shakespeare.txt").read_text()[:60000]
    (tmp_path / "text").write_text(text)
    env = {"PATH": f"{prefix}/bin:/usr/bin:/bin", "PYTHONPATH": str(prefix / "lib/python3/dist-packages")}
    done = run("/usr/bin/python3", "-m", "tern_train", "text", "-o", "model", "--steps", "2", cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model/model.safetensors").exists()


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
    """In C and C++, by pkg-config, and in Python; two questions of one engine get both answers."""
    env = {
        "PATH": f"{prefix}/bin:/usr/bin:/bin",
        "PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig"),
        "LD_LIBRARY_PATH": str(prefix / "lib"),
        "PYTHONPATH": str(prefix / "lib/python3/dist-packages"),
        "EXAMPLES": str(prefix / "share/tern/runtime/examples"),
        "MODEL": str(A48),
    }
    blocks = RUN.findall((ROOT / "docs/engine.md").read_text())
    assert [name for name, _ in blocks] == ["c", "cpp", "python"]
    want = [answer["text"] for answer in golden_json(MODELS[0])["greedy"]]
    for name, commands in blocks:
        done = run("sh", "-ec", commands, cwd=tmp_path, env=env)
        assert done.returncode == 0, (name, done.stderr)
        assert done.stdout.startswith(want[0][:20]), (name, done.stdout)
    # With the library that is there already.
    [(_, commands)] = RUN.findall((ROOT / "docs/structured-output.md").read_text())
    done = run("sh", "-ec", commands.partition("\n")[2], cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["speaker"] in ("ROMEO", "JULIET") and 5 <= len(answer["line"]) <= 40
    done = run(tmp_path / "engine", "./bard.h", "ROMEO:", cwd=tmp_path, env=env)
    assert done.returncode == 1 and "bard.h is no model" in done.stderr


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
