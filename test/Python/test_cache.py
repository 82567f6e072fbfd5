# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs that `tern run` keeps: of what they are made, how many, whose they are."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from damage import copy_model
from tern_reference.synth import synthesize
from test_driver import assert_refused, run

SHAPE = dict(hidden=64, heads=2, head_dim=32, intermediate=96, layers=1, vocab=300)
FAST = ["--target=generic", "--max-tokens=1"]
IDS = ["--ids", "1,2,3", "-n", "0", *FAST]


def same_time(directory: Path) -> None:
    """All files as old as each other, as archives and reproducible builds have them."""
    for path in (directory, *directory.rglob("*")):
        os.utime(path, (1, 1))


class Cache:
    """A cache of its own and what is in it."""

    def __init__(self, tern: str, home: Path) -> None:
        self.tern, self.folder = tern, home / "tern"
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(home)}

    def run(self, model: Path, *flags: str, **environment: str) -> subprocess.CompletedProcess:
        done = run(self.tern, "run", model, *IDS, *flags, env={**self.environment, **environment})
        assert done.returncode == 0, done.stderr
        return done

    def command(self, *words: str) -> subprocess.CompletedProcess:
        return run(self.tern, "cache", *words, env=self.environment)

    def key(self, model: Path, *flags: str, **environment: str) -> str:
        """The name of a model's program, which is not made for that."""
        done = run(self.tern, "cache", "path", model, *flags, env={**self.environment, **environment})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def programs(self) -> set[Path]:
        if not self.folder.exists():
            return set()
        return {path for path in self.folder.iterdir() if path.is_file()}

    def fill(self, other: Path) -> list[Path]:
        """Puts the programs of another cache in."""
        shutil.copytree(other, self.folder)
        return sorted(self.programs())

    def new(self, model: Path, *flags: str, **environment: str) -> Path:
        """The program that a run adds."""
        before = self.programs()
        self.run(model, *flags, **environment)
        [program] = self.programs() - before
        return program


@pytest.fixture
def cache(tern, tmp_path) -> Cache:
    return Cache(tern, tmp_path / "home")


@pytest.fixture(scope="module")
def releases(tmp_path_factory) -> list[Path]:
    """One model before and after a fine-tuning: all names, sizes and times are the same."""
    directories = []
    for seed in (1, 2):
        directory = tmp_path_factory.mktemp("release") / "model"
        synthesize(directory, seed=seed, **SHAPE)
        same_time(directory)
        directories.append(directory)
    files = [{p.name: p.stat().st_size for p in d.iterdir()} for d in directories]
    assert files[0] == files[1]
    return directories


@pytest.fixture(scope="module")
def filled(tern, releases, tmp_path_factory) -> Path:
    """A cache with the programs of both releases."""
    cache = Cache(tern, tmp_path_factory.mktemp("filled"))
    for model in releases:
        cache.run(model)
    return cache.folder


def test_programs_are_of_the_bytes_of_a_model(cache, filled, releases, tmp_path):
    programs = cache.fill(filled)
    assert len(programs) == 2
    for model in releases:
        direct = tmp_path / "direct"
        # Kept programs may be asked for a form.
        options = ["--name=model", "--grammars", *FAST]
        command = [cache.tern, "compile", model, "-o", direct, *options]
        assert run(*command).returncode == 0
        assert Path(cache.key(model, *FAST).strip()).read_bytes() == direct.read_bytes()
    # Both are found again, wherever the files lie and whatever their times are.
    moved = tmp_path / "elsewhere" / "model"
    copy_of(releases[0], moved)
    for model in (*releases, moved):
        cache.run(model)
    assert sorted(cache.programs()) == programs


def copy_of(model: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    for path in model.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


@pytest.mark.parametrize(
    "name, change",
    [
        ("chat_template.jinja", lambda text: b"Q" + text[1:]),
        ("tokenizer.json", lambda text: text.replace(b"a", b"b", 1)),
        ("generation_config.json", lambda text: text.replace(b"298", b"297")),
    ],
)
def test_every_file_of_a_model_counts(cache, releases, tmp_path, name, change):
    model = copy_of(releases[0], tmp_path / "model")
    (model / "chat_template.jinja").write_text("AAAA{{ messages[0].content }}")
    key = cache.key(model)
    path = model / name
    text = path.read_bytes()
    path.write_bytes(change(text))
    same_time(model)
    assert path.read_bytes() != text
    assert cache.key(model) != key
    path.write_bytes(text)
    assert cache.key(model) == key


def test_flags_and_the_files_they_name_count(cache, releases, tmp_path):
    scheme = tmp_path / "scheme.json"
    keys = {cache.key(releases[0])}
    for flag in ("--kv-bits=16", "--target=generic", "--head=int8", "--max-tokens=4", "--dense"):
        keys.add(cache.key(releases[0], flag))
    assert len(keys) == 6
    for bits in (4, 8):
        scheme.write_text(json.dumps({"q_proj": {"bits": bits}}))
        os.utime(scheme, (1, 1))
        keys.add(cache.key(releases[0], f"--activations={scheme}"))
    assert len(keys) == 8


def test_a_compiler_of_another_name_counts(cache, releases, tmp_path):
    """The program that links is a part of what programs are made of."""
    compiler = tmp_path / "cc"
    keys = {cache.key(releases[0])}
    for text in ("#!/bin/sh\nexec cc $@ ", "#!/bin/sh\nexec gcc $@"):
        compiler.write_text(text)
        compiler.chmod(0o755)
        os.utime(compiler, (1, 1))
        keys.add(cache.key(releases[0], TERN_CC=str(compiler)))
    assert len(keys) == 3


def test_damaged_programs_are_made_again(cache, filled, releases):
    cache.fill(filled)
    program = Path(cache.key(releases[0], *FAST).strip())
    whole, times = program.read_bytes(), program.stat()
    middle = len(whole) // 2
    program.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    os.utime(program, ns=(times.st_atime_ns, times.st_mtime_ns))
    cache.run(releases[0])
    assert program.read_bytes() == whole
    assert len(cache.programs()) == 2


def test_least_recently_used_programs_go(cache, filled, releases):
    cache.fill(filled)
    cache.run(releases[1])
    cache.run(releases[0])
    first = Path(cache.key(releases[0], *FAST).strip())
    size = first.stat().st_size
    third = cache.new(releases[0], "--kv-bits=16", TERN_CACHE_LIMIT=str(2 * size + size // 2))
    assert cache.programs() == {first, third}
    # A program that is there is used, however small the limit is.
    cache.run(releases[0], TERN_CACHE_LIMIT="0")
    assert cache.programs() == {first, third}
    done = run(cache.tern, "run", releases[0], *IDS, env={**cache.environment, "TERN_CACHE_LIMIT": "much"})
    assert_refused(done, "TERN_CACHE_LIMIT", "'much'", "20G")


def test_list_and_clear(cache, filled, releases, tmp_path):
    assert cache.command("path").stdout == f"{cache.folder}\n"
    assert cache.command("list").stdout.startswith("0 programs, 0.0 kB of at most 21.47 GB")
    first, second = cache.fill(filled)
    cache.run(releases[0])
    listed = cache.command("list").stdout.splitlines()
    assert str(releases[0]) in listed[0] and str(releases[1]) in listed[1]
    assert {line.split()[4] for line in listed[:2]} == {first.name, second.name}
    assert listed[2].startswith("2 programs, ")
    # Files of others, some with names as ours.
    precious = tmp_path / "precious"
    precious.write_bytes(first.read_bytes())
    (cache.folder / f"link-{'0' * 32}").symlink_to(precious)
    (cache.folder / f"text-{'0' * 32}").write_text("mine")
    (cache.folder / "notes.txt").write_text("mine")
    (cache.folder / "folder").mkdir()
    others = {"folder", "notes.txt", f"link-{'0' * 32}", f"text-{'0' * 32}"}
    done = cache.command("clear")
    assert done.stdout.startswith("removed 2 programs, ") and "4 that tern run did not make" in done.stdout
    assert {path.name for path in cache.folder.iterdir()} == others
    assert precious.exists()
    assert cache.command("clear").stdout.startswith("removed 0 programs")


def test_usage_of_cache(cache):
    for words in ([], ["empty"], ["list", "clear"], ["clear", "--kv-bits=3"], ["add"], ["list", "--steps"]):
        assert_refused(cache.command(*words), "list", "clear", status=2)


def test_runs_at_once_share_a_cache(cache, releases):
    """Two of them remove what the others look for."""
    command = [cache.tern, "run", str(releases[0]), *IDS]
    running = []
    for i in range(3):
        limit = {"TERN_CACHE_LIMIT": "0"} if i else {}
        flags = ["--kv-bits=16"] if i == 2 else []
        environment = {**cache.environment, **limit}
        running.append(
            subprocess.Popen([*command, *flags], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
    for process in running:
        _, stderr = process.communicate(timeout=300)
        assert process.returncode == 0, stderr
    assert not [path for path in cache.folder.rglob("*.tmp.*")]


def test_a_model_that_changes_while_it_is_compiled_is_not_kept(cache, tmp_path):
    model = copy_model(tmp_path / "model")
    ours, theirs = pty.openpty()
    command = [cache.tern, "run", str(model), *IDS]
    with subprocess.Popen(command, stderr=theirs, stdout=subprocess.DEVNULL, env=cache.environment) as process:
        os.close(theirs)
        said = os.read(ours, 4096)
        assert b"compiling" in said
        time.sleep(0.05)
        with (model / "tokenizer_config.json").open("a") as file:
            file.write(" ")
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:
                break
            if not part:
                break
            said += part
    os.close(ours)
    assert process.returncode == 1
    assert b"changed while it was compiled" in said, said
    assert cache.programs() == set()
