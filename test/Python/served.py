# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern serve` as tests start it, and the little of HTTP that they need."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from cached import compiled_once
from conftest import MODELS, model_directory

# The bundled models bring none. Control tokens of theirs would end an answer early.
TEMPLATE = (
    "{% for t in tools or [] %}{{ t.function.name }}\n{% endfor %}{% if tools %}<tool_call>\n{% endif %}"
    "{% for m in messages %}{{ m.role }}:\n{{ m.content }}\n"
    "{% for c in m.tool_calls or [] %}{{ c.function.arguments.mood }}\n{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}assistant:\n{% endif %}"
)


class Served:
    """A server of the bundled model that ends with the block that started it."""

    def __init__(self, tern: str, folder: Path, *flags: str, models: tuple[str, ...] = (), **env: str):
        library = compiled_once(tern, model_directory(MODELS[0]), ["--emit=shared"]) / "bard.so"
        template = folder / "chat.jinja"
        template.write_text(TEMPLATE)
        self.log_file = folder / "log"
        command = [tern, "serve", *(models or (str(library),)), "--port", "0", "-t", "1",
                   "--chat-template", str(template), "--log", str(self.log_file), *flags]  # fmt: skip
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env or None)
        self.said = ""
        while "tern: serving" not in self.said:
            line = self.process.stderr.readline()
            if not line:
                raise RuntimeError(self.said)
            self.said += line
        self.host, port = re.search(r"https?://(.+):(\d+)$", self.said.strip()).groups()
        self.port = int(port)

    def connect(self, timeout: float = 60) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(self, path: str, body: object = None, method: str = "", **headers: str):
        """Status, fields and text of an answer."""
        connection = self.connect()
        data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        method = method or ("GET" if body is None else "POST")
        connection.request(method, path, data, {k.replace("_", "-"): v for k, v in headers.items()})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response.headers, text

    def json(self, path: str, body: object = None, **headers: str) -> dict:
        status, _, text = self.ask(path, body, **headers)
        assert status == 200, text
        return json.loads(text)

    def refused(self, path: str, body: object, status: int = 400, **headers: str) -> dict:
        """The error of a refusal, in OpenAI's form."""
        got, _, text = self.ask(path, body, **headers)
        assert got == status, text
        error = json.loads(text)["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return error

    def events(self, path: str, body: dict) -> list[dict]:
        """All chunks of a stream, which ends as it must."""
        status, headers, text = self.ask(path, {**body, "stream": True})
        assert status == 200 and headers["Content-Type"] == "text/event-stream", text
        lines = text.split("\n\n")
        assert lines[-2:] == ["data: [DONE]", ""] and all(x.startswith("data: ") for x in lines[:-1])
        return [json.loads(line[6:]) for line in lines[:-2]]

    def metric(self, name: str) -> float:
        _, _, text = self.ask("/metrics")
        return sum(float(x) for x in re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.M))

    def settled(self, name: str) -> float:
        """A count is that of the last step, which ends after an answer has."""
        value = self.metric(name)
        while True:
            time.sleep(0.05)
            before, value = value, self.metric(name)
            if value == before:
                return value

    def log(self) -> list[dict]:
        return [json.loads(line) for line in self.log_file.read_text().splitlines()]

    def logged(self, path: str, **fields: object) -> dict:
        """The first line of `path` with `fields`: it is written once the client has its answer."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for line in self.log():
                if line["path"] == path and fields.items() <= line.items():
                    return line
            time.sleep(0.01)
        raise AssertionError(f"no line of {path} with {fields} in the log")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


@contextlib.contextmanager
def serving(tern: str, folder: Path, *flags: str, **options) -> Iterator[Served]:
    server = Served(tern, folder, *flags, **options)
    try:
        yield server
        assert server.process.poll() is not None or server.end() == 0
    finally:
        server.process.kill()
        server.process.stderr.close()
        server.process.wait()
