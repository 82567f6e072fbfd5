# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs commands and says what time and memory each one took.

A process begins with the memory of the one it was forked from, and the highest
figure of that is all the system tells. So commands are started by this file, run
as a small program of its own: one JSON list of arguments per line comes in, one
JSON object with the fields of Measured goes out.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass

# Seconds after which a command hangs.
PATIENCE = float(os.environ.get("TERN_PATIENCE", "60"))


@dataclass(frozen=True)
class Measured:
    status: int  # negative: the signal it died of
    stdout: str
    stderr: str
    seconds: float  # of the CPU: a busy machine does not count
    peak: int  # bytes resident at most


class Launcher:
    """A running copy of this file."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *command: object) -> Measured:
        pipe_in, pipe_out = self._process.stdin, self._process.stdout
        assert pipe_in and pipe_out
        pipe_in.write(json.dumps([str(part) for part in command]) + "\n")
        pipe_in.flush()
        return Measured(**json.loads(pipe_out.readline()))

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


def measure(command: list[str]) -> Measured:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        deadline = time.monotonic() + PATIENCE
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() > deadline:
                process.send_signal(signal.SIGKILL)
            time.sleep(0.002)
        process.returncode = 0  # it was waited for
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
    seconds = usage.ru_utime + usage.ru_stime
    return Measured(os.waitstatus_to_exitcode(status), *texts, seconds, usage.ru_maxrss * 1024)


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(asdict(measure(json.loads(line)))), flush=True)


if __name__ == "__main__":
    main()
