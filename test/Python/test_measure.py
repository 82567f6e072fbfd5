# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern bench` and `tern ppl`: what they print, for people and for programs.

Needs TERN_BINARY; without it these tests are skipped.
"""

from __future__ import annotations

import csv
import io
import json
import math

from conftest import MODELS, model_directory
from test_driver import run

A48 = model_directory(MODELS[0])


def test_formats_of_bench_say_the_same(tern):
    flags = ["-p", "4", "-n", "8", "-r", "2", "-t", "1,2"]

    def bench(form: str) -> str:
        done = run(tern, "bench", A48, *flags, "-o", form)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return done.stdout

    rows = {
        "json": json.loads(bench("json")),
        "jsonl": [json.loads(line) for line in bench("jsonl").splitlines()],
        "csv": list(csv.DictReader(io.StringIO(bench("csv")))),
    }
    for row in rows["json"] + rows["jsonl"]:
        samples = row.pop("samples_ns")
        assert len(samples) == 2 and math.isclose(sum(samples) / 2, row["avg_ns"], abs_tol=1)
        assert math.isclose(abs(samples[0] - samples[1]) / 2**0.5, row["stddev_ns"], abs_tol=1)
    for form in rows.values():
        keys = ("n_threads", "n_prompt", "n_gen")
        tests = [tuple(int(row[key]) for key in keys) for row in form]
        assert tests == [(1, 4, 0), (1, 0, 8), (2, 4, 0), (2, 0, 8)]
        assert all(row["build"].startswith("tern ") and row["cpu_info"] for row in form)
        assert list(form[0]) == list(rows["json"][0])
    table = bench("md").splitlines()
    assert max(map(len, table)) <= 100
    assert f"* CPU: {rows['json'][0]['cpu_info']}" in table
    assert f"* target: {rows['json'][0]['backend']}" in table
    assert [line.split("|")[1:3] for line in table[-4:]] == [
        [f" {threads:7} ", f" {test:<14} "] for threads in (1, 2) for test in ("pp4", "tg8")
    ]


def test_bench_of_a_model_in_cache_names_no_share_of_bandwidth(tern):
    table = run(tern, "bench", A48, "-p", "0", "-n", "16", "-r", "2").stdout
    assert table.splitlines()[-1].endswith(" in cache |"), table
    assert "%" not in table
