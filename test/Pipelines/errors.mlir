// Errors about a module that a phase cannot start from, or not finish: where
// it stands, which promise it breaks.

// A phase left out.
// RUN: not tern-opt %S/Inputs/a48.mlir --tern-to-packed -o /dev/null 2>&1 | FileCheck %s --check-prefix=SKIPPED
// SKIPPED: a48.mlir:39:10: error: 'tern.bitlinear' op expected to be decomposed into kernel operations

// A phase done twice.
// RUN: not tern-opt %S/Inputs/a48.mlir --tern-to-quantized --tern-to-quantized -o /dev/null 2>&1 | FileCheck %s --check-prefix=TWICE
// TWICE: a48.mlir:39:10: error: 'tern.quantize' op expected model operations only, as tern.bitlinear; this is a kernel operation

// Tensors where buffers are expected: the function they enter by.
// RUN: not tern-opt %S/Inputs/a48.mlir --tern-to-llvm -o /dev/null 2>&1 | FileCheck %s --check-prefix=TENSORS
// TENSORS: a48.mlir:26:3: error: 'func.func' op expected buffers instead of tensors

// No target.
// RUN: not tern-opt %S/Inputs/a48.mlir --tern-to-fused --tern-to-quantized --tern-to-packed -o /dev/null 2>&1 | FileCheck %s --check-prefix=TARGET
// TARGET: a48.mlir:2:1: error: expected a `tern.target` that a registered target handles, got none

// No model: none of the passes runs.
// RUN: sed 's/attributes {tern.model = .*>}/{/; s/{ {/{/' %S/Inputs/a48.mlir | not tern-opt --tern-to-fused -o /dev/null 2>&1 | FileCheck %s --check-prefix=MODEL
// MODEL: error: expected a `tern.model` attribute

// A function by another name.
// DEFINE: %{target} = tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">
// RUN: sed 's/@head/@tail/; s|tern.model = |%{target}, &|' %S/Inputs/a48.mlir \
// RUN:   | not tern-opt --tern-to-fused --tern-to-quantized --tern-to-packed --tern-to-tiled --tern-to-kernels -o /dev/null 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: error: 'func.func' op expected embed, layer, head or best with the arguments of the import phase; argument 0 has no place
