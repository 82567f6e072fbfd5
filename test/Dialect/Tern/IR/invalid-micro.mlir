// RUN: tern-opt %s -split-input-file -verify-diagnostics

// Micro kernels and strategies that cannot be, and steps that are not of their
// kernel's types.

// expected-error @+1 {{expected vectors to be at least 1, got 0}}
func.func private @f() attributes {k = #tern.rows_in_lanes<dot = #tern.scalar_dot, vectors = 0, tokens = 1>}

// -----

// expected-error @+1 {{expected tokens to be at least 1, got 0}}
func.func private @f() attributes {k = #tern.rows_in_lanes<dot = #tern.scalar_dot, vectors = 1, tokens = 0>}

// -----

// expected-error @+1 {{expected rows to be at least 1, got -1}}
func.func private @f() attributes {k = #tern.contiguous_rows<dot = #tern.scalar_dot, rows = -1, tokens = 1>}

// -----

// expected-error @+1 {{expected vectors to be at least 1, got 0}}
func.func private @f() attributes {k = #tern.integer_rows<dot = #tern.scalar_dot, bits = 8, rows = 1, tokens = 1, vectors = 0>}

// -----

// expected-error @+1 {{expected 8, 6, 4 or 2 bits, got 5}}
func.func private @f() attributes {k = #tern.integer_rows<dot = #tern.scalar_dot, bits = 5, rows = 1, tokens = 1, vectors = 4>}

// -----

// expected-error @+1 {{expected 4 vectors of 6 bits, as many as a word has integers, got 2}}
func.func private @f() attributes {k = #tern.integer_rows<dot = #tern.scalar_dot, bits = 6, rows = 1, tokens = 1, vectors = 2>}

// -----

// expected-error @+1 {{expected 4 or 5 digits a byte, got 6}}
func.func private @f() attributes {k = #tern.contiguous_columns<dot = #tern.scalar_dot, first = 0, quarters = 4, tokens = 1, digits = 6>}

// -----

// expected-error @+1 {{expected 4 or 5 digits a byte, got 3}}
func.func private @f() attributes {k = #tern.contiguous_rows<dot = #tern.scalar_dot, rows = 1, tokens = 1, digits = 3>}

// -----

// expected-error @+1 {{expected 1, 2 or 4 quarters from a multiple of their number on, got 3 from 0}}
func.func private @f() attributes {k = #tern.contiguous_columns<dot = #tern.scalar_dot, first = 0, quarters = 3, tokens = 1>}

// -----

// expected-error @+1 {{expected 1, 2 or 4 quarters from a multiple of their number on, got 2 from 1}}
func.func private @f() attributes {k = #tern.contiguous_columns<dot = #tern.scalar_dot, first = 1, quarters = 2, tokens = 1>}

// -----

// expected-error @+1 {{expected tokens to be at least 1, got 0}}
func.func private @f() attributes {k = #tern.contiguous_columns<dot = #tern.scalar_dot, first = 0, quarters = 2, tokens = 0>}

// -----

// expected-error @+1 {{expected tokens to be at least 1, got 0}}
func.func private @f() attributes {k = #tern.digit_by_digit<layout = #tern.layout<b2, rows, k:4:1, []>, tokens = 0>}

// -----

// expected-error @+1 {{expected tokens to be at least 1, got 0}}
func.func private @f() attributes {k = #tern.int8_by_int8<tokens = 0>}

// -----

// expected-error @+1 {{expected at least one unit and no negative prefetch, got 0 and 0}}
func.func private @f() attributes {s = #tern.strategy<[#tern.int8_by_int8<tokens = 1>], units = 0, prefetch = 0>}

// -----

// expected-error @+1 {{expected micro kernels, got #tern.scalar_dot}}
func.func private @f() attributes {s = #tern.strategy<[#tern.scalar_dot], units = 1, prefetch = 0>}

// -----

// expected-error @+1 {{expected kernels for falling numbers of tokens, got one for 4 after one for 1}}
func.func private @f() attributes {s = #tern.strategy<[#tern.int8_by_int8<tokens = 1>, #tern.int8_by_int8<tokens = 4>], units = 1, prefetch = 0>}

// -----

// expected-error @+1 {{expected the last kernel to take one token, got one that takes 4}}
func.func private @f() attributes {s = #tern.strategy<[#tern.int8_by_int8<tokens = 4>], units = 1, prefetch = 0>}

// -----

func.func @begin() {
  // expected-error @+1 {{expected sums of type 'vector<1x1xi32>', as the kernel has, got 'vector<1xi32>'}}
  %0 = tern.micro_begin #tern.int8_by_int8<tokens = 1> -> vector<1xi32>
  return
}

// -----

func.func @codes(%x: vector<1x2xi8>, %w: vector<1x1xi8>, %acc: vector<1x1xi32>) {
  // expected-error @+1 {{expected codes of type 'vector<1x1xi8>', as the kernel has, got 'vector<1x2xi8>'}}
  %0 = tern.micro "q" #tern.int8_by_int8<tokens = 1> %x, %w into %acc : vector<1x2xi8>, vector<1x1xi8> into vector<1x1xi32>
  return
}

// -----

func.func @weight(%x: vector<1x1xi8>, %w: vector<1xi8>, %acc: vector<1x1xi32>) {
  // expected-error @+1 {{expected a weight of type 'vector<1x1xi8>', as the kernel has, got 'vector<1xi8>'}}
  %0 = tern.micro "q" #tern.int8_by_int8<tokens = 1> %x, %w into %acc : vector<1x1xi8>, vector<1xi8> into vector<1x1xi32>
  return
}

// -----

func.func @sums(%x: vector<1x1xi8>, %w: vector<1x1xi8>, %acc: vector<2xi32>) {
  // expected-error @+1 {{expected sums of type 'vector<1x1xi32>', as the kernel has, got 'vector<2xi32>'}}
  %0 = tern.micro "q" #tern.int8_by_int8<tokens = 1> %x, %w into %acc : vector<1x1xi8>, vector<1x1xi8> into vector<2xi32>
  return
}

// -----

func.func @finish(%acc: vector<2xi32>) {
  // expected-error @+1 {{expected sums of type 'vector<1x1xi32>', as the kernel has, got 'vector<2xi32>'}}
  %0 = tern.micro_finish #tern.int8_by_int8<tokens = 1> %acc : vector<2xi32> -> vector<1x1xi32>
  return
}

// -----

func.func @results(%acc: vector<1x1xi32>) {
  // expected-error @+1 {{expected results of type 'vector<1x1xi32>', as the kernel has, got 'vector<1xi32>'}}
  %0 = tern.micro_finish #tern.int8_by_int8<tokens = 1> %acc : vector<1x1xi32> -> vector<1xi32>
  return
}

// -----

func.func @groups(%q: tensor<?x8xi8>) {
  // expected-error @+1 {{expected groups of equal size, got 3 groups of 8 columns}}
  %0 = tern.sum_codes(%q) : (tensor<?x8xi8>) -> tensor<?x3xi32>
  return
}

// -----

func.func @count_of_groups(%q: tensor<1x8xi8>, %n: tensor<1xi32>) {
  // expected-error @+1 {{expected one token and one group with a count, got 1 and 2}}
  %0 = tern.sum_codes(%q) count(%n : tensor<1xi32>) : (tensor<1x8xi8>) -> tensor<1x2xi32>
  return
}

// -----

func.func @sums_of_codes(%q: tensor<?x8xi8>) {
  // expected-error @+1 {{expected sums of type 'tensor<?x1xi32>', got 'tensor<?x1xi64>'}}
  %0 = tern.sum_codes(%q) : (tensor<?x8xi8>) -> tensor<?x1xi64>
  return
}

// -----

#vnni = #tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 1, tokens = 1>
func.func @no_narrow_sums(%narrow: vector<1x1x32xi16>, %acc: vector<1x1x16xi32>) {
  // expected-error @+1 {{expected a kernel that has narrow sums, got #tern.unpacked_rows}}
  %0 = tern.micro_widen #vnni %narrow into %acc : vector<1x1x32xi16> into vector<1x1x16xi32>
  return
}

// -----

func.func @prepare(%x: vector<15xi8>) {
  // expected-error @+1 {{expected codes of type 'vector<1x15xi8>', as the kernel has, got 'vector<15xi8>'}}
  %0 = tern.micro_prepare #tern.lookup_groups<lanes = 64, vectors = 1, groups = 48, planes = 1, tokens = 16> %x : vector<15xi8> -> vector<3x1x128xi8>
  return
}

// -----

#pairs = #tern.unpacked_rows<dot = #tern_x86.dot<vpmaddubsw_256>, vectors = 1, tokens = 1>
func.func @narrow_type(%narrow: vector<1x1x8xi16>, %acc: vector<1x1x8xi32>) {
  // expected-error @+1 {{expected narrow sums of type 'vector<1x1x16xi16>', as the kernel has, got 'vector<1x1x8xi16>'}}
  %0 = tern.micro_widen #pairs %narrow into %acc : vector<1x1x8xi16> into vector<1x1x8xi32>
  return
}

// -----

func.func @tables(%x: vector<1x15xi8>) {
  // expected-error @+1 {{expected results of type 'vector<3x2x128xi8>', as the kernel has, got 'vector<3x1x128xi8>'}}
  %0 = tern.micro_prepare #tern.lookup_groups<lanes = 64, vectors = 1, groups = 48, planes = 2, tokens = 16> %x : vector<1x15xi8> -> vector<3x1x128xi8>
  return
}

// -----

// expected-error @+1 {{expected a multiple of 3 groups, the groups of a step, got 47}}
func.func private @groups() attributes {k = #tern.lookup_groups<lanes = 64, vectors = 1, groups = 47, planes = 1, tokens = 16>}

// -----

// expected-error @+1 {{expected 1 or 2 planes, got 3}}
func.func private @planes() attributes {k = #tern.lookup_groups<lanes = 64, vectors = 1, groups = 48, planes = 3, tokens = 16>}

// -----

// expected-error @+1 {{expected an even number of lanes, got 7}}
func.func private @lanes() attributes {k = #tern.lookup_groups<lanes = 7, vectors = 1, groups = 48, planes = 1, tokens = 16>}

// -----

// expected-error @+1 {{expected codec s5, t2, t4 or n2, got b2}}
func.func private @codec() attributes {k = #tern.lookup_groups<lanes = 64, vectors = 1, groups = 48, planes = 1, tokens = 16, codec = "b2">}

// -----

// expected-error @+1 {{expected a multiple of 6 groups, the groups of a step, got 45}}
func.func private @groups_of_two() attributes {k = #tern.lookup_groups<lanes = 32, vectors = 4, groups = 45, planes = 1, tokens = 16, codec = "n2">}

// -----

// expected-error @+1 {{expected a multiple of 3 groups, the groups of a step, got 35}}
func.func private @listed_groups() attributes {k = #tern.listed_groups<lanes = 64, vectors = 8, groups = 35, planes = 2, tokens = 32>}

// -----

// expected-error @+1 {{expected 1 or 2 planes, got 3}}
func.func private @listed_planes() attributes {k = #tern.listed_groups<lanes = 64, vectors = 8, groups = 36, planes = 3, tokens = 32>}

// -----

// expected-error @+1 {{expected an even number of lanes, got 7}}
func.func private @listed_lanes() attributes {k = #tern.listed_groups<lanes = 7, vectors = 8, groups = 36, planes = 2, tokens = 32>}

// -----

// expected-error @+1 {{expected a part of 4 vectors, from a multiple of their number on, got 2 from 1}}
func.func private @f() attributes {k = #tern.rows_in_lanes<dot = #tern.scalar_dot, vectors = 2, tokens = 1, first = 1, tile = 4>}

// -----

// expected-error @+1 {{expected 1 or 2 planes, got 3}}
func.func private @f() attributes {k = #tern.lookup_words<lanes = 16, vectors = 1, groups = 1, planes = 3, tokens = 1>}
