// RUN: tern-opt %s --split-input-file --verify-diagnostics

// Operations of LookupOps.td, one rule per case.

// expected-error @+1 {{expected a group of 1 to 5 digits, got 6}}
module attributes {tern.a = #tern.lookup_table<digits = 6, codes = [-8, 7]>} {}

// -----

// expected-error @+1 {{expected a range of signed bytes around 0, got [-200, 7]}}
module attributes {tern.a = #tern.lookup_table<digits = 4, codes = [-200, 7]>} {}

// -----

// expected-error @+1 {{expected a range of signed bytes around 0, got [1, 7]}}
module attributes {tern.a = #tern.lookup_table<digits = 4, codes = [1, 7]>} {}

// -----

// expected-error @+1 {{expected a bias from 0 to 255, got 256}}
module attributes {tern.a = #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 256>} {}

// -----

// expected-error @+1 {{expected 'bias'}}
module attributes {tern.a = #tern.lookup_table<digits = 4, codes = [-8, 7], sign>} {}

// -----

// expected-error @+1 {{expected no bias in entries that a sign negates, got 32}}
#table = #tern.lookup_table<digits = 4, codes = [-8, 7], sign_magnitude, bias = 32>

// -----

func.func @digits(%x: vector<4xi8>) {
  // expected-error @+1 {{expected codes of 5 lanes, as a group has digits, got 4}}
  %0 = tern.build_table #tern.lookup_table<digits = 5, codes = [-8, 7]> %x : vector<4xi8> -> vector<256xi8>
  return
}

// -----

func.func @entries(%x: vector<5xi8>) {
  // expected-error @+1 {{expected a table of 128 lanes, as its entries need, got 256}}
  %0 = tern.build_table #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %x : vector<5xi8> -> vector<256xi8>
  return
}

// -----

func.func @groups(%x: vector<6x4xi8>) {
  // expected-error @+1 {{expected a table for each group of codes, got 'vector<5x128xi8>' for 'vector<6x4xi8>'}}
  %0 = tern.build_table #tern.lookup_table<digits = 4, codes = [-8, 7]> %x : vector<6x4xi8> -> vector<5x128xi8>
  return
}

// -----

func.func @wide_entries(%x: vector<5xi8>) {
  // expected-error @+1 {{expected entries of more than 8 bits, because a sum may be 640, got 'i8'}}
  %0 = tern.build_table #tern.lookup_table<digits = 5, codes = [-128, 127]> %x : vector<5xi8> -> vector<256xi8>
  return
}

// -----

func.func @magnitudes(%x: vector<6x4xi8>) {
  // expected-error @+1 {{expected magnitudes of type 'vector<6xi32>', one for each group, got 'i32'}}
  %0, %1 = tern.build_table #tern.lookup_table<digits = 4, codes = [-8, 7]> %x : vector<6x4xi8> -> vector<6x128xi8>, i32
  return
}

// -----

func.func @table_of_lookup(%s: vector<16xi8>, %t: vector<32xi8>, %c: vector<16xi8>) {
  // expected-error @+1 {{expected a table of 128 lanes, as its entries need, got 32}}
  %0 = tern.lookup_add #tern.lookup_table<digits = 4, codes = [-8, 7]> %s, %t[%c] : vector<16xi8>, vector<32xi8>, vector<16xi8>
  return
}

// -----

func.func @codes_of_lookup(%s: vector<16xi8>, %t: vector<128xi8>, %c: vector<8xi8>) {
  // expected-error @+1 {{expected codes of 16 lanes, as there are sums, got 8}}
  %0 = tern.lookup_add #tern.lookup_table<digits = 4, codes = [-8, 7]> %s, %t[%c] : vector<16xi8>, vector<128xi8>, vector<8xi8>
  return
}

// -----

func.func @width_of_lookup(%s: vector<16xi16>, %t: vector<128xi8>, %c: vector<16xi8>) {
  // expected-error @+1 {{expected sums as wide as the entries of the table, 8 bits, got 16}}
  %0 = tern.lookup_add #tern.lookup_table<digits = 4, codes = [-8, 7]> %s, %t[%c] : vector<16xi16>, vector<128xi8>, vector<16xi8>
  return
}

// -----

func.func @lanes_of_widen(%n: vector<16xi8>, %w: vector<8xi32>) {
  // expected-error @+1 {{expected wide sums of 16 lanes, as there are narrow sums, got 8}}
  %0 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7]> %n, %w chunk 3 groups 3 : vector<16xi8>, vector<8xi32>
  return
}

// -----

func.func @width_of_widen(%n: vector<16xi16>, %w: vector<16xi16>) {
  // expected-error @+1 {{expected wide sums of more than 16 bits, got 16}}
  %0 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7]> %n, %w chunk 3 groups 3 : vector<16xi16>, vector<16xi16>
  return
}

// -----

func.func @no_chunk(%n: vector<16xi8>, %w: vector<16xi32>) {
  // expected-error @+1 {{expected a chunk of at least 1 group, got 0}}
  %0 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7]> %n, %w chunk 0 groups 3 : vector<16xi8>, vector<16xi32>
  return
}

// -----

// 3 * 40 is a signed byte, 4 * 40 is none.
func.func @chunk(%n: vector<16xi8>, %w: vector<16xi32>) {
  // expected-error @+1 {{expected a chunk of at most 3 groups, whose sums fit 8 bits, got 4}}
  %0 = tern.widen #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %n, %w chunk 4 groups 4 : vector<16xi8>, vector<16xi32>
  return
}

// -----

// 4 * (32 + 32) is one more than a byte holds.
func.func @chunk_with_bias(%n: vector<16xi8>, %w: vector<16xi32>) {
  // expected-error @+1 {{expected a chunk of at most 3 groups, whose sums fit unsigned 8 bits, got 4}}
  %0 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 32> %n, %w chunk 4 groups 4 unsigned : vector<16xi8>, vector<16xi32>
  return
}

// -----

// A lane that starts in the middle has as much room as a signed one.
func.func @chunk_with_start(%n: vector<16xi8>, %w: vector<16xi32>) {
  // expected-error @+1 {{expected a chunk of at most 3 groups, whose sums fit unsigned 8 bits, got 4}}
  %0 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 8]> %n, %w chunk 4 groups 4 start 127 unsigned : vector<16xi8>, vector<16xi32>
  return
}

// -----

func.func @unsigned_without_start(%n: vector<16xi8>, %w: vector<16xi32>) {
  // expected-error @+1 {{expected a chunk of at most 0 groups, whose sums fit unsigned 8 bits, got 1}}
  %0 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7]> %n, %w chunk 1 groups 4 unsigned : vector<16xi8>, vector<16xi32>
  return
}

// -----

func.func @chunk_of_words(%n: vector<16xi16>, %w: vector<16xi32>) {
  // expected-error @+1 {{expected a chunk of at most 51 groups, whose sums fit 16 bits, got 52}}
  %0 = tern.widen #tern.lookup_table<digits = 5, codes = [-128, 127]> %n, %w chunk 52 groups 520 : vector<16xi16>, vector<16xi32>
  return
}

// -----

func.func @no_condition(%bound: i32, %n: vector<16xi8>, %w: vector<16xi32>) {
  // expected-error @+1 {{expected to be in an scf.if that compares the bound with a constant of at most 126}}
  %0 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 21> %n, %w chunk 6 groups 6 unsigned bound %bound : vector<16xi8>, vector<16xi32>
  return
}

// -----

func.func @other_region(%bound: i32, %n: vector<16xi8>, %w: vector<16xi32>) {
  %c126 = arith.constant 126 : i32
  %0 = arith.cmpi sle, %bound, %c126 : i32
  scf.if %0 {
  } else {
    // expected-error @+1 {{expected to be in an scf.if that compares the bound with a constant of at most 126}}
    %1 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 21> %n, %w chunk 6 groups 6 unsigned bound %bound : vector<16xi8>, vector<16xi32>
  }
  return
}

// -----

func.func @other_value(%bound: i32, %other: i32, %n: vector<16xi8>, %w: vector<16xi32>) {
  %c126 = arith.constant 126 : i32
  %0 = arith.cmpi sle, %other, %c126 : i32
  scf.if %0 {
    // expected-error @+1 {{expected to be in an scf.if that compares the bound with a constant of at most 126}}
    %1 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 21> %n, %w chunk 6 groups 6 unsigned bound %bound : vector<16xi8>, vector<16xi32>
  }
  return
}

// -----

func.func @other_comparison(%bound: i32, %n: vector<16xi8>, %w: vector<16xi32>) {
  %c126 = arith.constant 126 : i32
  %0 = arith.cmpi sge, %bound, %c126 : i32
  scf.if %0 {
    // expected-error @+1 {{expected to be in an scf.if that compares the bound with a constant of at most 126}}
    %1 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 21> %n, %w chunk 6 groups 6 unsigned bound %bound : vector<16xi8>, vector<16xi32>
  }
  return
}

// -----

func.func @loose_bound(%bound: i32, %n: vector<16xi8>, %w: vector<16xi32>) {
  %c128 = arith.constant 128 : i32
  %0 = arith.cmpi slt, %bound, %c128 : i32
  scf.if %0 {
    // expected-error @+1 {{expected a bound of at most 126 for a chunk of 6 groups, got 127}}
    %1 = tern.widen #tern.lookup_table<digits = 4, codes = [-8, 7], bias = 21> %n, %w chunk 6 groups 6 unsigned bound %bound : vector<16xi8>, vector<16xi32>
  }
  return
}

// -----

func.func @groups_of_widen(%n: vector<16xi8>, %w: vector<16xi16>) {
  // expected-error @+1 {{expected 1 to 819 groups, whose sums fit 16 bits, got 820}}
  %0 = tern.widen #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %n, %w chunk 3 groups 820 : vector<16xi8>, vector<16xi16>
  return
}

// -----

// 100 chunks that start at 128 and 300 groups of 40.
func.func @starts_of_widen(%n: vector<16xi8>, %w: vector<16xi16>) {
  // expected-error @+1 {{expected 1 to 396 groups, whose sums fit 16 bits, got 397}}
  %0 = tern.widen #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %n, %w chunk 3 groups 397 start 128 unsigned : vector<16xi8>, vector<16xi16>
  return
}

// -----

func.func @no_groups(%n: vector<16xi8>, %w: vector<16xi32>) {
  // expected-error @+1 {{expected 1 to 53687091 groups, whose sums fit 32 bits, got 0}}
  %0 = tern.widen #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %n, %w chunk 3 groups 0 : vector<16xi8>, vector<16xi32>
  return
}

// -----

func.func @pairs(%n: vector<16xi8>, %t: vector<16xi16>) {
  // expected-error @+1 {{expected totals of 8 lanes, as there are pairs of bytes, got 16}}
  %0, %1 = tern.widen_words #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %n, %t, %t chunk 3 groups 3 start 128 : vector<16xi8>, vector<16xi16>
  return
}

// -----

func.func @odd_bytes(%n: vector<17xi8>, %t: vector<8xi16>) {
  // expected-error @+1 {{expected an even number of bytes, got 17}}
  %0, %1 = tern.widen_words #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %n, %t, %t chunk 3 groups 3 start 128 : vector<17xi8>, vector<8xi16>
  return
}

// -----

func.func @signed_bytes(%n: vector<16xi8>, %t: vector<8xi16>) {
  // expected-error @+1 {{expected a chunk of at most 0 groups, whose sums fit unsigned 8 bits, got 3}}
  %0, %1 = tern.widen_words #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %n, %t, %t chunk 3 groups 3 : vector<16xi8>, vector<8xi16>
  return
}

// -----

func.func @groups_of_words(%n: vector<16xi8>, %t: vector<8xi16>) {
  // expected-error @+1 {{expected 1 to 819 groups, whose sums fit 16 bits, got 820}}
  %0, %1 = tern.widen_words #tern.lookup_table<digits = 5, codes = [-8, 7], sign_magnitude> %n, %t, %t chunk 3 groups 820 start 128 : vector<16xi8>, vector<8xi16>
  return
}

// -----

func.func @joined(%t: vector<8xi16>) {
  // expected-error @+1 {{expected sums of 16 lanes, as a word has two, got 8}}
  %0 = tern.join_words %t, %t : vector<8xi16> -> vector<8xi16>
  return
}

// -----

func.func @no_codec(%s: vector<4x16xi8>) {
  // expected-error @+1 {{expected a codec whose ternary digits lie in fields of a byte, got t5}}
  %0 = tern.recode %s "s5" to "t5" : vector<4x16xi8> -> vector<5x16xi8>
  return
}

// -----

func.func @codec_of_words(%s: vector<5x16xi8>) {
  // expected-error @+1 {{expected a codec whose ternary digits lie in fields of a byte, got t3p5}}
  %0 = tern.recode %s "t3p5" to "b2" : vector<5x16xi8> -> vector<6x16xi8>
  return
}

// -----

func.func @lanes_of_recode(%s: vector<4x16xi8>) {
  // expected-error @+1 {{expected a result of 16 lanes, as the source has, got 8}}
  %0 = tern.recode %s "s5" to "t4" : vector<4x16xi8> -> vector<5x8xi8>
  return
}

// -----

func.func @unit(%s: vector<3x16xi8>) {
  // expected-error @+1 {{expected a multiple of 4 bytes of s5, whose digits fill bytes of t4, got 3}}
  %0 = tern.recode %s "s5" to "t4" : vector<3x16xi8> -> vector<4x16xi8>
  return
}

// -----

func.func @bytes_of_recode(%s: vector<4x16xi8>) {
  // expected-error @+1 {{expected 5 bytes of t4, got 4}}
  %0 = tern.recode %s "s5" to "t4" : vector<4x16xi8> -> vector<4x16xi8>
  return
}

// -----

func.func @codec_of_integers(%s: vector<5x16xi8>) {
  // expected-error @+1 {{expected a codec whose ternary digits lie in fields of a byte, got i4}}
  %0 = tern.recode %s "b2" to "i4" : vector<5x16xi8> -> vector<10x16xi8>
  return
}

// -----

func.func @numbers_of_bytes(%s: vector<1x16xi8>) {
  // expected-error @+1 {{expected a codec whose numbers are scattered over a word, got s5}}
  %0 = tern.gather_numbers %s "s5" : vector<1x16xi8> -> vector<1x16xi8>
  return
}

// -----

func.func @bytes_of_a_word(%s: vector<4x16xi8>) {
  // expected-error @+1 {{expected 5 bytes of a word of t3p5, got 4}}
  %0 = tern.gather_numbers %s "t3p5" : vector<4x16xi8> -> vector<8x16xi8>
  return
}

// -----

func.func @numbers_of_a_word(%s: vector<5x16xi8>) {
  // expected-error @+1 {{expected 8 numbers of t3p5, got 7}}
  %0 = tern.gather_numbers %s "t3p5" : vector<5x16xi8> -> vector<7x16xi8>
  return
}

// -----

func.func @lanes_of_numbers(%s: vector<5x16xi8>) {
  // expected-error @+1 {{lanes}}
  %0 = tern.gather_numbers %s "t3p5" : vector<5x16xi8> -> vector<8x8xi8>
  return
}
