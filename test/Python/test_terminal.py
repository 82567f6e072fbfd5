# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Typing at `tern chat`: keys, history, pastes, wide characters, resizing, signals.

Needs TERN_BINARY; without it these tests are skipped. The logic of the editor by
itself is tested in test/Runtime/EditorTest.cpp, interrupts in test_chat.py.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
from pathlib import Path

import pytest
from conftest import MODELS, model_directory, need_main_thread
from terminal import Terminal
from test_driver import run

A48 = model_directory(MODELS[0])
LEFT, RIGHT, UP, DOWN = "\x1b[D", "\x1b[C", "\x1b[A", "\x1b[B"
HOME, END, DELETE, BACKSPACE = "\x1b[H", "\x1b[F", "\x1b[3~", "\x7f"


def pasted(text: str) -> str:
    return f"\x1b[200~{text}\x1b[201~"


# A template that refuses each message by telling what it is.
TELLS = (
    "{{ raise_exception((messages[-1].content | length) ~ ':' "
    "~ messages[-1].content[-60:] | tojson) }}"
)


@pytest.fixture(scope="module")
def program(tern, tmp_path_factory) -> list[str | Path]:
    folder = tmp_path_factory.mktemp("terminal")
    (folder / "chat.jinja").write_text(TELLS)
    # Into the cache, so that no test waits for the compiler.
    run(tern, "run", A48, "-p", "x", "-n", "1")
    return [tern, "chat", A48, "--chat-template", folder / "chat.jinja"]


def assert_told(terminal: Terminal, text: str) -> None:
    """The message has come, and it is this one."""
    terminal.wait_for("it refuses: ")
    told = f"{len(text)}:{json.dumps(text[-60:], ensure_ascii=False)}\r\n"
    while len(terminal.shown) < len(told):
        terminal.read()
    assert terminal.shown[: len(told)] == told


def ask(terminal: Terminal, keys: str, expected: str) -> None:
    """The keys are typed, and the message is the expected one."""
    terminal.type(keys + "\r")
    assert_told(terminal, expected)
    terminal.wait_for("> ")


def test_keys(program):
    with Terminal(program) as terminal:
        terminal.wait_for("> ")
        ask(terminal, f"helo{LEFT}l", "hello")
        ask(terminal, f"bc{HOME}a{END}d{LEFT}{LEFT}{DELETE}", "abd")
        ask(terminal, "one two three\x17\x17\x01\x19x\x05!", "two threexone !")
        ask(terminal, f"one two{LEFT * 4}\x0bthree \x19\x15four \x19", "four onethree  two")
        ask(terminal, "one two\x1bbX\x1b[1;5DY\x1bf!\x1bb\x1bd.", "one .!")
        ask(terminal, "ab\x14c\x02\x02\x14", "abc")
        ask(terminal, f"x{BACKSPACE * 3}a\tb\x1b\rc", "a\tb\nc")
        ask(terminal, "\x1b[99~\x1b[Zok\x1b[38;5;1u", "ok")
        terminal.type("\x04")
        assert terminal.status() == 1
        terminal.settle()
        assert terminal.is_restored()


def test_history(program):
    with Terminal(program) as terminal:
        terminal.wait_for("> ")
        for text in ("first", "second", "second", "two\\\rlines"):
            ask(terminal, text, text.replace("\\\r", "\n"))
        ask(terminal, f"draft{UP}{UP}{UP}{UP}", "first")
        ask(terminal, f"draft{UP}{UP}{DOWN}{DOWN}!", "draft!")
        ask(terminal, f"{UP * 9}{DOWN}", "second")
        terminal.type("\x04")
        assert terminal.status() == 1


def test_paste(program):
    """All of it is one turn, however long, and nothing in it is a key."""
    text = "".join(f"line {i} of a long paste\n" for i in range(340))[:8000] + "\tend"
    with Terminal(program, has_screen=False) as terminal:
        terminal.wait_for("\x1b[?2004h")
        terminal.wait_for("> ")
        ask(terminal, pasted(text), text)
        ask(terminal, pasted(text.replace("\n", "\r\n")) + "!", text + "!")
        ask(terminal, "a" + pasted("b\rc\x1bd") + "e", "ab\nc\x1bde")
        # Typed without brackets, a line is as long as it is.
        ask(terminal, "x" * 6000, "x" * 6000)
        # Several lines that come at once are several turns.
        terminal.type("one\rtwo\r")
        assert_told(terminal, "one")
        assert_told(terminal, "two")


def test_wide_characters(program):
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    with Terminal(program) as terminal:
        terminal.wait_for("> ")
        terminal.type("日本語")
        terminal.settle()
        assert terminal.screen.shown()[-1] == "> 日本語"
        assert terminal.screen.cursor()[1] == 2 + 6
        terminal.type(LEFT + BACKSPACE)
        terminal.settle()
        assert terminal.screen.shown()[-1] == "> 日語"
        assert terminal.screen.cursor()[1] == 2 + 2
        ask(terminal, "é", "日é語")
        ask(terminal, f"e\u0301x{LEFT}{BACKSPACE}{family}{BACKSPACE}🇩🇪{LEFT}ß", "ß🇩🇪x")
        # At the end of a row there may be no place for one.
        text = "x" * 37 + "日本"
        terminal.type(text)
        terminal.settle()
        assert terminal.screen.shown()[-2:] == ["> " + "x" * 37, "日本"]
        assert terminal.screen.cursor()[1] == 4
        ask(terminal, HOME + "y" + END, "y" + text)


def test_rows(program):
    text = "".join(chr(ord("a") + i % 26) for i in range(150))
    rows = ["> " + text[:38], text[38:78], text[78:118], text[118:]]
    with Terminal(program) as terminal:
        terminal.wait_for("> ")
        terminal.type(text)
        terminal.settle()
        assert terminal.screen.shown()[-4:] == rows
        last = terminal.screen.cursor()[0]
        terminal.type(HOME)
        terminal.settle()
        assert terminal.screen.cursor() == (last - 3, 2)
        terminal.type(DELETE + END + BACKSPACE)
        terminal.settle()
        assert "".join(terminal.screen.shown()[-4:]) == "> " + text[1:-1]
        # A row that is just full.
        terminal.type("\x15" + "y" * 38)
        terminal.settle()
        assert terminal.screen.cursor() == (last - 2, 0)
        ask(terminal, "", "y" * 38)
        # More rows than the terminal has.
        long = "".join(chr(ord("a") + i % 26) for i in range(800))
        terminal.type(long)
        terminal.settle()
        assert "".join(terminal.screen.shown()[-12:]) == long[-(11 * 40 + 2) :]
        terminal.type(HOME)
        terminal.settle()
        assert terminal.screen.shown()[-12] == ("> " + long[:38])
        ask(terminal, "", long)


def test_resize(program):
    text = "the quick brown fox jumps over the lazy dog and then it sleeps"
    with Terminal(program) as terminal:
        terminal.wait_for("> ")
        terminal.type(text)
        terminal.settle()
        above = terminal.screen.lines[:-1]
        for columns in (25, 60, 40, 80):
            terminal.resize(columns, 12)
            terminal.settle()
            shown = "> " + text
            rows = [shown[i : i + columns].rstrip() for i in range(0, len(shown), columns)]
            assert terminal.screen.shown()[-len(rows) :] == rows
        assert terminal.screen.lines[:-1] == above
        ask(terminal, LEFT * 6 + BACKSPACE + "-", text[:-7] + "-sleeps")


def test_interrupt(program):
    with Terminal(program) as terminal:
        terminal.wait_for("> ")
        terminal.type("not this\x03")
        terminal.wait_for("^C")
        terminal.wait_for("> ")
        ask(terminal, "this", "this")
        terminal.type("\x03")
        assert terminal.status() == 130
        terminal.settle()
        assert terminal.is_restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_restore_the_terminal(program, number, request):
    need_main_thread()
    # Under nohup a program would inherit that SIGHUP is ignored.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, before))
    with Terminal(program) as terminal:
        terminal.wait_for("> ")
        assert not terminal.is_restored()
        os.kill(terminal.process.pid, number)
        assert terminal.status() == 128 + number
        terminal.settle()
        assert terminal.is_restored()


def test_stop_and_go_on(program):
    """Below a shell, which stops nothing that has no parent in its session."""
    command = " ".join(shlex.quote(str(part)) for part in program)
    script = f"{command}; stty -a >&2; echo stopped >&2; fg >/dev/null; echo status $? >&2"
    with Terminal(["sh", "-m", "-c", script], environment={"NO_COLOR": "1"}) as terminal:
        terminal.wait_for("> ")
        terminal.type("kept")
        terminal.settle()
        terminal.type("\x1a")
        terminal.wait_for(" icanon")
        terminal.wait_for("stopped")
        terminal.wait_for("> kept")
        terminal.type("!\r")
        assert_told(terminal, "kept!")
        terminal.wait_for("> ")
        terminal.type("\x04")
        terminal.wait_for("status 1")


def test_plain_terminals(program):
    """A terminal that cannot move its cursor gets lines as they are."""
    with Terminal(program, environment={"TERM": "dumb"}) as terminal:
        terminal.wait_for("> ")
        ask(terminal, "plain", "plain")
        assert "\x1b" not in terminal.sent
        terminal.type("\x04")
        assert terminal.status() == 1


@pytest.mark.parametrize(
    "flags,environment,colored",
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"NO_COLOR": ""}, True),
        (["--color", "never"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_colors(program, flags, environment, colored):
    with Terminal([*program, *flags], environment={"NO_COLOR": "", **environment}) as terminal:
        terminal.wait_for("> ")
        terminal.settle()
        assert ("\x1b[1;32m" in terminal.sent) == colored


def test_typing_ahead(program):
    """Keys that come at once are taken one after the other."""
    with Terminal(program) as terminal:
        terminal.wait_for("> ")
        terminal.type("one\rtwo" + LEFT + "x")
        assert_told(terminal, "one")
        terminal.type("\r")
        assert_told(terminal, "twxo")
