// RUN: tern-opt %s "--tern-outline-parallel=min-bytes=44 min-total=100 min-alone=200" --canonicalize --allow-unregistered-dialect | FileCheck %s

// Loops of 90 bytes together, two workers' worth: they run here. A loop whose iterations
// are not known runs here if it has less than 40 of 5 bytes.

func.func @short(%env: !llvm.ptr, %n: index) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c18 = arith.constant 18 : index
  scf.parallel (%i) = (%c0) to (%c18) step (%c1) {
    tern.iteration "known" bytes 5
    "test.body"(%i) : (index) -> ()
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    tern.iteration "unknown" bytes 5
    "test.body"(%i) : (index) -> ()
  }
  return
}
// CHECK-LABEL: func.func @short(
// CHECK-SAME:    %{{.*}}: !llvm.ptr, %[[N:.*]]: index)
// CHECK-NOT:     constant @short.known
// CHECK:         constant @short.unknown
// CHECK-NOT:     constant @short.known
// CHECK:         call @short.known(
// CHECK:         %[[WORTH:.*]] = arith.divui %[[N]], %c9
// CHECK:         %[[LITTLE:.*]] = arith.cmpi ult, %[[N]], %c40
// CHECK:         arith.select %[[LITTLE]], %c1, %[[WORTH]]

// With one more iteration and the 5 bytes of a product whose workers are counted there
// are 100.

func.func @long(%env: !llvm.ptr, %n: index) -> index {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c19 = arith.constant 19 : index
  scf.parallel (%i) = (%c0) to (%c19) step (%c1) {
    tern.iteration "known" bytes 5
    "test.body"(%i) : (index) -> ()
  }
  scf.parallel (%i) = (%c0) to (%n) step (%c1) {
    tern.iteration "unknown" bytes 5
    "test.body"(%i) : (index) -> ()
  }
  %workers = tern.worker_count bytes 5
  return %workers : index
}
// CHECK-LABEL: func.func @long(
// CHECK-DAG:     constant @long.known
// CHECK-DAG:     constant @long.unknown
// CHECK-NOT:     arith.cmpi ult

// The count of workers of a product is one, too.

func.func @counted(%env: !llvm.ptr) -> index {
  %workers = tern.worker_count bytes 99
  return %workers : index
}
// CHECK-LABEL: func.func @counted(
// CHECK:         return %c1
