// RUN: tern-opt %s -convert-tern-to-kernels | FileCheck %s

#five = #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude>
#two = #tern.lookup_table<digits = 2, codes = [-8, 7], bias = 16>
#one = #tern.lookup_table<digits = 1, codes = [-8, 7], bias = 16>

module attributes {tern.target = #tern.target<triple = "riscv64", cpu = "generic", features = "">} {

// Of each digit, all entries at once.
// CHECK-LABEL: func.func @build_table(
// CHECK-SAME:    %[[CODES:.*]]: vector<1xi8>
// CHECK:         %[[BIAS:.*]] = arith.constant dense<16> : vector<4xi8>
// CHECK:         %[[DIGITS:.*]] = arith.constant dense<[-1, 0, 1, 0]> : vector<4xi8>
// CHECK:         vector.extract %[[CODES]][0] : i8 from vector<1xi8>
// CHECK:         %[[PART:.*]] = arith.muli %{{.*}}, %[[DIGITS]]
// CHECK:         arith.addi %[[PART]], %[[BIAS]]
// CHECK-NOT:     tern.
func.func @build_table(%x: vector<1xi8>) -> vector<4xi8> {
  %0 = tern.build_table #one %x : vector<1xi8> -> vector<4xi8>
  return %0 : vector<4xi8>
}

// Sixteen entries are permuted out of the codes (0 and 1), their opposites (16 and
// 17) and a zero (15).
// CHECK-LABEL: func.func @build_table_of_sixteen(
// CHECK:         %[[ZEROS:.*]] = arith.constant dense<0> : vector<16xi8>
// CHECK:         %[[OPPOSITES:.*]] = arith.subi %[[ZEROS]], %[[CODES:.*]] : vector<16xi8>
// CHECK:         %[[BIAS:.*]] = arith.constant dense<16> : vector<16xi8>
// CHECK:         %[[LOW:.*]] = vector.shuffle %[[CODES]], %[[OPPOSITES]] [16, 15, 0, 16, 15, 0, 16, 15, 0, 15, 15, 15, 15, 15, 15, 15]
// CHECK:         %[[SUM:.*]] = arith.addi %[[LOW]], %[[BIAS]]
// CHECK:         %[[HIGH:.*]] = vector.shuffle %[[CODES]], %[[OPPOSITES]] [17, 17, 17, 15, 15, 15, 1, 1, 1, 15, 15, 15, 15, 15, 15, 15]
// CHECK:         arith.addi %[[SUM]], %[[HIGH]]
// CHECK-NOT:     tern.
func.func @build_table_of_sixteen(%x: vector<2xi8>) -> vector<16xi8> {
  %0 = tern.build_table #two %x : vector<2xi8> -> vector<16xi8>
  return %0 : vector<16xi8>
}

// CHECK-LABEL: func.func @lookup_add(
// CHECK-SAME:    %[[SUMS:.*]]: vector<64xi8>, %[[TABLE:.*]]: vector<128xi8>, %[[CODES:.*]]: vector<64xi8>
// CHECK:         scf.for %[[LANE:.*]] = %c0 to %c64 step %c1 iter_args(%[[CARRIED:.*]] = %[[SUMS]])
// CHECK:           %[[CODE:.*]] = vector.extract %[[CODES]][%[[LANE]]]
// CHECK:           arith.andi %[[CODE]], %c127_i8
// CHECK:           %[[ENTRY:.*]] = vector.extract %[[TABLE]]
// CHECK:           arith.cmpi slt, %[[CODE]], %c0_i8
// CHECK:           arith.subi %c0_i8{{.*}}, %[[ENTRY]]
// CHECK:           arith.select
// CHECK:           vector.insert %{{.*}}, %[[CARRIED]] [%[[LANE]]]
func.func @lookup_add(%s: vector<64xi8>, %t: vector<128xi8>, %c: vector<64xi8>) -> vector<64xi8> {
  %0 = tern.lookup_add #five %s, %t[%c] : vector<64xi8>, vector<128xi8>, vector<64xi8>
  return %0 : vector<64xi8>
}

// CHECK-LABEL: func.func @widen(
// CHECK:         %[[WIDE:.*]] = arith.extsi %{{.*}} : vector<64xi8> to vector<64xi32>
// CHECK:         arith.addi %{{.*}}, %[[WIDE]]
// CHECK:         arith.extui %{{.*}} : vector<64xi8> to vector<64xi32>
func.func @widen(%n: vector<64xi8>, %w: vector<64xi32>) -> vector<64xi32> {
  %0 = tern.widen #five %n, %w chunk 3 groups 1383 : vector<64xi8>, vector<64xi32>
  %1 = tern.widen #five %n, %0 chunk 3 groups 1383 start 128 unsigned : vector<64xi8>, vector<64xi32>
  return %1 : vector<64xi32>
}

// CHECK-LABEL: func.func @words(
// CHECK:         %[[WORDS:.*]] = vector.bitcast %{{.*}} : vector<64xi8> to vector<32xi16>
// CHECK:         %[[TOTAL:.*]] = arith.addi %{{.*}}, %[[WORDS]]
// CHECK:         %[[HIGH:.*]] = arith.shrui %[[WORDS]]
// CHECK:         %[[ODD:.*]] = arith.addi %{{.*}}, %[[HIGH]]
// CHECK:         %[[MOVED:.*]] = arith.shli %[[ODD]]
// CHECK:         %[[EVEN:.*]] = arith.subi %[[TOTAL]], %[[MOVED]]
// CHECK:         vector.interleave %[[EVEN]], %[[ODD]]
func.func @words(%n: vector<64xi8>, %t: vector<32xi16>, %o: vector<32xi16>) -> vector<64xi16> {
  %0, %1 = tern.widen_words #five %n, %t, %o chunk 3 groups 819 start 128 : vector<64xi8>, vector<32xi16>
  %2 = tern.join_words %0, %1 : vector<32xi16> -> vector<64xi16>
  return %2 : vector<64xi16>
}

// Four digits of the first of four bytes, then of the others; the last byte is
// of their fifth digits.
// CHECK-LABEL: func.func @recode(
// CHECK-SAME:    %[[SOURCE:.*]]: vector<4x8xi8>
// CHECK:         vector.extract %[[SOURCE]][0] : vector<8xi8> from vector<4x8xi8>
// CHECK:         vector.extract %[[SOURCE]][3] : vector<8xi8> from vector<4x8xi8>
// CHECK-COUNT-5: vector.insert %{{.*}} : vector<8xi8> into vector<5x8xi8>
// CHECK-NOT:     vector.insert
// CHECK-NOT:     tern.
func.func @recode(%s5: vector<4x8xi8>) -> vector<5x8xi8> {
  %0 = tern.recode %s5 "s5" to "t4" : vector<4x8xi8> -> vector<5x8xi8>
  return %0 : vector<5x8xi8>
}

// CHECK-LABEL: func.func @split_codes(
// CHECK:         %[[HIGH:.*]] = arith.addi
// CHECK:         %[[MOVED:.*]] = arith.shli %[[HIGH]]
// CHECK:         %[[LOW:.*]] = arith.subi %{{.*}}, %[[MOVED]]
// CHECK:         return %[[HIGH]], %[[LOW]]
func.func @split_codes(%x: vector<5xi8>) -> (vector<5xi8>, vector<5xi8>) {
  %high, %low = tern.split_codes %x : vector<5xi8>
  return %high, %low : vector<5xi8>, vector<5xi8>
}

}
