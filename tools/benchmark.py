# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Measures programs, and other engines, in turns: docs/benchmarks/NAME.json.

    python3 tools/benchmark.py -o docs/benchmarks/zen4.json --machine "AMD Zen 4, two cores"
        --program "b1.58=./b158" --program "a4.8=./a48"
        --peer "ENGINE=COMMAND -p {prompt} -n {generated} -t {threads} -o json"

Each round runs every test of every program once, and the peer behind it, so that an hour in
which the machine is slow is slow for all. The medians of all rounds are written, after each
round, with half the range as spread. `python3 docs/benchmarks.py` draws them.

`--program NAME[:TEST,TEST]=PATH` is a program that `tern compile` wrote, with the tests that
it is measured in (default: all): decode (128 tokens, 1 thread and all), prefill (512 tokens),
depth (decode behind 0 to 4096 tokens) and batch (8 and 32 sequences). A peer's COMMAND is run
by sh and prints JSON, or one object in a line, with `avg_ts`, as llama-bench does; tests that
need {depth} or {batch} leave out a peer whose command has no such word.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Test:
    test: str
    threads: int
    prompt: int = 0
    generated: int = 0
    depth: int = 0
    batch: int = 1


def list_tests(names: list[str], threads: int, args: argparse.Namespace) -> Iterator[Test]:
    if "decode" in names:
        for count in sorted({1, threads}):
            yield Test("decode", count, generated=args.generate)
    if "prefill" in names:
        yield Test("prefill", threads, prompt=args.prompt)
    if "depth" in names:
        for depth in args.depths:
            yield Test("depth", threads, generated=args.generate, depth=depth)
    if "batch" in names:
        for batch in args.batches:
            yield Test("batch", threads, generated=args.generate, batch=batch)


def read_objects(text: str) -> list[dict]:
    """JSON, or an object in each line; other lines are left out."""
    try:
        found = json.loads(text)
        return found if isinstance(found, list) else [found]
    except ValueError:
        lines = [line for line in text.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]


def run(command: list[str]) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = read_objects(done.stdout) if done.returncode == 0 else []
    if len(found) != 1 or "avg_ts" not in found[0]:
        sys.exit(
            f"{' '.join(command)}: expected one object with avg_ts, got status "
            f"{done.returncode}\n{done.stdout}{done.stderr}"
        )
    return found[0]


def run_tern(program: str, test: Test) -> dict:
    flags = {"-p": test.prompt, "-n": test.generated, "-d": test.depth, "-b": test.batch}
    words = [str(word) for pair in flags.items() for word in pair]
    return run([program, "bench", *words, "-t", str(test.threads), "-r", "1", "-o", "jsonl"])


def run_peer(command: str, test: Test) -> dict | None:
    words = asdict(test)
    if any(test_value != default and f"{{{name}}}" not in command
           for name, test_value, default in (("depth", test.depth, 0), ("batch", test.batch, 1))):
        return None  # fmt: skip
    filled = re.sub(r"\{(\w+)\}", lambda m: str(words.get(m[1], m[0])), command)
    return run(["sh", "-c", filled])


@dataclass
class Row:
    model: str
    program: str
    test: Test
    tern: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    last: dict = field(default_factory=dict)
    rates: list[tuple[float, float]] = field(default_factory=list)

    def measure(self, peer: str | None, is_odd: bool) -> None:
        """One round; who is first changes."""
        order = [self.measure_tern] + ([lambda: self.measure_peer(peer)] if peer else [])
        for step in reversed(order) if is_odd else order:
            step()

    def measure_tern(self) -> None:
        self.last = run_tern(self.program, self.test)
        self.tern.append(self.last["avg_ts"])
        rates = (self.last.get("gigabytes_per_second", 0), self.last.get("read_bandwidth", 0))
        self.rates.append(rates)

    def measure_peer(self, command: str) -> None:
        found = run_peer(command, self.test)
        if found:
            self.peer.append(found["avg_ts"])

    def summary(self) -> dict:
        result = {"model": self.model, **asdict(self.test)}
        for name, values in (("tern", self.tern), ("peer", self.peer)):
            middle = statistics.median(values) if values else None
            result[name] = round(middle, 2) if values else None
            if values:
                spread = (max(values) - min(values)) / 2 / middle
                result[f"{name}_spread"] = round(spread, 3)
        for name, values in zip(("gigabytes_per_second", "read_bandwidth"), zip(*self.rates)):
            result[name] = round(statistics.median(values), 1)
        for name in ("in_cache", "skipped", "bytes_per_token"):
            if name in self.last:
                result[name] = self.last[name]
        return result


def write(path: Path, args: argparse.Namespace, rows: list[Row], runs: int) -> None:
    first = rows[0].last
    head = {
        "machine": args.machine or first.get("cpu_info", ""),
        "features": args.features or first.get("backend", ""),
        "tern": first.get("build", "").removeprefix("tern "),
        "peer": args.peer.partition("=")[0] if args.peer else None,
        "peer_version": args.peer_version,
        "runs": runs,
        "note": args.note,
    }
    lines = ",\n".join("    " + json.dumps(row.summary()) for row in rows)
    text = json.dumps(head, indent=2)[:-2] + f',\n  "rows": [\n{lines}\n  ]\n}}\n'
    partial = path.with_name(path.name + ".new")
    partial.write_text(text)
    partial.replace(path)


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.split(",")]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--program", action="append", required=True, metavar="NAME[:TESTS]=PATH")
    parser.add_argument("--peer", metavar="NAME=COMMAND")
    parser.add_argument("--peer-version", default="", help="and how it was built and set")
    parser.add_argument("--machine", help="default: the CPU's name")
    parser.add_argument("--features", help="default: the first program's target")
    parser.add_argument("--note", default="")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--generate", type=int, default=128)
    parser.add_argument("--depths", type=numbers, default=[0, 1024, 2048, 4096])
    parser.add_argument("--batches", type=numbers, default=[8, 32])
    return parser.parse_args()


def main() -> None:
    args = parse()
    rows = []
    for word in args.program:
        name, _, path = word.partition("=")
        model, _, tests = name.partition(":")
        names = tests.split(",") if tests else ["decode", "prefill", "depth", "batch"]
        for test in list_tests(names, args.threads, args):
            rows.append(Row(model, os.path.abspath(path), test))
    if not rows:
        sys.exit("no tests; they are decode, prefill, depth, batch")
    peer = args.peer.partition("=")[2] if args.peer else None
    for count in range(args.runs):
        for row in rows:
            row.measure(peer, count % 2 == 1)
            print(count + 1, row.model, row.test, row.tern[-1], row.peer[-1:], file=sys.stderr)
        write(args.output, args, rows, count + 1)


if __name__ == "__main__":
    main()
