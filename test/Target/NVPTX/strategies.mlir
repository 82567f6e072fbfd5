// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --split-input-file | FileCheck %s

// Warps take 32 rows of many tokens where a call of 256 has a block for each of 132
// multiprocessors then: 33 blocks of 128 rows, four of 64 tokens.

module attributes {tern.max_tokens = 256 : i64, tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">} {
  tern.weight @w <digits> ["w"] : tensor<4128x128x!tern.trit>
  // CHECK-LABEL: func.func @wide(
  // CHECK:         strategy #tern.strategy<[#tern_nvptx.mma<tokens = 64, rows = 32>], units = 2, prefetch = 0>
  func.func @wide(%x: tensor<?x128xi8>, %init: tensor<?x4128xi32>) -> tensor<?x4128xi32> {
    %w = tern.get_weight @w : tensor<4128x128x!tern.trit>
    %0 = tern.matmul "w" ins(%x, %w : tensor<?x128xi8>, tensor<4128x128x!tern.trit>)
        outs(%init : tensor<?x4128xi32>) codes [-128, 127] -> tensor<?x4128xi32>
    return %0 : tensor<?x4128xi32>
  }
}

// -----

module attributes {tern.max_tokens = 256 : i64, tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">} {
  tern.weight @w <digits> ["w"] : tensor<4096x128x!tern.trit>
  // CHECK-LABEL: func.func @narrow(
  // CHECK:         strategy #tern.strategy<[#tern_nvptx.mma<tokens = 64>], units = 1, prefetch = 0>
  func.func @narrow(%x: tensor<?x128xi8>, %init: tensor<?x4096xi32>) -> tensor<?x4096xi32> {
    %w = tern.get_weight @w : tensor<4096x128x!tern.trit>
    %0 = tern.matmul "w" ins(%x, %w : tensor<?x128xi8>, tensor<4096x128x!tern.trit>)
        outs(%init : tensor<?x4096xi32>) codes [-128, 127] -> tensor<?x4096xi32>
    return %0 : tensor<?x4096xi32>
  }
}

// -----

// Groups are made of tiles of 64 columns, and have their scales behind the digits.

module attributes {tern.max_tokens = 256 : i64, tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">} {
  tern.weight @w <digits> ["w"] : tensor<32x384x!tern.trit>
  tern.weight @s <scale> ["w"] : tensor<32x2xf16>
  // CHECK-LABEL: func.func @groups.few(
  // CHECK:         tensor<32x384x!tern.trit, #tern.layout<b2, rows, k:4:4, [k:3:64, n:8:1, k:4:16, n:2:8, k:4:1], f16>>
  // CHECK:         strategy #tern.strategy<[#tern_nvptx.mma<tokens = 16, columns = 64>, #tern_nvptx.mma<tokens = 8, columns = 64>], units = 1, prefetch = 0>
  func.func @groups.few(%x: tensor<?x384xi8>, %init: tensor<?x32xf32>) -> tensor<?x32xf32> {
    %w = tern.get_weight @w : tensor<32x384x!tern.trit>
    %s = tern.get_weight @s : tensor<32x2xf16>
    %0 = tern.matmul "w" ins(%x, %w : tensor<?x384xi8>, tensor<32x384x!tern.trit>) scales(%s : tensor<32x2xf16>)
        outs(%init : tensor<?x32xf32>) codes [-128, 127] -> tensor<?x32xf32>
    return %0 : tensor<?x32xf32>
  }
}
