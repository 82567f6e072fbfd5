// RUN: tern-opt %s --tern-mark-kernels | FileCheck %s

// Cards of 9.0 and later begin a launch while those before end. Work that needs nothing of them
// is in front of the wait, as the request for weights.

module attributes {tern.target = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_90", features = "+sm_90">} {
  // CHECK-LABEL: llvm.func ptx_kernelcc @layer_1(
  // CHECK:         llvm.getelementptr
  // CHECK:         llvm.inline_asm has_side_effects "prefetch.global.L2
  // CHECK-NEXT:    llvm.inline_asm has_side_effects "griddepcontrol.launch_dependents;", "~{memory}"
  // CHECK-NEXT:    llvm.inline_asm has_side_effects "griddepcontrol.wait;", "~{memory}"
  // CHECK-NEXT:    llvm.load
  llvm.func @layer_1(%weights: !llvm.ptr<1>, %x: !llvm.ptr) attributes {tern.blocks = 9 : i64} {
    %at = llvm.getelementptr %weights[64] : (!llvm.ptr<1>) -> !llvm.ptr<1>, i8
    llvm.inline_asm has_side_effects "prefetch.global.L2 [$0];", "l" %at : (!llvm.ptr<1>) -> ()
    %y = llvm.load %x : !llvm.ptr -> f32
    llvm.store %y, %x : f32, !llvm.ptr
    llvm.return
  }
}
