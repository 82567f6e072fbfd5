# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""The page of a project for WebAssembly in a browser: headless Chromium generates the text.

Needs TERN_BINARY, clang, wasm-ld, make and chromium, which CI does not install.
"""

from __future__ import annotations

import functools
import html
import http.server
import re
import threading
from pathlib import Path

from boards import need, run_quietly
from conftest import MODELS, model_directory
from test_compiled import run_driver
from test_golden import golden_json


def text_of_page(folder: Path, query: str) -> str:
    """The answer in the page when nothing happens any more."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = run_quietly(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000",
            "--dump-dom", f"http://127.0.0.1:{server.server_port}/{query}", cwd=folder,
        )  # fmt: skip
        server.shutdown()
    return html.unescape(re.search(r'<pre id="text">(.*?)</pre>', page.decode(), re.DOTALL)[1])


def test_a_page_says_the_text(tern, tmp_path):
    need("clang", "wasm-ld", "make", "chromium")
    out = ["--emit=project", "-o", str(tmp_path), "--target=wasm32-unknown-unknown"]
    run_driver([tern, "compile", str(model_directory(MODELS[0])), *out])
    run_quietly("make", "-s", cwd=tmp_path)
    want = golden_json(MODELS[0])["greedy"][0]
    said = text_of_page(tmp_path, "?prompt=" + want["prompt"])
    assert len(said) > 100 and (want["prompt"] + want["text"]).startswith(said)
    assert text_of_page(tmp_path, "") == ""
    assert "a prompt may have 4096 bytes, not 5000" in text_of_page(tmp_path, "?prompt=" + 5000 * "x")
