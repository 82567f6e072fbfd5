//===- Recurrent.cpp - tern.causal_conv, tern.delta_rule to loops ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A feature of the convolution and a column of the delta rule's matrix need
// nothing of any other. So each task takes some of them through all tokens, and
// what it keeps of them stays in a cache near the CPU.
//
//===----------------------------------------------------------------------===//

#include "tern/Conversion/TernToKernels.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/KernelBuilder.h"
#include "tern/Kernels/Numerics.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace tern;

namespace {

/// Features of the convolution that are a task's: of four taps 16 KiB of state.
constexpr int64_t kTaskFeatures = 1024;

/// Floats from byte `offset` of a layer's part of the state of one token's
/// sequence on.
Value viewState(KernelBuilder &b, TypedValue<StateType> state, Value layer,
                Value token, int64_t offset, ArrayRef<int64_t> shape) {
  Value address = StateAddressOp::create(b, b.getIndexType(), state, token);
  Value part = b.mul(layer, state.getType().getLayerBytes());
  address = b.add(address, b.add(part, offset));
  return FromAddressOp::create(b, MemRefType::get(shape, b.getF32Type()),
                               address);
}

//===----------------------------------------------------------------------===//
// tern.causal_conv
//===----------------------------------------------------------------------===//

class Convolution {
public:
  Convolution(KernelBuilder &b, CausalConvOp op)
      : b(b), op(op),
        features(cast<MemRefType>(op.getInput().getType()).getDimSize(1)),
        taps(cast<MemRefType>(op.getTaps().getType()).getDimSize(0)) {}

  /// Features `first` to `first + width` - 1 of all tokens.
  void build(Value first, int64_t width) {
    Type type = b.vectorOf(width, b.getF32Type());
    SmallVector<Value> weights;
    for (int64_t k = 0; k < taps; ++k)
      weights.push_back(b.load(type, op.getTaps(), {b.index(k), first}));
    b.forEachToken(op.getInput(), [&](Value token) {
      Value kept = viewState(b, op.getState(), op.getLayer(), token,
                             op.getOffset(), {taps - 1, features});
      SmallVector<Value> x;
      for (int64_t k = 0; k < taps - 1; ++k)
        x.push_back(b.load(type, kept, {b.index(k), first}));
      x.push_back(b.load(type, op.getInput(), {token, first}));
      Value sum = b.mul(weights[0], x[0]);
      for (int64_t k = 1; k < taps; ++k) {
        sum = b.add(sum, b.mul(weights[k], x[k]));
        b.store(x[k], kept, {b.index(k - 1), first});
      }
      Value result = b.mul(sum, buildSigmoid(b, b.getLoc(), sum));
      b.store(result, op.getOuts()[0], {token, first});
    });
  }

  void buildTasks() {
    int64_t lanes = b.getRowLanes();
    int64_t tasks = llvm::divideCeil(features, kTaskFeatures);
    int64_t bytes = 4 * 3 * taps * std::min(features, kTaskFeatures);
    b.parallel(b.index(tasks), bytes, [&](Value task) {
      if (tasks == 1)
        return b.forEachChunk(features, lanes, [&](Value first, int64_t width) {
          build(first, width);
        });
      Value begin = b.mul(task, kTaskFeatures);
      Value end = b.minUnsigned(b.add(begin, kTaskFeatures), b.index(features));
      int64_t rest = features % lanes;
      b.loop(begin, rest ? b.sub(end, lanes - 1) : end, lanes,
             [&](Value first) { build(first, lanes); });
      if (rest)
        b.ifTrue(b.compare(arith::CmpIPredicate::eq, task, tasks - 1),
                 [&] { build(b.index(features - rest), rest); });
    });
  }

private:
  KernelBuilder &b;
  CausalConvOp op;
  int64_t features, taps;
};

struct ExpandCausalConv : OpRewritePattern<CausalConvOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(CausalConvOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    b.nameLoops("causal_conv");
    Convolution(b, op).buildTasks();
    rewriter.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// tern.delta_rule
//===----------------------------------------------------------------------===//

/// Some columns of one head's matrix, for all tokens.
class DeltaColumns {
public:
  DeltaColumns(KernelBuilder &b, DeltaRuleOp op, Value head)
      : b(b), op(op), head(head), rows(op.getKeyDim()),
        columns(op.getValueDim()) {
    int64_t keyHeads = op.getKeyHeads(), heads = op.getValueHeads();
    Value keyHead = op.getTiled() ? b.rem(head, keyHeads)
                                  : b.div(head, b.index(heads / keyHeads));
    firstKey = b.mul(keyHead, rows);
  }

  void build(Value column, int64_t width) {
    auto type = b.vectorOf(width, b.getF32Type());
    Value feature = b.add(b.mul(head, columns), column);
    b.forEachToken(op.getValue(), [&](Value token) {
      Value matrix =
          viewState(b, op.getState(), op.getLayer(), token, op.getOffset(),
                    {op.getValueHeads(), rows, columns});
      auto inAll = [&](Value memory, Value at) {
        return b.splat(type, b.load(memory, {token, at}));
      };
      Value decay = inAll(op.getDecay(), head);
      auto loadDecayed = [&](Value i) {
        return b.mul(b.load(type, matrix, {head, i, column}), decay);
      };
      Value seen = sum(type, [&](Value i, Value total) {
        Value key = inAll(op.getKey(), b.add(firstKey, i));
        return b.add(total, b.mul(key, loadDecayed(i)));
      });
      Value value = b.load(type, op.getValue(), {token, feature});
      Value update = b.mul(inAll(op.getBeta(), head), b.sub(value, seen));
      Value result = sum(type, [&](Value i, Value total) {
        Value at = b.add(firstKey, i);
        Value row =
            b.add(loadDecayed(i), b.mul(inAll(op.getKey(), at), update));
        b.store(row, matrix, {head, i, column});
        return b.add(total, b.mul(inAll(op.getQuery(), at), row));
      });
      b.store(result, op.getOuts()[0], {token, feature});
    });
  }

private:
  /// Over the rows of the matrix, from +0.
  Value sum(Type type, function_ref<Value(Value, Value)> addRow) {
    return b.loop(b.index(0), b.index(rows), 1, b.zero(type),
                  [&](Value i, ValueRange carried) -> SmallVector<Value> {
                    return {addRow(i, carried[0])};
                  })[0];
  }

  KernelBuilder &b;
  DeltaRuleOp op;
  Value head;
  int64_t rows, columns;
  Value firstKey;
};

struct ExpandDeltaRule : OpRewritePattern<DeltaRuleOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DeltaRuleOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    b.nameLoops("delta_rule");
    int64_t bytes = 2 * 4 * op.getKeyDim() * op.getValueDim();
    b.parallel(b.index(op.getValueHeads()), bytes, [&](Value head) {
      DeltaColumns matrix(b, op, head);
      b.forEachChunk(
          op.getValueDim(), b.getRowLanes(),
          [&](Value column, int64_t width) { matrix.build(column, width); });
    });
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void tern::populateRecurrentPatterns(RewritePatternSet &patterns) {
  patterns.add<ExpandCausalConv, ExpandDeltaRule>(patterns.getContext());
}
