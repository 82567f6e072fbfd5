// RUN: tern-opt %s -split-input-file -verify-diagnostics -tern-carry-tiles | FileCheck %s

// Tiles are carried as they are, vectors that are no tiles stay. Zeros are in front of the
// loop.
// CHECK-LABEL: func.func @loop(
// CHECK:         arith.index_cast
// CHECK:         %[[ZERO:.*]] = amx.tile_zero
// CHECK-NEXT:    %[[ONE:.*]] = amx.tile_zero
// CHECK-NEXT:    %[[END:.*]]:3 = scf.for {{.*}} iter_args(%[[A:.*]] = %[[ZERO]], %[[B:.*]] = %[[ONE]], %[[V:.*]] = %{{.*}}) -> (!amx.tile<16x16xi32>, !amx.tile<16x16xi32>, vector<16xi32>)
// CHECK:           %[[LOADED:.*]] = amx.tile_load
// CHECK:           %[[NEXT:.*]] = amx.tile_muli %[[LOADED]], %[[LOADED]], %[[A]]
// CHECK:           scf.yield %[[NEXT]], %[[B]], %[[V]]
// CHECK:         amx.tile_store %{{.*}}, %[[END]]#0
// CHECK-NOT:     builtin.unrealized_conversion_cast
func.func @loop(%x: memref<16x64xi8>, %sums: memref<16x16xi32>, %v: vector<16xi32>, %count: i64) -> vector<16xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = amx.tile_zero : !amx.tile<16x16xi32>
  %one = amx.tile_zero : !amx.tile<16x16xi32>
  %begun = builtin.unrealized_conversion_cast %zero, %one : !amx.tile<16x16xi32>, !amx.tile<16x16xi32> to vector<1x2x16x16xi32>
  %n = arith.index_cast %count : i64 to index
  %end:2 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %begun, %w = %v) -> (vector<1x2x16x16xi32>, vector<16xi32>) {
    %t:2 = builtin.unrealized_conversion_cast %a : vector<1x2x16x16xi32> to !amx.tile<16x16xi32>, !amx.tile<16x16xi32>
    %y = amx.tile_load %x[%c0, %c0] : memref<16x64xi8> into !amx.tile<16x64xi8>
    %next = amx.tile_muli %y, %y, %t#0 : !amx.tile<16x64xi8>, !amx.tile<16x64xi8>, !amx.tile<16x16xi32>
    %joined = builtin.unrealized_conversion_cast %next, %t#1 : !amx.tile<16x16xi32>, !amx.tile<16x16xi32> to vector<1x2x16x16xi32>
    scf.yield %joined, %w : vector<1x2x16x16xi32>, vector<16xi32>
  }
  %s:2 = builtin.unrealized_conversion_cast %end#0 : vector<1x2x16x16xi32> to !amx.tile<16x16xi32>, !amx.tile<16x16xi32>
  amx.tile_store %sums[%c0, %c0], %s#0 : memref<16x16xi32>, !amx.tile<16x16xi32>
  return %end#1 : vector<16xi32>
}

// -----

// Without tiles nothing is looked at.
// CHECK-LABEL: func.func @vectors(
// CHECK:         scf.for {{.*}} -> (vector<1x2x16x16xi32>)
func.func @vectors(%v: vector<1x2x16x16xi32>, %n: index) -> vector<1x2x16x16xi32> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = scf.for %i = %c0 to %n step %c1 iter_args(%a = %v) -> (vector<1x2x16x16xi32>) {
    scf.yield %a : vector<1x2x16x16xi32>
  }
  return %0 : vector<1x2x16x16xi32>
}

// -----

func.func @returned() -> vector<1x1x16x16xi32> {
  %zero = amx.tile_zero : !amx.tile<16x16xi32>
  // expected-error @+1 {{expected tiles of sums to be carried by loops and conditions only}}
  %begun = builtin.unrealized_conversion_cast %zero : !amx.tile<16x16xi32> to vector<1x1x16x16xi32>
  return %begun : vector<1x1x16x16xi32>
}
