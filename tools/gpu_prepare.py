# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Writes the folder that gpu_check.py runs in; `tools/gpu-check.sh --prepare` calls it.

Needs the built tree (TERN_BINARY, or build/bin/tern), cc and Python's numpy, and no GPU: what a
card has to answer is recorded here, of opcodes from the interpreter of test/Device, of models
from programs for the CPU.
"""

from __future__ import annotations

import argparse
import ctypes as c
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import gpu_opcodes

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "python"))

from tern_reference.synth import PRESETS, synthesize  # noqa: E402

TARGET = "--target=nvptx-sm_80"  # of all cards from there on
SMALL = dict(layers=2, vocab=300, heads=2, kv_heads=1, head_dim=64, intermediate=516)
SHAPES = {
    "h204-g688-d100": {**SMALL, **dict(hidden=204, intermediate=688, head_dim=100)},
    "h308-g5460": {**SMALL, **dict(hidden=308, intermediate=5460, heads=4, kv_heads=2)},
    "h260-g44-d44": {
        **SMALL, **dict(hidden=260, intermediate=44, heads=4, kv_heads=4, head_dim=44)
    },
    "d128-a48": {**SMALL, **dict(hidden=256, head_dim=128, scheme="a48", kv_bits=3)},
    "fp4": {**SMALL, **dict(hidden=196, scheme="a48-fp4", kv_bits=4)},
    "v2": {**SMALL, **dict(hidden=192, scheme="v2")},
    "bias-untied": {**SMALL, **dict(hidden=196, intermediate=68, bias="all", tied=False)},
}  # fmt: skip
FEW_TOKENS = dict(vocab=1024, bos=None, eos=None)
LARGE = {"2b-4t-b158": {}, "2b-4t-a48": dict(scheme="a48", kv_bits=3)}
#: Of a layer's products: names, and which sizes rows and columns are.
PROJECTIONS = {
    "q_proj": ("queries", "hidden"), "k_proj": ("keys", "hidden"), "v_proj": ("keys", "hidden"),
    "o_proj": ("hidden", "queries"), "gate_proj": ("intermediate", "hidden"),
    "up_proj": ("intermediate", "hidden"), "down_proj": ("hidden", "intermediate"),
}  # fmt: skip
#: Rows that products are measured with, by the class of a call (TERN_ONE, TERN_FEW, TERN_MANY).
ROWS = ((1,), (8,), (16, 64, 512))


def run(*command: object, **variables: str) -> subprocess.CompletedProcess:
    words = [str(word) for word in command]
    environment = {**os.environ, **variables}
    done = subprocess.run(words, capture_output=True, env=environment, check=False)
    if done.returncode != 0:
        sys.exit(f"error: {' '.join(words)}:\n{done.stderr.decode()[-2000:]}")
    return done


# The plan in a model's library.


def read_structs() -> dict[str, type[c.Structure]]:
    """Those of tern/abi.h, of the table that it is made of."""
    table = (ROOT / "runtime/include/tern/abi.def").read_text()
    types = {"U32": c.c_uint32, "U64": c.c_uint64, "SIZE": c.c_size_t}
    structs: dict[str, type[c.Structure]] = {}
    text = re.sub(r"/\*.*?\*/", "", table, flags=re.S)
    for name, body in re.findall(r"TERN_STRUCT\((\w+)\)(.*?)TERN_END", text, re.S):
        fields = []
        for kind, arguments in re.findall(r"TERN_(\w+)\(([^)]*)\)", body):
            parts = [part.strip() for part in arguments.split(",")]
            if kind == "POINTERS":
                fields.append((parts[1], c.c_void_p * len(ROWS)))
            else:
                fields.append((parts[-1], c.c_void_p if kind == "POINTER" else types[kind]))
        structs[name] = type(name, (c.Structure,), {"_fields_": fields})
    return structs


def read_products(library: Path, config: dict, most: int) -> tuple[bytes, dict]:
    """The code for a GPU, and how its products are launched for up to `most` rows."""
    structs = read_structs()
    loaded = c.CDLL(str(library))
    model = structs["model"].in_dll(loaded, f"tern_model_{library.stem}")
    plan = structs["device_plan"].from_address(model.device)
    image = structs["image"].from_address(plan.images)
    names = (c.c_char_p * plan.kernel_count).from_address(plan.kernel_names)
    kernels = [(name or b"").decode() for name in names]
    layer = structs["device_kind"].from_address(plan.kinds)
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    inner = config["intermediate_size"]
    sizes = dict(queries=queries, keys=keys, hidden=config["hidden_size"], intermediate=inner)
    launches, steps = [], []
    for address, counts in zip(layer.run, ROWS):
        listed = structs["launches"].from_address(address)
        for one in (structs["launch"] * listed.count).from_address(listed.at):
            if counts == ROWS[0]:
                steps.append(dict(kernel=kernels[one.kernel], blocks=one.blocks,
                                  threads=one.threads, shared_bytes=one.shared_bytes))  # fmt: skip
            found = re.findall(r"[a-z]+_proj", kernels[one.kernel])
            shapes = [tuple(sizes[size] for size in PROJECTIONS[name]) for name in found]
            for rows in sorted({min(rows, most, model.max_tokens) for rows in counts if shapes}):
                height, width = sum(shape[0] for shape in shapes), shapes[0][1]
                launches.append(dict(
                    kernel=kernels[one.kernel], rows=rows,
                    shape=f"{'+'.join(name[:-5] for name in found)} {height} x {width}",
                    blocks=one.blocks, rows_per_block=one.rows_per_block, threads=one.threads,
                    shared_bytes=one.shared_bytes, macs=height * width,
                    bytes=-(-height // 16) * 16 * -(-width // 128) * 128 // 4,
                ))  # fmt: skip
    blocks = -(-model.max_context // max(model.state_block_tokens, 1))
    facts = dict(
        kernels=kernels, launches=launches, steps=steps, layers=model.layer_count,
        hidden=model.hidden_size, positions=[0, model.max_context - 96],
        weights_bytes=model.weights_bytes, scratch_bytes=model.scratch_bytes,
        state_bytes=model.state_fixed_bytes + blocks * model.state_block_bytes,
    )  # fmt: skip
    return c.string_at(image.data, image.bytes - 1), facts


# The folder.


@dataclass
class Preparation:
    tern: Path
    folder: Path
    quick: bool
    plan: dict = field(default_factory=dict)

    @property
    def build(self) -> Path:
        return self.tern.resolve().parents[1]

    def opcodes(self) -> None:
        table = gpu_opcodes.read_opcodes(ROOT / "test" / "Device")
        (self.folder / "opcodes.ptx").write_text(gpu_opcodes.module(table))
        (self.folder / "opcodes.in").write_bytes(gpu_opcodes.inputs())
        self.plan["opcodes"] = dict(
            statements=[opcode.statement for opcode in table],
            threads=gpu_opcodes.THREADS, blocks=gpu_opcodes.BLOCKS,
        )  # fmt: skip
        self.write_plan()
        # The library is the driver only of a process that starts with it.
        program = (
            "import json, sys; from pathlib import Path; import gpu_check as g; d = g.Driver(); "
            "assert d.is_interpreter, d.name; p = json.loads((g.HERE / 'plan.json').read_text()); "
            "(g.HERE / 'opcodes.out').write_bytes(b''.join(g.run_opcodes(d, p)))"
        )
        library, modules = str(self.build / "test/Device"), str(self.folder)
        variables = {"LD_LIBRARY_PATH": library, "PYTHONPATH": modules}
        run(sys.executable, "-c", program, **variables, PYTHONDONTWRITEBYTECODE="1")

    def program(self, name: str, model: Path, kind: str, tokens: tuple[int, ...], vocab: int, *,
                flags: tuple[str, ...] = (), text: list[str] | None = None,
                bench: tuple[str, ...] = ()) -> None:  # fmt: skip
        """Compiled for a GPU, with what the CPU's program answers."""
        folder = self.folder / "programs" / name
        folder.mkdir(parents=True)
        run(self.tern, "compile", model, "-o", folder / "program", TARGET, *flags)
        # The machine's own code where it would take long.
        of_cpu = [] if kind == "large" and not self.quick else ["--target=generic"]
        evaluations = []
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            cpu = Path(work) / "cpu"
            run(self.tern, "compile", model, "-o", cpu, *of_cpu, *flags)
            for count in tokens:
                source = random.Random(count)
                ids = ",".join(str(source.randrange(vocab)) for _ in range(count))
                logits, hidden = (folder / f"{count}-{what}.npy" for what in ("logits", "hidden"))
                run(cpu, "--ids", ids, "-n", "0", "--logits", logits, "--hidden", hidden)
                evaluations.append(dict(name=str(count), ids=ids))
            if text:
                (folder / "text").write_bytes(run(cpu, *text).stdout)
        self.plan["programs"].append(dict(
            name=name, kind=kind, evaluations=evaluations, bench=[one.split() for one in bench],
            text={"flags": text} if text else None,
        ))  # fmt: skip

    def shapes(self) -> None:
        shapes = {"h204-g68-d100": {**SHAPES["h204-g688-d100"], "layers": 1, "intermediate": 68}}
        for name, shape in (shapes if self.quick else SHAPES).items():
            with tempfile.TemporaryDirectory() as model:
                synthesize(Path(model), **shape)
                tokens = (5, 9) if self.quick else (1, 5, 18, 70)
                self.program(name, Path(model), "shape", tokens, shape["vocab"])

    def models(self) -> None:
        names = ("shakespeare-b158",) if self.quick else ("shakespeare-b158", "shakespeare-a48")
        length, tokens = ("8", (9,)) if self.quick else ("200", (1, 5, 18, 100))
        bench = ("-p 0 -n 2 -b 2 -r 1 --no-warmup",) if self.quick else (
            "-p 128 -n 0", "-p 0 -n 100 -b 1,8,64")  # fmt: skip
        for name in names:
            model = ROOT / "test" / "models" / name
            vocab = json.loads((model / "config.json").read_text())["vocab_size"]
            text = ["-p", "ROMEO:", "-n", length, "--temp", "0", "--ignore-eos"]
            self.program(name, model, "model", tokens, vocab, text=text, bench=bench)

    def carry(self) -> None:
        folder = self.folder / "carry"
        folder.mkdir()
        model = ROOT / "test" / "models" / "shakespeare-b158"
        for name, target in (("cpu", "--target=generic"), ("gpu", TARGET)):
            run(self.tern, "compile", model, "--emit=shared", target, "-o", folder / f"{name}.so")
        libraries = [self.build / "lib" / f"libtern_{part}.a" for part in ("host", "core")]
        flags = ["-D_GNU_SOURCE", f"-I{ROOT / 'runtime/include'}", "-o", folder / "carry_state"]
        source = ROOT / "test" / "Device" / "carry_state.c"
        run("cc", *flags, source, *libraries, "-lm", "-pthread", "-ldl")
        self.plan["carry"] = ["saved", "logits", "batches", "greedy"]

    def products(self) -> None:
        """Of the shapes of 2B-4T, with layers enough that no cache holds all."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            library, model = self.folder / "carry" / "gpu.so", ROOT / "test/models/shakespeare-b158"
            if not self.quick:
                library, model = Path(work) / "products.so", Path(work) / "model"
                synthesize(model, **{**PRESETS["2B-4T"], **FEW_TOKENS, "layers": 12})
                run(self.tern, "compile", model, "--emit=shared", TARGET, "-o", library)
            config = json.loads((model / "config.json").read_text())
            config.setdefault("head_dim", config["hidden_size"] // config["num_attention_heads"])
            code, self.plan["products"] = read_products(library, config, 16 if self.quick else 512)
        # For times that are long enough to be measured.
        self.plan["products"]["repeat"] = 1 if self.quick else 10
        if self.quick:
            self.plan["products"]["layers"] = 1
        (self.folder / "products.ptx").write_bytes(code)

    def large(self) -> None:
        """2B-4T, made of random numbers."""
        for name, settings in LARGE.items():
            shape = {**PRESETS["2B-4T"], **settings}
            if self.quick:
                shape.update(FEW_TOKENS, layers=1, hidden=320, intermediate=864, head_dim=64)
                shape.update(heads=5)
            with tempfile.TemporaryDirectory(dir=self.folder) as model:
                synthesize(Path(model), tokenizer=self.quick, **shape)
                ids = ",".join(str(7 * i % shape["vocab"]) for i in range(16))
                count = "4" if self.quick else "200"
                text = ["--ids", ids, "-n", count, "--temp", "0", "--ignore-eos", "--print-ids"]
                bench = ("-p 16 -n 2 -r 1 --no-warmup",) if self.quick else (
                    "-p 0 -n 64 -d 128 -b 1,8,64 -r 2 -c 256", "-p 0 -n 64 -d 4000 -r 2",
                    "-p 512,4000 -n 0 -r 2")  # fmt: skip
                self.program(name, Path(model), "large", (3,), shape["vocab"], text=text,
                             flags=("--head=int8",), bench=bench)  # fmt: skip

    def write_plan(self) -> None:
        (self.folder / "plan.json").write_text(json.dumps(self.plan, indent=1) + "\n")

    def write(self, large: bool) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if any(self.folder.iterdir()):
            sys.exit(f"error: {self.folder} is not empty; name one that is, or that is not there")
        for name in ("gpu_check.py", "gpu_driver.py", "gpu_report.py"):
            shutil.copy(ROOT / "tools" / name, self.folder)
        script = self.folder / "gpu-check"
        script.write_text('#!/bin/sh\nexec python3 "$(dirname "$0")/gpu_check.py" "$@"\n')
        script.chmod(0o755)
        version = run(self.tern, "--version").stdout.decode().splitlines()[0]
        self.plan = dict(
            tern=version, quick=self.quick, programs=[], carry=[],
            read_bytes=1 << 16 if self.quick else 2 << 30, launches=20 if self.quick else 1000,
        )  # fmt: skip
        for step in (self.opcodes, self.shapes, self.models, self.carry, self.products):
            step()
        if large:
            self.large()
        self.write_plan()


def main() -> int:
    parser = argparse.ArgumentParser(description="Prepares a check of a GPU.")
    parser.add_argument("folder", type=Path, metavar="DIR", help="made if it is not there")
    parser.add_argument("--large", action="store_true", help="2B-4T too: gigabytes, minutes")
    parser.add_argument("--quick", action="store_true", help="small sizes, for the interpreter")
    args = parser.parse_args()
    tern = Path(os.environ.get("TERN_BINARY", ROOT / "build/bin/tern"))
    if not tern.exists():
        sys.exit(f"error: there is no {tern}; build the tree, or set TERN_BINARY")
    Preparation(tern, args.folder.resolve(), args.quick).write(args.large)
    print(f"{args.folder}/gpu-check is what to run where the card is")
    return 0


if __name__ == "__main__":
    sys.exit(main())
