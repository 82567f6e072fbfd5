// RUN: tern-opt %s | tern-opt | FileCheck %s

!state = !tern.state<bytes = 32256, layers = 2>

// CHECK-LABEL: func.func @parts(
func.func @parts(%c: tensor<?x320xf32>, %p: tensor<?x384xf32>) -> tensor<?x128xf32> {
  // CHECK: tern.split %{{.*}} : tensor<?x320xf32> -> tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x128xf32>
  %q, %k, %v = tern.split %c : tensor<?x320xf32> -> tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x128xf32>
  // CHECK: tern.split %{{.*}} heads 3 : tensor<?x384xf32> -> tensor<?x192xf32>, tensor<?x192xf32>
  %a, %b = tern.split %p heads 3 : tensor<?x384xf32> -> tensor<?x192xf32>, tensor<?x192xf32>
  // CHECK: tern.l2_norm %{{.*}} eps {{.*}} head_dim 32 : tensor<?x96xf32>
  %n = tern.l2_norm %q eps 1.000000e-06 head_dim 32 : tensor<?x96xf32>
  // CHECK: tern.glu <sigmoid> %{{.*}}, %{{.*}} : tensor<?x192xf32>
  %g = tern.glu <sigmoid> %b, %a : tensor<?x192xf32>
  return %v : tensor<?x128xf32>
}

// CHECK-LABEL: func.func @gates(
func.func @gates(%b: tensor<?x6xf32>, %a: tensor<?x6xf32>, %d: tensor<6xf32>, %r: tensor<6xf32>) -> tensor<?x6xf32> {
  // CHECK: %{{.*}}, %[[DECAY:.*]] = tern.delta_gates %{{.*}}, %{{.*}} bias %{{.*}} rate %{{.*}} : tensor<?x6xf32>, tensor<6xf32>, tensor<6xf32>
  %beta, %decay = tern.delta_gates %b, %a bias %d rate %r : tensor<?x6xf32>, tensor<6xf32>, tensor<6xf32>
  // CHECK: return %[[DECAY]]
  return %decay : tensor<?x6xf32>
}

// CHECK-LABEL: func.func @part_of_a_head(
func.func @part_of_a_head(%q: tensor<?x192xf32>, %p: tensor<?xi32>, %c: tensor<256x8xf32>) -> tensor<?x192xf32> {
  // CHECK: tern.rope {{.*}} head_dim 64 rotary_dim 16 : tensor<?x192xf32>, tensor<?xi32>, tensor<256x8xf32>, tensor<256x8xf32>
  %0 = tern.rope %q at %p cos %c sin %c head_dim 64 rotary_dim 16
      : tensor<?x192xf32>, tensor<?xi32>, tensor<256x8xf32>, tensor<256x8xf32>
  return %0 : tensor<?x192xf32>
}

// CHECK-LABEL: func.func @tensors(
func.func @tensors(%layer: index, %x: tensor<?x320xf32>, %w: tensor<4x320xf32>, %q: tensor<?x96xf32>, %g: tensor<?x3xf32>, %s: !state) -> tensor<?x96xf32> {
  // CHECK: tern.causal_conv(%{{.*}}, %{{.*}}, %{{.*}}[%{{.*}}]) at 0 : (tensor<?x320xf32>, tensor<4x320xf32>, !tern.state<bytes = 32256, layers = 2>) -> tensor<?x320xf32>
  %c = tern.causal_conv(%x, %w, %s[%layer]) at 0 : (tensor<?x320xf32>, tensor<4x320xf32>, !state) -> tensor<?x320xf32>
  // CHECK: tern.delta_rule(%{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}[%{{.*}}]) at 3840 key_heads 3 : (
  // CHECK-SAME: -> tensor<?x96xf32>
  %o = tern.delta_rule(%q, %q, %q, %g, %g, %s[%layer]) at 3840 key_heads 3
      : (tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x96xf32>, tensor<?x3xf32>, tensor<?x3xf32>, !state) -> tensor<?x96xf32>
  return %o : tensor<?x96xf32>
}

// CHECK-LABEL: func.func @buffers(
func.func @buffers(%layer: index, %x: memref<1x320xf32>, %w: memref<4x320xf32>, %q: memref<1x32xf32>, %v: memref<1x96xf32>, %g: memref<1x3xf32>, %s: !state) {
  // CHECK: tern.causal_conv({{.*}}) at 0 outs(%{{.*}} : memref<1x320xf32>) : (memref<1x320xf32>, memref<4x320xf32>, !tern.state<
  tern.causal_conv(%x, %w, %s[%layer]) at 0 outs(%x : memref<1x320xf32>) : (memref<1x320xf32>, memref<4x320xf32>, !state)
  // CHECK: tern.delta_rule({{.*}}) at 3840 key_heads 1 tiled outs(%{{.*}} : memref<1x96xf32>) :
  tern.delta_rule(%q, %q, %v, %g, %g, %s[%layer]) at 3840 key_heads 1 tiled outs(%v : memref<1x96xf32>)
      : (memref<1x32xf32>, memref<1x32xf32>, memref<1x96xf32>, memref<1x3xf32>, memref<1x3xf32>, !state)
  return
}

// CHECK: tern.weight @norm <one_plus> ["norm"] : tensor<96xf32>
tern.weight @norm <one_plus> ["norm"] : tensor<96xf32>
// CHECK: tern.weight @rate per_layer <minus_exp> ["{}.A_log"] : tensor<6xf32>
tern.weight @rate per_layer <minus_exp> ["{}.A_log"] : tensor<6xf32>
// CHECK: tern.weight @conv per_layer <taps> ["{}.conv1d.weight"] : tensor<4x320xf32>
tern.weight @conv per_layer <taps> ["{}.conv1d.weight"] : tensor<4x320xf32>
