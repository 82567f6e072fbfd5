//===- ScalarDot.cpp - The dot product of a machine without vectors -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

namespace {

struct ScalarDotModel
    : DotProductAttrInterface::ExternalModel<ScalarDotModel, ScalarDotAttr> {
  std::string getInstruction(Attribute) const { return "multiply-adds"; }
  int64_t getLanes(Attribute) const { return 1; }
  int64_t getSlots(Attribute, unsigned) const { return 8; }
  unsigned getMaxUnsigned(Attribute) const { return 255; }
  int64_t getNarrowLanes(Attribute) const { return 2; }

  Value build(Attribute, OpBuilder &builder, Location loc, Value acc, Value u,
              Value s, unsigned) const {
    ValueBuilder b(loc, builder);
    Value products =
        b.mul(b.zeroExtend(u, b.getI32Type()), b.signExtend(s, b.getI32Type()));
    Value sum = vector::ReductionOp::create(b, vector::CombiningKind::ADD,
                                            products, b.lane(acc, 0));
    return vector::FromElementsOp::create(b, acc.getType(), sum);
  }
};

} // namespace

void tern::attachScalarDot(MLIRContext *context) {
  ScalarDotAttr::attachInterface<ScalarDotModel>(*context);
}
