// RUN: tern-opt %s | tern-opt --mlir-print-local-scope | FileCheck %s
// RUN: tern-opt %s --mlir-print-op-generic | tern-opt --mlir-print-local-scope | FileCheck %s

#five = #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude>
#four = #tern.lookup_table<digits = 4, codes = [-8, 8], bias = 32>
#words = #tern.lookup_table<digits = 5, codes = [-128, 127]>

// CHECK-LABEL: func.func @split_codes(
func.func @split_codes(%x: vector<4x5xi8>) -> (vector<4x5xi8>, vector<4x5xi8>) {
  // CHECK: tern.split_codes %{{.*}} : vector<4x5xi8>
  %high, %low = tern.split_codes %x : vector<4x5xi8>
  return %high, %low : vector<4x5xi8>, vector<4x5xi8>
}

// CHECK-LABEL: func.func @build_table(
func.func @build_table(%x: vector<5xi8>, %y: vector<6x4xi8>) {
  // CHECK: tern.build_table #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %{{.*}} : vector<5xi8> -> vector<128xi8>{{$}}
  %0 = tern.build_table #five %x : vector<5xi8> -> vector<128xi8>
  // CHECK: tern.build_table #tern.lookup_table<digits = 4, codes = [-8, 8], bias = 32> %{{.*}} : vector<6x4xi8> -> vector<6x128xi8>, vector<6xi32>
  %1, %2 = tern.build_table #four %y : vector<6x4xi8> -> vector<6x128xi8>, vector<6xi32>
  // CHECK: tern.build_table #tern.lookup_table<digits = 5, codes = [-128, 127]> %{{.*}} : vector<5xi8> -> vector<256xi16>, i32
  %3, %4 = tern.build_table #words %x : vector<5xi8> -> vector<256xi16>, i32
  return
}

// CHECK-LABEL: func.func @lookup_add(
func.func @lookup_add(%s: vector<64xi8>, %t: vector<128xi8>, %c: vector<64xi8>) -> vector<64xi8> {
  // CHECK: tern.lookup_add #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %{{.*}}, %{{.*}}[%{{.*}}] : vector<64xi8>, vector<128xi8>, vector<64xi8>
  %0 = tern.lookup_add #five %s, %t[%c] : vector<64xi8>, vector<128xi8>, vector<64xi8>
  return %0 : vector<64xi8>
}

// CHECK-LABEL: func.func @lookup_add_in_bounds(
func.func @lookup_add_in_bounds(%s: vector<32xi8>, %t: vector<16xi8>, %c: vector<32xi8>) -> vector<32xi8> {
  // CHECK: tern.lookup_add #tern.lookup_table<digits = 2, codes = [-8, 8], bias = 16> %{{.*}}, %{{.*}}[%{{.*}}] in_bounds : vector<32xi8>, vector<16xi8>, vector<32xi8>
  %0 = tern.lookup_add #tern.lookup_table<digits = 2, codes = [-8, 8], bias = 16> %s, %t[%c] in_bounds : vector<32xi8>, vector<16xi8>, vector<32xi8>
  return %0 : vector<32xi8>
}

// CHECK-LABEL: func.func @widen(
func.func @widen(%n: vector<64xi8>, %w: vector<64xi32>, %h: vector<64xi16>) {
  // CHECK: tern.widen #{{.*}}sign_magnitude> %{{.*}}, %{{.*}} chunk 3 groups 1383 : vector<64xi8>, vector<64xi32>
  %0 = tern.widen #five %n, %w chunk 3 groups 1383 : vector<64xi8>, vector<64xi32>
  // CHECK: tern.widen #{{.*}}sign_magnitude> %{{.*}}, %{{.*}} chunk 3 groups 300 start 128 unsigned : vector<64xi8>, vector<64xi16>
  %1 = tern.widen #five %n, %h chunk 3 groups 300 start 128 unsigned : vector<64xi8>, vector<64xi16>
  return
}

// CHECK-LABEL: func.func @words(
func.func @words(%n: vector<64xi8>, %t: vector<32xi16>, %o: vector<32xi16>) -> vector<64xi16> {
  // CHECK: tern.widen_words #{{.*}}> %{{.*}}, %{{.*}}, %{{.*}} chunk 3 groups 819 start 128 : vector<64xi8>, vector<32xi16>
  %0, %1 = tern.widen_words #five %n, %t, %o chunk 3 groups 819 start 128 : vector<64xi8>, vector<32xi16>
  // CHECK: tern.join_words %{{.*}}, %{{.*}} : vector<32xi16> -> vector<64xi16>
  %2 = tern.join_words %0, %1 : vector<32xi16> -> vector<64xi16>
  return %2 : vector<64xi16>
}

// A chunk that is exact for some data only.
// CHECK-LABEL: func.func @bounds(
func.func @bounds(%bound: i32, %n: vector<64xi8>, %w: vector<64xi32>,
                  %t: vector<32xi16>) -> vector<64xi32> {
  %c126 = arith.constant 126 : i32
  %fits = arith.cmpi sle, %bound, %c126 : i32
  %0 = scf.if %fits -> vector<64xi32> {
    // CHECK: tern.widen #{{.*}}bias = 21> %{{.*}}, %{{.*}} chunk 6 groups 1020 unsigned bound %{{.*}} : vector<64xi8>, vector<64xi32>
    %1 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 21> %n, %w
        chunk 6 groups 1020 unsigned bound %bound : vector<64xi8>, vector<64xi32>
    // CHECK: tern.widen_words #{{.*}}bias = 21> %{{.*}}, %{{.*}}, %{{.*}} chunk 6 groups 1020 bound %{{.*}} : vector<64xi8>, vector<32xi16>
    %2, %3 = tern.widen_words #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 21> %n, %t, %t
        chunk 6 groups 1020 bound %bound : vector<64xi8>, vector<32xi16>
    scf.yield %1 : vector<64xi32>
  } else {
    %1 = tern.widen #four %n, %w chunk 3 groups 1020 unsigned : vector<64xi8>, vector<64xi32>
    scf.yield %1 : vector<64xi32>
  }
  return %0 : vector<64xi32>
}

// Other ways to say the same: greater on the other side, less than, a constant.
func.func @bounds_otherwise(%bound: i32, %n: vector<16xi8>, %w: vector<16xi32>) {
  %c127 = arith.constant 127 : i32
  %c128 = arith.constant 128 : i32
  %c100 = arith.constant 100 : i32
  %0 = arith.cmpi uge, %c127, %bound : i32
  scf.if %0 {
    %1 = tern.widen #five %n, %w chunk 4 groups 8 bound %bound : vector<16xi8>, vector<16xi32>
  }
  %2 = arith.cmpi slt, %bound, %c128 : i32
  scf.if %2 {
    scf.if %0 {
      %3 = tern.widen #five %n, %w chunk 4 groups 8 bound %bound : vector<16xi8>, vector<16xi32>
    }
  }
  %4 = tern.widen #five %n, %w chunk 4 groups 8 bound %c100 : vector<16xi8>, vector<16xi32>
  return
}

// CHECK-LABEL: func.func @recode(
func.func @recode(%s5: vector<8x64xi8>, %t4: vector<3x16xi8>) {
  // CHECK: tern.recode %{{.*}} "s5" to "t4" : vector<8x64xi8> -> vector<10x64xi8>
  %0 = tern.recode %s5 "s5" to "t4" : vector<8x64xi8> -> vector<10x64xi8>
  // CHECK: tern.recode %{{.*}} "t4" to "b2" : vector<3x16xi8> -> vector<3x16xi8>
  %1 = tern.recode %t4 "t4" to "b2" : vector<3x16xi8> -> vector<3x16xi8>
  return
}

// CHECK-LABEL: func.func @numbers(
func.func @numbers(%words: vector<5x16xi8>) {
  // CHECK: tern.gather_numbers %{{.*}} "t3p5" : vector<5x16xi8> -> vector<8x16xi8>
  %0 = tern.gather_numbers %words "t3p5" : vector<5x16xi8> -> vector<8x16xi8>
  return
}
