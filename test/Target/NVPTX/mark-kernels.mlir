// RUN: tern-opt %s --tern-mark-kernels | FileCheck %s

// CHECK: llvm.func ptx_kernelcc @embed_decode_0() attributes {passthrough = {{\[}}["nvvm.reqntid", "32"], ["nvvm.minctasm", "1"]{{\]}}, tern.blocks = 1 : i64}
llvm.func @embed_decode_0() attributes {tern.blocks = 1 : i64} { llvm.return }
// Products say how many registers leave room for more blocks beside theirs.
// CHECK: llvm.func ptx_kernelcc @layer_1() attributes {passthrough = {{\[}}["nvvm.reqntid", "64"], ["nvvm.maxnreg", "80"]{{\]}}, tern.blocks = 9 : i64, tern.threads = 64 : i64}
llvm.func @layer_1() attributes {tern.blocks = 9 : i64, tern.threads = 64 : i64, tern_nvptx.registers = 80 : i64} { llvm.return }
// CHECK: llvm.func @other() {
llvm.func @other() { llvm.return }
