# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Each rule of hygiene.py finds its fault, and only it, in a small clean tree."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import hygiene  # noqa: E402

LICENCE = "// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception\n"
PASSES = "include/tern/Dialect/Tern/Transforms/Passes.td"
SOURCE = "lib/Dialect/Tern/Transforms/FuseThings.cpp"
TEST = "test/Dialect/Tern/Transforms/fuse-things.mlir"

CLEAN = {
    PASSES: LICENCE
    + """
def FuseThingsPass : Pass<"tern-fuse-things"> {
  let description = [{ *Before* *After* }];
  let statistics = [];
}
""",
    "include/tern/Dialect/Tern/IR/TernOps.td": LICENCE
    + """
def Tern_GluOp : Tern_Op<"glu", [Pure]> {
  let description = [{ }];
}
""",
    "include/tern/Dialect/Tern/IR/Tern.h": LICENCE,
    "lib/Dialect/Tern/IR/CMakeLists.txt": "tern_add_library(D)\n",
    "include/tern/Packing/Layout.h": LICENCE,
    "lib/Packing/CMakeLists.txt": "tern_add_library(P)\n",
    "test/Unit/Packing/LayoutTest.cpp": LICENCE,
    "test/Unit/Packing/CMakeLists.txt": "tern_unit_test(LayoutTest SOURCES LayoutTest.cpp)\n",
    SOURCE: "//===- FuseThings.cpp - Fuse ---===//\n"
    + LICENCE
    + '#include "tern/Dialect/Tern/IR/Tern.h"\n#define DEBUG_TYPE "tern-fuse-things"\n',
    "lib/Dialect/Tern/Transforms/CMakeLists.txt": "tern_add_library(T FuseThings.cpp)\n",
    "runtime/src/core/session.c": LICENCE + '#include "session.h"\n',
    "runtime/src/core/session.h": LICENCE,
    TEST: "// RUN: tern-opt %s --tern-fuse-things | FileCheck %s\n// CHECK-LABEL: f\n",
    "test/Dialect/Tern/IR/ops.mlir": "// RUN: tern-opt %s | FileCheck %s\n// CHECK: tern.glu\n",
}

# name: (file, text to replace or None for all, replacement, part of the finding)
FAULTS = {
    "no RUN line": (TEST, "RUN:", "RAN:", "expected a RUN line"),
    "no FileCheck": (TEST, "| FileCheck %s", "", "nothing checks what"),
    "written file that nobody reads": (TEST, "| FileCheck %s", "-o %t", "nothing checks what"),
    "XFAIL of two": (TEST, "// CHECK", "// XFAIL: *\n// RUN: not x\n// CHECK", "XFAIL stops"),
    "misspelt suffix": (TEST, "CHECK-LABEL:", "CHECK-LABLE:\n// CHECK:", "not know the suffix"),
    "count of nothing": (TEST, "CHECK-LABEL:", "CHECK-COUNT:\n// CHECK:", "not know the suffix"),
    "prefix nobody names": (TEST, "CHECK-LABEL:", "OTHER-LABEL:\n// CHECK:", "of `OTHER-LABEL:`"),
    "misspelt prefix": (TEST, "CHECK-LABEL:", "CHEKC:\n// CHECK:", "of `CHEKC:`"),
    "prefix without directive": (
        TEST,
        "FileCheck %s",
        "FileCheck %s --check-prefixes=CHECK,MORE",
        "prefix MORE, but no directive",
    ),
    "two names": (PASSES, "FuseThingsPass", "MergeThingsPass", "are two names"),
    "no test": (TEST, "--tern-fuse-things", "--cse", "expected a test named fuse-things.mlir"),
    "no source": (PASSES, "FuseThings", "Fusethings", "expected Fusethings.cpp in lib/"),
    "other DEBUG_TYPE": (SOURCE, '"tern-fuse-things"', '"fuse"', "expected DEBUG_TYPE"),
    "no contract": (PASSES, "*After*", "", "has no *After*"),
    "no statistics": (PASSES, "let statistics", "let nothing", "neither statistics nor options"),
    "operation without description": (
        "include/tern/Dialect/Tern/IR/TernOps.td",
        "let description",
        "let summary",
        "tern.glu has no description",
    ),
    "operation without round trip": (
        "test/Dialect/Tern/IR/ops.mlir",
        "tern.glu",
        "tern.glue",
        "no round trip",
    ),
    "global option": (SOURCE, "#define", "static cl::opt<int> x;\n#define", "a global option"),
    "builtin of one machine": (
        "runtime/src/core/session.c",
        "#include",
        "void f(void) { __builtin_ia32_pause(); }\n#include",
        "__builtin_ia32_pause is of one machine",
    ),
    "intrinsic": (SOURCE, "#define", "#include <immintrin.h>\n#define", "immintrin.h is of"),
    "file name": ("lib/Dialect/Tern/Utils.h", None, LICENCE, "`utils` in a file's name"),
    "class name": (SOURCE, "#define", "class ThingManager {};\n#define", "in ThingManager says"),
    "include upwards": (
        SOURCE,
        '"tern/Dialect/Tern/IR/Tern.h"',
        '"tern/Conversion/Passes.h"',
        "Dialect must not include Conversion",
    ),
    "MLIR in Packing": (
        "include/tern/Packing/Layout.h",
        None,
        LICENCE + '#include "mlir/IR/Builders.h"\n',
        "Packing must not include MLIR",
    ),
    "compiler in the runtime": (
        "runtime/src/core/session.c",
        '"session.h"',
        '"tern/Packing/Layout.h"',
        "the runtime must not include",
    ),
    "host in the core": (
        "runtime/src/core/session.c",
        '"session.h"',
        '"../host/session.h"',
        "core must not include host",
    ),
    "no room of the runtime": (
        "runtime/src/session.c",
        None,
        LICENCE,
        "expected it in a folder of core, tokenizer",
    ),
    "header without a room": (
        "include/tern/Packs/Layout.h",
        None,
        LICENCE,
        "expected a folder of lib/ named Packs",
    ),
    "unit test without a room": (
        "test/Unit/LayoutTest.cpp",
        None,
        LICENCE,
        "expected a folder of lib/ named like its own",
    ),
    "test in another room": (
        "test/Pipelines/fuse-things.mlir",
        None,
        "// RUN: tern-opt %s --tern-fuse-things | FileCheck %s\n// CHECK: f\n",
        "expected it in test/Dialect/Tern/Transforms",
    ),
    "source that is not built": (
        "lib/Dialect/Tern/Transforms/CMakeLists.txt",
        "FuseThings.cpp",
        "",
        "no CMakeLists.txt names it",
    ),
    "target that is not listed": (
        "lib/Target/Other/Other.cpp",
        None,
        "//===- Other.cpp - Other ---===//\n" + LICENCE,
        "no line for Other",
    ),
    "no licence": ("runtime/src/core/session.h", None, "int x;\n", "no licence"),
    "copied first line": (SOURCE, "- FuseThings.cpp", "- Copied.cpp", "the first line says"),
    "comment without subject": (SOURCE, "#define", "/// Wh" + "at it is.\n#define", "no subject"),
    "sentence without subject": (
        "docs/page.md",
        None,
        "A thing. Wh" + "ether it is,\nnobody knows.\n",
        "no subject",
    ),
    "somebody's machine": (SOURCE, "#define", "// /ho" + "me/jo/x\n#define", "on one machine only"),
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_clean_tree_has_no_findings(tmp_path):
    write(tmp_path, CLEAN)
    assert hygiene.findings(tmp_path) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found(tmp_path, fault):
    name, old, new, expected = FAULTS[fault]
    assert old is None or old in CLEAN[name]
    text = new if old is None else CLEAN[name].replace(old, new)
    write(tmp_path, {**CLEAN, name: text})
    found = hygiene.findings(tmp_path)
    assert any(expected in finding for finding in found), found


def test_questions_may_begin_with_what(tmp_path):
    write(tmp_path, {**CLEAN, "docs/page.md": "## Wh" + "at is a tern?\n"})
    assert hygiene.findings(tmp_path) == []


def test_included_passes_are_seen(tmp_path):
    passes = CLEAN[PASSES].replace("things", "others").replace("Things", "Others")
    write(tmp_path, {**CLEAN, PASSES.replace("Passes.td", "ModelPasses.td"): passes})
    assert any("expected a test named fuse-others.mlir" in f for f in hygiene.findings(tmp_path))


def test_exit_status_and_warnings(tmp_path, capsys):
    write(tmp_path, CLEAN)
    write(tmp_path, {"runtime/src/core/session.h": LICENCE + "\n" * hygiene.LONG})
    assert hygiene.main([str(tmp_path)]) == 0
    assert "warning: runtime/src/core/session.h has 401 lines" in capsys.readouterr().out
    write(tmp_path, {"runtime/src/core/session.h": ""})
    write(tmp_path, {"runtime/src/core/session.c": ""})
    write(tmp_path, {SOURCE: "int x;\n"})
    assert hygiene.main([str(tmp_path)]) == 1


def test_folder_of_a_conversion_counts_as_its_test(tmp_path):
    write(tmp_path, CLEAN)
    passes = (LICENCE + CLEAN[PASSES]).replace("FuseThingsPass", "ConvertTernToAPass")
    folder = "test/Conversion/TernToA"
    write(
        tmp_path,
        {
            PASSES: CLEAN[PASSES],
            "include/tern/Conversion/Passes.td": passes.replace(
                "tern-fuse-things", "convert-tern-to-a"
            ),
            "lib/Conversion/TernToA/TernToA.cpp": LICENCE,
            "lib/Conversion/CMakeLists.txt": "TernToA/TernToA.cpp\n",
            f"{folder}/rows.mlir": "// RUN: tern-opt --convert-tern-to-a | FileCheck\n// CHECK: a",
        },
    )
    assert hygiene.findings(tmp_path) == []
    (tmp_path / folder / "rows.mlir").unlink()
    assert len(hygiene.findings(tmp_path)) == 1
