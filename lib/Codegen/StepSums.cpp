//===- StepSums.cpp - Sums of the steps of a micro kernel -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "StepSums.h"

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

Value tern::sumSteps(KernelBuilder &b, MicroKernelAttrInterface kernel,
                     Value from, Value to, Value fragment,
                     function_ref<Value(Value, Value, Value)> sumRun) {
  int64_t narrowSteps = kernel.getNarrowSteps();
  if (!narrowSteps)
    return sumRun(from, to, fragment);
  std::optional<int64_t> first = getConstantIntValue(from),
                         last = getConstantIntValue(to);
  bool isWhole = first && last && (*last - *first) % narrowSteps == 0;
  return b.loop(from, to, narrowSteps, fragment,
                [&](Value first, ValueRange carried) -> Values {
                  Value end = b.add(first, b.index(narrowSteps));
                  if (!isWhole)
                    end = b.minUnsigned(end, to);
                  Value narrow =
                      sumRun(first, end, b.zero(kernel.getNarrowType()));
                  return {MicroWidenOp::create(b, kernel.getFragmentType(),
                                               kernel, narrow, carried[0])};
                })[0];
}

/// 1 in the rows that have an offset, 0 in the others.
static Value isNotZero(KernelBuilder &b, VectorType type,
                       ArrayRef<int64_t> offsets) {
  SmallVector<int32_t> flags;
  for (int64_t offset : offsets)
    flags.push_back(offset != 0);
  Value rows = arith::ConstantOp::create(b, b.getI32VectorAttr(flags));
  return vector::BroadcastOp::create(b, type, rows);
}

Value tern::takeOffsetOff(KernelBuilder &b, MicroKernelAttrInterface kernel,
                          Value sums, Value codeSums) {
  auto type = cast<VectorType>(sums.getType());
  if (kernel.getOffset() != 1)
    codeSums = b.mul(codeSums, double(kernel.getOffset()));
  // Not one broadcast to [tokens, rows] and a reshape: upstream folds these
  // into a broadcast along the wrong dimension.
  SmallVector<int64_t> ones(type.getRank(), 1);
  ones[0] = type.getDimSize(0);
  Value excess =
      vector::BroadcastOp::create(b, type, b.reshape(codeSums, ones));
  if (SmallVector<int64_t> offsets = kernel.getRowOffsets(); !offsets.empty())
    excess = b.mul(excess, isNotZero(b, type, offsets));
  return b.sub(sums, excess);
}
