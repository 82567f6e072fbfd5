//===- PackedProducts.h - Products of weights with a layout ----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DIALECT_TERN_TRANSFORMS_PACKEDPRODUCTS_H
#define TERN_LIB_DIALECT_TERN_TRANSFORMS_PACKEDPRODUCTS_H

#include "tern/Dialect/Tern/IR/Tern.h"

namespace tern {

/// True if the product without its list has the same result, as far as anybody
/// looks: compacted codes can be had as they were, and rows outside of the list
/// are behind closed gates.
bool mayReadAllColumns(MatmulOp product);
bool mayReadAllRows(MatmulOp product);

/// Drops the list.
void readAllColumns(MatmulOp product);
void readAllRows(MatmulOp product);

/// Makes the weight of `product` the bytes of `packed`, which has a layout:
/// pads the other operands, slices the result. Scales in the layout take the
/// place of the operand.
void packProduct(MatmulOp product, mlir::RankedTensorType packed);

} // namespace tern

#endif // TERN_LIB_DIALECT_TERN_TRANSFORMS_PACKEDPRODUCTS_H
