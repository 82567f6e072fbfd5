// RUN: tern-opt %s --tern-run-target-passes=phase=packed --split-input-file | FileCheck %s

// Neither a module without a target nor one whose target has no passes of its own
// changes. TargetPassesTest has a target with passes.

// CHECK-LABEL: module @no_target {
module @no_target {}

// -----

// CHECK-LABEL: module @no_passes attributes {tern.target = #{{[a-z]+}}} {
// CHECK-NEXT:  }
module @no_passes attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {}
