// RUN: sed 's|tern.model = |tern.target = #tern.target<triple = "loongarch64-unknown-elf", cpu = "generic-la64", features = "">, &|' \
// RUN:   %S/Inputs/a48.mlir > %t.import.mlir
// RUN: tern-opt %t.import.mlir --tern-to-fused -o %t.fused.mlir
// RUN: FileCheck %s --input-file=%t.fused.mlir --check-prefix=FUSED
// RUN: tern-opt %t.fused.mlir --tern-to-quantized -o %t.quantized.mlir
// RUN: FileCheck %s --input-file=%t.quantized.mlir --check-prefix=QUANTIZED
// RUN: tern-opt %t.quantized.mlir --tern-to-packed -o %t.packed.mlir
// RUN: FileCheck %s --input-file=%t.packed.mlir --check-prefix=PACKED --implicit-check-not='!tern.trit>'
// RUN: tern-opt %t.packed.mlir --tern-to-tiled -o %t.tiled.mlir
// RUN: FileCheck %s --input-file=%t.tiled.mlir --check-prefix=TILED --implicit-check-not=tern.matmul
// RUN: tern-opt %t.tiled.mlir --tern-to-kernels -o %t.kernels.mlir
// RUN: FileCheck %s --input-file=%t.kernels.mlir --check-prefix=KERNELS --implicit-check-not=scf.parallel --implicit-check-not=memref.alloc
// RUN: tern-opt %t.kernels.mlir --tern-to-llvm --mlir-print-op-generic -o %t.llvm.mlir
// RUN: FileCheck %s --input-file=%t.llvm.mlir --check-prefix=LLVM
// RUN: FileCheck %s --input-file=%t.llvm.mlir --check-prefix=SYMBOLS --implicit-check-not='linkage<external>'

// A model through all phases, each starting from the text of the one before.

// Projections of one input are one; up stays on its own.
// FUSED-NOT: tern.bitlinear
// FUSED:     tern.bitlinear "q_proj+k_proj+v_proj"
// FUSED:     tern.bitlinear "o_proj"
// FUSED:     tern.bitlinear "gate_proj"
// FUSED:     tern.bitlinear "up_proj"
// FUSED:     tern.bitlinear "down_proj"
// FUSED-NOT: tern.bitlinear

// For one token columns and rows are skipped, for many they are not.
// QUANTIZED-LABEL: func.func @layer.decode(
// QUANTIZED:         tern.matmul "o_proj" ins({{.*}}) columns(
// QUANTIZED:         tern.matmul "up_proj" ins({{.*}}) rows(
// QUANTIZED:         tern.matmul "down_proj" ins({{.*}}) columns(
// QUANTIZED-LABEL: func.func @layer.prefill(
// QUANTIZED:         tern.matmul "o_proj"
// QUANTIZED:         tern.matmul "up_proj" ins({{[^)]*}}) outs(
// QUANTIZED:         tern.matmul "down_proj"
// QUANTIZED-LABEL: func.func @head.decode(

// No ternary tensor is left, and weights have layouts and places.
// PACKED: tern.layer_stride = 102976 : i64
// PACKED: tern.weight @embed_tokens <values> ["model.embed_tokens.weight"] offset 0 :

// Each product is a parallel loop around its micro kernel, still on tensors.
// TILED-LABEL: func.func @layer.decode(
// TILED:         scf.forall (%{{.*}}) in (320) shared_outs(
// TILED:           tern.iteration "q_proj+k_proj+v_proj" bytes 48
// TILED:           scf.for
// TILED:             tern.micro "q_proj+k_proj+v_proj" #digit_by_digit_x1
// TILED:         tern.micro "o_proj"
// TILED:         tern.micro "up_proj"
// TILED-LABEL: func.func @layer.prefill(
// TILED:         tern.micro "down_proj"
// TILED-LABEL: func.func @head.decode(

// Loops and tasks; after weights and addresses nothing of tern is left.
// KERNELS:     func.func private @"layer.decode.q_proj+k_proj+v_proj"(
// KERNELS:     func.func private @layer.decode.up_proj(
// KERNELS:     func.func private @layer.prefill.token_rows(
// KERNELS:     func.func private @layer.prefill.token_rows.2(
// KERNELS:     func.func private @layer.prefill.attention(
// KERNELS:     func.func private @head.decode.lm_head(
// KERNELS:     func.func private @head.prefill(%arg0: !llvm.ptr, %arg1: memref<{{[0-9]+}}xi8>, %arg2: memref<{{[0-9]+}}xi8>, %arg3: !llvm.ptr, %arg4: index)
// KERNELS-NOT: {{tern\.[^f]}}

// Nothing but LLVM; one symbol is external.
// LLVM:      "builtin.module"()
// LLVM-NOT:  {{^ *(%[0-9:, %]+ = )?"(arith|builtin|cf|func|linalg|math|memref|scf|tern|tensor|ub|vector)\.}}
// SYMBOLS: linkage = #llvm.linkage<external>, sym_name = "tern_model_bard"
