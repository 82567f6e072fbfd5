// RUN: tern-opt %s --tern-mark-kernels | FileCheck %s

// CHECK: llvm.func ptx_kernelcc @embed_decode_0() attributes {passthrough = {{\[}}["nvvm.reqntid", "32"], ["nvvm.minctasm", "1"]{{\]}}, tern.blocks = 1 : i64}
llvm.func @embed_decode_0() attributes {tern.blocks = 1 : i64} { llvm.return }
// Products have room for more blocks beside theirs; of many tokens for fewer.
// CHECK: llvm.func ptx_kernelcc @layer_1(%{{.*}}: i32) attributes {passthrough = {{\[}}["nvvm.reqntid", "64"], ["nvvm.maxnreg", "64"]{{\]}}
llvm.func @layer_1(%a: i32) attributes {tern.blocks = 9 : i64, tern.threads = 64 : i64} {
  llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"(%a, %a, %a, %a, %a, %a, %a, %a, %a, %a)
    : (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
  llvm.return
}
// CHECK: llvm.func ptx_kernelcc @layer_2(%{{.*}}: i32) attributes {passthrough = {{\[}}["nvvm.reqntid", "128"], ["nvvm.maxnreg", "232"]{{\]}}
llvm.func @layer_2(%a: i32) attributes {tern.blocks = 9 : i64, tern.rows_per_block = 64 : i64, tern.threads = 128 : i64} {
  llvm.call_intrinsic "llvm.nvvm.mma.m16n8k32.row.col.u8.s8"(%a, %a, %a, %a, %a, %a, %a, %a, %a, %a)
    : (i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> !llvm.struct<(i32, i32, i32, i32)>
  llvm.return
}
// CHECK: llvm.func @other() {
llvm.func @other() { llvm.return }
