// RUN: tern-opt %s --tern-select-strategies --mlir-print-local-scope --split-input-file --mlir-print-local-scope | FileCheck %s

// Lanes of the vectors: eight with AVX2, sixteen with AVX-512 VNNI, all of whose
// features must be there.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "+avx2,+fma">} {
  tern.weight @dense <digits> ["d"] : tensor<31x79x!tern.trit>
  tern.weight @rows <digits> ["r"] : tensor<17x65x!tern.trit>
  tern.weight @columns <digits> ["c"] : tensor<17x65x!tern.trit>
  func.func @eight_lanes(%q: tensor<1x65xi8>, %p: tensor<1x79xi8>, %i: tensor<1x17xi32>, %j: tensor<1x68xi32>, %v: tensor<1x68xi8>, %n: tensor<1xi32>, %init: tensor<1x31xi32>, %init1: tensor<1x17xi32>, %init2: tensor<1x17xi32>)
      -> (tensor<1x31xi32>, tensor<1x17xi32>, tensor<1x17xi32>) {
    %d = tern.get_weight @dense : tensor<31x79x!tern.trit>
    %0 = tern.matmul "dense" ins(%p, %d : tensor<1x79xi8>, tensor<31x79x!tern.trit>)
        outs(%init : tensor<1x31xi32>) codes [-128, 127] -> tensor<1x31xi32>
    %r = tern.get_weight @rows : tensor<17x65x!tern.trit>
    %1 = tern.matmul "rows" ins(%q, %r : tensor<1x65xi8>, tensor<17x65x!tern.trit>) rows(%i, %n : tensor<1x17xi32>, tensor<1xi32>)
        outs(%init1 : tensor<1x17xi32>) codes [-128, 127] -> tensor<1x17xi32>
    %c = tern.get_weight @columns : tensor<17x65x!tern.trit>
    %2 = tern.matmul "columns" ins(%v, %c : tensor<1x68xi8>, tensor<17x65x!tern.trit>) columns(%j, %n : tensor<1x68xi32>, tensor<1xi32>)
        outs(%init2 : tensor<1x17xi32>) codes [-128, 127] -> tensor<1x17xi32>
    return %0, %1, %2 : tensor<1x31xi32>, tensor<1x17xi32>, tensor<1x17xi32>
  }
}
// CHECK:       tern.weight @dense {{.*}}, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>
// CHECK:       tern.weight @rows {{.*}}, #tern.layout<b2, rows, k:4:32, [k:32:1]>>
// CHECK:       tern.weight @columns {{.*}}, #tern.layout<b2, columns, n:4:32, [n:2:4, n:4:8, n:4:1]>>
// CHECK-LABEL: func.func @eight_lanes(
// CHECK:         tern.matmul "dense" ins({{.*}} : tensor<1x80xi8>, tensor<2x5x64xi8>) {{.*}} -> tensor<1x32xi32>
// CHECK:         tern.matmul "rows" ins({{.*}} : tensor<1x128xi8>, tensor<17x1x32xi8>) {{.*}} -> tensor<1x17xi32>
// CHECK:         tern.matmul "columns" ins({{.*}} : tensor<1x68xi8>, tensor<65x1x32xi8>) columns({{.*}} -> tensor<1x128xi32>

// -----

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
  // CHECK: tern.weight @w {{.*}}, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
  tern.weight @w <digits> ["w"] : tensor<17x65x!tern.trit>
  func.func @sixteen_lanes() {
    %w = tern.get_weight @w : tensor<17x65x!tern.trit>
    return
  }
}

// -----

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vnni">} {
  // CHECK: tern.weight @w {{.*}}, #tern.layout<b2, rows, k:4:4, [n:2:8, n:8:1, k:4:1]>>
  tern.weight @w <digits> ["w"] : tensor<17x65x!tern.trit>
  func.func @no_vl() {
    %w = tern.get_weight @w : tensor<17x65x!tern.trit>
    return
  }
}

// -----

// Permutes of bytes: int4 codes take one lookup for five digits, so 1.6 bits a digit
// pay; int8 codes take two, which pay for larger weights. Lists of fields of two bits
// are faster.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi,+sse4a">} {
  // CHECK: tern.weight @int4 {{.*}}, #tern.layout<s5, columns, k:5:1, [k:48:5, n:2:64, n:64:1]>>
  // CHECK: tern.weight @int8 {{.*}}, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
  // CHECK: tern.weight @large {{.*}}, #tern.layout<s5, columns, k:5:1, [k:48:5, n:2:64, n:64:1]>>
  // CHECK: tern.weight @rows {{.*}}, #tern.layout<b2, rows, k:4:64, [k:64:1]>>
  tern.weight @int4 <digits> ["a"] : tensor<2560x2560x!tern.trit>
  tern.weight @int8 <digits> ["b"] : tensor<2560x2560x!tern.trit>
  tern.weight @large <digits> ["l"] : tensor<6912x2560x!tern.trit>
  tern.weight @rows <digits> ["r"] : tensor<2560x2560x!tern.trit>
  // CHECK-LABEL: func.func @permutes(
  // CHECK:         tern.matmul "int4" {{.*}} strategy #tern.strategy<[#tern.lookup_groups<lanes = 64, vectors = 2, groups = 48, planes = 1, tokens = 1>], units = 1, prefetch = 0>
  // CHECK:         tern.matmul "rows" {{.*}}rows(%{{.*}}#tern.contiguous_rows<{{.*}}prefetch = 16>
  // CHECK:         tern.matmul "large" {{.*}}planes = 2
  func.func @permutes(%q: tensor<1x2560xi8>, %i: tensor<1x2560xi32>, %j: tensor<1x2560xi32>, %list: tensor<1x2560xi32>, %n: tensor<1xi32>, %k: tensor<1x2560xi32>, %m: tensor<1x6912xi32>)
      -> (tensor<1x2560xi32>, tensor<1x2560xi32>, tensor<1x6912xi32>, tensor<1x2560xi32>) {
    %a = tern.get_weight @int4 : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "int4" ins(%q, %a : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%i : tensor<1x2560xi32>) codes [-8, 7] -> tensor<1x2560xi32>
    %b = tern.get_weight @int8 : tensor<2560x2560x!tern.trit>
    %1 = tern.matmul "int8" ins(%q, %b : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%j : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    %r = tern.get_weight @rows : tensor<2560x2560x!tern.trit>
    %2 = tern.matmul "rows" ins(%q, %r : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>) rows(%list, %n : tensor<1x2560xi32>, tensor<1xi32>)
        outs(%k : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    %l = tern.get_weight @large : tensor<6912x2560x!tern.trit>
    %3 = tern.matmul "large" ins(%q, %l : tensor<1x2560xi8>, tensor<6912x2560x!tern.trit>)
        outs(%m : tensor<1x6912xi32>) codes [-128, 127] -> tensor<1x6912xi32>
    return %0, %1, %3, %2 : tensor<1x2560xi32>, tensor<1x2560xi32>, tensor<1x6912xi32>, tensor<1x2560xi32>
  }
}

// -----

// For many tokens of int4, panels of groups of four: as many vectors of rows as divide
// the weight's.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi,+sse4a">} {
  tern.weight @int4 <digits> ["a"] : tensor<3840x2560x!tern.trit>
  // CHECK-LABEL: func.func @many(
  // CHECK:         tern.matmul "int4" {{.*}}lookup_groups<lanes = 64, vectors = 6, groups = 36, planes = 1, tokens = 32, codec = "t4">], units = 1, prefetch = 0, panel = <t4, rows, k:4:1, [k:3:4, n:6:64, n:64:1]>>
  func.func @many(%q: tensor<?x2560xi8>, %i: tensor<?x3840xi32>) -> tensor<?x3840xi32> {
    %a = tern.get_weight @int4 : tensor<3840x2560x!tern.trit>
    %0 = tern.matmul "int4" ins(%q, %a : tensor<?x2560xi8>, tensor<3840x2560x!tern.trit>)
        outs(%i : tensor<?x3840xi32>) codes [-8, 7] -> tensor<?x3840xi32>
    return %0 : tensor<?x3840xi32>
  }
}

// -----

// One token has a list of the columns that are not zero, a sixth of them; of many tokens,
// groups of four that are not all zero are looked up.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi,+sse4a">, tern.max_tokens = 128 : i64} {
  tern.weight @down <digits> ["a"] : tensor<2560x6912x!tern.trit>
  // CHECK-LABEL: func.func @listed(
  // CHECK:         tern.matmul "down" {{.*}} columns(
  // CHECK:         tern.matmul "down" {{.*}}[#tern.listed_groups<lanes = 64, vectors = 4, groups = 72, planes = 2, tokens = 32>], units = 1, prefetch = 0, panel = <t4, rows, k:4:1, [n:4:64, n:64:1]>>
  func.func @listed(%v: tensor<1x6912xi8>, %j: tensor<1x6912xi32>, %n: tensor<1xi32>, %i: tensor<1x2560xi32>, %q: tensor<?x6912xi8>, %k: tensor<?x2560xi32>) -> (tensor<1x2560xi32>, tensor<?x2560xi32>) {
    %a = tern.get_weight @down : tensor<2560x6912x!tern.trit>
    %0 = tern.matmul "down" ins(%v, %a : tensor<1x6912xi8>, tensor<2560x6912x!tern.trit>) columns(%j, %n : tensor<1x6912xi32>, tensor<1xi32>)
        outs(%i : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    %1 = tern.matmul "down" ins(%q, %a : tensor<?x6912xi8>, tensor<2560x6912x!tern.trit>)
        outs(%k : tensor<?x2560xi32>) codes [-128, 127] -> tensor<?x2560xi32>
    return %0, %1 : tensor<1x2560xi32>, tensor<?x2560xi32>
  }
}

// -----

// Where permutes take twice as long, products are as fast.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512fp16,+avx512vbmi">} {
  tern.weight @int4 <digits> ["a"] : tensor<3840x2560x!tern.trit>
  // CHECK-LABEL: func.func @slow_permutes(
  // CHECK:         tern.matmul "int4" {{.*}}panel = <b8, rows,
  func.func @slow_permutes(%q: tensor<?x2560xi8>, %i: tensor<?x3840xi32>) -> tensor<?x3840xi32> {
    %a = tern.get_weight @int4 : tensor<3840x2560x!tern.trit>
    %0 = tern.matmul "int4" ins(%q, %a : tensor<?x2560xi8>, tensor<3840x2560x!tern.trit>)
        outs(%i : tensor<?x3840xi32>) codes [-8, 7] -> tensor<?x3840xi32>
    return %0 : tensor<?x3840xi32>
  }
}

// -----

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
  // CHECK: tern.weight @int4 {{.*}}, #tern.layout<b2, rows,
  tern.weight @int4 <digits> ["a"] : tensor<2560x2560x!tern.trit>
  func.func @no_permutes(%q: tensor<1x2560xi8>, %i: tensor<1x2560xi32>) -> tensor<1x2560xi32> {
    %a = tern.get_weight @int4 : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "int4" ins(%q, %a : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%i : tensor<1x2560xi32>) codes [-8, 7] -> tensor<1x2560xi32>
    return %0 : tensor<1x2560xi32>
  }
}

// -----

// Where a core reads little of memory and the features are not AMD's, groups of five
// digits in rows, of which both a list and a stream are asked for ahead.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+avx512vbmi">} {
  // CHECK: tern.weight @int8 {{.*}}, #tern.layout<s5, rows, k:5:64, [k:64:1]>>
  // CHECK: tern.weight @rows {{.*}}, #tern.layout<s5, rows, k:5:64, [k:64:1]>>
  tern.weight @int8 <digits> ["b"] : tensor<2560x2560x!tern.trit>
  tern.weight @rows <digits> ["r"] : tensor<2560x2560x!tern.trit>
  tern.weight @head <upper_bits> ["h"] : tensor<2560x2560xi6>
  // CHECK-LABEL: func.func @narrow_memory(
  // CHECK:         tern.matmul "int8" {{.*}}#tern.contiguous_rows<{{.*}}prefetch = 4096>
  // CHECK:         tern.matmul "rows" {{.*}}rows(%{{.*}}#tern.contiguous_rows<{{.*}}prefetch = 8>
  // CHECK:         tern.matmul "head" {{.*}}#tern.integer_rows<{{.*}}prefetch = 4096>
  func.func @narrow_memory(%q: tensor<1x2560xi8>, %j: tensor<1x2560xi32>, %list: tensor<1x2560xi32>, %n: tensor<1xi32>, %k: tensor<1x2560xi32>, %l: tensor<1x2560xi32>)
      -> (tensor<1x2560xi32>, tensor<1x2560xi32>, tensor<1x2560xi32>) {
    %b = tern.get_weight @int8 : tensor<2560x2560x!tern.trit>
    %1 = tern.matmul "int8" ins(%q, %b : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%j : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    %r = tern.get_weight @rows : tensor<2560x2560x!tern.trit>
    %2 = tern.matmul "rows" ins(%q, %r : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>) rows(%list, %n : tensor<1x2560xi32>, tensor<1xi32>)
        outs(%k : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    %h = tern.get_weight @head : tensor<2560x2560xi6>
    %3 = tern.matmul "head" ins(%q, %h : tensor<1x2560xi8>, tensor<2560x2560xi6>)
        outs(%l : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    return %1, %2, %3 : tensor<1x2560xi32>, tensor<1x2560xi32>, tensor<1x2560xi32>
  }
}

// -----

// CPUs of unknown make are asked 1 KiB ahead, which AMD's are not.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni">} {
  tern.weight @w <digits> ["w"] : tensor<2560x2560x!tern.trit>
  // CHECK-LABEL: func.func @unknown_512(
  // CHECK:         tern.matmul "w" {{.*}}dot = #tern_x86.dot<vpdpbusd_512>{{.*}}prefetch = 1024>
  func.func @unknown_512(%q: tensor<1x2560xi8>, %i: tensor<1x2560xi32>) -> tensor<1x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "w" ins(%q, %w : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%i : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    return %0 : tensor<1x2560xi32>
  }
}

// -----

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2">} {
  tern.weight @w <digits> ["w"] : tensor<2560x2560x!tern.trit>
  // CHECK-LABEL: func.func @unknown_256(
  // CHECK:         tern.matmul "w" {{.*}}dot = #tern_x86.dot<vpmaddubsw_256>{{.*}}prefetch = 1024>
  func.func @unknown_256(%q: tensor<1x2560xi8>, %i: tensor<1x2560xi32>) -> tensor<1x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "w" ins(%q, %w : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%i : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    return %0 : tensor<1x2560xi32>
  }
}

// -----

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+sse4a">} {
  tern.weight @w <digits> ["w"] : tensor<2560x2560x!tern.trit>
  // CHECK-LABEL: func.func @amd_256(
  // CHECK:         tern.matmul "w" {{.*}}dot = #tern_x86.dot<vpmaddubsw_256>{{.*}}prefetch = 0>
  func.func @amd_256(%q: tensor<1x2560xi8>, %i: tensor<1x2560xi32>) -> tensor<1x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "w" ins(%q, %w : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%i : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    return %0 : tensor<1x2560xi32>
  }
}

// -----

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x", features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+sse4a">} {
  tern.weight @w <digits> ["w"] : tensor<2560x2560x!tern.trit>
  // CHECK-LABEL: func.func @amd_512(
  // CHECK:         tern.matmul "w" {{.*}}dot = #tern_x86.dot<vpdpbusd_512>{{.*}}prefetch = 0>
  func.func @amd_512(%q: tensor<1x2560xi8>, %i: tensor<1x2560xi32>) -> tensor<1x2560xi32> {
    %w = tern.get_weight @w : tensor<2560x2560x!tern.trit>
    %0 = tern.matmul "w" ins(%q, %w : tensor<1x2560xi8>, tensor<2560x2560x!tern.trit>)
        outs(%i : tensor<1x2560xi32>) codes [-128, 127] -> tensor<1x2560xi32>
    return %0 : tensor<1x2560xi32>
  }
}
