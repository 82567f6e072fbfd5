// RUN: tern-opt %s | tern-opt | FileCheck %s
// RUN: tern-opt %s --mlir-print-op-generic | tern-opt | FileCheck %s

// CHECK-LABEL: tern.weight @w.scale
// CHECK-SAME:    <scale> ["w"] : tensor<64x6xf32>
tern.weight @w.scale <scale> ["w"] : tensor<64x6xf32>

// CHECK-LABEL: func.func @bitlinear_bias(
func.func @bitlinear_bias(%x: tensor<?x192xf32>, %w: tensor<64x192x!tern.trit>, %s: tensor<1xf32>, %b: tensor<64xf32>) -> tensor<?x64xf32> {
  // CHECK: tern.bitlinear "o_proj" %{{.*}}, %{{.*}} scale %{{.*}} bias(%{{.*}} : tensor<64xf32>) act_quant <int8_absmax> top_k <keep = 96> :
  %0 = tern.bitlinear "o_proj" %x, %w scale %s bias(%b : tensor<64xf32>) act_quant <int8_absmax> top_k <keep = 96>
      : tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<1xf32> -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @bitlinear_groups(
func.func @bitlinear_groups(%x: tensor<?x192xf32>, %w: tensor<64x192x!tern.trit>, %s: tensor<64x6xf32>) -> tensor<?x64xf32> {
  // CHECK: tern.bitlinear "o_proj" %{{.*}} : tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<64x6xf32> -> tensor<?x64xf32>
  %0 = tern.bitlinear "o_proj" %x, %w scale %s act_quant <int8_absmax>
      : tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<64x6xf32> -> tensor<?x64xf32>
  return %0 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @kernels(
func.func @kernels(%q: tensor<?x192xi8>, %w: tensor<64x192x!tern.trit>, %s: tensor<64x6xf32>, %f: tensor<?xf32>, %b: tensor<64xf32>, %init: tensor<?x64xf32>) -> tensor<?x64xf32> {
  // CHECK: %[[SUMS:.*]] = tern.matmul "q_proj" ins(%{{.*}}, %{{.*}} : tensor<?x192xi8>, tensor<64x192x!tern.trit>) scales(%{{.*}} : tensor<64x6xf32>) outs({{.*}} -> tensor<?x64xf32>
  %0 = tern.matmul "q_proj" ins(%q, %w : tensor<?x192xi8>, tensor<64x192x!tern.trit>) scales(%s : tensor<64x6xf32>)
      outs(%init : tensor<?x64xf32>) codes [-128, 127] -> tensor<?x64xf32>
  // CHECK: tern.dequantize(%[[SUMS]], %{{[a-z0-9]+}}) bias(%{{.*}} : tensor<64xf32>) : (tensor<?x64xf32>, tensor<?xf32>) -> tensor<?x64xf32>
  %1 = tern.dequantize(%0, %f) bias(%b : tensor<64xf32>)
      : (tensor<?x64xf32>, tensor<?xf32>) -> tensor<?x64xf32>
  return %1 : tensor<?x64xf32>
}

// CHECK-LABEL: func.func @buffers(
func.func @buffers(%q: memref<1x64xi8>, %w: memref<64x16x1xi8>, %s: memref<64x2xf32>, %p: memref<1x64xf32>) {
  // CHECK: tern.matmul "q_proj" ins(%{{.*}} : memref<1x64xi8>, memref<64x16x1xi8>) scales(%{{.*}} : memref<64x2xf32>) outs(%{{.*}} : memref<1x64xf32>) codes [-128, 127] weight_type tensor<64x64x!tern.trit, {{.*}}>
  tern.matmul "q_proj" ins(%q, %w : memref<1x64xi8>, memref<64x16x1xi8>) scales(%s : memref<64x2xf32>)
      outs(%p : memref<1x64xf32>) codes [-128, 127]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}

// CHECK-LABEL: func.func @blocks(
func.func @blocks(%x: tensor<?x192xf32>, %w: tensor<64x192x!tern.trit>, %s: tensor<64x6xf32>, %b: tensor<64xf32>, %init: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: tern.bitlinear {{.*}} act_quant <int8_absmax, block = 64> : tensor<?x192xf32>
  %0 = tern.bitlinear "o_proj" %x, %w scale %s act_quant <int8_absmax, block = 64>
      : tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<64x6xf32> -> tensor<?x64xf32>
  // CHECK: %[[Q:.*]]:2 = tern.quantize <int8_absmax, block = 64>(%{{.*}}) : (tensor<?x192xf32>) -> tensor<?x192xi8>, tensor<?x3xf32>
  %q, %f = tern.quantize <int8_absmax, block = 64> (%x) : (tensor<?x192xf32>) -> tensor<?x192xi8>, tensor<?x3xf32>
  // CHECK: %[[P:.*]] = tern.matmul {{.*}} scales(%{{.*}} : tensor<64x6xf32>) factors(%[[Q]]#1 : tensor<?x3xf32>) outs(
  %p = tern.matmul "q_proj" ins(%q, %w : tensor<?x192xi8>, tensor<64x192x!tern.trit>) scales(%s : tensor<64x6xf32>)
      factors(%f : tensor<?x3xf32>) outs(%init : tensor<?x64xf32>) codes [-128, 127] -> tensor<?x64xf32>
  // CHECK: tern.dequantize(%[[P]]) bias(%{{.*}} : tensor<64xf32>) : (tensor<?x64xf32>) -> tensor<?x64xf32>
  %y = tern.dequantize(%p) bias(%b : tensor<64xf32>) : (tensor<?x64xf32>) -> tensor<?x64xf32>
  return %0, %y : tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func @floats(
func.func @floats(%x: tensor<?x192xf32>, %w: tensor<64x192x!tern.trit>, %s: tensor<64x6xf32>, %init: tensor<?x64xf32>) -> (tensor<?x64xf32>, tensor<?x64xf32>) {
  // CHECK: tern.bitlinear {{.*}} act_quant <f32> : tensor<?x192xf32>
  %0 = tern.bitlinear "o_proj" %x, %w scale %s act_quant <f32>
      : tensor<?x192xf32>, tensor<64x192x!tern.trit>, tensor<64x6xf32> -> tensor<?x64xf32>
  // CHECK: tern.matmul "q_proj" ins(%{{.*}} : tensor<?x192xf32>, tensor<64x192x!tern.trit>) scales(%{{.*}}) outs(%{{.*}}) codes [] ->
  %1 = tern.matmul "q_proj" ins(%x, %w : tensor<?x192xf32>, tensor<64x192x!tern.trit>) scales(%s : tensor<64x6xf32>)
      outs(%init : tensor<?x64xf32>) codes [] -> tensor<?x64xf32>
  return %0, %1 : tensor<?x64xf32>, tensor<?x64xf32>
}

// CHECK-LABEL: func.func @buffers_of_blocks(
func.func @buffers_of_blocks(%x: memref<?x64xf32>, %q: memref<?x64xi8>, %f: memref<?x4xf32>, %w: memref<64x16x1xi8>, %s: memref<64x4xf32>, %p: memref<?x64xf32>) {
  // CHECK: tern.quantize <fp4_e2m1, block = 16>(%{{.*}}) outs(%{{.*}} : memref<?x64xi8>, memref<?x4xf32>)
  tern.quantize <fp4_e2m1, block = 16> (%x) outs(%q, %f : memref<?x64xi8>, memref<?x4xf32>) : (memref<?x64xf32>)
  // CHECK: tern.matmul {{.*}} factors(%{{.*}} : memref<?x4xf32>)
  tern.matmul "q_proj" ins(%q, %w : memref<?x64xi8>, memref<64x16x1xi8>) scales(%s : memref<64x4xf32>) factors(%f : memref<?x4xf32>)
      outs(%p : memref<?x64xf32>) codes [-12, 12]
      weight_type tensor<64x64x!tern.trit, #tern.layout<b2, rows, k:4:1, []>>
  return
}
