//===- ReadAddress.cpp - Where a vector comes from ------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/ReadAddress.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

Value tern::findReadAddress(ValueBuilder &b, Value vector) {
  auto read = vector.getDefiningOp<vector::TransferReadOp>();
  auto type = read ? dyn_cast<MemRefType>(read.getBase().getType()) : nullptr;
  if (!type || !type.isLastDimUnitStride() || read.getMask() ||
      read.hasOutOfBoundsDim())
    return {};
  Value memory = read.getBase();
  auto place = memref::ExtractStridedMetadataOp::create(b, memory);
  Value at = place.getOffset();
  for (auto [index, stride] :
       llvm::zip_equal(read.getIndices(), place.getStrides()))
    at = b.add(at, b.mul(index, stride));
  if (int64_t bytes = type.getElementTypeBitWidth() / 8; bytes != 1)
    at = b.mul(at, b.index(bytes));
  Value start = memref::ExtractAlignedPointerAsIndexOp::create(b, memory);
  return b.add(start, at);
}
