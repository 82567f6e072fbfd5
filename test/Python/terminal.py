# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""A pseudo-terminal, and what a screen at its other end would show."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import unicodedata
from pathlib import Path

FULL_PIPE = 4096  # bytes, the least there is
SEQUENCE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])")


def width(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


class Screen:
    """Rows of characters as terminals keep them: lines that are wrapped anew on resize.

    Knows the sequences that tern uses and fails on others.
    """

    def __init__(self, columns: int, height: int):
        self.columns, self.height = columns, height
        self.lines: list[list[str]] = [[]]  # characters with their marks
        self.line, self.at = 0, 0  # the cursor, before this character
        self.is_full = False  # the cursor is behind the last column, and not below it
        self.modes: set[str] = set()
        self.rest = ""

    def rows(self) -> list[tuple[int, int, int]]:
        """(line, first character, end) of each row, from the top."""
        found = []
        for number, line in enumerate(self.lines):
            start = column = 0
            for at, character in enumerate(line):
                size = width(character[0])
                if column + size > self.columns:
                    found.append((number, start, at))
                    start, column = at, 0
                column += size
            found.append((number, start, len(line)))
            is_here = number == self.line and self.at == len(line)
            if column == self.columns and is_here and not self.is_full:
                found.append((number, len(line), len(line)))
        return found

    def row(self) -> int:
        """The row of the cursor."""
        found = 0
        for index, (line, start, end) in enumerate(self.rows()):
            if line == self.line and start <= self.at:
                if not (self.is_full and start == self.at and start > 0):
                    found = index
        return found

    def cursor(self) -> tuple[int, int]:
        """Row and column."""
        row = self.row()
        line, start, _ = self.rows()[row]
        column = sum(width(c[0]) for c in self.lines[line][start : self.at])
        return row, min(column, self.columns - 1)

    def shown(self) -> list[str]:
        """The text of all rows, without blanks at their ends."""
        return ["".join(self.lines[line][a:b]).rstrip() for line, a, b in self.rows()]

    def resize(self, columns: int, height: int) -> None:
        self.columns, self.height = columns, height

    def go(self, row: int, column: int) -> None:
        rows = self.rows()
        row = max(row, len(rows) - self.height, 0)
        self.line, start, end = rows[row]
        self.is_full = False
        self.at = start
        while column > 0:
            assert self.at < end, "the cursor goes where no text is"
            column -= width(self.lines[self.line][self.at][0])
            self.at += 1

    def put(self, character: str) -> None:
        line = self.lines[self.line]
        if width(character) == 0:
            line[self.at - 1] += character
            return
        line[self.at : self.at + 1] = [character]
        self.at += 1
        self.is_full = False  # to be found out
        _, column = self.cursor()
        row = [r for r in self.rows() if r[0] == self.line and r[2] == self.at and r[1] < r[2]]
        if row:
            used = sum(width(c[0]) for c in line[row[0][1] : row[0][2]])
            self.is_full = used == self.columns

    def do(self, parameters: str, letter: str) -> None:
        if letter in "hl" and parameters == "?2004":
            (self.modes.add if letter == "h" else self.modes.discard)("paste")
            return
        if letter == "m":
            return
        row, column = self.cursor()
        count = int(parameters or (0 if letter in "JK" else 1))
        if letter == "A":
            self.go(row - count, 0)
            self.at += 0 if column == 0 else self.characters(column)
        elif letter == "C":
            self.go(row, column + count)
        elif letter == "H":
            self.go(max(0, len(self.rows()) - self.height), 0)
        elif letter == "J":
            assert count in (0, 2)
            if count == 2:
                self.go(max(0, len(self.rows()) - self.height), 0)
            del self.lines[self.line][self.at :], self.lines[self.line + 1 :]
        elif letter == "K":
            _, _, end = self.rows()[row]
            del self.lines[self.line][self.at : end]
        else:
            raise AssertionError(f"an unknown sequence: {parameters}{letter}")

    def characters(self, column: int) -> int:
        """How many characters of the cursor's row end at a column or before it."""
        _, start, end = self.rows()[self.row()]
        count = 0
        for character in self.lines[self.line][start:end]:
            column -= width(character[0])
            if column < 0:
                break
            count += 1
        return count

    def feed(self, text: str) -> None:
        text, self.rest = self.rest + text, ""
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                found = SEQUENCE.match(text, at)
                if not found:
                    self.rest = text[at:]  # the rest of it comes later
                    return
                self.do(*found.groups())
                at = found.end()
                continue
            if text[at] == "\r":
                self.go(self.row(), 0)
            elif text[at] == "\n":
                rows, row = self.rows(), self.row()
                _, column = self.cursor()
                if row + 1 == len(rows):
                    self.lines.append([])
                    self.line, self.at, self.is_full = len(self.lines) - 1, 0, False
                else:
                    self.go(row + 1, 0)
            elif text[at] not in "\a\0":
                self.put(text[at])
            at += 1


class Terminal:
    """A program at a terminal, with its answers in a pipe."""

    def __init__(
        self,
        command: list[str | Path],
        columns: int = 40,
        height: int = 12,
        environment: dict[str, str] | None = None,
        has_screen: bool = True,
        free_bytes: int | None = None,
        shows_answers: bool = False,
    ):
        """With `free_bytes`, so many of the answers find room until somebody reads.

        With `shows_answers` they go to the terminal, too.
        """
        self.master, slave = pty.openpty()
        self.answers, answers = os.pipe()
        if free_bytes is not None:
            fcntl.fcntl(answers, fcntl.F_SETPIPE_SZ, FULL_PIPE)
            os.write(answers, b"." * (FULL_PIPE - free_bytes))
        self.has_screen = has_screen
        self.screen = Screen(columns, height)
        self.set_size(columns, height)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        variables = {**os.environ, "TERM": "xterm", **(environment or {})}
        self.process = subprocess.Popen(
            [str(part) for part in command],
            stdin=slave,
            stderr=slave,
            stdout=slave if shows_answers else answers,
            start_new_session=True,
            env=variables,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(answers)
        self.sent = self.shown = ""
        self.undecoded = b""

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()
        for descriptor in (self.master, self.slave, self.answers):
            os.close(descriptor)

    def set_size(self, columns: int, height: int) -> None:
        size = struct.pack("HHHH", height, columns, 0, 0)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, size)

    def resize(self, columns: int, height: int) -> None:
        self.screen.resize(columns, height)
        self.set_size(columns, height)

    def type(self, keys: str) -> None:
        """Also when the terminal takes only a part at once, and shows it meanwhile."""
        data = keys.encode()
        while data:
            readable, writable, _ = select.select([self.master], [self.master], [], 60)
            if readable:
                self.read()
            if writable:
                data = data[os.write(self.master, data[:1024]) :]

    def read(self) -> None:
        self.undecoded += os.read(self.master, 4096)
        text, held = self.undecoded, b""
        for cut in range(4):  # a character may be cut in two
            try:
                decoded = text[: len(text) - cut].decode()
                held = text[len(text) - cut :]
                break
            except UnicodeDecodeError:
                continue
        else:
            raise AssertionError(f"no UTF-8: {text!r}")
        self.undecoded = held
        self.sent += decoded
        self.shown += decoded
        if self.has_screen:
            self.screen.feed(decoded)

    def wait_for(self, text: str) -> None:
        """Until the terminal has been sent the text once more."""
        while text not in self.shown:
            assert select.select([self.master], [], [], 30)[0], self.shown
            self.read()
        self.shown = self.shown.split(text, 1)[1]

    def settle(self, seconds: float = 0.15) -> None:
        """Until nothing has come for a while."""
        while select.select([self.master], [], [], seconds)[0]:
            self.read()

    def answer(self, count: int) -> str:
        """The next bytes of the answers."""
        text = b""
        while len(text) < count:
            assert select.select([self.answers], [], [], 30)[0], (text, self.shown)
            text += os.read(self.answers, count - len(text))
        return text.decode()

    def is_restored(self) -> bool:
        return termios.tcgetattr(self.slave) == self.before and "paste" not in self.screen.modes

    def status(self) -> int:
        return self.process.wait(timeout=60)
