# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# ruff: noqa: F821
"""How lit runs the files of this tree.

Substitutions: the tools by name, `%python`, `%models` (bundled checkpoints) and
`%tern_include` (headers of the runtime). Features for REQUIRES: every program
and CPU feature listed below that this machine has, as `qemu-aarch64` and
`host-avx2`.
"""

import os
import shutil
from pathlib import Path

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "tern"
config.test_format = lit.formats.ShTest(execute_external=True)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "Python", "Unit", "data", "lib", "models"]
config.test_source_root = os.path.join(config.tern_source_dir, "test")
config.test_exec_root = os.path.join(config.tern_build_dir, "test")

llvm_config.with_system_environment(["HOME", "TMP", "TEMP", "CUDA_VISIBLE_DEVICES"])
llvm_config.with_environment(
    "PYTHONPATH", os.path.join(config.tern_source_dir, "python"), append_path=True
)

tool_directories = [os.path.join(config.tern_build_dir, "bin"), config.llvm_tools_dir]
llvm_config.with_environment("PATH", tool_directories, append_path=True)
llvm_config.use_default_substitutions()  # FileCheck, count, not
llvm_config.add_tool_substitutions(
    [
        ToolSubst(name, unresolved="ignore")
        for name in (
            "tern",
            "tern-lsp-server",
            "tern-opt",
            "tern-reduce",
            "llc",
            "llvm-objdump",
            "llvm-readelf",
            "mlir-opt",
            "mlir-translate",
        )
    ],
    tool_directories,
)
models = os.path.join(config.test_source_root, "models")
include = os.path.join(config.tern_source_dir, "runtime", "include")
config.substitutions += [
    ("%python", config.python_executable),
    ("%models", models),
    ("%tern_include", include),
]

for program in (
    "aarch64-linux-gnu-gcc",
    "arm-none-eabi-gcc",
    "node",
    "ptxas",
    "qemu-aarch64",
    "qemu-riscv64",
    "qemu-system-arm",
    "qemu-x86_64",
    "riscv64-linux-gnu-gcc",
):
    if shutil.which(program):
        config.available_features.add(program)


def host_cpu_features() -> set[str]:
    """Linux's names of what this CPU has; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return set(value.split())
    return set()


for feature in ("avx2", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"):
    if feature in host_cpu_features():
        config.available_features.add("host-" + feature.replace("_", "-"))
