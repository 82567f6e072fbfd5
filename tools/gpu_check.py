# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Asks a GPU for the bits that a CPU has recorded, and for its speeds.

    DIR/gpu-check [--only STEP,...] [--device N] [-o REPORT.json]

Runs in a folder that `tools/gpu-check.sh --prepare` has written, needs nothing else but python3
and NVIDIA's driver, and changes no setting of the card. Each step is a process with a time
limit, so that one that fails or hangs costs only what it had left to do. A table ends the
output, REPORT.json (default: DIR/gpu-check.json) has the same. Exit status 1 if a bit differs or
a step did not get to its end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from gpu_driver import (
    CLOCK_KHZ,
    L2_BYTES,
    LOCAL_BYTES,
    MAJOR,
    MEMORY_CLOCK_KHZ,
    MINOR,
    PROCESSORS,
    REGISTERS,
    Driver,
    DriverError,
    Launch,
)
from gpu_report import add_shares, print_table

HERE = Path(__file__).resolve().parent


def say(name: str, **facts: object) -> None:
    """A line of the step's results; those that a killed step has said are kept.

    `equal`: if bits are those recorded. `value`, `unit`: a figure.
    """
    print(json.dumps({"name": name, **facts}), flush=True)


# The device.

#: Reads `rounds` times 64 bytes a thread, all threads side by side.
READ = """.version 8.0
.target sm_80
.address_size 64
.visible .entry empty(.param .u64 empty_0) { ret; }
.visible .entry read(.param .u64 read_0, .param .u64 read_1, .param .u64 read_2) {
.reg .b64 %p<4>, %step; .reg .b32 %i<6>, %v<16>, %n, %sum; .reg .pred %c;
ld.param.b64 %p0, [read_0]; ld.param.b64 %p1, [read_1]; ld.param.b32 %n, [read_2];
mov.u32 %i0, %ctaid.x; mov.u32 %i1, %ntid.x; mov.u32 %i2, %tid.x; mov.u32 %i3, %nctaid.x;
mul.lo.s32 %i4, %i0, %i1; add.s32 %i4, %i4, %i2; mul.wide.u32 %p2, %i4, 16;
add.s64 %p0, %p0, %p2; mul.lo.s32 %i5, %i3, %i1; mul.wide.u32 %step, %i5, 16;
mov.b32 %sum, 0;
$Next:
"""
READ += "".join(
    f"ld.global.v4.b32 {{%v{4 * i}, %v{4 * i + 1}, %v{4 * i + 2}, %v{4 * i + 3}}}, [%p0]; "
    "add.s64 %p0, %p0, %step;\n"
    for i in range(4)
)
READ += "".join(f"or.b32 %sum, %sum, %v{i};\n" for i in range(16))
READ += """add.s32 %n, %n, -1; setp.ne.s32 %c, %n, 0; @%c bra $Next;
setp.eq.s32 %c, %sum, 305419896; @%c st.global.b32 [%p1], %sum;
ret;
}
"""


#: A kernel that lets the next one begin, and waits for the one before.
EARLY = """.version 7.8
.target sm_90
.address_size 64
.visible .entry early(.param .u64 early_0) {
griddepcontrol.launch_dependents; griddepcontrol.wait; ret;
}
"""

#: All blocks wait for each other, again and again: they are all there at once.
BARRIER = """.version 7.0
.target sm_80
.address_size 64
.visible .entry barrier(.param .u64 barrier_0, .param .u64 barrier_1) {
.reg .b64 %p; .reg .b32 %n, %blocks, %all, %seen, %t; .reg .pred %first, %c;
ld.param.b64 %p, [barrier_0]; ld.param.b32 %n, [barrier_1]; mov.u32 %blocks, %nctaid.x;
mov.u32 %t, %tid.x; setp.eq.s32 %first, %t, 0; mov.b32 %all, 0;
$Next:
add.s32 %all, %all, %blocks;
@!%first bra $Together;
red.release.gpu.global.add.u32 [%p], 1;
$Wait:
ld.acquire.gpu.global.b32 %seen, [%p]; setp.lt.u32 %c, %seen, %all; @%c bra $Wait;
$Together:
bar.sync 0; add.s32 %n, %n, -1; setp.ne.s32 %c, %n, 0; @%c bra $Next;
ret;
}
"""


def describe_clocks() -> str | None:
    """As they are; nothing is set."""
    fields = "driver_version,clocks.sm,clocks.mem,clocks.max.sm,power.limit,temperature.gpu"
    command = ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        return f"{fields}: {done.stdout.strip()}"
    return None


def check_device(driver: Driver, plan: dict) -> None:
    free, total = driver.free_and_total()
    major, minor = driver.attribute(MAJOR), driver.attribute(MINOR)
    say("device", text=driver.name, interpreter=driver.is_interpreter)
    say("compute capability", text=f"{major}.{minor}")
    say("driver", text=f"CUDA {driver.version // 1000}.{driver.version % 1000 // 10}")
    for name, which, unit in (
        ("multiprocessors", PROCESSORS, ""),
        ("clock", CLOCK_KHZ, "kHz"),
        ("clock of memory", MEMORY_CLOCK_KHZ, "kHz"),
        ("L2", L2_BYTES, "B"),
    ):
        if (value := driver.attribute(which)) is not None:
            say(name, value=value, unit=unit)
    if clocks := None if driver.is_interpreter else describe_clocks():
        say("as found", text=clocks)
    say("memory", value=total, unit="B")
    say("memory that is free", value=free, unit="B")
    module = driver.load(READ.encode())
    empty, read = driver.function(module, "empty"), driver.function(module, "read")
    # As many threads as a card holds.
    threads, blocks = (32, 2) if plan["quick"] else (256, 8 * (driver.attribute(PROCESSORS) or 1))
    rounds = min(plan["read_bytes"], free // 4) // (threads * blocks * 64)
    size = threads * blocks * 64 * rounds
    first, second = driver.allocate(size), driver.allocate(size)
    seconds = driver.seconds(lambda: driver.copy(second, first, size))
    say("copy", value=round(2 * size / seconds / 1e9, 1), unit="GB/s")
    reading = Launch(read, (blocks, 1), threads, (first, second, rounds))
    say("read", value=round(size / driver.graph_seconds([reading]) / 1e9, 1), unit="GB/s")
    driver.free(first, second)
    one = Launch(empty, (1, 1), 32, (0,))
    count = plan["launches"]

    def launch_all() -> None:
        for _ in range(count):
            driver.launch(one)

    say("launch, this script's included", value=us(driver.seconds(launch_all), count), unit="us")
    say("launch in a graph", value=us(driver.graph_seconds([one] * count), count), unit="us")
    wide = Launch(empty, (driver.attribute(PROCESSORS) or 1, 1), 256, (0,))
    say("of a block for each multiprocessor",
        value=us(driver.graph_seconds([wide] * count), count), unit="us")  # fmt: skip
    if (major or 0) >= 9:
        function = driver.function(driver.load(EARLY.encode()), "early")
        early = [Launch(function, (1, 1), 32, (0,), early=True)] * count
        say("with edges that let it begin early",
            value=us(driver.graph_seconds(early), count), unit="us")  # fmt: skip
    if not driver.is_interpreter:  # whose blocks come one after the other
        check_barrier(driver, count)


def check_barrier(driver: Driver, count: int) -> None:
    """Once: the counter goes on from where it is."""
    function = driver.function(driver.load(BARRIER.encode()), "barrier")
    blocks = (driver.attribute(PROCESSORS) or 1, 1)
    seconds = []
    for rounds in (count, 3 * count):
        counter = driver.allocate(4)
        began = time.perf_counter()
        driver.launch(Launch(function, blocks, 256, (counter, rounds)))
        driver.wait()
        seconds.append(time.perf_counter() - began)
    say("barrier of all blocks", value=us(seconds[1] - seconds[0], 2 * count), unit="us")


def us(seconds: float, count: int = 1) -> float:
    return round(seconds / count * 1e6, 3)


# Opcodes.


def run_opcodes(driver: Driver, plan: dict, folder: Path = HERE) -> list[bytes]:
    """The results of each."""
    facts = plan["opcodes"]
    size = 8 * facts["threads"] * facts["blocks"]
    module = driver.load((folder / "opcodes.ptx").read_bytes())
    data = (folder / "opcodes.in").read_bytes()
    operands = [driver.upload(data[i * size : (i + 1) * size]) for i in range(3)]
    results = []
    for i in range(len(facts["statements"])):
        result = driver.allocate(size)
        parameters = (result, *operands)
        function = driver.function(module, f"op{i}")
        driver.launch(Launch(function, (facts["blocks"], 1), facts["threads"], parameters))
        driver.wait()
        results.append(driver.download(result, size))
        driver.free(result)
    return results


def check_opcodes(driver: Driver, plan: dict) -> None:
    want, data = (HERE / "opcodes.out").read_bytes(), (HERE / "opcodes.in").read_bytes()
    statements, wrong = plan["opcodes"]["statements"], 0

    def number(data: bytes, at: int) -> str:
        return data[at : at + 8][::-1].hex()

    for i, got in enumerate(run_opcodes(driver, plan)):
        size = len(got)
        part = want[i * size : (i + 1) * size]
        places = [at for at in range(0, size, 8) if number(got, at) != number(part, at)]
        if not places:
            continue
        wrong += 1
        at = places[0]
        inputs = ", ".join(number(data, at + k * size) for k in range(3))
        text = f"of {inputs}: expected {number(part, at)}, got {number(got, at)}"
        say(statements[i], equal=False, text=f"{text}, and {len(places) - 1} more")
    say(f"{len(statements)} opcodes", equal=wrong == 0)


# Programs.


def run_program(path: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(path), *arguments], capture_output=True, check=False)


def last_line(done: subprocess.CompletedProcess) -> str:
    lines = done.stderr.decode(errors="replace").splitlines()
    return lines[-1] if lines else f"exit status {done.returncode}"


def count_differing(want: bytes, got: bytes) -> str:
    """Of two files of floats."""
    if len(want) != len(got):
        return f"expected {len(want)} bytes, got {len(got)}"
    differing = [at for at in range(0, len(want), 4) if want[at : at + 4] != got[at : at + 4]]
    return f"{len(differing)} of {len(want) // 4} words differ, the first at byte {differing[0]}"


def check_program(program: dict) -> None:
    folder = HERE / "programs" / program["name"]
    for test in program["evaluations"]:
        with tempfile.TemporaryDirectory() as work:
            files = {what: Path(work) / f"{what}.npy" for what in ("hidden", "logits")}
            flags = [word for what, path in files.items() for word in (f"--{what}", str(path))]
            done = run_program(folder / "program", "--ids", test["ids"], "-n", "0", *flags)
            for what, path in files.items():
                name = f"{program['name']}, {what} of {test['ids'].count(',') + 1}"
                want = (folder / f"{test['name']}-{what}.npy").read_bytes()
                got = path.read_bytes() if path.exists() and done.returncode == 0 else b""
                if got == want:
                    say(name, equal=True)
                else:
                    text = count_differing(want, got) if got else last_line(done)
                    say(name, equal=False, text=text)
    if text := program.get("text"):
        done = run_program(folder / "program", *text["flags"], "-v")
        want = (folder / "text").read_bytes()
        equal = done.returncode == 0 and done.stdout == want
        other = {} if equal else {"text": f"expected {want!r:.80}, got {done.stdout!r:.80}"}
        say(f"{program['name']}, text", equal=equal, **other)
        for line in done.stderr.decode(errors="replace").splitlines():
            if "launches a token" in line:
                say(f"{program['name']}, on", text=line.split(": ", 1)[1])


def check_carry(names: list[str]) -> None:
    folder = HERE / "carry"
    files = [str(folder / name) for name in ("cpu.so", "cpu.weights", "gpu.so", "gpu.weights")]
    done = run_program(folder / "carry_state", *files)
    said = done.stdout.decode(errors="replace").splitlines()
    for name in names:
        equal = f"{name} equal" in said
        other = {} if equal else {"text": "; ".join(said) or last_line(done)}
        say(f"carried to and from the CPU: {name}", equal=equal, **other)


def bench(program: dict, flags: list[str]) -> None:
    path = HERE / "programs" / program["name"] / "program"
    done = run_program(path, "bench", *flags, "-o", "jsonl")
    if done.returncode != 0:
        say(f"{program['name']}, bench {' '.join(flags)}", error=last_line(done))
    for line in done.stdout.decode().splitlines():
        row = json.loads(line)
        does = f"prompt of {row['n_prompt']}" if row["n_prompt"] else f"batch of {row['n_batch']}"
        name = f"{program['name']}, {does}, behind {row['n_depth']}"
        say(name, value=round(row["avg_ts"], 1), unit="tok/s")


def check_programs(plan: dict, kind: str) -> None:
    for program in plan["programs"]:
        if program["kind"] == kind:
            check_program(program)
            for flags in program["bench"]:
                bench(program, flags)


# Products.


def check_products(driver: Driver, plan: dict) -> None:
    """Each kernel of a product alone, on all layers in turn, so that weights come from memory."""
    facts = plan["products"]
    began = time.perf_counter()
    module = driver.load((HERE / "products.ptx").read_bytes())
    say("compiling the code for this card", value=round(time.perf_counter() - began, 2), unit="s")
    spilled, most = [], 0
    for name in facts["kernels"]:
        function = driver.function(module, name)
        most = max(most, driver.function_attribute(function, REGISTERS))
        if not driver.is_interpreter and driver.function_attribute(function, LOCAL_BYTES):
            spilled.append(name)
    say("kernels", value=len(facts["kernels"]), unit="")
    say("kernels with local memory", value=len(spilled), unit="", text=", ".join(spilled))
    say("most registers", value=most, unit="")
    weights = driver.allocate(facts["weights_bytes"])
    scratch = driver.allocate(facts["scratch_bytes"])
    rows_most = max(launch["rows"] for launch in facts["launches"])
    hidden = [driver.allocate(4 * facts["hidden"] * rows_most) for _ in range(2)]
    state, zeros = driver.allocate(facts["state_bytes"]), driver.allocate(8 * rows_most)
    states = driver.upload(state.to_bytes(8, "little") * rows_most)
    for one in facts["launches"]:
        fields = (one["rows"], zeros, zeros, states, hidden[0], hidden[1], 0, 0)
        rows = driver.upload(b"".join(value.to_bytes(8, "little") for value in fields))
        function = driver.function(module, one["kernel"])
        group, shared = one["rows_per_block"], one["shared_bytes"]
        driver.allow_shared(function, shared)
        grid = (one["blocks"], -(-one["rows"] // group) if group else 1)
        launches = [
            Launch(function, grid, one["threads"], (weights, scratch, rows, layer), shared)
            for layer in range(facts["layers"])
        ] * facts["repeat"]
        seconds = driver.graph_seconds(launches) / len(launches)
        name = f"{one['shape']}, {one['rows']} tokens"
        say(name, value=round(one["bytes"] / seconds / 1e9, 1), unit="GB/s", share=True,
            us=us(seconds), tops=round(2e-12 * one["macs"] * one["rows"] / seconds, 2))  # fmt: skip
        driver.free(rows)
    # All launches of a layer for one token, at the beginning of a text and far behind.
    for step in facts["steps"]:
        function = driver.function(module, step["kernel"])
        driver.allow_shared(function, step["shared_bytes"])
        for position in (0,) if "_proj" in step["kernel"] else facts["positions"]:
            place = driver.upload(position.to_bytes(8, "little"))
            fields = (1, zeros, place, states, hidden[0], hidden[1], 0, 0)
            rows = driver.upload(b"".join(value.to_bytes(8, "little") for value in fields))
            launches = [
                Launch(function, (step["blocks"], 1), step["threads"],
                       (weights, scratch, rows, layer), step["shared_bytes"])
                for layer in range(facts["layers"])
            ] * facts["repeat"]  # fmt: skip
            seconds = driver.graph_seconds(launches) / len(launches)
            say(f"{step['kernel']}, behind {position}", value=us(seconds), unit="us")
            driver.free(rows, place)


# All steps.

Step = Callable[[Driver, dict], None]


def check_large(driver: Driver, plan: dict) -> None:
    del driver
    check_programs(plan, "large")
    if not any(program["kind"] == "large" for program in plan["programs"]):
        say("2B-4T", text="not prepared: that takes --large")


def check_models(driver: Driver, plan: dict) -> None:
    del driver
    check_programs(plan, "model")
    if plan["carry"]:
        check_carry(plan["carry"])


#: Each with its seconds.
STEPS: dict[str, tuple[Step, int]] = {
    "device": (check_device, 60),
    "opcodes": (check_opcodes, 60),
    "shapes": (lambda driver, plan: check_programs(plan, "shape"), 120),
    "models": (check_models, 150),
    "products": (check_products, 120),
    "large": (check_large, 330),
}


def run_step(name: str, device: int) -> list[dict]:
    """Its records, and an error if it did not end."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        command = [sys.executable, __file__, "--step", name, "--device", str(device)]
        child = subprocess.Popen(command, stdout=out, stderr=err, start_new_session=True)
        error = None
        try:
            if child.wait(STEPS[name][1]) != 0:
                err.seek(0)
                lines = err.read().decode(errors="replace").splitlines()
                error = lines[-1] if lines else f"exit status {child.returncode}"
        except subprocess.TimeoutExpired:
            error = f"it took more than {STEPS[name][1]} s"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)  # and what it has started
            child.wait()
        out.seek(0)
        lines = [line for line in out.read().decode().splitlines() if line.endswith("}")]
    records = [{"step": name, **json.loads(line)} for line in lines]
    return records + ([{"step": name, "name": name, "error": error}] if error else [])


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks tern's code on a GPU.")
    parser.add_argument("--only", metavar="STEP,...", help=f"of {', '.join(STEPS)}")
    parser.add_argument("--device", type=int, default=0, metavar="N", help="default 0")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "gpu-check.json")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    plan = json.loads((HERE / "plan.json").read_text())
    if args.step:
        try:
            STEPS[args.step][0](Driver(args.device), plan)
        except DriverError as error:
            sys.exit(str(error))
        return 0
    names = args.only.split(",") if args.only else list(STEPS)
    if unknown := [name for name in names if name not in STEPS]:
        parser.error(f"expected steps of {', '.join(STEPS)}, got {', '.join(unknown)}")
    records = []
    for name in names:
        began = time.perf_counter()
        records += run_step(name, args.device)
        print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    add_shares(records)
    different = [record for record in records if record.get("equal") is False]
    failed = [record for record in records if "error" in record]
    is_interpreter = any(record.get("interpreter") for record in records)
    report = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "tern": plan["tern"], "quick": plan["quick"], "interpreter": is_interpreter,
        "equal": sum(record.get("equal") is True for record in records),
        "different": len(different), "failed": len(failed), "results": records,
    }  # fmt: skip
    args.output.write_text(json.dumps(report, indent=1) + "\n")
    print_table(records)
    if is_interpreter:
        print("This is the interpreter of test/Device: figures of time mean nothing.")
    print(f"{report['equal']} equal, {len(different)} different, {len(failed)} failed")
    return 1 if different or failed else 0


if __name__ == "__main__":
    sys.exit(main())
