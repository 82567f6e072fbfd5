# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""OpenAI's own client (npm) asks `tern serve` in thirty ways, streaming and not.

Needs TERN_BINARY, built with the server, and the packages that `tools/setup.sh --tests`
brings; without them this is skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ROOT
from served import serving
from test_driver import run
from test_server import need_server


def test_calls_of_the_client(tern, tmp_path):
    need_server(tern)
    folder = Path(tern).resolve().parents[1] / "test/JavaScript"
    done = run("sh", ROOT / "test/JavaScript/install.sh", folder, "--offline")
    if done.returncode:
        pytest.skip(done.stderr.strip())
    keys = tmp_path / "keys"
    keys.write_text("a-key\n")
    with serving(tern, tmp_path, "--api-key-file", str(keys)) as served:
        url = f"http://{served.host}:{served.port}/v1"
        done = run("node", folder / "openai.mjs", url, "a-key", cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr
        assert int(done.stdout.split()[-4]) >= 30 and done.stdout.endswith(" 0 failed\n"), done.stdout
