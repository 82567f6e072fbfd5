// RUN: split-file %s %t
// RUN: tern-opt %t/v3.mlir --tern-select-strategies --mlir-print-local-scope | FileCheck %s --check-prefixes=CHECK,V3
// RUN: tern-opt %t/v4.mlir --tern-select-strategies --mlir-print-local-scope | FileCheck %s --check-prefixes=CHECK,V4
// RUN: tern-opt %t/alone.mlir --tern-select-strategies --mlir-print-local-scope | FileCheck %s --check-prefix=ALONE

// Versions of the code for vectors of 32 and of 64 bytes choose one layout for a weight
// that both read. Rows in lanes are the same bytes for both: the shorter vectors take half
// of the rows of a tile at a time. A column is a vector of the shorter ones, which the CPU
// with the longer ones has, too.

// CHECK: tern.weight @dense {{.*}} #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
// CHECK: tern.weight @columns {{.*}} #tern.layout<b2, columns, n:4:32, [n:2:4, n:4:8, n:4:1]>>
// V3: tern.matmul "dense"
// V3-SAME: <[#tern.rows_in_lanes<dot = #tern_x86.dot<vpmaddubsw_256>, vectors = 2, tokens = 1, tile = 4>]
// V4: tern.matmul "dense"
// V4-SAME: <[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>]
// CHECK: tern.matmul "columns"
// CHECK-SAME: dot = #tern_x86.dot<vpmaddubsw_256>
// V3: panel = <b8, rows, k:1:1, [n:4:8, n:8:1, k:4:1]>
// V4: panel = <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>

// ALONE: tern.weight @dense {{.*}} #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>

//--- v3.mlir

#v3 = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx,+avx2">
#v4 = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx,+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">
module attributes {tern.target = #v3, tern.version_targets = [#v4, #v3]} {
  tern.weight @dense <digits> ["d"] : tensor<256x512x!tern.trit>
  tern.weight @columns <digits> ["c"] : tensor<256x512x!tern.trit>
  func.func @products(%q: tensor<1x512xi8>, %v: tensor<1x512xi8>, %j: tensor<1x512xi32>, %n: tensor<1xi32>, %init: tensor<1x256xi32>, %qs: tensor<64x512xi8>, %inits: tensor<64x256xi32>)
      -> (tensor<1x256xi32>, tensor<1x256xi32>, tensor<64x256xi32>) {
    %d = tern.get_weight @dense : tensor<256x512x!tern.trit>
    %0 = tern.matmul "dense" ins(%q, %d : tensor<1x512xi8>, tensor<256x512x!tern.trit>)
        outs(%init : tensor<1x256xi32>) codes [-128, 127] -> tensor<1x256xi32>
    %c = tern.get_weight @columns : tensor<256x512x!tern.trit>
    %1 = tern.matmul "columns" ins(%v, %c : tensor<1x512xi8>, tensor<256x512x!tern.trit>) columns(%j, %n : tensor<1x512xi32>, tensor<1xi32>)
        outs(%init : tensor<1x256xi32>) codes [-128, 127] -> tensor<1x256xi32>
    %many = tern.get_weight @dense : tensor<256x512x!tern.trit>
    %2 = tern.matmul "dense" ins(%qs, %many : tensor<64x512xi8>, tensor<256x512x!tern.trit>)
        outs(%inits : tensor<64x256xi32>) codes [-128, 127] -> tensor<64x256xi32>
    return %0, %1, %2 : tensor<1x256xi32>, tensor<1x256xi32>, tensor<64x256xi32>
  }
}

//--- v4.mlir

#v3 = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx,+avx2">
#v4 = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "+avx,+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">
module attributes {tern.target = #v4, tern.version_targets = [#v4, #v3]} {
  tern.weight @dense <digits> ["d"] : tensor<256x512x!tern.trit>
  tern.weight @columns <digits> ["c"] : tensor<256x512x!tern.trit>
  func.func @products(%q: tensor<1x512xi8>, %v: tensor<1x512xi8>, %j: tensor<1x512xi32>, %n: tensor<1xi32>, %init: tensor<1x256xi32>, %qs: tensor<64x512xi8>, %inits: tensor<64x256xi32>)
      -> (tensor<1x256xi32>, tensor<1x256xi32>, tensor<64x256xi32>) {
    %d = tern.get_weight @dense : tensor<256x512x!tern.trit>
    %0 = tern.matmul "dense" ins(%q, %d : tensor<1x512xi8>, tensor<256x512x!tern.trit>)
        outs(%init : tensor<1x256xi32>) codes [-128, 127] -> tensor<1x256xi32>
    %c = tern.get_weight @columns : tensor<256x512x!tern.trit>
    %1 = tern.matmul "columns" ins(%v, %c : tensor<1x512xi8>, tensor<256x512x!tern.trit>) columns(%j, %n : tensor<1x512xi32>, tensor<1xi32>)
        outs(%init : tensor<1x256xi32>) codes [-128, 127] -> tensor<1x256xi32>
    %many = tern.get_weight @dense : tensor<256x512x!tern.trit>
    %2 = tern.matmul "dense" ins(%qs, %many : tensor<64x512xi8>, tensor<256x512x!tern.trit>)
        outs(%inits : tensor<64x256xi32>) codes [-128, 127] -> tensor<64x256xi32>
    return %0, %1, %2 : tensor<1x256xi32>, tensor<1x256xi32>, tensor<64x256xi32>
  }
}

//--- alone.mlir

#v3 = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx,+avx2">
module attributes {tern.target = #v3} {
  tern.weight @dense <digits> ["d"] : tensor<256x512x!tern.trit>
  tern.weight @columns <digits> ["c"] : tensor<256x512x!tern.trit>
  func.func @products(%q: tensor<1x512xi8>, %v: tensor<1x512xi8>, %j: tensor<1x512xi32>, %n: tensor<1xi32>, %init: tensor<1x256xi32>, %qs: tensor<64x512xi8>, %inits: tensor<64x256xi32>)
      -> (tensor<1x256xi32>, tensor<1x256xi32>, tensor<64x256xi32>) {
    %d = tern.get_weight @dense : tensor<256x512x!tern.trit>
    %0 = tern.matmul "dense" ins(%q, %d : tensor<1x512xi8>, tensor<256x512x!tern.trit>)
        outs(%init : tensor<1x256xi32>) codes [-128, 127] -> tensor<1x256xi32>
    %c = tern.get_weight @columns : tensor<256x512x!tern.trit>
    %1 = tern.matmul "columns" ins(%v, %c : tensor<1x512xi8>, tensor<256x512x!tern.trit>) columns(%j, %n : tensor<1x512xi32>, tensor<1xi32>)
        outs(%init : tensor<1x256xi32>) codes [-128, 127] -> tensor<1x256xi32>
    %many = tern.get_weight @dense : tensor<256x512x!tern.trit>
    %2 = tern.matmul "dense" ins(%qs, %many : tensor<64x512xi8>, tensor<256x512x!tern.trit>)
        outs(%inits : tensor<64x256xi32>) codes [-128, 127] -> tensor<64x256xi32>
    return %0, %1, %2 : tensor<1x256xi32>, tensor<1x256xi32>, tensor<64x256xi32>
  }
}
