// RUN: tern-opt %s | tern-opt --mlir-print-local-scope | FileCheck %s
// RUN: tern-opt %s --mlir-print-op-generic | tern-opt --mlir-print-local-scope | FileCheck %s
// RUN: tern-opt %s --emit-bytecode | tern-opt --mlir-print-local-scope | FileCheck %s

// The innermost steps of products, and what is around them, printed and read back.

#kernel = #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>

// CHECK-LABEL: func.func @micro(
// CHECK-SAME:    %[[X:.*]]: vector<1x16xi8>, %[[W:.*]]: vector<128xi8>
func.func @micro(%x: vector<1x16xi8>, %w: vector<128xi8>) -> vector<1x32xi32> {
  // CHECK: %[[ZERO:.*]] = tern.micro_begin #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1> -> vector<2x4x16xi32>
  %zero = tern.micro_begin #kernel -> vector<2x4x16xi32>
  // CHECK: %[[SUM:.*]] = tern.micro "q_proj" #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1> %[[X]], %[[W]] into %[[ZERO]] : vector<1x16xi8>, vector<128xi8> into vector<2x4x16xi32>
  %sum = tern.micro "q_proj" #kernel %x, %w into %zero : vector<1x16xi8>, vector<128xi8> into vector<2x4x16xi32>
  // CHECK: tern.micro_finish #tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1> %[[SUM]] : vector<2x4x16xi32> -> vector<1x32xi32>
  %sums = tern.micro_finish #kernel %sum : vector<2x4x16xi32> -> vector<1x32xi32>
  return %sums : vector<1x32xi32>
}

// CHECK-LABEL: func.func @prepared(
// CHECK-SAME:    %[[X:.*]]: vector<1x15xi8>
func.func @prepared(%x: vector<1x15xi8>) -> (vector<3x1x128xi8>, vector<1x1x2x32xi16>) {
  // CHECK: tern.micro_prepare #tern.lookup_groups<lanes = 64, vectors = 1, groups = 48, planes = 1, tokens = 16> %[[X]] : vector<1x15xi8> -> vector<3x1x128xi8>
  %0 = tern.micro_prepare #tern.lookup_groups<lanes = 64, vectors = 1, groups = 48, planes = 1, tokens = 16> %x : vector<1x15xi8> -> vector<3x1x128xi8>
  // CHECK: tern.micro_begin #tern.lookup_groups<{{.*}}> steps 16 -> vector<1x1x2x32xi16>
  %1 = tern.micro_begin #tern.lookup_groups<lanes = 64, vectors = 1, groups = 48, planes = 1, tokens = 16> steps 16 -> vector<1x1x2x32xi16>
  return %0, %1 : vector<3x1x128xi8>, vector<1x1x2x32xi16>
}

// CHECK-LABEL: func.func @around(
func.func @around(%q: tensor<?x192xi8>, %one: tensor<1x192xi8>, %n: tensor<1xi32>, %w: tensor<512x10x64xi8>, %row: index) -> (tensor<?x3xi32>, tensor<1x1xi32>) {
  %c0 = arith.constant 0 : index
  // CHECK: tern.sum_codes(%{{.*}}) : (tensor<?x192xi8>) -> tensor<?x3xi32>
  %0 = tern.sum_codes(%q) : (tensor<?x192xi8>) -> tensor<?x3xi32>
  // CHECK: tern.sum_codes(%{{.*}}) count(%{{.*}} : tensor<1xi32>) : (tensor<1x192xi8>) -> tensor<1x1xi32>
  %1 = tern.sum_codes(%one) count(%n : tensor<1xi32>) : (tensor<1x192xi8>) -> tensor<1x1xi32>
  // CHECK: tern.prefetch %{{.*}}[%{{.*}}, %[[C0:.*]], %[[C0]]] bytes 640 : tensor<512x10x64xi8>
  tern.prefetch %w[%row, %c0, %c0] bytes 640 : tensor<512x10x64xi8>
  return %0, %1 : tensor<?x3xi32>, tensor<1x1xi32>
}

// Kernels of all kinds.
// CHECK-LABEL: func.func private @kernels()
// CHECK-SAME:    a = #tern.contiguous_rows<dot = #tern.scalar_dot, rows = 4, tokens = 4>
// CHECK-SAME:    b = #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_256>, bits = 8, rows = 1, tokens = 1, vectors = 4>
// CHECK-SAME:    c = #tern.contiguous_columns<dot = #tern_x86.dot<vpmaddubsw_256>, first = 2, quarters = 2, tokens = 4>
// CHECK-SAME:    d = #tern.digit_by_digit<layout = <b2, rows, k:4:1, []>, tokens = 1>
// CHECK-SAME:    d1 = #tern.contiguous_rows<dot = #tern.scalar_dot, rows = 1, tokens = 1, digits = 5>
// CHECK-SAME:    d2 = #tern.contiguous_columns<dot = #tern.scalar_dot, first = 0, quarters = 4, tokens = 1, digits = 5>
// CHECK-SAME:    e = #tern.strategy<[#tern.int8_by_int8<tokens = 2>, #tern.int8_by_int8<tokens = 1>], units = 16, prefetch = 8>
func.func private @kernels() attributes {
  a = #tern.contiguous_rows<dot = #tern.scalar_dot, rows = 4, tokens = 4>,
  b = #tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_256>, bits = 8, rows = 1, tokens = 1, vectors = 4>,
  c = #tern.contiguous_columns<dot = #tern_x86.dot<vpmaddubsw_256>, first = 2, quarters = 2, tokens = 4>,
  d = #tern.digit_by_digit<layout = #tern.layout<b2, rows, k:4:1, []>, tokens = 1>,
  d1 = #tern.contiguous_rows<dot = #tern.scalar_dot, rows = 1, tokens = 1, digits = 5>,
  d2 = #tern.contiguous_columns<dot = #tern.scalar_dot, first = 0, quarters = 4, tokens = 1, digits = 5>,
  e = #tern.strategy<[#tern.int8_by_int8<tokens = 2>, #tern.int8_by_int8<tokens = 1>], units = 16, prefetch = 8>
}

// CHECK-LABEL: func.func @store(
// CHECK:         tern.micro_store #{{.*}} %{{.*}} : vector<128xi32> less %{{.*}} : tensor<?x1xi32> ins(%{{.*}} : tensor<?xf32>) outs(%{{.*}} : tensor<?x16xf32>) maps [{{.*}}] {
// CHECK-NEXT:    ^bb0(%[[SUM:.*]]: i32, %[[X:.*]]: f32):
// CHECK-NEXT:      arith.sitofp %[[SUM]]
// CHECK-NEXT:      arith.mulf %{{.*}}, %[[X]]
// CHECK-NEXT:      tern.yield %{{.*}} : f32
// CHECK-NEXT:    } -> tensor<?x16xf32>
func.func @store(%a: vector<128xi32>, %s: tensor<?x1xi32>, %x: tensor<?xf32>, %init: tensor<?x16xf32>) -> tensor<?x16xf32> {
  %r = tern.micro_store #tern_nvptx.mma<tokens = 8> %a : vector<128xi32> less %s : tensor<?x1xi32>
      ins(%x : tensor<?xf32>) outs(%init : tensor<?x16xf32>) maps [affine_map<(t, n) -> (t)>] {
  ^bb0(%sum: i32, %f: f32):
    %v = arith.sitofp %sum : i32 to f32
    %y = arith.mulf %v, %f : f32
    tern.yield %y : f32
  } -> tensor<?x16xf32>
  return %r : tensor<?x16xf32>
}

// CHECK-LABEL: func.func @scale(
// CHECK-SAME:    %[[A:.*]]: vector<128xi32>, %[[T:.*]]: vector<128xf32>, %[[J:.*]]: index
// CHECK:         %[[R:.*]] = tern.micro_scale #{{.*}} %[[A]] into %[[T]] group %[[J]] less %{{.*}} : tensor<?x2xi32> scales %{{.*}} : tensor<1x2x544xi8> in <b2, rows, k:4:8, [k:1:128, n:8:1, k:4:32, k:2:4, n:2:8, k:4:1], f16> factors %{{.*}} : tensor<?x1xf32> of 2 : vector<128xi32> into vector<128xf32>
// CHECK:         tern.micro_scale #{{.*}} %[[A]] into %[[R]] group %[[J]] scales %{{.*}} : tensor<16x2xf32> : vector<128xi32> into vector<128xf32>
func.func @scale(%a: vector<128xi32>, %t: vector<128xf32>, %j: index, %s: tensor<?x2xi32>, %w: tensor<1x2x544xi8>, %f: tensor<?x1xf32>, %m: tensor<16x2xf32>) -> vector<128xf32> {
  %0 = tern.micro_scale #tern_nvptx.mma<tokens = 8> %a into %t group %j less %s : tensor<?x2xi32> scales %w : tensor<1x2x544xi8>
      in <b2, rows, k:4:8, [k:1:128, n:8:1, k:4:32, k:2:4, n:2:8, k:4:1], f16> factors %f : tensor<?x1xf32> of 2 : vector<128xi32> into vector<128xf32>
  %1 = tern.micro_scale #tern_nvptx.mma<tokens = 8> %a into %0 group %j scales %m : tensor<16x2xf32> : vector<128xi32> into vector<128xf32>
  return %1 : vector<128xf32>
}
