// RUN: tern-opt %s --tern-report-padding --remark-format=emitRemark --remarks-filter=tern.* 2>&1 | FileCheck %s
// RUN: tern-opt %s --tern-report-padding=percent=80 --remark-format=emitRemark --remarks-filter=tern.* 2>&1 \
// RUN:   | FileCheck %s --check-prefix=NONE

// Eight rows of seven columns fill 14 bytes of a tile of 64; a matrix that is whole
// tiles has no padding, and a weight without a layout none either.

// CHECK: remark: {{.*}}Padding{{.*}}small: 50 of 64 bytes are padding
// CHECK-NOT: remark:
// NONE-NOT: remark:
#tiles = #tern.layout<b2, rows, k:4:4, [n:16:1, k:4:1]>
tern.weight @small <digits> ["small"] : tensor<8x7x!tern.trit, #tiles>
tern.weight @whole <digits> ["whole"] : tensor<32x16x!tern.trit, #tiles>
tern.weight @norm <values> ["norm"] : tensor<5xf32>
// CHECK: tern.weight @small
// NONE: tern.weight @small
