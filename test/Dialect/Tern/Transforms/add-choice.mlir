// RUN: tern-opt %s --split-input-file --tern-add-choice | FileCheck %s

// A device finds the token in the logits; what was read to do without them is not packed.

module attributes {
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "">} {
  // CHECK-NOT: @norms
  tern.weight @norms <lower_norms> ["w"] : tensor<11xf32>
  // CHECK: tern.weight @kept
  tern.weight @kept <values> ["v"] : tensor<5xf32>
  // CHECK: func.func @head
  func.func @head() {
    %w = tern.get_weight @kept : tensor<5xf32>
    return
  }
  // CHECK-NOT: func.func @best.
  func.func @best.decode() {
    %w = tern.get_weight @norms : tensor<11xf32>
    return
  }
  func.func @best.prefill() {
    %w = tern.get_weight @norms : tensor<11xf32>
    return
  }
}
// CHECK:      func.func @best.prefill(%[[LOGITS:.*]]: tensor<?x11xf32>) -> tensor<?x2xi32>
// CHECK-NEXT:   %[[TOKENS:.*]] = tern.argmax(%[[LOGITS]]) : (tensor<?x11xf32>) -> tensor<?x2xi32>
// CHECK-NEXT:   return %[[TOKENS]]

// And what to sample from: of one part, as there are few tokens.
// CHECK:      func.func @candidates.prefill(%[[LOGITS:.*]]: tensor<?x11xf32>) -> tensor<?x16xi32>
// CHECK-NEXT:   %[[PAIRS:.*]] = tern.top_logits(%[[LOGITS]]) parts 1 each 8 : (tensor<?x11xf32>) -> tensor<?x16xi32>
// CHECK-NEXT:   return %[[PAIRS]]

// -----

module attributes {
    tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
    tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v4", features = "">} {
  // CHECK:     func.func @best.decode()
  // CHECK-NOT: func.func @best.prefill
  func.func @best.decode() {
    return
  }
}
