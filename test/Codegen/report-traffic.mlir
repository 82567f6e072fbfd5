// RUN: tern-opt %s --tern-report-traffic --remark-format=emitRemark --remarks-filter=tern.* 2>&1 | FileCheck %s
// RUN: tern-opt %s "--tern-report-traffic=least-bytes=57345" --remark-format=emitRemark --remarks-filter=tern.* 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NONE

// A product whose rows are listed holds more than it always reads; a function
// without products reads none and is not mentioned.

// CHECK: remark: {{.*}}Traffic{{.*}}layer{{.*}}2 products hold 57344 bytes of ternary weights, of which 24576 are read for any input
// CHECK-NOT: remark:
// NONE-NOT: remark:
func.func @layer(%listed: index) {
  %c24576 = arith.constant 24576 : index
  %c32768 = arith.constant 32768 : index
  tern.count_read "gate_proj" held %c24576 read %c24576
  tern.count_read "up_proj" held %c32768 read %listed
  return
}
func.func @embed() {
  return
}
// CHECK: func.func @layer
// NONE: func.func @layer
