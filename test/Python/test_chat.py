# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`tern chat`: a bundled model with a template, at a terminal and without one.

Needs TERN_BINARY; without it these tests are skipped. Lines from a pipe are tested in test/Runtime/ChatTest.cpp.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import struct
import termios
import time
from pathlib import Path

import pytest
from conftest import MODELS, model_directory
from terminal import FULL_PIPE, Terminal
from tern_reference.tokenizer import Tokenizer
from test_driver import assert_refused, run

A48 = model_directory(MODELS[0])
TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ m.role | capitalize }}:{{ m.content }}"
    "{{ eos_token if m.role == 'assistant' else '\n' }}{% endfor %}Assistant:"
)
ROOM = 20  # in a pipe that is almost full


@pytest.fixture
def template(tmp_path) -> Path:
    path = tmp_path / "chat.jinja"
    path.write_text(TEMPLATE)
    return path


def continued(tern: str, text: str, n: int) -> str:
    """The model's continuation of a text that begins with bos."""
    ids = [1022, *Tokenizer.load(A48).encode(text)]
    flags = ["--ids", ",".join(map(str, ids)), "-n", n, "--temp", "0"]
    return run(tern, "run", A48, *flags).stdout


def test_answers_follow_the_template(tern, template):
    flags = ["--chat-template", template, "-n", 8, "--temp", "0", "--system", "Be kind."]
    done = run(tern, "chat", A48, *flags, input="ROMEO, speak.\nAnd then?\n")
    assert done.returncode == 0, done.stderr
    first = "System:Be kind.\nUser:ROMEO, speak.\nAssistant:"
    one = continued(tern, first, 8)
    two = continued(
        tern, f"{first}{one[:-1]}<|end_of_text|>User:And then?\nAssistant:", 8
    )
    assert done.stdout == one + two


def test_without_a_template(tern, tmp_path):
    assert_refused(run(tern, "chat", A48, input="x\n"), "no chat template", "--chat-template FILE")


# Warnings of tern compile about templates.


def with_template(path: Path, text: str | None) -> Path:
    model = Path(shutil.copytree(A48, path, dirs_exist_ok=True))
    config = json.loads((model / "tokenizer_config.json").read_text())
    config["chat_template"] = text
    (model / "tokenizer_config.json").write_text(json.dumps(config))
    return model


def test_template_of_the_model(tern, tmp_path):
    model = with_template(tmp_path / "model", TEMPLATE)
    (tmp_path / "other.jinja").write_text("{{ bos_token }}To be{{ messages[-1].content }}")
    expected = {
        "own": "User:ROMEO\nAssistant:",
        "other": "To beROMEO",
    }
    for name, text in expected.items():
        flags = [] if name == "own" else ["--chat-template", tmp_path / "other.jinja"]
        done = run(tern, "compile", model, "-o", tmp_path / name, "--target=generic", *flags)
        assert done.returncode == 0 and done.stderr == ""
        done = run(tmp_path / name, "chat", "-n", "6", "--temp", "0", input="ROMEO\n")
        assert done.returncode == 0, done.stderr
        assert done.stdout == continued(tern, text, 6)


def test_template_that_cannot_be_rendered(tern, tmp_path):
    model = with_template(tmp_path / "model", "{{ bos_token }}\n{% import 'x' as y %}")
    done = run(tern, "compile", model, "-o", tmp_path / "bard", "--target=generic")
    assert done.returncode == 0
    assert done.stderr.startswith("tern: warning: ") and done.stderr.count("\n") == 1
    for words in ("chat will not work", "line 2: unknown statement 'import'", "--chat-template"):
        assert words in done.stderr
    done = run(tmp_path / "bard", "-p", "ROMEO:", "-n", "3", "--temp", "0")
    assert done.returncode == 0 and done.stdout
    done = run(tmp_path / "bard", "chat", input="x\n")
    assert_refused(done, "line 2: unknown statement 'import'", program="bard")
    # One that is asked for has to work.
    (tmp_path / "x.jinja").write_text("{% if %}")
    flags = ["--chat-template", tmp_path / "x.jinja", "--target=generic"]
    done = run(tern, "compile", model, "-o", tmp_path / "other", *flags)
    assert_refused(done, "x.jinja", "line 1")
    assert not (tmp_path / "other").exists()


def test_inspect_shows_ends_and_template(tern, tmp_path):
    model = with_template(tmp_path / "model", TEMPLATE)
    done = run(tern, "compile", model, "-o", tmp_path / "bard", "--target=generic")
    assert done.returncode == 0
    for what in (model, tmp_path / "bard"):
        shown = run(tern, "inspect", what).stdout
        for line in (
            "tokenizer    byte-level BPE, 1024 tokens, ",
            "begins with  1022 <|begin_of_text|>\n",
            "ends at      1023 <|end_of_text|>\n",
            "chat         has a template\n",
        ):
            assert line in shown, shown
    with_template(model, "{{ x.pop() }}")
    shown = run(tern, "inspect", model).stdout
    assert "chat         will not work: the chat template, line 1: unknown method 'pop'\n" in shown
    checked = run(tern, "inspect", model, "--check").stdout
    assert "only chat would be refused: the chat template, line 1: unknown" in checked


# At a terminal.


class Chat(Terminal):
    """`tern chat` at a terminal, with its answers in a pipe, which may be almost full."""

    def __init__(self, tern: str, template: Path, *flags: str, is_full: bool = False):
        command = [tern, "chat", A48, "--chat-template", template, *flags]
        free = ROOM if is_full else None
        super().__init__(command, has_screen=False, free_bytes=free)

    def wait_for_answer(self) -> None:
        """It has begun, and cannot end as long as nobody reads it."""
        for _ in range(12000):
            held = struct.unpack("i", fcntl.ioctl(self.answers, termios.FIONREAD, b"\0" * 4))[0]
            if held > FULL_PIPE - ROOM:
                return
            time.sleep(0.01)
        raise AssertionError("no answer came")

    def read_answers(self) -> bytes:
        """The bytes of answers that have come."""
        if not select.select([self.answers], [], [], 0)[0]:
            return b""
        return os.read(self.answers, FULL_PIPE)


@pytest.fixture(scope="module", autouse=True)
def compiled(request):
    """In the cache, so that no test below waits for the compiler."""
    if os.environ.get("TERN_BINARY"):
        run(request.getfixturevalue("tern"), "run", A48, "-p", "x", "-n", "1")


def test_terminal(tern, template):
    with Chat(tern, template, "-n", "4", "--temp", "0") as terminal:
        terminal.wait_for("Ctrl-C stops an answer")
        terminal.wait_for("> ")
        terminal.type("one\\\n")
        terminal.wait_for(". ")
        terminal.type("two\n")
        terminal.wait_for("> ")
        answer = os.read(terminal.answers, 4096).decode()
        assert answer == continued(tern, "User:one\ntwo\nAssistant:", 4)
        terminal.type("/what\n")
        terminal.wait_for("there is no command /what")
        terminal.wait_for("> ")
        terminal.type("\x04")
        assert terminal.status() == 0


def test_thoughts_are_dim_at_a_terminal(tern, tmp_path):
    path = tmp_path / "thinks.jinja"
    path.write_text(TEMPLATE + "{{ '<think>\\n' }}")
    dim, plain = "\x1b[2m", "\x1b[22m"
    command = [tern, "chat", A48, "--chat-template", path, "-n", "4", "--temp", "0", "-q"]
    answer = continued(tern, "User:x\nAssistant:<think>\n", 4)

    def shown(*flags: str, **environment: str) -> str:
        """All that is sent between a message and the next prompt."""
        made = {"has_screen": False, "shows_answers": True, "environment": environment}
        with Terminal([*command, *flags], **made) as terminal:
            terminal.wait_for("> ")
            terminal.type("x\r")
            terminal.wait_for("\r\n")
            before = len(terminal.sent) - len(terminal.shown)
            terminal.wait_for("> ")
            terminal.type("\x04")
            assert terminal.status() == 0
            return terminal.sent[before:].replace("\r\n", "\n")

    thought = shown()
    assert f"{dim}<think>\n{plain}{dim}" in thought
    # No piece leaves the terminal dim, whoever writes to it next.
    assert thought.count(dim) == thought.count(plain) > 1
    text = thought.replace(dim, "").replace(plain, "")
    assert text.startswith("<think>\n" + answer)
    hidden = shown("--hide-thinking")
    assert "<think>" not in hidden and dim not in hidden
    assert dim not in shown("--color", "never")
    assert dim not in shown(NO_COLOR="1")
    assert dim in shown("--color", "always", NO_COLOR="1")


def test_interrupt_at_the_prompt(tern, template):
    with Chat(tern, template) as terminal:
        terminal.wait_for("> ")
        terminal.type("\x03")
        assert terminal.status() == 130


def test_interrupted_answer_is_kept_as_far_as_it_came(tern, template):
    flags = ["--temp", "0", "--ignore-eos", "-n", "200"]
    with Chat(tern, template, *flags, is_full=True) as terminal:
        terminal.wait_for("> ")
        terminal.type("ROMEO\n")
        terminal.wait_for_answer()
        terminal.type("\x03")
        time.sleep(0.2)  # the terminal hands the signal over
        said = terminal.read_answers()[FULL_PIPE - ROOM :]
        terminal.wait_for("> ")
        said += terminal.read_answers()
        whole = continued(tern, "User:ROMEO\nAssistant:", 100).encode()
        assert said.endswith(b"\n") and len(said) < 100
        assert whole.startswith(said[:-1])
        # It goes on from there: question, this much of an answer, question.
        terminal.type("/stats\n")
        terminal.wait_for("2 messages")
        terminal.wait_for("> ")
        terminal.type("\x03")
        assert terminal.status() == 130


def test_second_interrupt_ends_the_program(tern, template):
    flags = ["--temp", "0", "--ignore-eos"]
    with Chat(tern, template, *flags, is_full=True) as terminal:
        terminal.wait_for("> ")
        terminal.type("ROMEO\n")
        terminal.wait_for_answer()
        os.kill(terminal.process.pid, signal.SIGINT)
        time.sleep(0.2)
        assert terminal.process.poll() is None
        os.kill(terminal.process.pid, signal.SIGINT)
        assert terminal.status() == 130
