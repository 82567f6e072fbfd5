# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Models compiled for NVIDIA GPUs, run without one: every bit as on the CPU.

The driver's library is that of test/Device, which interprets the program's PTX and
notices races, values that were never set and arithmetic that is not exact. Needs
TERN_BINARY, and the library beside it in the build folder.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cases import CASES, Case
from conftest import MODELS, ROOT, model_directory
from tern_reference.model import Options, Result
from test_compiled import assert_same, option_flags, run_driver
from test_golden import golden, golden_json
from test_inspect import inspect
from test_not_finite import OVERFLOWS, SENTENCE

TOKENS = 18  # of the golden ones: more than are few
ODD = ("h204-g688-d100", "h308-g5460", "columns-5-65", "bias-all", "hybrid-narrow")


@pytest.fixture(scope="session", name="library")
def find_library(tern) -> str:
    library = Path(tern).resolve().parents[1] / "test" / "Device"
    if not (library / "libcuda.so.1").exists():
        pytest.skip(f"no libcuda.so.1 in {library}")
    return str(library)


class Program:
    """A model compiled for a GPU."""

    def __init__(self, tern, library: str, model: Path, work: Path, options, cpus="sm_80"):
        self.path, self.work, self.library = work / "program", work, library
        flags = ["--target=nvptx", f"--cpu={cpus}", *option_flags(options)]
        command = [tern, "compile", str(model), "-o", str(self.path), *flags]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        self.said = done.stderr

    def start(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "LD_LIBRARY_PATH": self.library, **variables}
        command = [str(self.path), *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=300, check=False
        )

    def run(self, *arguments: str, **variables: str) -> str:
        done = self.start(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def evaluate(self, ids: list[int]) -> Result:
        logits, hidden = self.work / "logits.npy", self.work / "hidden.npy"
        ids_text = ",".join(map(str, ids))
        self.run("--ids", ids_text, "-n", "0", "--logits", str(logits), "--hidden", str(hidden))
        return Result(np.load(hidden), np.load(logits))


@pytest.fixture(scope="session", name="program")
def build_programs(tern, library, tmp_path_factory):
    """bundled model or case -> its program, made once."""

    @functools.cache
    def build(name: str) -> Program:
        work = tmp_path_factory.mktemp("gpu")
        if name not in CASES:
            return Program(tern, library, model_directory(name), work, Options())
        CASES[name].build(work / "model")
        return Program(tern, library, work / "model", work, CASES[name].options)

    return build


@pytest.mark.parametrize("name", MODELS)
def test_bundled(program, name):
    want = golden(name)
    ids = want.f32("tokens").astype(int).tolist()[:TOKENS]
    hidden, logits = want.f32("config.hidden")[:, :TOKENS], want.f32("config.logits")[:TOKENS]
    assert_same(program(name).evaluate(ids), Result(hidden, logits))
    # A few, in another body.
    few = Result(hidden[:, :5], logits[:5])
    assert_same(program(name).evaluate(ids[:5]), few)


@pytest.mark.parametrize("name", MODELS)
def test_greedy_text(program, name):
    """One graph a token, which is launched again and again, each before the last has ended."""
    want = golden_json(name)["greedy"][0]
    flags = ["-p", want["prompt"], "--temp", "0", "-n", "12", "-v", "--print-ids"]
    done = program(name).start(*flags, TERN_PTX_VERBOSE="1")
    ids = [int(word) for word in re.findall(r"\d+", done.stdout)]
    assert ids and ids[-12:] == want["ids"][:12]
    # The prompt gives the first, and a second one shows that somebody follows.
    assert int(re.search(r"(\d+) of them with more to do", done.stderr)[1]) == 12 - 2
    # Five of each of five layers, the embedding, the head, and one that chooses the token.
    assert "28 launches a token" in done.stderr


SAMPLED = {
    "top-k": (["--temp", "0.8", "--top-k", "40", "--top-p", "0.9"], True),
    "min-p": (["--temp", "1.2", "--top-k", "0", "--top-p", "1", "--min-p", "0.1"], True),
    "penalties": (
        ["--temp", "0.9", "--top-k", "20", "--repeat-penalty", "1.3", "--presence-penalty", "0.5"],
        True,
    ),
    "greedy with a penalty": (["--temp", "0", "--repeat-penalty", "1.2"], True),
    "more than there are": (["--temp", "0.8", "--top-k", "1000"], False),
}  # fmt: skip


@pytest.fixture(scope="module")
def native(tern, tmp_path_factory) -> Path:
    """The bundled b1.58 model for this machine."""
    out = tmp_path_factory.mktemp("native") / "native"
    model = str(model_directory("shakespeare-b158"))
    run_driver([tern, "compile", model, "-o", str(out), "--target=generic"])
    return out


@pytest.mark.parametrize("name", SAMPLED)
def test_sampled_text(program, native, name, model="shakespeare-b158"):
    """Candidates of the device give the CPU's tokens; where they do not suffice, all logits do."""
    sampling, suffice = SAMPLED[name]
    flags = ["-p", "ROMEO: I love", "-n", "5", "--seed", "5", "--print-ids", *sampling]
    done = program(model).start(*flags, "-v")
    assert done.stdout == run_driver([str(native), *flags])
    said = re.search(r"(\d+) tokens sampled from candidates, (\d+) from all logits", done.stderr)
    chosen, others = int(said[1]), int(said[2])
    assert chosen + others == 5 and (chosen > 0) == suffice


def test_the_last_block_waits(program, model="shakespeare-b158"):
    """The one that chooses the token reads what other blocks write: fences order it."""
    flags = ["-p", "To be", "-n", "3", "--temp", "0", "-q"]
    for fault in ("fence.acq_rel.gpu;=>", "fence.acq_rel.gpu=>fence.acq_rel.cta"):
        done = program(model).start(*flags, TERN_PTX_REPLACE=fault)
        assert done.returncode == 1 and "a race on global memory" in done.stderr


def test_early_launches(tern, library, tmp_path, name="shakespeare-b158"):
    """From 9.0 on launches begin while those before end, and wait for what they read."""
    program = Program(tern, library, model_directory(name), tmp_path, Options(), "sm_90")
    want = golden_json(name)["greedy"][0]
    flags = ["-p", want["prompt"], "--temp", "0", "-n", "4", "-q", "--print-ids"]
    ids = [int(word) for word in re.findall(r"\d+", program.run(*flags))]
    assert ids and ids[-4:] == want["ids"][:4]
    done = program.start(*flags, TERN_PTX_REPLACE="griddepcontrol.wait;=>")
    assert done.returncode == 1
    assert "a warp ends without griddepcontrol.wait" in done.stderr


def assert_as_native(tern: str, compiled: Program, case: Case, texts: list[list[int]]) -> None:
    """The bits that the CPU's code has of each text."""
    out = compiled.work / "native"
    command = [tern, "compile", str(compiled.work / "model"), "-o", str(out), "--target=generic"]
    run_driver([*command, *option_flags(case.options)])
    for ids in texts:
        files = [compiled.work / f"native-{name}.npy" for name in ("hidden", "logits")]
        wanted = ["--hidden", str(files[0]), "--logits", str(files[1])]
        run_driver([str(out), "--ids", ",".join(map(str, ids)), "-n", "0", *wanted])
        assert_same(compiled.evaluate(ids), Result(*map(np.load, files)))


@pytest.mark.parametrize("name", ODD)
def test_odd_shapes(tern, program, name):
    """Several tokens, and one alone, which other kernels take."""
    alone = [[4]] if name in ("h308-g5460", "columns-5-65") else []
    texts = [[3, 1, 4, 1, 5, 0, 2, 6, 5], *alone]
    assert_as_native(tern, program(name), CASES[name], texts)


@pytest.fixture(scope="module", name="heads")
def build_heads(tern, library, tmp_path_factory) -> tuple[Program, Path]:
    """A model with a head of int8, for a GPU and for this machine."""
    work, options = tmp_path_factory.mktemp("heads"), Options(head="int8")
    model, native = model_directory("shakespeare-b158"), work / "native"
    command = [tern, "compile", str(model), "-o", str(native), "--target=generic"]
    run_driver([*command, *option_flags(options)])
    return Program(tern, library, model, work, options), native


@pytest.mark.parametrize("count", [1, 5, 17])
def test_head_of_int8(heads, tmp_path, count):
    """Rows of bytes in tensor cores, for one token, a few and many."""
    compiled, native = heads
    ids = list(range(7, 7 + count))
    files = [tmp_path / name for name in ("hidden.npy", "logits.npy")]
    wanted = ["--hidden", str(files[0]), "--logits", str(files[1])]
    run_driver([str(native), "--ids", ",".join(map(str, ids)), "-n", "0", *wanted])
    assert_same(compiled.evaluate(ids), Result(*map(np.load, files)))


def test_greedy_until_the_context_is_full(tern, program, tmp_path, name="columns-5-65"):
    """No token is computed ahead that the cache has no room for."""
    flags = ["--ids", "3", "-n", "80", "-c", "64", "--temp", "0", "--ignore-eos", "--print-ids"]
    native = str(tmp_path / "native")
    model = str(program(name).work / "model")
    run_driver([tern, "compile", model, "-o", native, "--target=generic"])
    done = program(name).start(*flags)
    assert done.returncode == 0 and "context of 64 tokens is full" in done.stderr
    assert "libcuda:" not in done.stderr
    assert done.stdout == run_driver([native, *flags]) and done.stdout.count(",") == 63


def test_commands(program, tmp_path, name="shakespeare-b158"):
    """All of them, and several sequences at once."""
    compiled = program(name)
    text = tmp_path / "text"
    text.write_text("Now is the winter of our discontent\n" * 4)
    assert re.search(r"perplexity", compiled.run("ppl", "-f", str(text), "--chunks", "1", "-c", "24"))
    bench = ["bench", "-p", "4", "-n", "2", "-b", "1,3", "-r", "1", "--no-warmup", "-o", "csv"]
    assert compiled.run(*bench).count("\n") >= 4
    said = compiled.start("run", "-p", "x", "-n", "1", "-v", "--device", "0").stderr
    assert re.search(
        r"PTX interpreter, compute capability 9\.0, code for 8\.0, \d+ launches a token", said
    )


def test_memory_is_said(program, name="shakespeare-b158"):
    """Also that there is none for a cache, and that a batch has a bound."""
    compiled = program(name)
    said = compiled.start("run", "-p", "x", "-n", "1", "-v", "-c", "64").stderr
    found = re.search(
        r"on the GPU: 1\.1 MB of weights, \d+\.\d MB of scratch memory; 0\.1 MB for a cache of 64 "
        r"tokens of 16 bits; (\d+\.\d) of 8589\.9 MB are free", said,
    )  # fmt: skip
    assert found and 8500 < float(found[1]) < 8589.9
    room = int((8589.94 - float(found[1]) + 0.1) * 1e6)
    done = compiled.start("run", "-p", "x", "-n", "1", "-q", TERN_PTX_MEMORY=str(room))
    sentence = r"is out of memory: 0\.3 MB are wanted for a cache, 0\.\d of \d+\.\d MB are free"
    assert done.returncode == 1 and re.search(sentence, done.stderr)
    done = compiled.start("bench", "-p", "0", "-n", "1", "-b", "300")
    assert done.returncode == 1 and "-b takes numbers up to 256" in done.stderr


def test_several_gpus(tern, library, tmp_path):
    """The last code that the GPU can run."""
    model = tmp_path / "model"
    CASES["one-layer"].build(model)
    compiled = Program(tern, library, model, tmp_path, Options(), "sm_100,sm_89,sm_90")
    assert compiled.path.read_bytes().count(b".address_size 64") == 3
    logits = []
    for capability, code in {89: "8.9", 90: "9.0", 99: "9.0", 120: "10.0"}.items():
        out = tmp_path / "logits.npy"
        flags = ["--ids", "3,1,4", "-n", "0", "--logits", str(out), "-v"]
        done = compiled.start(*flags, TERN_PTX_CAPABILITY=str(capability))
        assert done.returncode == 0 and f"code for {code}," in done.stderr, done.stderr
        assert "nvptx64-nvidia-cuda/sm_89,sm_90,sm_100;" in done.stderr
        logits.append(out.read_bytes())
    assert len(set(logits)) == 1
    done = compiled.start("--ids", "3", TERN_PTX_CAPABILITY="86")
    assert "needs a GPU of compute capability 8.9 or later, but" in done.stderr
    twice = [tern, "compile", model, "--target=nvptx", "--cpu=sm_80,sm_80", "-o", tmp_path / "x"]
    done = subprocess.run(twice, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "'sm_80' comes twice" in done.stderr


@pytest.mark.parametrize("name", ("head", "head-int8"))
def test_logits_that_are_not_finite(tern, library, tmp_path, name):
    """The device says that it has found none; all logits tell why."""
    case = OVERFLOWS[name]
    case.build(tmp_path / "model")
    compiled = Program(tern, library, tmp_path / "model", tmp_path, case.options)
    done = compiled.start("--ids", "5", "-n", "4", "--temp", "0")
    assert done.returncode == 1 and SENTENCE in done.stderr


def test_inspect(tern, program, name="shakespeare-b158"):
    """The GPU's memory and the host's are told apart, and no CPU is."""
    facts, text = inspect(tern, str(program(name).path))
    (model,) = facts["models"]
    assert model["triple"] == "nvptx64-nvidia-cuda" and model["gpu_targets"] == ["sm_80"]
    assert "cpu_features" not in model and "CPU" not in text
    assert "nvptx64-nvidia-cuda: sm_80 and later\n" in text
    memory = facts["memory"]
    gpu = {part["name"]: part["bytes"] for part in memory["gpu"]}
    assert gpu["weights"] == facts["weights"]["bytes"]
    assert gpu[f"state of {model['context']} tokens"] == model["cache_bytes"]
    assert memory["gpu_bytes"] == sum(gpu.values())
    assert not any("state" in part["name"] for part in memory["ram"])


SENTENCES = {
    "no driver": ({"LD_LIBRARY_PATH": ""}, [], "no driver is installed: there is no libcuda.so.1"),
    "no device": ({"TERN_PTX_DEVICES": "0"}, [], "the driver sees none"),
    "no such device": ({}, ["--device", "3"], "--device 3: the driver sees 1 GPU, counted from 0"),
    "older": (
        {"TERN_PTX_CAPABILITY": "75"}, [],
        "needs a GPU of compute capability 8.0 or later, but PTX interpreter has 7.5",
    ),
    "memory": (
        {"TERN_PTX_MEMORY": "500000"}, [],
        r"is out of memory: \d+\.\d MB are wanted for the weights, 0\.5 of 0\.5 MB are free",
    ),
    "refused": (
        {"TERN_PTX_REFUSE": "ptxas fatal\n: Unsupported .version 9.9"}, [],
        "refuses this program's code: ptxas fatal : Unsupported .version 9.9",
    ),
    "failure": (
        {"TERN_PTX_REPLACE": "ret;=>trap;"}, [],
        r"the GPU's driver failed while running the model: unspecified launch failure",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", SENTENCES)
def test_sentences(program, case, name="shakespeare-b158"):
    variables, flags, sentence = SENTENCES[case]
    done = program(name).start("-p", "x", "-n", "1", "-q", *flags, **variables)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("libcuda:")]
    assert done.returncode == 1 and len(lines) == 1
    assert re.search(sentence, lines[0])


def test_device_is_of_gpus(tern, model=MODELS[0]):
    done = subprocess.run(
        [tern, "run", str(model_directory(model)), "-p", "x", "-n", "1", "--device", "0"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "not for a GPU" in done.stderr


ENGINE = """
import sys, threading, tern
with tern.Model(sys.argv[1]) as model:
    def answer(text, **sampling):
        return model.generate(text, max_tokens=5, **sampling).text
    said = [answer("ROMEO: I love thee", temperature=0)]
    said += [answer("ROMEO: I love thee not, my dear", temperature=0)]
    said += [answer("ROMEO: I love thee", temperature=0.8, seed=3)]
    said += [answer("ROMEO: I love thee", temperature=0.8, seed=3, top_k=20, repeat_penalty=1.1)]
    # A long beginning is read once, and a sequence goes on in two ways.
    said += [model.generate("O " * 70 + end, max_tokens=3, temperature=0) for end in ("no", "yes")]
    said[-2:] = [(a.text, a.reused_tokens >= 64) for a in said[-2:]]
    sequence = model.sequence()
    said += [sequence.generate("ROMEO: I love", max_tokens=4, temperature=0).text]
    fork = sequence.fork()
    for each in (sequence, fork):
        said += [each.generate(" thee", max_tokens=4, temperature=0.8, seed=2).text]
    together = {}
    threads = [
        threading.Thread(target=lambda i=i: together.update({i: answer(f"The {i}", temperature=0)}))
        for i in range(3)
    ]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(said, sorted(together.items()))
"""


def test_engine(tern, library, tmp_path, name="shakespeare-b158"):
    """A beginning that is there already, a sampled answer, and three at once."""
    said = []
    for target in ("generic", "nvptx-sm_80"):
        output = tmp_path / f"{target}.so"
        command = [tern, "compile", str(model_directory(name)), "-o", str(output)]
        run_driver([*command, f"--target={target}"])
        environment = {**os.environ, "LD_LIBRARY_PATH": library, "PYTHONPATH": str(ROOT / "python")}
        done = subprocess.run(
            [sys.executable, "-c", ENGINE, str(output)],
            capture_output=True, text=True, env=environment, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said.append(done.stdout)
    assert said[0] == said[1] and len(said[0]) > 60


#: A change of the program's PTX, and what the library says of it; "": other logits.
FAULTS = {
    "no barrier": (r"bar\.(warp\.)?sync[^;]*;=>", "a race on"),
    "order of a sum": (r"(shfl\.sync\.down.*), 16, 31=>$1, 15, 31", ""),
    "signs": (r"s32\.u8\.s8\.s32=>s32.u8.u8.s32", ""),
    "word order": (r"(ld\.global\.v4\.b32.*\{)(%r\d+), (%r\d+)=>$1$3, $2", ""),
    "alignment": (r"(ld\.global\.v4\.b32.*\[%rd\d+)\]=>$1+4]", "misaligned: lane"),
    "clamp": (r"max\.f32=>min.f32", ""),
    "contraction": (r"mul\.rn\.f32=>mul.f32", "expected .rn"),
    "fast division": (r"div\.rn\.f32=>div.full.f32", "expected exact arithmetic, got .full"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_noticed(program, fault, tmp_path, name="shakespeare-b158"):
    change, sentence = FAULTS[fault]
    want = golden(name).f32("config.logits")[:5]
    ids = golden(name).f32("tokens").astype(int).tolist()[:5]
    flags = ["--ids", ",".join(map(str, ids)), "-n", "0", "--logits", str(tmp_path / "logits.npy")]
    done = program(name).start(*flags, TERN_PTX_REPLACE=change)
    if sentence:
        assert done.returncode == 1 and sentence in done.stderr
    else:
        assert done.returncode == 1 or not np.array_equal(np.load(tmp_path / "logits.npy"), want)
