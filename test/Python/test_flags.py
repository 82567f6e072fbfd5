# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Flags of `tern`: how they are spelled, help, completion and manual pages.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from cached import compiled_once
from conftest import MODELS, ROOT, model_directory
from test_driver import assert_refused, flags_in_help, run

A48 = model_directory(MODELS[0])


def commands(tern: str) -> list[str]:
    """As `tern --help` lists them."""
    listed = re.findall(r"^  ([a-z]+) ", run(tern, "--help").stdout, re.M)
    assert {"compile", "run", "chat", "ppl", "bench", "export", "inspect"} <= set(listed)
    return listed


# Mistakes and the spellings of other programs.


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["compile", A48, "-o", "x", "--kv-bit", "3"], "'--kv-bit'; did you mean --kv-bits?"),
        (["compile", A48, "-o", "x", "--dense=1"], "--dense takes no value"),
        (["complie", A48], "unknown command 'complie'; did you mean compile?"),
        (["-m", A48, "-p", "x"], "flags come behind a command"),
        (["--version", "--help"], "--version stands alone"),
        (["run", "-m", A48, A48], "unexpected"),
        (["compile", "-m", A48, A48, "-o", "x"], "takes one MODEL"),
        (["run", A48, "--tmp", "1"], "'--tmp'; did you mean --temp?"),
        (["run", A48, "--target"], "--target needs a value"),
        (["run", A48, "-p"], "-p needs a value: TEXT"),
        (["run", A48, "-p", "x", "--chunks", "1"], "no flag '--chunks', but tern ppl has"),
        (["run", A48, "-p", "x", "-ngl", "99"], "-ngl: a model runs where tern compile --target says, as a whole"),
        (["run", A48, "-p", "x", "--lora=a"], "--lora: adapters are not applied"),
        (["run", A48, "-p", "x", "--temp", "warm"], "--temp warm: expected a number"),
        (["run", A48, "-p", "x", "-n", "1e3"], "-n 1e3: expected an integer"),
        (["run", A48, "-p", "x", "--ids", "1"], "exclude each other"),
        (["run", A48, "again"], "unexpected 'again'"),
        (["run", A48, ""], "unexpected ''"),
        (["ppl", A48], "ppl needs a text: -f FILE"),
        (["bench", A48, "-o", "xml"], "-o xml: expected md|csv|json|jsonl"),
        (["help", "complie"], "did you mean compile?"),
        (["help", "run", "chat"], "'chat'"),
        (["completion", "csh"], "bash, fish or zsh"),
        (["manual"], "takes one DIR"),
    ],
)
def test_wrong_flag_is_one_sentence(tern, tmp_path, arguments, words):
    """Said before anything is compiled."""
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    assert_refused(run(tern, *arguments, cwd=tmp_path, env=environment), words, status=2)
    assert list(tmp_path.iterdir()) == []


def test_spellings_of_others_mean_the_same(tern):
    want = run(tern, "run", A48, "-p", "ROMEO:", "-n", "3", "--temp", "0", "-q")
    assert want.returncode == 0 and want.stdout
    for flags in (
        ["--prompt=ROMEO:", "--predict", "3", "--temperature", "0", "--log-disable"],
        ["-p", "ROMEO:", "-n=3", "--temp=0", "--no-warmup", "-ngl", "0", "--no-perf", "--mmap"],
        ["--n_predict=3", "--top_k", "1", "-q", "--prompt", "ROMEO:"],
        ["-q", "-no-cnv", "--mirostat", "0", "-n", "3", "--temp", "0", "-p", "ROMEO:"],
    ):
        assert run(tern, "run", "-m", A48, *flags).stdout == want.stdout, flags


@pytest.mark.parametrize(
    "flags",
    [
        "-ngl 0", "-ngl 99", "-ngl=0", "--n-gpu-layers", "--mirostat=0", "--lora=x", "-fa on",
        "--typical 1.0", "--typical 0.9", "-e", "--no-warmup", "--no-warmup=1", "--mlock", "-s -1",
        "--load=map", "--load map", "--load=fast",
        "--temp warm", "--temp=", "--max_new_tokens 1", "-i",
    ],
)  # fmt: skip
def test_tern_and_programs_agree_on_flags(tern, flags):
    """Both go by the table of the runtime."""
    program = compiled_once(tern, A48, []) / "bard"
    arguments = ["-p", "ROMEO:", "--temp", "0", "-q", "-n", "2", *flags.split(" ")]
    one, other = run(tern, "run", A48, *arguments), run(program, *arguments)
    said = one.stderr.removeprefix("tern: error: ")
    assert f"bard: error: {said.rstrip()} (--help lists the flags)\n" == other.stderr or not said
    assert (one.stdout, one.returncode) == (other.stdout, other.returncode)
    assert one.returncode == (2 if said else 0) and (said or not other.stderr)


def test_response_files(tern, tmp_path):
    (tmp_path / "flags").write_text("-o \"a program\" --compile-to=import\n@more\n")
    (tmp_path / "more").write_text("--name bard\n")
    done = run(tern, "compile", "@flags", "-m", A48, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "bard" in (tmp_path / "a program").read_text()
    assert_refused(run(tern, "compile", "@none", cwd=tmp_path), "in none", status=2)
    assert_refused(run(tern, "compile", "@/dev", cwd=tmp_path), "in /dev", status=2)
    (tmp_path / "self").write_text("@self")
    assert run(tern, "compile", "@self", cwd=tmp_path).returncode == 2
    # A text that begins so is a text.
    (tmp_path / "text").write_text("-n 0 --never")
    done = run(tern, "run", A48, "-p", "@text", "-n", "1", "-q", "--echo", cwd=tmp_path)
    assert done.stdout.startswith("@text"), done.stderr


# Help, completion and manual pages are made of the same tables.


def test_help_of_each_command(tern):
    for command in commands(tern):
        text = run(tern, "help", command).stdout
        assert text.startswith(f"usage: tern {command}")
        assert flags_in_help(text) <= flags_in_help(run(tern, command, "--help").stdout)
        assert max(map(len, text.splitlines())) <= 80
    assert run(tern, "help").stdout == run(tern, "--help").stdout
    assert max(map(len, run(tern, "help").stdout.splitlines())) <= 80
    assert run(tern, "--help", "run").stdout == run(tern, "help", "run").stdout


COMPLETE = """
complete() { :; }
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_tern
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(script: Path, *words: str, cwd: Path) -> list[str]:
    done = run("bash", "-c", COMPLETE, "bash", script, *words, cwd=cwd)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split("\n")[:-1]


def test_completion_of_bash(tern, tmp_path):
    script = tmp_path / "tern.bash"
    script.write_text(run(tern, "completion", "bash").stdout)
    (tmp_path / "a model").mkdir()

    def words(*line: str) -> list[str]:
        return complete(script, "tern", *line, cwd=tmp_path)

    listed = commands(tern)
    assert words("") == [*listed, "--help", "--version"]
    assert words("com") == ["compile", "completion"]
    assert words("help", "") == listed
    assert words("cache", "") == ["list", "clear", "path", "add"]
    assert words("compile", "--kv") == ["--kv-bits"]
    assert words("compile", "--kv-bits", "") == ["3", "4", "8", "16"]
    assert words("compile", "--emit", "=", "sh") == ["shared"]
    assert words("bench", "m", "-o", "j") == ["json", "jsonl"]
    assert words("run", "a") == ["a model"]
    assert words("run", "m", "-n", "") == [""] and words("run", "m", "-f", "t") == ["tern.bash"]
    assert words("fly", "") == [""]
    for command in listed:
        shown = flags_in_help(run(tern, "help", command).stdout) - {"-h", "--help"}
        assert shown <= set(words(command, "m", "-")), command


def test_completion_of_other_shells(tern, tmp_path):
    for shell in ("zsh", "fish"):
        text = run(tern, "completion", shell).stdout
        for command in commands(tern):
            for flag in flags_in_help(run(tern, "help", command).stdout) - {"-h", "--help"}:
                bare = flag.lstrip("-")
                assert re.search(rf"(?:-[lso] |-){bare}(?![\w-])", text), flag
        if shutil.which(shell):
            (tmp_path / shell).write_text(text)
            assert run(shell, "-n", tmp_path / shell).stderr == ""


def test_manual_pages(tern, tmp_path):
    assert run(tern, "manual", tmp_path).returncode == 0
    listed = commands(tern)
    pages = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert set(pages) == {"tern.1", *(f"tern-{command}.1" for command in listed)}
    assert all(f"tern\\-{command} (1)" in pages["tern.1"] for command in listed)
    for name, page in pages.items():
        lines = page.splitlines()
        assert lines[1].startswith(".TH ") and ".SH NAME" in lines
        requests = {line.split()[0] for line in lines if line.startswith((".", "'"))}
        assert requests <= {".TH", ".SH", ".SS", ".TP", ".B", ".BR", ".nf", ".fi", ".nh", ".ad"} | {
            '.\\"'
        }
        if shutil.which("groff"):
            done = run("groff", "-ww", "-man", "-Tutf8", tmp_path / name)
            assert done.returncode == 0 and done.stderr == "", name
    for command in listed:
        plain = pages[f"tern-{command}.1"].replace("\\-", "-")
        for flag in flags_in_help(run(tern, "help", command).stdout):
            assert re.search(rf"{flag}(?![\w-])", plain), flag
    assert "Also: --temperature" in pages["tern-run.1"].replace("\\-", "-")
    assert "target says, as a whole; 0 is taken" in pages["tern-run.1"]


def test_pages_of_the_build_are_current(tern, tmp_path):
    """The ones that `cmake --install` installs, beside the binary that wrote them."""
    share = Path(tern).parent.parent / "share"
    if not share.exists():
        pytest.skip("TERN_BINARY is not in a build folder")
    run(tern, "manual", tmp_path)
    for page in tmp_path.iterdir():
        packed = (share / "man" / f"{page.name}.gz").read_bytes()
        assert gzip.decompress(packed).decode() == page.read_text()
    for shell, name in (("bash", "tern.bash"), ("fish", "tern.fish"), ("zsh", "_tern")):
        assert (share / name).read_text() == run(tern, "completion", shell).stdout
