# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Headless Chromium by its debugging protocol, over a pair of pipes."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

KEYS = {"Enter": 13, "Escape": 27, "Tab": 9}


class Browser:
    def __init__(self, folder: Path) -> None:
        ours_read, theirs_write = os.pipe()
        theirs_read, ours_write = os.pipe()

        def take() -> None:
            # Chromium reads from 3 and writes to 4.
            os.dup2(os.dup(theirs_read), 3)
            os.dup2(os.dup(theirs_write), 4)

        # dup2 in the child needs numbers that are not 3 and 4 themselves.
        self.process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe",
             f"--user-data-dir={folder}", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=take,
        )  # fmt: skip
        os.close(theirs_read)
        os.close(theirs_write)
        self.out, self.into = ours_write, os.fdopen(ours_read, "rb")
        self.last, self.session, self.logged = 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.call("Page.enable")
        self.call("Runtime.enable")
        self.call("Log.enable")

    def _read(self) -> dict:
        text = b""
        while (byte := self.into.read(1)) != b"\0":
            assert byte, "chromium ended"
            text += byte
        return json.loads(text)

    def call(self, method: str, **params: object) -> dict:
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.logged.append(answer["params"])
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return answer["result"]

    def evaluate(self, expression: str) -> object:
        done = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")

    def until(self, expression: str, seconds: float = 30) -> object:
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < end, (expression, self.evaluate("document.body.innerText"))
            time.sleep(0.02)
        return value

    def key(self, name: str, shift: bool = False) -> None:
        event = {"key": name, "code": name, "windowsVirtualKeyCode": KEYS[name], "modifiers": 8 * shift}
        text = {"text": "\r"} if name == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        self.into.close()
