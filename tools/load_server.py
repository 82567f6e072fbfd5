#!/usr/bin/env python3
# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Clients that all ask a server at once, for a while; what they got, as JSON.

usage: load_server.py HOST:PORT [--clients N] [--seconds N] [--pid N]

Prompts and answers have mixed lengths, and half of the prompts begin alike. Every answer is
streamed; afterwards a sample is asked for again, alone, and must be the same. Exit status 1 if
one was not, if a request failed, or if a stream got stuck. With the server's --pid its memory is
compared between a quarter of the time and the end.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import statistics
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

WORDS = "my lord the king hath sent for thee to speak of love and war ".split()
COMMON = "KING: Now is the winter of our discontent made glorious summer by this sun of York. "


@dataclass
class Outcome:
    body: dict
    text: str = ""
    times: list[float] = field(default_factory=list)  # of pieces, from the start
    error: str = ""


def make_body(rng: random.Random) -> dict:
    words = " ".join(rng.choice(WORDS) for _ in range(rng.randrange(1, 30)))
    common = COMMON if rng.random() < 0.5 else ""
    return {
        "prompt": common + words, "max_tokens": rng.choice([8, 32, 64, 120]), "temperature": 1,
        "seed": rng.randrange(1 << 30), "ignore_eos": True, "stream": True,
    }  # fmt: skip


def ask(connection: http.client.HTTPConnection, body: dict) -> Outcome:
    outcome, start = Outcome(body), time.monotonic()
    try:
        connection.request("POST", "/v1/completions", json.dumps(body))
        response = connection.getresponse()
        if response.status != 200:
            outcome.error = response.read().decode()
            return outcome
        is_whole = False
        for line in response:
            if line.startswith(b"data: {"):
                outcome.times.append(time.monotonic() - start)
                event = json.loads(line[6:])
                outcome.error = event.get("error", {}).get("message", "")
                outcome.text += event["choices"][0]["text"] if "choices" in event else ""
            is_whole |= line == b"data: [DONE]\n"
        outcome.error = outcome.error or ("" if is_whole else "the stream broke off")
    except (OSError, http.client.HTTPException) as error:
        outcome.error = repr(error)
        connection.close()
    return outcome


def share(values: list[float], part: float) -> float:
    values = sorted(values)
    return values[min(len(values) - 1, int(part * len(values)))] if values else 0.0


def memory_of(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 if pid else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--pid", type=int)
    options = parser.parse_args()
    connect = lambda: http.client.HTTPConnection(options.address, timeout=60)
    outcomes: list[Outcome] = []
    end = time.monotonic() + options.seconds

    def run(number: int) -> None:
        rng, connection = random.Random(number), connect()
        while time.monotonic() < end:
            outcomes.append(ask(connection, make_body(rng)))

    threads = [threading.Thread(target=run, args=[i]) for i in range(options.clients)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    time.sleep(options.seconds / 4)
    early = memory_of(options.pid)
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - start
    late = memory_of(options.pid)
    errors = [outcome.error for outcome in outcomes if outcome.error]
    sample = random.Random(0).sample(outcomes, min(100, len(outcomes)))
    alone = connect()
    differ = sum(ask(alone, outcome.body).text != outcome.text for outcome in sample)
    fine = [outcome for outcome in outcomes if not outcome.error and len(outcome.times) > 8]
    gaps = [(o.times[-1] - o.times[0]) / (len(o.times) - 1) for o in fine]
    first = [o.times[0] for o in fine]
    tokens = sum(o.body["max_tokens"] for o in outcomes if not o.error)
    print(json.dumps({
        "clients": options.clients, "seconds": round(seconds, 1), "requests": len(outcomes),
        "requests_per_second": round(len(outcomes) / seconds, 2), "tokens_per_second": round(tokens / seconds, 1),
        "errors": len(errors), "first_errors": errors[:3], "sample": len(sample), "differ_from_alone": differ,
        "first_token_ms": {"p50": round(1e3 * share(first, 0.5), 1), "p99": round(1e3 * share(first, 0.99), 1)},
        "token_ms": {"p50": round(1e3 * share(gaps, 0.5), 2), "p99": round(1e3 * share(gaps, 0.99), 2),
                     "mean": round(1e3 * statistics.fmean(gaps or [0]), 2)},
        "fairness": round(share(gaps, 0.99) / max(share(gaps, 0.5), 1e-9), 2),
        "memory": {"early": early, "late": late, "growth": round(late / early - 1, 4) if early else None},
    }, indent=1))  # fmt: skip
    return 1 if errors or differ else 0


if __name__ == "__main__":
    sys.exit(main())
