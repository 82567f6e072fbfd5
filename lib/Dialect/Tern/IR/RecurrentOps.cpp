//===- RecurrentOps.cpp - Operations of recurrent layers ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Expect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace tern;
using namespace tern::detail;

/// Heads of equal width, `size` features each, make `features`.
static LogicalResult expectHeads(Operation *op, StringRef name, int64_t size,
                                 int64_t features) {
  if (size < 1)
    return op->emitOpError("expected ")
           << name << " to be at least 1, got " << size;
  if (ShapedType::isDynamic(features) || features % size == 0)
    return success();
  return op->emitOpError("expected features to be a multiple of ")
         << name << " " << size << ", got " << features;
}

LogicalResult SplitOp::verify() {
  int64_t heads = getHeads().value_or(1), features = getSize(getInput(), 1);
  if (getResults().empty())
    return emitOpError("expected at least one result, got 0");
  int64_t width = 0;
  for (Value result : getResults()) {
    if (failed(expectSameTokens(*this,
                                {{"input", getInput()}, {"result", result}})) ||
        failed(expectHeads(*this, "heads", heads, getSize(result, 1))))
      return failure();
    if (ShapedType::isDynamic(getSize(result, 1)))
      return emitOpError("expected results of static width, got ")
             << result.getType();
    width += getSize(result, 1);
  }
  if (mayAgree(width, features))
    return success();
  return emitOpError("expected the widths of the results to sum to ")
         << features << ", the features of input, got " << width;
}

LogicalResult L2NormOp::verify() {
  if (getEps().isNegative() || !getEps().isFinite())
    return emitOpError("expected eps to be finite and not negative, got ")
           << getEpsAttr();
  return expectHeads(*this, "head_dim", getHeadDim(), getSize(getInput(), 1));
}

LogicalResult DeltaGatesOp::verify() {
  int64_t heads = getSize(getWrite(), 1);
  for (const Named &numbers :
       {Named{"bias", getBias()}, Named{"rate", getRate()}})
    if (failed(expectSize(*this, numbers.name, "elements", heads,
                          "one per head", getSize(numbers.value, 0))))
      return failure();
  return success();
}

/// `bytes` of floats from byte `offset` of a layer's part on.
static LogicalResult expectInState(Operation *op, StateType state,
                                   int64_t offset, int64_t bytes) {
  if (offset >= 0 && offset % 4 == 0 && offset + bytes <= state.getLayerBytes())
    return success();
  return op->emitOpError("expected ")
         << bytes << " bytes at a multiple of four within a layer's "
         << state.getLayerBytes() << " bytes of state, got them at " << offset;
}

LogicalResult CausalConvOp::verify() {
  int64_t features = getSize(getInput(), 1), taps = getSize(getTaps(), 0);
  if (ShapedType::isDynamic(features) || ShapedType::isDynamic(taps))
    return emitOpError("expected static numbers of features and taps, got ")
           << getInput().getType() << " and " << getTaps().getType();
  if (taps < 2)
    return emitOpError("expected at least two taps, got ") << taps;
  if (failed(expectSize(*this, "taps", "columns", features,
                        "one per feature of input", getSize(getTaps(), 1))) ||
      failed(expectInState(*this, getState().getType(), getOffset(),
                           (taps - 1) * features * 4)))
    return failure();
  return expectWritten(*this, {{"result",
                                {getSize(getInput(), 0), features},
                                Float32Type::get(getContext())}});
}

int64_t DeltaRuleOp::getValueHeads() { return getSize(getBeta(), 1); }
int64_t DeltaRuleOp::getKeyDim() {
  return getSize(getKey(), 1) / static_cast<int64_t>(getKeyHeads());
}
int64_t DeltaRuleOp::getValueDim() {
  return getSize(getValue(), 1) / getValueHeads();
}

LogicalResult DeltaRuleOp::verify() {
  const Named rows[] = {{"query", getQuery()},
                        {"key", getKey()},
                        {"value", getValue()},
                        {"beta", getBeta()},
                        {"decay", getDecay()}};
  for (const Named &one : rows)
    if (ShapedType::isDynamic(getSize(one.value, 1)))
      return emitOpError("expected ")
             << one.name << " of static width, got " << one.value.getType();
  if (failed(expectSameTokens(*this, rows)))
    return failure();
  int64_t keyHeads = getKeyHeads(), valueHeads = getSize(getBeta(), 1);
  if (keyHeads < 1 || valueHeads < 1 || valueHeads % keyHeads)
    return emitOpError("expected value heads, one per column of beta, to be a "
                       "multiple of key_heads ")
           << keyHeads << ", got " << valueHeads;
  if (failed(expectSize(*this, "decay", "columns", valueHeads, "as beta has",
                        getSize(getDecay(), 1))) ||
      failed(expectSize(*this, "query", "columns", getSize(getKey(), 1),
                        "as key has", getSize(getQuery(), 1))))
    return failure();
  int64_t keys = getSize(getKey(), 1), values = getSize(getValue(), 1);
  if (keys % keyHeads || values % valueHeads)
    return emitOpError("expected features to be multiples of ")
           << keyHeads << " key heads and " << valueHeads
           << " value heads, got " << keys << " and " << values;
  if (failed(expectInState(*this, getState().getType(), getOffset(),
                           getKeyDim() * values * 4)))
    return failure();
  return expectWritten(*this, {{"result",
                                {getSize(getValue(), 0), values},
                                Float32Type::get(getContext())}});
}
