// RUN: tern-opt %s -tern-tile-products -cse -mlir-print-local-scope | FileCheck %s

// Groups of four codes that are not all zero are listed by token and plane: each is
// written behind those before it and counted if it is not zero. A list has tables and
// steps of its own.

!columns = tensor<512x48x!tern.trit, #tern.layout<b2, columns, n:4:64, [n:4:4, n:4:16, n:4:1]>>
#lists = #tern.listed_groups<lanes = 64, vectors = 8, groups = 6, planes = 2, tokens = 32>

// Twelve groups in two tiles of six, two steps each at most.
// CHECK-LABEL: func.func @lists(
// CHECK-SAME:    %[[X:.*]]: tensor<?x48xi8>
// CHECK:         scf.forall
// CHECK-DAG:       %[[GROUPS:.*]] = tensor.empty() : tensor<64x8xi32>
// CHECK-DAG:       %[[STEPS:.*]] = tensor.empty() : tensor<64xi32>
// CHECK-DAG:       %[[WORDS:.*]] = tensor.empty() : tensor<2x8xi32>
// CHECK-DAG:       tern.micro_begin {{.*}} -> vector<17x32xi16>
// CHECK:           scf.for %[[COLUMNS:.*]] = %c0 to %c2
// CHECK:             scf.for %[[TOKEN:.*]] = %c0
// CHECK:               %[[ALL:.*]]:4 = scf.for {{.*}} = %c0 to %c2
// CHECK:                 vector.transfer_read %[[X]]{{.*}} vector<1x12xi8>
// CHECK:                 tern.split_codes
// CHECK:                 %[[WORD:.*]] = vector.extract {{.*}} : i32 from vector<3xi32>
// CHECK:                 tensor.insert %[[WORD]]
// CHECK:                 tensor.insert
// CHECK:                 %[[LISTED:.*]] = arith.cmpi ne, %[[WORD]], %c0_i32
// CHECK:                 arith.index_castui %[[LISTED]]
// CHECK:               tensor.insert %c0_i32 into %[[ALL]]#0
// CHECK:               arith.addi %[[ALL]]#2, %c2
// CHECK:               %[[COUNT:.*]] = arith.divui {{.*}}, %c3
// CHECK:               scf.for {{.*}} = %c0 to %[[COUNT]]
// CHECK:                 vector.transfer_read {{.*}} vector<3xi32>
// CHECK:                 tern.micro_prepare
// CHECK:             scf.for
// CHECK:               scf.for %[[LIST:.*]] = %c0
// CHECK:                 %[[STEPS_OF:.*]] = tensor.extract %{{.*}}[%[[LIST]]] : tensor<64xi32>
// CHECK-COUNT-3:           tensor.extract {{.*}} : tensor<64x8xi32>
// CHECK:                   tern.micro "down_proj"
// CHECK:           %[[LOW:.*]] = tern.micro_finish
// CHECK:           %[[HIGH:.*]] = tern.micro_finish
// CHECK:           %[[UP:.*]] = arith.shli %[[HIGH]],
// CHECK:           arith.addi %[[LOW]], %[[UP]]
func.func @lists(%x: tensor<?x48xi8>, %w: tensor<48x2x64xi8>, %init: tensor<?x512xi32>) -> tensor<?x512xi32> {
  %0 = tern.matmul "down_proj" ins(%x, %w : tensor<?x48xi8>, tensor<48x2x64xi8>)
      outs(%init : tensor<?x512xi32>) codes [-128, 127] weight_type !columns
      strategy #tern.strategy<[#lists], units = 1, prefetch = 0,
          panel = <t4, rows, k:4:1, [n:8:64, n:64:1]>> -> tensor<?x512xi32>
  return %0 : tensor<?x512xi32>
}
