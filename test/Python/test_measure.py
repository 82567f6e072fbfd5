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
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from conftest import MODELS, ROOT, model_directory
from test_driver import assert_refused, run

A48, B158 = (model_directory(name) for name in MODELS[:2])
HEAD = struct.Struct("<8sIIIIQQ")


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
    # Whatever is no time is the same, and true and false are 1 and 0 in CSV.
    same = ("build", "cpu_info", "model", "model_size", "backend", "n_batch", "n_depth", "in_cache")
    for row, line, cells in zip(rows["json"], rows["jsonl"], rows["csv"]):
        assert isinstance(row["in_cache"], bool)
        values = [str(int(v) if isinstance(v, bool) else v) for v in map(row.get, same)]
        assert values == [cells[key] for key in same]
        assert [row[key] for key in same] == [line[key] for key in same]
    table = bench("md").splitlines()
    assert max(map(len, table)) <= 100
    assert f"* CPU: {rows['json'][0]['cpu_info']}" in table
    assert f"* target: {rows['json'][0]['backend']}" in table
    assert [line.split("|")[1:3] for line in table[-4:]] == [
        [f" {threads:7} ", f" {test:<14} "] for threads in (1, 2) for test in ("pp4", "tg8")
    ]


def test_bench_of_a_model_in_cache_names_no_share_of_bandwidth(tern):
    table = run(tern, "bench", A48, "-p", "0", "-n", "16", "-r", "2").stdout
    head, row = (
        [cell.strip() for cell in table.splitlines()[line].split("|")[1:-1]] for line in (-3, -1)
    )
    cells = dict(zip(head, row))
    assert cells["bandwidth"] == "in cache"
    assert cells["skipped"].endswith("%") and 0 < float(cells["skipped"][:-1]) < 100


def measured(tern: str, *flags: str) -> list[dict]:
    done = run(tern, "bench", A48, "-r", "1", "-t", "2", "-o", "json", *flags)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_bench_counts_what_each_head_reads(tern):
    """A tied embedding is all read by a head of its type, else a row of it is."""
    config = json.loads((A48 / "config.json").read_text())
    vocab, hidden = config["vocab_size"], config["hidden_size"]
    flags = ("-p", "0", "-n", "8")
    (tied,), (own,) = measured(tern, *flags), measured(tern, *flags, "--head=int8")
    assert own["model_size"] > tied["model_size"]
    table, codes, scales = 2 * vocab * hidden, vocab * hidden, 4 * vocab
    saved = tied["bytes_per_token"] - own["bytes_per_token"]
    assert saved == table - (codes + scales + 2 * hidden)
    assert tied["skipped"] == own["skipped"]


def test_bench_counts_a_head_once_a_call(tern):
    """Best tokens of 16 sequences share the upper plane; each reads a few rows of the
    lower one. More sequences are two calls of the head and one of the layers."""
    config = json.loads((A48 / "config.json").read_text())
    upper = config["vocab_size"] * config["hidden_size"] * 6 // 8
    flags = ("-p", "0", "-n", "8", "-b", "2,16,32", "--dense", "--head=int8-planes")
    rows = measured(tern, *flags)
    two, sixteen, more = (row["bytes_per_token"] * row["n_batch"] for row in rows)
    layers = two - upper
    assert 0 < layers
    assert two < sixteen < two + upper
    assert sixteen + upper <= more < sixteen + layers


def test_bench_at_a_depth(tern):
    rows = measured(tern, "-p", "8", "-n", "8", "-d", "0,64", "-b", "1,2")
    tests = [(row["n_batch"], row["n_depth"], row["n_prompt"], row["n_gen"]) for row in rows]
    assert tests == [
        (batch, depth, n, 8 - n) for batch in (1, 2) for depth in (0, 64) for n in (8, 0)
    ]
    config = json.loads((A48 / "config.json").read_text())
    # Keys and values of 64 tokens in 3 bits, with their scales; all weights are read.
    empty, filled = measured(tern, "-p", "0", "-n", "8", "-d", "0,64", "--dense")
    numbers = 64 * 2 * config["num_hidden_layers"] * config["num_key_value_heads"]
    cache = numbers * config["head_dim"] * 3 / 8
    assert 1 <= (filled["bytes_per_token"] - empty["bytes_per_token"]) / cache < 1.5
    # Products of a layer, of a token; the head too.
    hidden, wide = config["hidden_size"], config["intermediate_size"]
    heads, shared = config["num_attention_heads"], config["num_key_value_heads"]
    attention = config["head_dim"] * hidden * 2 * (heads + shared)
    layers = config["num_hidden_layers"] * (attention + 3 * hidden * wide)
    head = config["vocab_size"] * hidden
    for row in rows:
        n, logits = (8, 1) if row["n_prompt"] else (8, 8)
        macs = row["n_batch"] * (n * layers + logits * head)
        assert math.isclose(row["gigamacs_per_second"], macs / row["avg_ns"], rel_tol=1e-4)


def test_load_and_verbose(tern):
    """Where weights lie makes no difference to the text."""
    flags = ("run", A48, "-p", "ROMEO:", "-n", "20", "--temp", "0", "-q")
    want = run(tern, *flags)
    for load in ("auto", "map"):
        done = run(tern, *flags, "-v", f"--load={load}")
        assert done.stdout == want.stdout and "2 threads" in run(tern, *flags, "-v", "-t", "2").stderr
        assert re.search(r"tern: weights: [\d.]+ MB in small pages; mapped: ", done.stderr)
    assert_refused(run(tern, *flags, "--load=fast"), "expected auto|map|huge", status=2)
    assert_refused(run(tern, *flags, "--no-mmap"), "--load", status=2)


# Logits kept and compared.


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text"
    path.write_bytes((ROOT / "test/data/shakespeare-heldout.txt").read_bytes()[:1000])
    return path


def write_base(tern: str, model: Path, text: Path, out: Path, *flags) -> bytes:
    done = run(tern, "ppl", model, "-f", text, "-c", "12", "--kl-base", out, *flags)
    assert done.returncode == 0, done.stderr
    return out.read_bytes()


def read_base(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Windows of tokens and the logits of each, as docs/measuring.md has them."""
    magic, vocab, context, first, reserved, windows, _ = HEAD.unpack_from(data)
    assert magic == b"TERNKL1\0" and reserved == 0
    count = windows * context
    tokens = np.frombuffer(data, "<i4", count, HEAD.size).reshape(windows, context)
    logits = np.frombuffer(data, "<f4", offset=HEAD.size + 4 * count)
    return tokens, logits.reshape(windows, context - 1 - first, vocab)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64)
    shifted = shifted - shifted.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def mean_error(values: np.ndarray) -> tuple[float, float]:
    return values.mean(), values.std() / math.sqrt(values.size - 1)


@pytest.mark.parametrize("half", [[], ["--second-half"]])
def test_kl_against_numpy(tern, tmp_path, text, half):
    base = write_base(tern, A48, text, tmp_path / "base", "--chunks", "9", *half)
    other = write_base(tern, B158, text, tmp_path / "other", "--chunks", "9", *half)
    tokens, logits = read_base(base)
    same, others = read_base(other)
    assert (tokens == same).all() and tokens.shape == (9, 12)
    # Kept is what the model says of these tokens.
    out, ids = tmp_path / "l.npy", ",".join(map(str, tokens[3]))
    run(tern, "run", A48, "--ids", ids, "-n", "0", "--logits", out, "-q")
    first = 6 if half else 0
    assert (np.load(out)[first:-1] == logits[3]).all()

    flags = ["--kl-base", tmp_path / "base", "--kl", "--output-json"]
    done = run(tern, "ppl", B158, *flags, "-f", text)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    p, q = log_softmax(logits), log_softmax(others)
    divergence = (np.exp(p) * (p - q)).sum(axis=-1).ravel()
    right = tokens[:, first + 1 :, None]
    base_nll = -np.take_along_axis(p, right, axis=-1).ravel()
    nll = -np.take_along_axis(q, right, axis=-1).ravel()
    change = np.exp(-nll) - np.exp(-base_nll)
    top = (logits.argmax(axis=-1) == others.argmax(axis=-1)).ravel()
    want = {"tokens": nll.size, "mean_nll": nll.mean(), "context": 12}
    for key, values in (("perplexity", nll), ("base_perplexity", base_nll), ("ratio", nll - base_nll)):
        mean, error = mean_error(values)
        want |= {key: math.exp(mean), f"{key}_error": math.exp(mean) * error}
    for key, values in (("kl", divergence), ("probability_change", change), ("same_top", top)):
        want[key], want[f"{key}_error"] = mean_error(values)
    want["correlation"] = np.corrcoef(nll, base_nll)[0, 1]
    want["probability_change_rms"] = math.sqrt((change**2).mean())
    for key, share in (("min", 0), ("p1", 1), ("p5", 5), ("p10", 10), ("p50", 50), ("p90", 90),
                       ("p95", 95), ("p99", 99), ("p99_9", 99.9), ("max", 100)):  # fmt: skip
        want[f"kl_{key}"] = np.percentile(divergence, share)
    assert got.keys() == want.keys()
    for key, value in want.items():
        assert got[key] == pytest.approx(value, rel=1e-10, abs=1e-13), key
    # The same without the text, and what `ppl` alone says.
    assert run(tern, "ppl", B158, *flags).stdout == done.stdout
    alone = run(tern, "ppl", B158, "-f", text, "-c", "12", "--chunks", "9", "--output-json", *half)
    alone = json.loads(alone.stdout)
    assert alone == {key: got[key] for key in alone} and "perplexity_error" in alone


def test_kl_of_a_model_with_itself_is_zero(tern, tmp_path, text):
    write_base(tern, A48, text, tmp_path / "base")
    done = run(tern, "ppl", A48, "--kl-base", tmp_path / "base", "--kl", "--kl-divergence")
    assert "KL divergence 0 error 0\n" in done.stdout
    assert "same likeliest token 100.0000 %" in done.stdout


def test_damaged_or_foreign_logits_are_refused(tern, tmp_path, text):
    base = tmp_path / "base"
    whole = write_base(tern, A48, text, base, "--chunks", "2")
    head = list(HEAD.unpack_from(whole))

    def refused(data: bytes, *words: str, flags=()) -> None:
        base.write_bytes(data)
        assert_refused(run(tern, "ppl", A48, "--kl-base", base, "--kl", *flags), str(base), *words)

    def with_head(**fields: int) -> bytes:
        names = ["magic", "vocab", "context", "first", "reserved", "windows", "tokenizer"]
        changed = [fields.get(name, value) for name, value in zip(names, head)]
        return HEAD.pack(*changed) + whole[HEAD.size :]

    refused(b"", "is not a file")
    refused(b"x" + whole[1:], "is not a file")
    refused(whole[:-1], "is damaged")
    refused(whole + b"x", "is damaged")
    for fields in (
        {"windows": 0}, {"windows": 1}, {"windows": 2**63}, {"windows": 2**64 - 1}, {"context": 0},
        {"context": 1}, {"context": 2**32 - 1}, {"first": 11}, {"first": 2**32 - 1}, {"vocab": 0},
        {"vocab": 2**32 - 1}, {"reserved": 1},
    ):  # fmt: skip
        refused(with_head(**fields), "is damaged")
    refused(with_head(tokenizer=head[-1] ^ 1), "another tokenizer")
    token = struct.pack("<i", head[1])
    refused(whole[: HEAD.size] + token + whole[HEAD.size + 4 :], "not in the vocabulary")
    refused(whole[:-4] + struct.pack("<f", math.nan), "is not finite")
    refused(whole, "-c and --second-half", flags=["-c", "16"])
    refused(whole, "-c and --second-half", flags=["--second-half"])
    short = tmp_path / "short"
    short.write_bytes(text.read_bytes()[::-1])
    refused(whole, "another text", flags=["-f", short])
    assert_refused(run(tern, "ppl", A48, "--kl"), "--kl-base FILE", status=2)
    assert_refused(run(tern, "ppl", A48, "--kl", "--kl-base", tmp_path / "none"), "none")


def test_kept_logits_appear_whole(tern, tmp_path, text):
    out = tmp_path / "base"
    out.write_text("old")
    refusal = run(tern, "ppl", A48, "-f", tmp_path / "none", "--kl-base", out)
    assert refusal.returncode == 1 and out.read_text() == "old"
    for path in ("/dev/null", tmp_path, text):
        assert_refused(run(tern, "ppl", A48, "-f", text, "--kl-base", path), str(path))
    assert [path.name for path in tmp_path.iterdir()] == ["base"]
