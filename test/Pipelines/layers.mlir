// DEFINE: %{target} = tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">
// DEFINE: %{phases} = --tern-to-fused --tern-to-quantized --tern-to-packed --tern-to-tiled --tern-to-kernels
// DEFINE: %{numbers} = 's/layers = [0-9]+//; s/layer_stride.*/BYTES/; s/memref<[0-9]+xi8>/BYTES/g; s/%c[0-9]+/C/g; s/constant [0-9]+ : index/C/'
// RUN: sed 's|tern.model = |%{target}, &|' %S/Inputs/a48.mlir > %t.mlir
// RUN: tern-opt %t.mlir %{phases} | sed -E %{numbers} > %t.5
// RUN: sed 's/layers = 5/layers = 29/' %t.mlir | tern-opt %{phases} | sed -E %{numbers} > %t.29
// RUN: diff %t.5 %t.29
// RUN: FileCheck %s --input-file=%t.29

// Code does not grow with the number of layers: but for sizes and offsets the text
// is the same (of 30 layers two numbers that are written once would be equal by
// chance). A layer is one function, which the runtime calls for each.

// CHECK:     func.func private @layer.decode(
// CHECK-NOT: func.func private @layer.decode
// CHECK-NOT: func.call @layer.decode(
