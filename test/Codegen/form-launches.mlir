// RUN: tern-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(tern-form-launches),canonicalize,cse)' | FileCheck %s

// The run is repeated by each block, in buffers of its own; a later launch reads the
// scale, so one block leaves it in a new place. The in-place norm copies first what an
// earlier launch has written.

#rows = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #device} {
  // CHECK-LABEL: func.func @layer.decode(
  // CHECK-SAME:    %[[X:.*]]: memref<1x64xf32>, %[[Y:.*]]: memref<1x64xf32>)
  func.func @layer.decode(%x: memref<1x64xf32>, %y: memref<1x64xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %m = memref.alloc() : memref<1xf32>
    %h = memref.alloc() : memref<1x64xf32>
    // CHECK-DAG: %[[H:.*]] = memref.alloc() : memref<1x64xf32>
    // CHECK-DAG: %[[LEFT:.*]] = memref.alloc() : memref<1xf32>
    // CHECK:     scf.execute_region no_inline {
    // CHECK:       %[[M:.*]] = memref.alloc() : memref<1xf32>
    // CHECK:       tern.reduce <max_abs>(%[[X]]) outs(%[[M]]
    // CHECK:       %[[BLOCK:.*]] = tern.worker_index
    // CHECK:       %[[FIRST:.*]] = arith.cmpi eq, %[[BLOCK]], %c0
    // CHECK:       scf.if %[[FIRST]] {
    // CHECK:         linalg.copy ins(%[[M]] : memref<1xf32>) outs(%[[LEFT]] : memref<1xf32>)
    // CHECK:       scf.parallel
    // CHECK:         memref.load %[[M]]
    tern.reduce <max_abs>(%x) outs(%m : memref<1xf32>) : (memref<1x64xf32>)
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      tern.iteration "q_proj" bytes 64
      %z = memref.load %m[%c0] : memref<1xf32>
      memref.store %z, %h[%c0, %i] : memref<1x64xf32>
      scf.reduce
    }
    // CHECK:     scf.execute_region no_inline {
    // CHECK:       %[[OWN:.*]] = memref.alloc() : memref<1x64xf32>
    // CHECK:       linalg.copy ins(%[[H]] : memref<1x64xf32>) outs(%[[OWN]] : memref<1x64xf32>)
    // CHECK:       linalg.generic {{.*}} ins(%[[OWN]], %[[LEFT]] : {{.*}} outs(%[[OWN]] :
    // CHECK:       scf.parallel
    // CHECK:         memref.load %[[OWN]]
    linalg.generic {indexing_maps = [#rows, #row, #rows], iterator_types = ["parallel", "parallel"]}
        ins(%h, %m : memref<1x64xf32>, memref<1xf32>) outs(%h : memref<1x64xf32>) {
    ^bb0(%in: f32, %scale: f32, %out: f32):
      %z = arith.mulf %in, %scale : f32
      linalg.yield %z : f32
    }
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      tern.iteration "o_proj" bytes 64
      %z = memref.load %h[%c0, %i] : memref<1x64xf32>
      memref.store %z, %y[%c0, %i] : memref<1x64xf32>
      scf.reduce
    }
    return
  }
}

// -----

// Products over one range are one loop when iteration i of each uses the same part of
// what they share.

#times = affine_map<(d0) -> (d0 * 16)>
#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #device} {
  // CHECK-LABEL: func.func @together(
  // CHECK:         scf.execute_region
  // CHECK:           scf.parallel
  // CHECK:             tern.iteration "up_proj"
  // CHECK:             tern.iteration "gate_proj"
  // CHECK-NOT:       scf.parallel
  // CHECK:           return
  func.func @together(%x: memref<1x64xf32>, %y: memref<1x64xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %one = arith.constant 1.0 : f32
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      tern.iteration "up_proj" bytes 64
      %at = affine.apply #times(%i)
      %part = memref.subview %x[0, %at] [1, 16] [1, 1] : memref<1x64xf32> to memref<1x16xf32, strided<[64, 1], offset: ?>>
      memref.store %one, %part[%c0, %c0] : memref<1x16xf32, strided<[64, 1], offset: ?>>
      scf.reduce
    }
    scf.parallel (%j) = (%c0) to (%c4) step (%c1) {
      tern.iteration "gate_proj" bytes 64
      %at = affine.apply #times(%j)
      %part = memref.subview %x[0, %at] [1, 16] [1, 1] : memref<1x64xf32> to memref<1x16xf32, strided<[64, 1], offset: ?>>
      %z = memref.load %part[%c0, %c0] : memref<1x16xf32, strided<[64, 1], offset: ?>>
      memref.store %z, %y[%c0, %j] : memref<1x64xf32>
      scf.reduce
    }
    return
  }

  // Here the second loop reads all that the first one writes.
  // CHECK-LABEL: func.func @apart(
  // CHECK-NOT:     scf.execute_region
  // CHECK-COUNT-2: scf.parallel
  func.func @apart(%x: memref<1x64xf32>, %y: memref<1x64xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %one = arith.constant 1.0 : f32
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      memref.store %one, %x[%c0, %i] : memref<1x64xf32>
      scf.reduce
    }
    scf.parallel (%j) = (%c0) to (%c4) step (%c1) {
      %z = memref.load %x[%c0, %c0] : memref<1x64xf32>
      memref.store %z, %y[%c0, %j] : memref<1x64xf32>
      scf.reduce
    }
    return
  }

  // And here the loop writes what the run reads: the run is a launch of its own.
  // CHECK-LABEL: func.func @own_launch(
  // CHECK-NOT:     scf.execute_region
  // CHECK:         tern.reduce
  // CHECK:         scf.parallel
  func.func @own_launch(%x: memref<1x64xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %m = memref.alloc() : memref<1xf32>
    tern.reduce <max_abs>(%x) outs(%m : memref<1xf32>) : (memref<1x64xf32>)
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      %z = memref.load %m[%c0] : memref<1xf32>
      memref.store %z, %x[%c0, %i] : memref<1x64xf32>
      scf.reduce
    }
    return
  }
}

// -----

// Rows that the run reads twice are copied first.

#rows = affine_map<(d0, d1) -> (d0, d1)>
#row = affine_map<(d0, d1) -> (d0)>
#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #device} {
  // CHECK-LABEL: func.func @twice(
  // CHECK-SAME:    %[[X:.*]]: memref<1x64xf32>,
  // CHECK:         scf.execute_region
  // CHECK:           linalg.copy ins(%[[X]] : memref<1x64xf32>) outs(%[[NEAR:.*]] :
  // CHECK:           tern.reduce <max_abs>(%[[NEAR]])
  // CHECK:           linalg.generic {{.*}} ins(%[[NEAR]],
  // CHECK:           scf.parallel
  // CHECK:             memref.load %[[NEAR]]
  func.func @twice(%x: memref<1x64xf32>, %y: memref<1x64xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %m = memref.alloc() : memref<1xf32>
    %h = memref.alloc() : memref<1x64xf32>
    tern.reduce <max_abs>(%x) outs(%m : memref<1xf32>) : (memref<1x64xf32>)
    linalg.generic {indexing_maps = [#rows, #row, #rows], iterator_types = ["parallel", "parallel"]}
        ins(%x, %m : memref<1x64xf32>, memref<1xf32>) outs(%h : memref<1x64xf32>) {
    ^bb0(%in: f32, %scale: f32, %out: f32):
      %z = arith.mulf %in, %scale : f32
      linalg.yield %z : f32
    }
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      %z = memref.load %h[%c0, %i] : memref<1x64xf32>
      %w = memref.load %x[%c0, %i] : memref<1x64xf32>
      %sum = arith.addf %z, %w : f32
      memref.store %sum, %y[%c0, %i] : memref<1x64xf32>
      scf.reduce
    }
    return
  }
}

// -----

// For a CPU nothing is done.

module attributes {tern.target = #tern.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", features = "">} {
  // CHECK-LABEL: func.func @cpu(
  // CHECK-NOT:     scf.execute_region
  func.func @cpu(%x: memref<1x64xf32>, %y: memref<1x64xf32>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %m = memref.alloc() : memref<1xf32>
    tern.reduce <max_abs>(%x) outs(%m : memref<1xf32>) : (memref<1x64xf32>)
    scf.parallel (%i) = (%c0) to (%c4) step (%c1) {
      %z = memref.load %m[%c0] : memref<1xf32>
      memref.store %z, %y[%c0, %i] : memref<1x64xf32>
      scf.reduce
    }
    return
  }
}

// -----

// Behind long texts attention has launches of its own, which read what one block leaves.

!cache = !tern.kv_cache<layers = 5, heads = 1, head_dim = 64, capacity = 600, bits = 3, bos_bits = 3>
#device = #tern.target<triple = "nvptx64-nvidia-cuda", cpu = "sm_80", features = "+sm_80">
module attributes {tern.target = #device} {
  // CHECK-LABEL: func.func @long(
  // CHECK:         %[[LEFT:.*]] = memref.alloc() : memref<1x64xf32>
  // CHECK:         scf.execute_region
  // CHECK:           %[[OWN:.*]] = memref.alloc() : memref<1x64xf32>
  // CHECK:           linalg.copy {{.*}} outs(%[[OWN]] :
  // CHECK:           linalg.copy ins(%[[OWN]] : memref<1x64xf32>) outs(%[[LEFT]] :
  // CHECK:           tern.attention(%[[OWN]], {{.*}} {tern.when = "short"}
  // CHECK:         tern.attention(%[[LEFT]], {{.*}} {tern.when = "long"}
  func.func @long(%x: memref<1x64xf32>, %o: memref<1x64xf32>, %p: memref<1xi32>, %l: index, %c: !cache) {
    %q = memref.alloc() : memref<1x64xf32>
    linalg.copy ins(%x : memref<1x64xf32>) outs(%q : memref<1x64xf32>)
    tern.attention(%q, %c[%l], %p) outs(%o : memref<1x64xf32>) : (memref<1x64xf32>, !cache, memref<1xi32>)
    return
  }
}
