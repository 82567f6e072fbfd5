// RUN: tern-opt %s --split-input-file --verify-diagnostics

func.func @no_layout(%w: tensor<4x12x128xi8>, %i: index) {
  // expected-error @+1 {{expected weight_type to have a layout, got 'tensor<128x192x!tern.trit>'}}
  %0 = tern.repack %w at %i weight_type tensor<128x192x!tern.trit>
      layout <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]> : tensor<4x12x128xi8> -> tensor<2x48x256xi8>
  return
}

// -----

!rows = tensor<128x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
func.func @to(%w: tensor<4x12x128xi8>, %i: index) {
  // expected-error @+1 {{expected unpacked rows or groups of codec t4 or n2 as layout to repack to}}
  %0 = tern.repack %w at %i weight_type !rows layout <b2, rows, k:4:1, []> : tensor<4x12x128xi8> -> tensor<128x48x1xi8>
  return
}

// -----

!lanes = tensor<120x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:3:8, n:8:1, k:4:1]>>
func.func @lanes(%w: tensor<5x12x96xi8>, %i: index) {
  // expected-error @+1 {{expected a layout of rows in lanes, contiguous rows, contiguous columns or groups in lanes that fill the panel's lanes to repack from}}
  %0 = tern.repack %w at %i weight_type !lanes
      layout <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]> : tensor<5x12x96xi8> -> tensor<2x48x256xi8>
  return
}

// -----

!odd = tensor<96x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
func.func @part_of_a_panel(%w: tensor<3x12x128xi8>, %i: index) {
  // expected-error @+1 {{expected a weight of whole tiles of the panel}}
  %0 = tern.repack %w at %i weight_type !odd
      layout <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]> : tensor<3x12x128xi8> -> tensor<1x48x256xi8>
  return
}

// -----

!rows = tensor<128x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
func.func @weight(%w: tensor<4x13x128xi8>, %i: index) {
  // expected-error @+1 {{expected weight to be 'tensor<4x12x128xi8>' or a slice of its rows, as weight_type takes, got 'tensor<4x13x128xi8>'}}
  %0 = tern.repack %w at %i weight_type !rows
      layout <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]> : tensor<4x13x128xi8> -> tensor<2x48x256xi8>
  return
}

// -----

!rows = tensor<128x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
func.func @result(%w: tensor<4x12x128xi8>, %i: index) {
  // expected-error @+1 {{expected a result of 'tensor<2x48x256xi8>' or a slice of its rows, got 'tensor<2x47x256xi8>'}}
  %0 = tern.repack %w at %i weight_type !rows
      layout <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]> : tensor<4x12x128xi8> -> tensor<2x47x256xi8>
  return
}

// -----

!rows = tensor<128x192x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
func.func @columns(%w: tensor<4x12x128xi8>, %i: index) {
  // expected-error @+1 {{expected unpacked rows or groups of codec t4 or n2 as layout to repack to}}
  %0 = tern.repack %w at %i weight_type !rows
      layout <t4, columns, k:4:1, [k:3:4, n:2:64, n:64:1]> : tensor<4x12x128xi8> -> tensor<16x1x384xi8>
  return
}

// -----

!pairs = tensor<128x192x!tern.trit, #tern.layout<t2, columns, k:4:1, [k:3:4, n:2:64, n:64:1]>>
func.func @pairs(%w: tensor<16x1x384xi8>, %i: index) {
  // expected-error @+1 {{expected a layout of rows in lanes, contiguous rows, contiguous columns or groups of codec s5 or t2 that fill the panel's lanes to repack from}}
  %0 = tern.repack %w at %i weight_type !pairs
      layout <t4, rows, k:4:1, [k:3:4, n:2:64, n:64:1]> : tensor<16x1x384xi8> -> tensor<1x16x384xi8>
  return
}

// -----

// Tiles of 256 rows and panels of 384.
!fields = tensor<768x48x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>
func.func @parts(%w: tensor<48x3x64xi8>, %i: index) {
  // expected-error @+1 {{expected a weight of whole tiles of the panel}}
  %0 = tern.repack %w at %i weight_type !fields
      layout <t4, rows, k:4:1, [k:3:4, n:6:64, n:64:1]> : tensor<48x3x64xi8> -> tensor<2x4x1152xi8>
  return
}
