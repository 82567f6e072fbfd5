# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern serve` and those who ask it badly: slow, gone, endless, too many, too late.

Needs TERN_BINARY, built with the server; without it these tests are skipped.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import resource
import shutil
import signal
import socket
import struct
import threading
import time
from pathlib import Path

import pytest
from cached import compiled_once
from conftest import MODELS, model_directory, need_main_thread
from served import Served, serving
from test_server import GREEDY, TEXT, need_server

# Some seconds of work, unless somebody ends it.
LONG = {"prompt": "ROMEO:", "max_tokens": 240, "n": 16, "ignore_eos": True, "temperature": 1}


@pytest.fixture(scope="module")
def server(tern, tmp_path_factory) -> Served:
    need_server(tern)
    with serving(tern, tmp_path_factory.mktemp("faults"), "--idle-timeout", "2") as served:
        yield served


def head(path: str, length: int, more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def post(server: Served, body: dict, path: str = "/v1/completions") -> socket.socket:
    """A connection on which this was asked, and nothing read."""
    data = json.dumps(body).encode()
    connection = socket.create_connection((server.host, server.port), timeout=30)
    connection.sendall(head(path, len(data)) + data)
    return connection


def until(holds, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_idle(server: Served) -> bool:
    return server.metric("tern_running") == server.metric("tern_waiting") == 0


def memory_of(server: Served) -> int:
    return int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def all_of_answer(connection: socket.socket) -> bytes:
    """Of a connection that stays open."""
    data = connection.recv(1 << 16)
    while not data.endswith((b"\r\n0\r\n\r\n", b"}}\n")):
        piece = connection.recv(1 << 16)
        assert piece, data
        data += piece
    return data


def all_of(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(1 << 16):
        data += piece
    return data


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("way", ["reset", "close", "half"])
def test_a_client_that_goes_frees_its_sequences(server, stream, way):
    """Long before they would have been done; half a connection is gone, too."""
    before = server.metric("tern_answer_tokens_total")
    connection = post(server, {**LONG, "stream": stream})
    until(lambda: server.metric("tern_answer_tokens_total") > before)
    if way == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if way == "half":
        connection.shutdown(socket.SHUT_WR)
        all_of(connection)
    connection.close()
    until(lambda: is_idle(server), 1)
    assert server.metric("tern_answer_tokens_total") - before < 16 * 240 / 2
    until(lambda: [line.get("finish") for line in server.log() if line["path"] == "/v1/completions"][-1] == "gone")


def test_slow_readers_hold_nobody_up(server):
    """Their answers are computed and wait, while others get theirs."""
    slow = [post(server, {**LONG, "n": 4, "stream": True}) for _ in range(8)]
    assert server.json("/v1/completions", TEXT)["choices"][0]["text"] == GREEDY["text"]
    until(lambda: is_idle(server), 60)
    # One of them reads at last, piece by piece.
    slow[0].settimeout(5)
    data = b""
    while b"[DONE]" not in data:
        data += slow[0].recv(4096)
    for connection in slow:
        connection.close()


def test_idle_connections_and_unfinished_requests_end(server):
    """A thousand of them at once; who sends byte by byte is no better."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    idle = [socket.create_connection((server.host, server.port)) for _ in range(1000)]
    drip = idle[0]
    drip.sendall(head("/v1/completions", 1000))
    until(lambda: server.metric("tern_connections") > 1000)
    start = time.monotonic()
    assert server.json("/v1/completions", TEXT)["choices"][0]["text"] == GREEDY["text"]
    assert time.monotonic() - start < 2
    drip.settimeout(0.1)
    closed = False
    while not closed and time.monotonic() < start + 10:
        try:
            drip.sendall(b" ")
            closed = drip.recv(1) == b""
        except TimeoutError:
            pass
        except OSError:
            closed = True
    assert closed
    until(lambda: server.metric("tern_connections") < 10)
    for connection in idle:
        connection.close()


def test_endless_bodies_are_dropped(server):
    """A hundred megabytes, with their length and without: 413, and no memory for them."""
    before = memory_of(server)
    for more, chunked in (("", False), ("Expect: 100-continue\r\n", False), ("", True)):
        connection = socket.create_connection((server.host, server.port), timeout=60)
        piece = b"x" * (1 << 20)
        if chunked:
            connection.sendall(b"POST /tokenize HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(100):
                connection.sendall(b"100000\r\n" + piece + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
        else:
            connection.sendall(head("/tokenize", 100 << 20, more))
            for _ in range(0 if more else 100):
                connection.sendall(piece)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 "), (more, chunked)
        connection.close()
    assert memory_of(server) - before < 32 << 20


def test_bodies_are_read_in_time(server):
    """Linear in their length: many members, many lists, many messages."""
    start = time.monotonic()
    for body in (
        "{" + ",".join(f'"a{i}":0' for i in range(200000)) + "}",
        '{"tools": [' + "{}," * 1000000 + "{}]}",
        json.dumps({"messages": [{"role": "king"}] * 100000}),
    ):
        assert server.refused("/v1/chat/completions", body)
    assert time.monotonic() - start < 20


def test_a_request_without_memory_ends_alone(tern, tmp_path):
    """One whose body does not fit, and one of which nothing can be made."""
    need_server(tern)
    with serving(tern, tmp_path, "--max-body", "64M") as served:
        process = served.process.pid
        size = int(Path(f"/proc/{process}/statm").read_text().split()[0]) * resource.getpagesize()
        before = resource.prlimit(process, resource.RLIMIT_AS, (size + (32 << 20), resource.RLIM_INFINITY))
        for megabytes in (40, 6):
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, _, _ = served.ask("/tokenize", {"content": "a" * (megabytes << 20)})
                assert status == 500
        resource.prlimit(process, resource.RLIMIT_AS, before)
        assert served.json("/v1/completions", TEXT)["choices"][0]["text"] == GREEDY["text"]


def test_a_terminal_may_go(tern, tmp_path):
    """SIGHUP ends a server, but not one that nohup started."""
    need_server(tern)
    need_main_thread()
    handler = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with serving(tern, tmp_path) as served:
            served.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
            assert served.json("/health") == {"status": "ok"}
    finally:
        signal.signal(signal.SIGHUP, handler)


def test_a_log_that_nobody_reads_holds_nobody_up(tern, tmp_path):
    """Lines that find no room in it are counted there, and the server ends all the same."""
    need_server(tern)
    os.mkfifo(tmp_path / "log")
    log = os.open(tmp_path / "log", os.O_RDWR | os.O_NONBLOCK)
    with serving(tern, tmp_path) as served:
        connection = served.connect(timeout=20)
        for _ in range(160):
            connection.request("GET", "/" + 10000 * "x")
            assert connection.getresponse().read()
        until(lambda: served.metric("tern_log_lines_dropped_total") > 0)
        text = b""
        while b"dropped_lines" not in text:
            with contextlib.suppress(BlockingIOError):
                text += os.read(log, 1 << 16)
        lines = [json.loads(line) for line in text[: text.rindex(b"\n")].splitlines()]
        [dropped] = [line["dropped_lines"] for line in lines if "dropped_lines" in line]
        assert dropped > 0 and len(lines) + dropped > 160
        for _ in range(10):
            connection.request("GET", "/" + 10000 * "x")
            assert connection.getresponse().read()
        connection.close()
        assert served.end() == 0
    os.close(log)


def test_a_full_queue_refuses(tern, tmp_path):
    """429 where no more may wait; of several answers none is left behind."""
    need_server(tern)
    with serving(tern, tmp_path, "--parallel", "1", "--queue", "2") as served:
        status, headers, text = served.ask("/v1/completions", LONG)
        assert status == 429 and headers["Retry-After"] == "1", text
        assert json.loads(text)["error"]["code"] == "queue_full"
        until(lambda: is_idle(served))
        assert served.settled("tern_answer_tokens_total") < 240  # or one of them went on to its end
        asked = [post(served, {**LONG, "n": 1, "seed": i}) for i in range(20)]
        statuses = [connection.recv(12) for connection in asked]
        assert set(statuses) == {b"HTTP/1.1 200", b"HTTP/1.1 429"}
        for connection in asked:
            connection.close()


def test_late_answers_end(tern, tmp_path):
    """503, or in a stream an event with the same error."""
    need_server(tern)
    with serving(tern, tmp_path, "--parallel", "1", "--timeout", "1") as served:
        asked = [post(served, {**LONG, "stream": i % 2 == 0, "seed": i}) for i in range(8)]
        last = [all_of_answer(connection) for connection in asked[-2:]]
        assert last[0].startswith(b"HTTP/1.1 200 ") and b'data: {"error":{"message":"the request took' in last[0]
        assert last[1].startswith(b"HTTP/1.1 503 ") and b'"code":"timeout"' in last[1]
        for connection in asked:
            connection.close()
        until(lambda: is_idle(served))


def test_the_model_may_be_replaced(tern, tmp_path):
    """By renaming, as packages do: the server goes on with what it opened."""
    need_server(tern)
    folder = compiled_once(tern, model_directory(MODELS[0]), ["--emit=shared"])
    for name in ("bard.so", "bard.weights"):
        shutil.copy(folder / name, tmp_path / name)
    with serving(tern, tmp_path, models=(str(tmp_path / "bard.so"),)) as served:
        for name in ("bard.so", "bard.weights"):
            (tmp_path / "other").write_bytes(b"other")
            os.replace(tmp_path / "other", tmp_path / name)
        assert served.json("/v1/completions", TEXT)["choices"][0]["text"] == GREEDY["text"]


def test_a_signal_drains(tern, tmp_path):
    """Streams under way come whole, connections that were open get 503, new ones none."""
    need_server(tern)
    with serving(tern, tmp_path) as served:
        kept = served.connect()
        kept.request("GET", "/health")
        assert kept.getresponse().read() == b'{"status":"ok"}\n'
        streams = [post(served, {**LONG, "n": 4, "stream": True, "seed": i}) for i in range(6)]
        texts: list[bytes] = []

        def read(connection: socket.socket) -> None:
            connection.settimeout(60)
            data = b""
            while b"[DONE]" not in data:
                piece = connection.recv(1 << 16)
                assert piece
                data += piece
            texts.append(data)

        readers = [threading.Thread(target=read, args=[stream]) for stream in streams]
        for reader in readers:
            reader.start()
        until(lambda: served.metric("tern_running") > 0)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        kept.request("POST", "/v1/completions", json.dumps(TEXT))
        assert kept.getresponse().status == 503
        with pytest.raises(OSError):
            served.ask("/health")
        for reader in readers:
            reader.join()
        assert len(texts) == 6 and served.process.wait(timeout=60) == 0


def test_a_signal_among_many_who_ask(tern, tmp_path):
    """Each gets whole answers, and at last a 503 or no connection; nothing in between."""
    need_server(tern)
    with serving(tern, tmp_path) as served:
        ends: list[object] = []

        def ask() -> None:
            try:
                while True:
                    status, _, text = served.ask("/v1/completions", TEXT)
                    if status != 200:
                        return ends.append(status)
                    assert json.loads(text)["choices"][0]["text"] == GREEDY["text"]
            except (ConnectionRefusedError, ConnectionResetError):
                # The latter also for those that the system had taken, but not the server.
                ends.append("no connection")

        threads = [threading.Thread(target=ask) for _ in range(32)]
        for thread in threads:
            thread.start()
        until(lambda: served.metric("tern_answer_tokens_total") > 64 * len(GREEDY["ids"]), 60)
        served.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert served.process.wait(timeout=60) == 0
    assert len(ends) == 32 and set(ends) <= {503, "no connection"}, ends


def test_a_second_signal_ends_at_once(tern, tmp_path):
    need_server(tern)
    with serving(tern, tmp_path) as served:
        streams = [post(served, {**LONG, "stream": True, "seed": i}) for i in range(8)]
        until(lambda: served.metric("tern_running") > 0)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        assert served.end(signal.SIGTERM) == 128 + signal.SIGTERM
        for stream in streams:
            stream.close()


def test_one_answer_among_many(server):
    """Each of forty who ask at once gets what it gets alone."""
    bodies = [{**TEXT, "prompt": f"{name}:", "temperature": 1, "seed": i, "max_tokens": 30}
              for i, name in enumerate(["ROMEO", "JULIET", "KING", "Nurse", "All"] * 8)]  # fmt: skip
    alone = [server.json("/v1/completions", body)["choices"][0]["text"] for body in bodies]
    got = [""] * len(bodies)

    def ask(i: int) -> None:
        got[i] = server.json("/v1/completions", bodies[i])["choices"][0]["text"]

    threads = [threading.Thread(target=ask, args=[i]) for i in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == alone
