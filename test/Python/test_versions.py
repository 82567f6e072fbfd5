# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One program with code for several CPUs (--cpu=A,B): each runs the best that it can,
with every bit of the others, and the weights are there once.

Needs TERN_BINARY; a machine whose C compiler, C library or emulator is missing is
skipped, as in test_emulated.py.
"""

from __future__ import annotations

import functools
import json
import platform
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import MODELS, ROOT, TARGETS, model_directory
from tern_reference.model import Result
from test_compiled import assert_same, run_driver
from test_emulated import ARM64, TOKENS, Machine, Program, arm64, known_machine
from test_golden import golden, golden_json

ARM_CPUS = "cortex-a53,cortex-a76,neoverse-n1,neoverse-v1"
#: The CPU of qemu, and the code that it takes.
PICKS = {
    "cortex-a53": "cortex-a53",
    "cortex-a76": "cortex-a76",
    "neoverse-n1": "cortex-a76",  # what both need is the same
    "max": "neoverse-v1",
}


@pytest.fixture(scope="module")
def program(tern, tmp_path_factory):
    """Bundled model -> its program for all of ARM_CPUS, made once."""

    @functools.cache
    def build(name: str) -> Program:
        machine = replace(known_machine("aarch64"), cpu=ARM_CPUS)
        return Program(tern, machine, model_directory(name), tmp_path_factory.mktemp("versions"))

    return build


def emulated(program: Program, cpu: str) -> Program:
    program.machine = replace(program.machine, emulated=cpu)
    return program


def said(program: Program, *arguments: str) -> subprocess.CompletedProcess:
    command = [program.machine.qemu, "-cpu", program.machine.emulated, str(program.work / "program")]
    return subprocess.run([*command, *arguments], capture_output=True, text=True)


def expected(name: str, count: int = TOKENS) -> tuple[list[int], Result]:
    want = golden(name)
    ids = want.f32("tokens").astype(int).tolist()[:count]
    return ids, Result(want.f32("config.hidden")[:, :count], want.f32("config.logits")[:count])


@pytest.mark.parametrize("cpu", PICKS)
@pytest.mark.parametrize("name", MODELS)
def test_arm64(program, name, cpu):
    """Many tokens at a time, and one after the other."""
    compiled = emulated(program(name), cpu)
    ids, want = expected(name)
    assert_same(compiled.evaluate(ids, threads=2), want)
    text = golden_json(name)["greedy"][0]
    done = said(compiled, "-p", text["prompt"], "--temp", "0", "-n", "12", "-v")
    lines = done.stderr.splitlines()
    assert text["text"].startswith(done.stdout.rstrip("\n"))
    assert lines[0].startswith(f"program: code for aarch64-unknown-linux-gnu/{PICKS[cpu]}, ")
    assert lines[1] == "program: the best of its code for cortex-a53, cortex-a76, neoverse-v1"


@pytest.mark.parametrize("name", MODELS)
def test_weights_are_once(program, tern, tmp_path, name):
    """Those of each CPU alone, whose features are all that AArch64 has in its table."""
    shared = program(name).weights()
    for cpu in PICKS.values():
        alone = tmp_path / f"{cpu}.weights"
        run_driver([tern, "compile", str(model_directory(name)), "-o", str(alone), ARM64,
                    f"--cpu={cpu}", "--name=program"])  # fmt: skip
        assert shared in alone.read_bytes()
    program_bytes = (program(name).work / "program").stat().st_size
    assert program_bytes < 2 * len(shared) + (1 << 20)


def test_chosen_code(program, name=MODELS[0]):
    compiled, want = emulated(program(name), "max"), golden_json(name)["greedy"][0]
    for cpu in ("cortex-a53", "cortex-a76"):
        flags = ["-p", want["prompt"], "--temp", "0", "-n", "12", "--code", cpu, "-v"]
        done = said(compiled, *flags)
        assert want["text"].startswith(done.stdout.rstrip("\n")) and done.returncode == 0
        assert f"code for aarch64-unknown-linux-gnu/{cpu}," in done.stderr
    for flags, words in [
        (["--code", "cortex-a5"], "no such code; it has cortex-a53, cortex-a76, neoverse-v1"),
        (["--code", "neoverse-v1"], "needs dotprod, i8mm, which this CPU does not have"),
    ]:
        done = said(emulated(compiled, "cortex-a53"), "-p", "x", *flags)
        [line] = done.stderr.splitlines()
        assert done.returncode == 1 and words in line


def test_bench_and_version(program, name=MODELS[0]):
    compiled = emulated(program(name), "neoverse-n1")
    done = said(compiled, "bench", "-p", "2", "-n", "0", "-r", "1")
    assert "/cortex-a76 (of cortex-a53, cortex-a76, neoverse-v1)\n" in done.stdout
    assert "; code for cortex-a53, cortex-a76, neoverse-v1)" in said(compiled, "--version").stdout


def test_no_code_for_the_cpu(tern, tmp_path, name=MODELS[0]):
    """One sentence and status 1, and nothing that the CPU does not know was run."""
    machine = replace(known_machine("aarch64"), cpu="cortex-a76,neoverse-v1", emulated="cortex-a53")
    compiled = Program(tern, machine, model_directory(name), tmp_path)
    done = said(compiled, "-p", "x")
    [line] = done.stderr.splitlines()
    assert done.returncode == 1 and done.stdout == ""
    assert "error: this program needs dotprod, which this CPU does not have" in line


def test_strategy(tern, tmp_path, name=MODELS[0]):
    """A file of strategies is for all CPUs: lookups in one plane and in two."""
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps([{"projection": "*_proj", "layout": "groups_in_lanes"}]))
    machine = replace(known_machine("aarch64"), cpu="cortex-a53,neoverse-v1")
    compiled = Program(tern, machine, model_directory(name), tmp_path, strategy=rules)
    ids, want = expected(name)
    for cpu in ("cortex-a53", "max"):
        assert_same(emulated(compiled, cpu).evaluate(ids), want)


@pytest.mark.slow
def test_riscv64(tern, tmp_path, name=MODELS[0]):
    plain = "generic-rv64+m+a+f+d+c"
    machine = replace(known_machine("riscv64"), cpu=f"{plain},{plain}+v")
    compiled = Program(tern, machine, model_directory(name), tmp_path)
    ids, want = expected(name, 12)
    for cpu, code in (("rv64", plain), ("rv64,v=true,vlen=128,vext_spec=v1.0", plain + "+v")):
        assert_same(emulated(compiled, cpu).evaluate(ids), want)
        assert f"/{code}, " in said(compiled, "-p", "x", "-n", "1", "-v").stderr


class Emulated(Program):
    """One of this machine's architecture that is there."""

    def __init__(self, work: Path):
        self.machine, self.work = Machine("", "", "qemu-x86_64"), work


X86_CPUS = "x86-64,x86-64-v3,x86-64-v4+avx512vnni"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="links native programs")
def test_x86(tern, tmp_path, name=MODELS[0]):
    """Vectors of 32 and of 64 bytes, and none, read the same layouts."""
    out = tmp_path / "program"
    run_driver([tern, "compile", str(model_directory(name)), "-o", str(out), f"--cpu={X86_CPUS}"])
    if shutil.which("qemu-x86_64"):
        compiled = Emulated(tmp_path)
        for cpu, code in (("qemu64", "x86-64"), ("max", "x86-64-v3")):
            for ids, want in (expected(name), expected(name, 5)):  # many and few
                assert_same(emulated(compiled, cpu).evaluate(ids), want)
            assert f"/{code}, " in said(compiled, "-p", "x", "-n", "1", "-v").stderr
    text = golden_json(name)["greedy"][0]
    for target in TARGETS:
        [code] = [cpu for cpu in X86_CPUS.split(",") if cpu.startswith(target)] or ["x86-64"]
        flags = ["-p", text["prompt"], "--temp", "0", "-n", str(len(text["ids"])), "--code", code]
        assert run_driver([str(out), *flags, "-q"]).rstrip() == text["text"].rstrip()


#: A state that one version wrote goes on in another.
HOST = r"""
#include "tern/engine.h"
#include "tern/host.h"
#include "bard.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *text) { fprintf(stderr, "%s\n", text); exit(1); }

static tern_session *begin(const tern_model *model, const tern_artifact *artifact) {
  tern_session_config config = {.size = sizeof(config), .context = 64, .model = model,
      .weights = artifact->weights, .weights_bytes = artifact->weights_bytes};
  size_t bytes = tern_session_bytes(&config);
  tern_session *session;
  if (bytes > TERN_BARD_SESSION_BYTES(1)) fail("the header's memory is too small");
  if (tern_session_init(tern_memory_map(bytes), bytes, &config, &session) != TERN_OK)
    fail("no session");
  return session;
}

int main(void) {
  static const int32_t first[] = {1, 845, 25, 310, 77}, second[] = {5, 902, 11};
  void *library = dlopen("./bard.so", RTLD_NOW);
  const tern_model *const *models = library ? dlsym(library, "tern_models_bard") : NULL;
  tern_artifact artifact;
  tern_error error;
  if (!models || models[TERN_BARD_VERSIONS]) fail("no table of versions");
  const tern_model *best =
      tern_cpu_pick(models, TERN_BARD_VERSIONS, tern_cpu_features(), &error);
  if (!best || best != models[1]) fail("another version was expected");
  if (tern_cpu_pick(models + 1, 1, 0, &error)) fail("a CPU without features has none");
  if (tern_artifact_open(&artifact, "bard.weights", &error) != 0) fail(error.text);
  float *logits[2];
  tern_session *sessions[3] = {begin(models[0], &artifact), begin(best, &artifact),
                               begin(best, &artifact)};
  for (int i = 0; i < 2; ++i)
    if (tern_artifact_check(&artifact, models[i], "bard.weights", &error) != 0 ||
        tern_session_eval(sessions[i], first, 5, &logits[i]) != TERN_OK) fail("no step");
  size_t bytes = tern_session_save_bytes(sessions[0]), size = 4096;
  void *saved = malloc(bytes);
  if (tern_session_save(sessions[0], saved, bytes) != TERN_OK ||
      tern_session_restore(sessions[2], saved, bytes) != TERN_OK) fail("no state");
  for (int i = 0; i < 2; ++i)
    if (tern_session_eval(sessions[1 + i], second, 3, &logits[i]) != TERN_OK) fail("no step");
  tern_engine_info info = {.size = sizeof(info)};
  tern_engine *engine = tern_engine_open("bard.so", NULL);
  if (!engine || tern_engine_describe(engine, &info) != 0) fail(tern_engine_error());
  if (strcmp(info.target, best->target)) fail("the engine has another version");
  tern_engine_close(engine);
  puts(memcmp(logits[0], logits[1], size) ? "other bits" : "the same bits");
  return 0;
}
"""


@pytest.mark.skipif("x86-64-v3" not in TARGETS, reason="needs two versions that run here")
def test_library(tern, tmp_path, name=MODELS[0]):
    """Of a host of its own, which picks from a table."""
    library = tmp_path / "bard.so"
    command = [tern, "compile", str(model_directory(name)), "--max-tokens=1", "-o"]
    run_driver([*command, str(library), "--cpu=x86-64,x86-64-v3"])
    other = [*command, str(tmp_path / "other.so"), "--name=bard", "--cpu=x86-64"]
    done = subprocess.run(other, capture_output=True, text=True)
    assert "bard.weights" in done.stderr and "belongs to bard.so" in done.stderr
    (tmp_path / "host.c").write_text(HOST)
    runtime = str(Path(tern).parents[1] / "lib/libtern.a")
    link = ["cc", "-std=gnu11", f"-I{ROOT / 'runtime/include'}", "host.c", runtime]
    subprocess.run([*link, "-lm", "-lpthread", "-ldl", "-o", "host"], cwd=tmp_path, check=True)
    done = subprocess.run(["./host"], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "the same bits\n", done.stderr
    models = json.loads(run_driver([tern, "inspect", str(library), "--json"]))["models"]
    assert [(m["name"], m["version"]) for m in models] == [("bard", "x86_64"), ("bard", "x86_64_v3")]
    assert models[0]["cpu_features"] == [] and "avx2" in models[1]["cpu_features"]


@pytest.mark.parametrize(
    "flags, words",
    [
        ("--cpu=cortex-a53,cortex-a53", "'cortex-a53' comes twice"),
        ("--cpu=cortex-a53,,cortex-a76", "expected names of CPUs with commas between them"),
        ("--cpu=cortex-a53,no-such", "unknown CPU 'no-such' for aarch64"),
        ("--cpu=cortex-a53,cortex-a76+no-such", "unknown feature 'no-such'"),
        ("--cpu=native,cortex-a76", "--cpu=native is a CPU of"),
        ("--cpu=cortex-a53,cortex-a76 --tune", "--tune measures code for one CPU"),
        ("--cpu=cortex-a53,cortex-a76 --emit=project", "--emit=project is about code for one CPU"),
        ("--cpu=cortex-a53,cortex-a76 --save-stages=x", "--save-stages is about code for one CPU"),
        ("--target=x86-64-v3,x86-64-v4", "--cpu takes several names of CPUs"),
        ("--target=generic --cpu=a,b", "it takes no --cpu"),
        ("--target=thumbv7em-none-eabihf --cpu=cortex-m4,cortex-m7 --emit=obj",
         "cannot ask its CPU what it has"),
        ("--target=riscv64-linux-gnu --cpu=generic-rv64+m+a+f+d,generic-rv64+m+a+f+d+zba",
         "differs in zba, which a program cannot ask its CPU for"),
    ],
)  # fmt: skip
def test_refusals(tern, tmp_path, flags, words):
    command = [tern, "compile", str(model_directory(MODELS[0])), "-o", str(tmp_path / "bard"), ARM64]
    done = subprocess.run([*command, *flags.split()], capture_output=True, text=True)
    [line] = done.stderr.splitlines()
    assert words in line and done.returncode in (1, 2) and not (tmp_path / "bard").exists()
