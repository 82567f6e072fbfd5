// RUN: tern-opt %s -tern-tile-products -split-input-file -verify-diagnostics

// Strategies whose kernels do not compute the product: why.

func.func @layout(%x: tensor<1x64xi8>, %w: tensor<64x16x1xi8>, %init: tensor<1x64xi32>) -> tensor<1x64xi32> {
  // expected-error @+1 {{expected a layout that the kernel reads}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x64xi8>, tensor<64x16x1xi8>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
      strategy #tern.strategy<[#tern.int8_by_int8<tokens = 1>], units = 1, prefetch = 0> -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// -----

// 128 * 128 * 131072 is 2^31.
func.func @columns(%x: tensor<1x131072xi8>, %w: tensor<32x8192x128xi8>, %init: tensor<1x1024xi32>) -> tensor<1x1024xi32> {
  // expected-error @+1 {{expected so few columns that the kernel's sums are exact}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x131072xi8>, tensor<32x8192x128xi8>)
      outs(%init : tensor<1x1024xi32>) codes [-128, 127]
      weight_type tensor<1024x131072x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x1024xi32>
  return %0 : tensor<1x1024xi32>
}

// -----

func.func @row_list(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>, %i: tensor<1x64xi32>, %n: tensor<1xi32>, %init: tensor<1x64xi32>) -> tensor<1x64xi32> {
  // expected-error @+1 {{expected a kernel of one row for a list of rows}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>) rows(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// -----

func.func @column_list(%x: tensor<1x64xi8>, %w: tensor<64x16x1xi8>, %i: tensor<1x64xi32>, %n: tensor<1xi32>, %init: tensor<1x64xi32>) -> tensor<1x64xi32> {
  // expected-error @+1 {{expected a layout of single columns for a list of columns}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x64xi8>, tensor<64x16x1xi8>) columns(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      outs(%init : tensor<1x64xi32>) codes [-128, 127]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
      strategy #tern.strategy<[#tern.digit_by_digit<layout = #tern.layout<b2, rows, k:4:1, []>, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x64xi32>
  return %0 : tensor<1x64xi32>
}

// -----

func.func @list_and_scales(%x: tensor<1x64xi8>, %w: tensor<64x64x1xi8>, %i: tensor<1x64xi32>, %n: tensor<1xi32>, %s: tensor<256x4xf32>, %init: tensor<1x256xf32>) -> tensor<1x256xf32> {
  // expected-error @+1 {{expected no list of columns together with scales}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x64xi8>, tensor<64x64x1xi8>) columns(%i, %n : tensor<1x64xi32>, tensor<1xi32>)
      scales(%s : tensor<256x4xf32>) outs(%init : tensor<1x256xf32>) codes [-128, 127]
      weight_type tensor<256x64x!tern.trit, #tern.layout<b2, columns, n:4:1, []>>
      strategy #tern.strategy<[#tern.digit_by_digit<layout = #tern.layout<b2, columns, n:4:1, []>, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x256xf32>
  return %0 : tensor<1x256xf32>
}

// -----

func.func @rows_without_scales(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>, %s: tensor<50x4xf32>, %init: tensor<1x64xf32>) -> tensor<1x64xf32> {
  // expected-error @+1 {{rows that only the layout adds have no scales}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>) scales(%s : tensor<50x4xf32>)
      outs(%init : tensor<1x64xf32>) codes [-128, 127]
      weight_type tensor<50x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}

// -----

func.func @parts_of_steps(%x: tensor<1x256xi8>, %w: tensor<2x16x128xi8>, %s: tensor<64x32xf32>, %init: tensor<1x64xf32>) -> tensor<1x64xf32> {
  // expected-error @+1 {{expected groups of whole steps of the kernel}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x256xi8>, tensor<2x16x128xi8>) scales(%s : tensor<64x32xf32>)
      outs(%init : tensor<1x64xf32>) codes [-128, 127]
      weight_type tensor<64x256x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern.rows_in_lanes<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 2, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}

// -----

func.func @scales_of_parts(%x: tensor<1x64xi8>, %w: tensor<64x1x64xi8>, %s: tensor<256x4xf32>, %init: tensor<1x256xf32>) -> tensor<1x256xf32> {
  // expected-error @+1 {{expected a kernel of one part for scales}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x64xi8>, tensor<64x1x64xi8>) scales(%s : tensor<256x4xf32>)
      outs(%init : tensor<1x256xf32>) codes [-128, 127]
      weight_type tensor<256x64x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>
      strategy #tern.strategy<[#tern.contiguous_columns<dot = #tern_x86.dot<vpdpbusd_512>, first = 0, quarters = 1, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x256xf32>
  return %0 : tensor<1x256xf32>
}

// -----

func.func @floats(%x: tensor<1x64xf32>, %w: tensor<64x16x1xi8>, %s: tensor<64x4xf32>, %init: tensor<1x64xf32>) -> tensor<1x64xf32> {
  // expected-error @+1 {{expected codes that are integers, not floats}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x64xf32>, tensor<64x16x1xi8>) scales(%s : tensor<64x4xf32>)
      outs(%init : tensor<1x64xf32>) codes []
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
      strategy #tern.strategy<[#tern.digit_by_digit<layout = #tern.layout<b2, rows, k:4:1, []>, tokens = 1>], units = 1, prefetch = 0> -> tensor<1x64xf32>
  return %0 : tensor<1x64xf32>
}

// -----

func.func @units(%x: tensor<1x64xi8>, %w: tensor<6x64xi8>, %init: tensor<1x6xi32>) -> tensor<1x6xi32> {
  // expected-error @+1 {{expected a strategy whose kernels take a part of its units, but a unit has 6 steps of rows and a kernel takes 4}}
  %0 = tern.matmul "q" ins(%x, %w : tensor<1x64xi8>, tensor<6x64xi8>)
      outs(%init : tensor<1x6xi32>) codes [-128, 127]
      strategy #tern.strategy<[#tern.integer_rows<dot = #tern_x86.dot<vpdpbusd_512>, bits = 8, rows = 4, tokens = 1, vectors = 1>], units = 8, prefetch = 0> -> tensor<1x6xi32>
  return %0 : tensor<1x6xi32>
}

// -----

func.func @columns(%x: tensor<?x48xi8>, %w: tensor<2x3x128xi8>, %init: tensor<?x64xi32>) -> tensor<?x64xi32> {
  // expected-error @+1 {{expected the columns of at least one step of the kernel}}
  %0 = tern.matmul "q_proj" ins(%x, %w : tensor<?x48xi8>, tensor<2x3x128xi8>)
      outs(%init : tensor<?x64xi32>) codes [-128, 127]
      weight_type tensor<64x48x!tern.trit, #tern.layout<b2, rows, k:4:4, [n:2:16, n:16:1, k:4:1]>>
      strategy #tern.strategy<[#tern_x86.tiles<panel = 4, first = 0, vectors = 4, tokens = 16>,
                               #tern.unpacked_rows<dot = #tern_x86.dot<vpdpbusd_512>, vectors = 4, tokens = 1>],
                              units = 1, prefetch = 0, panel = <b8, rows, k:1:1, [n:4:16, n:16:1, k:4:1]>> -> tensor<?x64xi32>
  return %0 : tensor<?x64xi32>
}
