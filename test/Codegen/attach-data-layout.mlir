// RUN: tern-opt %s --tern-attach-data-layout --split-input-file --verify-diagnostics --mlir-print-local-scope | FileCheck %s

// CHECK: module attributes {dlti.dl_spec = #dlti.dl_spec<index = 32 : i64>, tern.target
module attributes {tern.target = #tern.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", features = "">} {}

// -----

// CHECK: module attributes {dlti.dl_spec = #dlti.dl_spec<index = 32 : i64>, tern.target
module attributes {tern.target = #tern.target<triple = "wasm32-unknown-unknown", cpu = "generic", features = "">} {}

// -----

// 64 bits are the default.
// CHECK: module attributes {tern.target
module attributes {tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = "generic-rv64", features = "">} {}

// -----

// expected-error @+1 {{expected a `tern.target` attribute}}
module {}
