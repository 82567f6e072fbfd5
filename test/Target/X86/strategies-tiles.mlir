// RUN: tern-opt %s --split-input-file --tern-select-strategies --mlir-print-local-scope | FileCheck %s

// Many tokens on AMX: 32 and 16 of them in tiles, what these leave in vectors, all from the
// panel that vectors have. One token and two to sixteen have no tiles.

module attributes {tern.max_tokens = 256 : i64, tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+amx-tile,+amx-int8">} {
  tern.weight @w <digits> ["w"] : tensor<2560x2560x!tern.trit>

// CHECK-LABEL: func.func @decode(
// CHECK:         tern.matmul {{.*}}strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>]
  func.func @decode(%x: tensor<1x2560xi8>, %init: tensor<1x2560xi32>) -> tensor<1x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%init : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    return %0 : tensor<1x2560xi32>
  }

// CHECK-LABEL: func.func @decode.few(
// CHECK-NOT:     #tern_x86.tiles
// CHECK-LABEL: func.func @prefill(
// CHECK:         tern.matmul
// CHECK-SAME:      strategy #tern.strategy<[#tern_x86.tiles<panel = 4, first = 0, vectors = 2, tokens = 32>, #tern_x86.tiles<panel = 4, first = 0, vectors = 4, tokens = 16>,
// CHECK-SAME:        #tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 4, tokens = 6>
// CHECK-SAME:        panel = <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>>
  func.func @decode.few(%x: tensor<?x2560xi8>, %init: tensor<?x2560xi32>) -> tensor<?x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%init : tensor<?x2560xi32>) codes [-128, 127] -> tensor<?x2560xi32>
    return %0 : tensor<?x2560xi32>
  }
  func.func @prefill(%x: tensor<?x2560xi8>, %init: tensor<?x2560xi32>) -> tensor<?x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%init : tensor<?x2560xi32>) codes [-128, 127] -> tensor<?x2560xi32>
    return %0 : tensor<?x2560xi32>
  }
}

// -----

// Of 1.6 bits a digit too, where decode wants them.

module attributes {tern.max_tokens = 256 : i64, tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi,+amx-tile,+amx-int8">} {
  tern.weight @w <digits> ["w"] : tensor<2560x2560x!tern.trit>

// CHECK-LABEL: func.func @groups_decode(
// CHECK:         strategy #tern.strategy<[#tern.lookup_groups<
// CHECK-LABEL: func.func @groups_prefill(
// CHECK:         strategy #tern.strategy<[#tern_x86.tiles<panel = 4, first = 0, vectors = 2, tokens = 32>
  func.func @groups_decode(%x: tensor<1x2560xi8>, %init: tensor<1x2560xi32>) -> tensor<1x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%x, %w : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%init : tensor<1x2560xi32>) codes [-8, 7] -> tensor<1x2560xi32>
    return %0 : tensor<1x2560xi32>
  }
  func.func @groups_prefill(%x: tensor<?x2560xi8>, %init: tensor<?x2560xi32>) -> tensor<?x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%init : tensor<?x2560xi32>) codes [-8, 7] -> tensor<?x2560xi32>
    return %0 : tensor<?x2560xi32>
  }
}
