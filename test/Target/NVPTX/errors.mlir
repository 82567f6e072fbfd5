// RUN: tern-opt %s --tern-vectors-to-lanes --split-input-file --verify-diagnostics

func.func @rows(%x: memref<4x96xi8>, %y: memref<4x96xi8, 3>, %i: index) {
  // expected-error @below {{expected rows of a multiple of 16 bytes, got 40}}
  tern_nvptx.copy %x[%i, %i] to %y[%i, %i] rows 4 width 40 count %i : memref<4x96xi8>, memref<4x96xi8, 3>
  return
}

// -----

func.func @space(%x: memref<4x96xi8>, %i: index) {
  // expected-error @below {{expected shared memory, memory space 3, got 'memref<4x96xi8>'}}
  tern_nvptx.copy %x[%i, %i] to %x[%i, %i] rows 4 width 32 count %i : memref<4x96xi8>, memref<4x96xi8>
  return
}

// -----

func.func @warps() attributes {tern.blocks = 1 : i64, tern.threads = 64 : i64} {
  // expected-error @below {{expected 2 warps as elsewhere in the block}}
  tern_nvptx.each_warp of 4 {
  ^bb0(%warp: index):
  }
  return
}

// -----

func.func @many() {
  // expected-error @below {{expected 1 to 32 warps, got 33}}
  tern_nvptx.each_warp of 33 {
  ^bb0(%warp: index):
  }
  return
}

// -----

// expected-error @below {{expected operations with a form for warps}}
func.func @alone(%x: memref<64xi8>, %f: i8) attributes {tern.blocks = 1 : i64} {
  tern_nvptx.each_warp of 2 {
  ^bb0(%warp: index):
    %old = memref.atomic_rmw addi %f, %x[%warp] : (i8, memref<64xi8>) -> i8
    memref.store %old, %x[%warp] : memref<64xi8>
  }
  return
}

// -----

// expected-error @below {{expected 1, 8, 16 or 64 tokens, got 4}}
func.func @tokens() attributes {kernel = #tern_nvptx.mma<tokens = 4>} { return }

// -----

// expected-error @below {{expected 16 rows, or 32 of 64 tokens, got 32}}
func.func @rows() attributes {kernel = #tern_nvptx.mma<tokens = 8, rows = 32>} { return }

// -----

func.func @store(%a: vector<512xi32>, %out: memref<1x32xi32>) {
  // expected-error @below {{expected a destination of the kernel's 16 rows and up to 1 tokens, got 'memref<1x32xi32>'}}
  tern.micro_store #tern_nvptx.mma<tokens = 1> %a : vector<512xi32> outs(%out : memref<1x32xi32>) maps [] {
  ^bb0(%sum: i32):
    tern.yield %sum : i32
  }
  return
}

// -----

func.func @body(%a: vector<512xi32>, %x: memref<1xf32>, %out: memref<1x16xi32>) {
  // expected-error @below {{expected a body that takes a sum and an element of each input}}
  tern.micro_store #tern_nvptx.mma<tokens = 1> %a : vector<512xi32> ins(%x : memref<1xf32>) outs(%out : memref<1x16xi32>) maps [affine_map<(d0, d1) -> (d0)>] {
  ^bb0(%sum: i32):
    tern.yield %sum : i32
  }
  return
}

// -----

func.func @maps(%a: vector<512xi32>, %x: memref<1xf32>, %out: memref<1x16xi32>) {
  // expected-error @below {{expected a map for each of 1 inputs, got 0}}
  tern.micro_store #tern_nvptx.mma<tokens = 1> %a : vector<512xi32> ins(%x : memref<1xf32>) outs(%out : memref<1x16xi32>) maps [] {
  ^bb0(%sum: i32, %y: f32):
    tern.yield %sum : i32
  }
  return
}

// -----

// expected-error @below {{expected 128 columns, or 64 or 32 of digits, got 96}}
func.func @columns() attributes {kernel = #tern_nvptx.mma<tokens = 8, columns = 96>} { return }

// -----

func.func @finish(%a: vector<512xi32>) -> vector<1x16xi32> {
  // expected-error @below {{expected a kernel whose sums are not stored where they are, got #tern_nvptx.mma<tokens = 1>}}
  %s = tern.micro_finish #tern_nvptx.mma<tokens = 1> %a : vector<512xi32> -> vector<1x16xi32>
  return %s : vector<1x16xi32>
}

// -----

func.func @scale(%a: vector<1x8xi32>, %t: vector<8xf32>, %s: memref<8x2xf32>, %j: index) -> vector<8xf32> {
  // expected-error @below {{expected a kernel that stores sums, got #tern.}}
  %r = tern.micro_scale #tern.narrow_rows<rows = 8, tokens = 1> %a into %t group %j scales %s : memref<8x2xf32> : vector<1x8xi32> into vector<8xf32>
  return %r : vector<8xf32>
}

// -----

func.func @total(%a: vector<512xi32>, %t: vector<16xf32>, %s: memref<16x2xf32>, %j: index) -> vector<16xf32> {
  // expected-error @below {{expected scaled sums of type 'vector<128xf32>', as the kernel has, got 'vector<16xf32>'}}
  %r = tern.micro_scale #tern_nvptx.mma<tokens = 1> %a into %t group %j scales %s : memref<16x2xf32> : vector<512xi32> into vector<16xf32>
  return %r : vector<16xf32>
}
