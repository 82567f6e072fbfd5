# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Faults that no test can see: tests that cannot fail, names that disagree, includes
that point the wrong way.

`hygiene.py [ROOT]` prints one sentence per finding and exits with 1 if there is
any; a line that begins with "warning:" is no finding. Seeded faults are in
test/Python/test_hygiene.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

FOLDERS = ("include", "lib", "python", "runtime", "test", "tools", "docs")
NOT_OURS = ("test/models/", "test/data/")
CODE = {".c", ".cpp", ".h", ".td", ".def", ".py", ".sh", ".cu"}
LONG = 400  # lines
OPERATIONS = "test/Dialect/Tern/IR/ops"

SUFFIX = re.compile(r"-(?:LABEL|NEXT|SAME|NOT|DAG|EMPTY|COUNT-\d+)$")
DIRECTIVE = re.compile(r"^\s*(?://|#|;)\s*([A-Z][A-Z0-9_-]*)(?:\{LITERAL\})?:", re.M)
LIT_KEYWORDS = {"RUN", "REQUIRES", "UNSUPPORTED", "XFAIL", "DEFINE", "REDEFINE", "END"}
ASSERTION = re.compile(r"FileCheck|-verify-diagnostics|(?<![\w-])(?:not|diff|cmp)(?![\w-])")
PREFIXES = re.compile(r"-check-prefix(?:es)?[= ]([\w,-]+)")
GLOBAL_OPTION = re.compile(r"^(?:static )?(?:llvm::)?cl::(?:opt|list|bits)<", re.M)
COMMENT = r"(?://+<?|/\*+|^\s*\*|^\s*#+|\"\"\") ?(?:.*[.!:] )?"
NO_SUBJECT = re.compile(COMMENT + r"(What|Whether)\b[^?\n]*$", re.M)
NO_SUBJECT_IN_PROSE = re.compile(r"(?:^#* ?|[.!|] +)(What|Whether)\b[^?\n]*$", re.M)
INTRINSIC = re.compile(
    r"\b(?:__builtin_(?:ia32|aarch64|arm|riscv)_\w+|_mm\d*_\w+|[a-z]+intrin\.h|arm_neon\.h)"
)
DEFINITION = re.compile(r"^\s*(?:class|struct|enum class|enum|def) (\w+)", re.M)
FORBIDDEN = {
    "optimize", "util", "utils", "helper", "helpers", "manager", "impl", "misc", "new", "v2",
}  # fmt: skip

# The includes allowed in a folder of lib/ and include/tern/; others are not limited.
MAY_INCLUDE = {
    "Packing": {"Packing"},
    "Tokenizer": {"Tokenizer", "Packing"},
    "Dialect": {"Dialect", "Packing", "Target"},
    "Import": {"Import", "Dialect", "Packing", "Tokenizer"},
    "Kernels": {"Kernels", "Dialect", "Packing"},
    "Conversion": {"Conversion", "Kernels", "Dialect", "Packing", "Target"},
    "Target": {"Target", "Kernels", "Dialect", "Packing"},
    "Cache": {"Cache"},
    "Server": {"Server"},
    "Artifact": {"Artifact", "Codegen", "Target", "Dialect", "Import", "Packing"},
    "Export": {"Export", "Artifact", "Import", "Packing", "Tokenizer"},
}

# The same in runtime/src.
RUNTIME_MAY_INCLUDE = {
    "core": {"core"},
    "tokenizer": {"tokenizer", "core"},
    "template": {"core", "template"},
    "grammar": {"core", "grammar", "template"},
    "host": {"host", "core"},
    "engine": {"engine", "host", "core"},
    "command": {"command", "engine", "host"},
}
# Folders of test/ that are not those of lib/.
OTHER_TESTS = ("Fuzz", "JavaScript", "Python", "Runtime", "Sanitizers", "Tools", "lib")


@dataclass(frozen=True)
class File:
    path: Path
    name: str  # from the root, with forward slashes
    text: str

    def line_of(self, offset: int) -> str:
        return f"{self.name}:{self.text.count(chr(10), 0, offset) + 1}"


def run_lines(file: File) -> list[str]:
    commands, open_line = [], False
    for line in re.findall(r"RUN:(.*)", file.text):
        line = line.strip()
        if open_line:
            commands[-1] += " " + line.rstrip("\\")
        else:
            commands.append(line.rstrip("\\"))
        open_line = line.endswith("\\")
    return commands


@dataclass(frozen=True)
class Pass:
    record: str
    flag: str
    body: str
    where: str

    @property
    def name(self) -> str:
        return self.record.removesuffix("Pass")

    def is_tested_by(self, file: File) -> bool:
        """A test of its name, or of its conversion's folder, that runs it."""
        names = {self.flag, self.flag.removeprefix("tern-"), self.flag.removeprefix("convert-")}
        folder = f"test/Conversion/{self.name.removeprefix('Convert')}/"
        if file.path.stem not in names and not file.name.startswith(folder):
            return False
        return any(re.search(rf"\b{self.flag}\b", command) for command in run_lines(file))


class Tree:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = sorted(self._read(), key=lambda file: file.name)

    def _read(self) -> Iterator[File]:
        for folder in FOLDERS:
            for path in (self.root / folder).rglob("*"):
                name = path.relative_to(self.root).as_posix()
                if not path.is_file() or "__pycache__" in name or name.startswith(NOT_OURS):
                    continue
                try:
                    yield File(path, name, path.read_text())
                except UnicodeDecodeError:
                    continue

    def under(self, prefix: str, *suffixes: str) -> list[File]:
        return [
            file
            for file in self.files
            if file.name.startswith(prefix) and (not suffixes or file.path.suffix in suffixes)
        ]

    def lit_tests(self) -> list[File]:
        skipped = re.compile(r"/(?:Inputs|Python|Unit|lib)/")
        tests = self.under("test/", ".mlir", ".test")
        return [file for file in tests if not skipped.search(file.name)]

    def passes(self) -> list[Pass]:
        found = []
        for file in self.under("include/", ".td"):
            if not file.name.endswith("Passes.td"):
                continue
            for match in re.finditer(r'^def (\w+) : Pass<"([\w-]+)".*?^}', file.text, re.M | re.S):
                where = file.line_of(match.start())
                found.append(Pass(match[1], match[2], match[0], where))
        return found


Rule = Callable[[Tree], Iterator[str]]


def tests_can_fail(tree: Tree) -> Iterator[str]:
    for file in tree.lit_tests():
        commands = run_lines(file)
        if not commands:
            yield f"{file.name}: expected a RUN line, got none."
        for i, command in enumerate(commands):
            prints = re.search(r"(?<![\w-])(?:tern|mlir)-opt\b", command)
            if not prints or ASSERTION.search(command):
                continue
            written = re.search(r"%t[\w.-]*", command)
            others = commands[:i] + commands[i + 1 :]
            if written and any(written[0] in other for other in others):
                continue
            yield f"{file.name}: nothing checks what `{command}` prints."
        if re.search(r"\bXFAIL:", file.text) and len(commands) > 1:
            yield f"{file.name}: XFAIL stops at the first of {len(commands)} RUN lines; use `not`."


def directives_are_read(tree: Tree) -> Iterator[str]:
    for file in tree.lit_tests():
        named: set[str] = set()
        for command in run_lines(file):
            for filecheck in command.split("FileCheck")[1:]:
                groups = PREFIXES.findall(filecheck.split("|")[0])
                named.update(*(group.split(",") for group in groups) if groups else [{"CHECK"}])
        used = set()
        for match in DIRECTIVE.finditer(file.text):
            token = match[1]
            base = SUFFIX.sub("", token)
            where = file.line_of(match.start())
            if base in named:
                used.add(base)
            elif token in LIT_KEYWORDS:
                continue
            elif any(token.startswith((prefix + "-", prefix + "_")) for prefix in named):
                yield f"{where}: FileCheck does not know the suffix of `{token}:`."
            elif (
                base.startswith("CHECK")
                or base != token
                or get_close_matches(base, named, 1, 0.75)
            ):
                yield f"{where}: no RUN line names the prefix of `{token}:`."
        for prefix in sorted(named - used):
            yield f"{file.name}: a RUN line names the prefix {prefix}, but no directive has it."


def passes_agree(tree: Tree) -> Iterator[str]:
    tests = tree.lit_tests()
    sources = {file.path.stem: file for file in tree.under("lib/", ".cpp")}
    for one in tree.passes():
        flag_words = one.flag.removeprefix("tern-").replace("-", "")
        if not one.record.endswith("Pass") or flag_words != one.name.lower():
            yield f"{one.where}: {one.record} and its flag --{one.flag} are two names."
        if not any(one.is_tested_by(file) for file in tests):
            yield (
                f"{one.where}: expected a test named {one.flag.removeprefix('tern-')}.mlir "
                f"that runs --{one.flag}."
            )
        source = sources.get(one.name) or sources.get(one.name.removeprefix("Convert"))
        if not source:
            yield f"{one.where}: expected {one.name}.cpp in lib/, got none."
        else:
            for file in tests:
                if one.is_tested_by(file) and folder_of(file) != folder_of(source):
                    yield f"{file.name}: expected it in test/{folder_of(source)}, as its source."
            debug_type = re.search(r'#define DEBUG_TYPE "([^"]*)"', source.text)
            if debug_type and debug_type[1] != one.flag:
                yield f"{source.name}: expected DEBUG_TYPE {one.flag}, got {debug_type[1]}."
        for word in ("*Before*", "*After*"):
            if word not in one.body:
                yield f"{one.where}: the description of --{one.flag} has no {word}."
        if "let statistics" not in one.body and "let options" not in one.body:
            yield f"{one.where}: --{one.flag} has neither statistics nor options."


def operations_are_shown(tree: Tree) -> Iterator[str]:
    shown = "".join(f.text for f in tree.under(OPERATIONS))
    for file in tree.under("include/", ".td"):
        for match in re.finditer(
            r'^def \w+\s*: Tern_(?:Kernel)?Op<"(\w+)".*?^}', file.text, re.M | re.S
        ):
            where = file.line_of(match.start())
            if "let description" not in match[0]:
                yield f"{where}: tern.{match[1]} has no description."
            if not re.search(rf"tern\.{match[1]}\b", shown):
                yield f"{where}: no round trip in {OPERATIONS}*.mlir has tern.{match[1]}."


def no_global_options(tree: Tree) -> Iterator[str]:
    for file in tree.under("lib/", ".cpp", ".h") + tree.under("include/", ".h"):
        for match in GLOBAL_OPTION.finditer(file.text):
            yield f"{file.line_of(match.start())}: a global option; make it one of the pass."


def no_intrinsics(tree: Tree) -> Iterator[str]:
    for file in tree.under("lib/", ".cpp", ".h") + tree.under("runtime/", ".c", ".h"):
        for match in INTRINSIC.finditer(file.text):
            yield f"{file.line_of(match.start())}: {match[0]} is of one machine; kernels are compiled."


def words(name: str) -> set[str]:
    parts = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+\d*|[A-Z]\d+", name)
    return {part.lower() for part in parts}


def names_say_something(tree: Tree) -> Iterator[str]:
    for file in tree.files:
        for bad in sorted(words(file.path.stem) & FORBIDDEN):
            yield f"{file.name}: `{bad}` in a file's name says nothing."
        if file.path.suffix not in CODE:
            continue
        for match in DEFINITION.finditer(file.text):
            if file.path.suffix == ".py" and match[0].lstrip().startswith("def"):
                continue
            for bad in sorted(words(match[1]) & FORBIDDEN):
                yield f"{file.line_of(match.start())}: `{bad}` in {match[1]} says nothing."


def includes_point_down(tree: Tree) -> Iterator[str]:
    for file in tree.under("lib/") + tree.under("include/tern/"):
        layer = file.name.removeprefix("include/tern/").removeprefix("lib/").split("/")[0]
        for match in re.finditer(r'^#include "tern/([A-Z]\w*)/', file.text, re.M):
            if layer in MAY_INCLUDE and match[1] not in MAY_INCLUDE[layer]:
                yield f"{file.line_of(match.start())}: {layer} must not include {match[1]}."
            # Packing is linked by tools that have no MLIR.
        if layer == "Packing" and re.search(r'^#include "(?:mlir|llvm)/', file.text, re.M):
            yield f"{file.name}: Packing must not include MLIR or LLVM."
    # Examples are also the files of --emit=project, which writes the header beside.
    own = {"model.h"} | {file.path.name for file in tree.under("runtime/")}
    for file in tree.under("runtime/", ".c", ".h"):
        for match in re.finditer(r'^#include "([^"]+)"', file.text, re.M):
            if match[1].rsplit("/")[-1] not in own:
                where = file.line_of(match.start())
                yield f"{where}: the runtime must not include {match[1]}, which is not its own."


    for file in tree.under("runtime/src/", ".c", ".h"):
        room = folder_of(file, "runtime/src/").split("/")[0]
        if room not in RUNTIME_MAY_INCLUDE:
            yield f"{file.name}: expected it in a folder of {', '.join(RUNTIME_MAY_INCLUDE)}."
            continue
        for match in re.finditer(r'^#include "\.\./(\w+)/', file.text, re.M):
            if match[1] not in RUNTIME_MAY_INCLUDE[room]:
                yield f"{file.line_of(match.start())}: {room} must not include {match[1]}."


def folder_of(file: File, *trees: str) -> str:
    """The folder in whichever tree holds it: A/B of lib/A/B/C.cpp."""
    for tree in trees or ("include/tern/", "lib/", "test/Unit/", "test/"):
        if file.name.startswith(tree):
            return file.name.removeprefix(tree).rpartition("/")[0]
    return file.name.rpartition("/")[0]


def trees_mirror_each_other(tree: Tree) -> Iterator[str]:
    rooms = {folder_of(file) for file in tree.under("lib/")}
    mirrors = tree.under("include/tern/", ".h", ".td", ".def") + tree.lit_tests()
    mirrors += tree.under("test/Unit/", ".cpp", ".h")
    for file in mirrors:
        room = folder_of(file)
        if not room and file.name.startswith("include/"):
            continue  # InitAll.h is of all rooms
        if room.split("/")[0] not in OTHER_TESTS and room not in rooms:
            yield f"{file.name}: expected a folder of lib/ named {room or 'like its own'}."


def everything_is_built(tree: Tree) -> Iterator[str]:
    lists = "".join(f.text for f in tree.files if f.path.name == "CMakeLists.txt")
    targets = "".join(f.text for f in tree.under("include/tern/Target/Targets.def"))
    for file in tree.under("lib/", ".cpp") + tree.under("test/Unit/", ".cpp"):
        folder = re.match(r"lib/Target/(\w+)/", file.name)
        if folder:  # built as a whole, if the target is listed
            if f"TERN_TARGET({folder[1]})" not in targets:
                yield f"{file.name}: Targets.def has no line for {folder[1]}."
            continue
        if not re.search(rf"\b{re.escape(file.path.stem)}\b", lists):
            yield f"{file.name}: no CMakeLists.txt names it."


def headers_are_right(tree: Tree) -> Iterator[str]:
    for file in tree.files:
        if file.path.suffix not in CODE or not file.text:
            continue
        head = file.text[:600]
        if "SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception" not in head:
            yield f"{file.name}: no licence at the top."
        title = re.match(r"//===- (\S+)", head)
        if title and title[1].rsplit("/")[-1] != file.path.name:
            yield f"{file.name}: the first line says {title[1]}."


def sentences_have_subjects(tree: Tree) -> Iterator[str]:
    """A sentence names what it is about first; questions may begin otherwise."""
    for file in tree.files:
        is_page = file.path.suffix == ".md"
        if not is_page and file.path.suffix not in CODE | {".mlir", ".txt"}:
            continue
        for match in (NO_SUBJECT_IN_PROSE if is_page else NO_SUBJECT).finditer(file.text):
            where = file.line_of(match.start(1))
            yield f"{where}: a sentence that begins with `{match[1]}` has no subject; name it."


def nothing_is_of_one_machine(tree: Tree) -> Iterator[str]:
    for file in tree.files:
        for match in re.finditer(r"(?<![\w.:$}/*-])/(?:home|root|work|Users)/\w+", file.text):
            yield f"{file.line_of(match.start())}: {match[0]} exists on one machine only."


RULES: tuple[Rule, ...] = (
    tests_can_fail,
    directives_are_read,
    passes_agree,
    operations_are_shown,
    no_global_options,
    no_intrinsics,
    names_say_something,
    includes_point_down,
    trees_mirror_each_other,
    everything_is_built,
    headers_are_right,
    sentences_have_subjects,
    nothing_is_of_one_machine,
)


def findings(root: Path) -> list[str]:
    tree = Tree(root)
    return [finding for rule in RULES for finding in rule(tree)]


def main(arguments: list[str]) -> int:
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[1]
    found = findings(root)
    for finding in found:
        print(finding)
    for file in Tree(root).files:
        lines = file.text.count("\n")
        if file.path.suffix in CODE and lines > LONG:
            print(f"warning: {file.name} has {lines} lines; above {LONG} it may be two files.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
