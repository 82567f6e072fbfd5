//===- Hadamard.cpp - tern.hadamard to loops ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A stage h pairs features h apart. Stages below a vector's length pair its own
// lanes; the others pair whole vectors, two stages per walk through the row, so
// that it is read and written half as often. In which order pairs of a stage
// are taken changes no bit.
//
//===----------------------------------------------------------------------===//

#include "RowWise.h"
#include "tern/Kernels/KernelBuilder.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include <cmath>

using namespace mlir;
using namespace tern;

namespace {

/// Lanes of a vector at most.
constexpr int64_t kMaxLanes = 16;
/// Vectors that are combined at a time: two stages.
constexpr int64_t kVectors = 4;

/// Stage `half` among the lanes of `x`.
Value combineLanes(KernelBuilder &b, Value x, int64_t half) {
  int64_t lanes = cast<VectorType>(x.getType()).getNumElements();
  SmallVector<int64_t> swapped, chosen;
  for (int64_t i = 0; i < lanes; ++i) {
    swapped.push_back(i ^ half);
    chosen.push_back(i & half ? lanes + i : i);
  }
  Value partner = b.shuffle(x, x, swapped);
  return b.shuffle(b.add(x, partner), b.sub(partner, x), chosen);
}

/// All stages among a power of two of vectors.
void combineVectors(KernelBuilder &b, MutableArrayRef<Value> x) {
  for (size_t half = 1; half < x.size(); half *= 2)
    for (size_t i = 0; i < x.size(); ++i)
      if (!(i & half)) {
        Value sum = b.add(x[i], x[i + half]);
        x[i + half] = b.sub(x[i], x[i + half]);
        x[i] = sum;
      }
}

struct TransformRows : OpRewritePattern<HadamardOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(HadamardOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getOuts().empty())
      return rewriter.notifyMatchFailure(op, "expected buffer form");
    KernelBuilder b(op.getLoc(), rewriter, getRowLanes(op));
    int64_t block = op.getBlock();
    b.forEachToken(op.getInput(), [&](Value token) {
      transformLanes(b, op, token);
      for (int64_t half = getLanes(b); half < block; half *= kVectors)
        transformVectors(b, op, token, half, std::min(kVectors, block / half));
    });
    rewriter.eraseOp(op);
    return success();
  }

private:
  static int64_t getLanes(KernelBuilder &b) {
    return std::min(b.getRowLanes(), kMaxLanes);
  }

  static int64_t numFeatures(HadamardOp op) {
    return cast<MemRefType>(op.getInput().getType()).getDimSize(1);
  }

  static Value scale(KernelBuilder &b, HadamardOp op, Value x) {
    return b.mul(x, 1 / std::sqrt(static_cast<double>(op.getBlock())));
  }

  /// The stages below a vector's lanes, from the input to the out. Narrower
  /// blocks lie several to a vector.
  static void transformLanes(KernelBuilder &b, HadamardOp op, Value token) {
    int64_t block = op.getBlock(), lanes = getLanes(b);
    b.forEachChunk(numFeatures(op), lanes, [&](Value column, int64_t width) {
      Type type = b.vectorOf(width, b.getF32Type());
      Value x = b.load(type, op.getInput(), {token, column});
      for (int64_t half = 1; half < std::min(block, lanes); half *= 2)
        x = combineLanes(b, x, half);
      if (block <= lanes)
        x = scale(b, op, x);
      b.store(x, op.getOuts()[0], {token, column});
    });
  }

  /// The stages half, 2 half, ... on `count` vectors at a time, in the out.
  static void transformVectors(KernelBuilder &b, HadamardOp op, Value token,
                               int64_t half, int64_t count) {
    Value row = op.getOuts()[0];
    int64_t lanes = getLanes(b);
    Type type = b.vectorOf(lanes, b.getF32Type());
    bool isLast = half * count == int64_t(op.getBlock());
    b.loop(0, numFeatures(op) / count, lanes, [&](Value i) {
      // The bits of i from `half` on count groups of `count` times `half`.
      Value within = b.bitAnd(i, half - 1);
      Value first = b.add(b.mul(b.sub(i, within), count), within);
      SmallVector<Value> columns, x;
      for (int64_t v = 0; v < count; ++v) {
        columns.push_back(b.add(first, v * half));
        x.push_back(b.load(type, row, {token, columns.back()}));
      }
      combineVectors(b, x);
      for (auto [column, value] : llvm::zip_equal(columns, x))
        b.store(isLast ? scale(b, op, value) : value, row, {token, column});
    });
  }
};

} // namespace

void tern::populateHadamardPatterns(RewritePatternSet &patterns) {
  patterns.add<TransformRows>(patterns.getContext());
}
