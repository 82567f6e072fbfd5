//===- MatrixRows.cpp - Two rows by two tokens in a register --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// SMMLA adds to sum 2t + r the products of eight bytes of token t and row r.
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/Unpacking.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/AArch64/AArch64.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <numeric>

using namespace mlir;
using namespace tern;
using namespace tern::aarch64;

using Values = SmallVector<Value>;

static constexpr int64_t kLanes = 4, kBytes = 16, kColumns = 16;
/// Stored.
static constexpr int64_t kMaxDigit = 2;
/// Instructions that take the offset off a vector of sums and convert, scale
/// and add it.
static constexpr int64_t kScaleSlots = 5;

LogicalResult
MatrixRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t of,
                       int64_t first, int64_t vectors, int64_t tokens) {
  if (first < 0 || vectors < 1 || of < 1 || of % vectors || first % vectors ||
      first >= of)
    return emitError() << "expected a part of " << of
                       << " vectors, from a multiple of their number on, got "
                       << vectors << " from " << first;
  if (tokens < 2 || tokens % 2)
    return emitError() << "expected an even number of tokens, got " << tokens;
  return success();
}

std::string MatrixRowsAttr::getKernelName() const { return "matrix rows"; }

MicroTile MatrixRowsAttr::getTile() const {
  return {getTokens(), getVectors() * kLanes, kColumns, getFirst() * kLanes};
}

SmallVector<Attribute> MatrixRowsAttr::getParts() const {
  SmallVector<Attribute> parts;
  for (int64_t v = 0; v < getOf(); v += getVectors())
    parts.push_back(get(getContext(), getOf(), v, getVectors(), getTokens()));
  return parts;
}

bool MatrixRowsAttr::reads(const std::optional<Layout> &layout) const {
  return layout &&
         layout->withoutScales() == RowsInLanes{kLanes, getOf()}.layout();
}

CodeRange MatrixRowsAttr::getCodeRange() const { return {-128, 127}; }

int64_t MatrixRowsAttr::getMaxColumns() const {
  return ((int64_t(1) << 31) - 1) / (kMaxDigit * 128);
}

int64_t MatrixRowsAttr::getOffset() const { return 1; }

/// Of a vector of weights a load, six shifts and masks, four zips; of a token a
/// load and a zip.
MicroCost MatrixRowsAttr::getCost() const {
  int64_t products = 2 * getVectors() * getTokens();
  return {products + 11 * getVectors() + 2 * getTokens(), getVectors() * kBytes,
          /*setupSlots=*/0, getTokens() * getVectors() * (1 + kScaleSlots)};
}

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

VectorType MatrixRowsAttr::getCodesType() const {
  return vectorOf(*this, 8, {getTokens(), kColumns});
}

MicroPreparation MatrixRowsAttr::getPreparation() const { return {}; }

VectorType MatrixRowsAttr::getPreparedType() const { return getCodesType(); }

Value MatrixRowsAttr::prepare(OpBuilder &, Location, Value codes) const {
  return codes;
}

SmallVector<VectorType> MatrixRowsAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {getOf() * kBytes})};
}

/// Pairs of tokens, pairs of rows, the sums of both.
VectorType MatrixRowsAttr::getFragmentType() const {
  return vectorOf(*this, 32, {getTokens() / 2, 2 * getVectors(), kLanes});
}

VectorType MatrixRowsAttr::getSumsType() const {
  SmallVector<int64_t> shape = {getTokens(), getVectors() * kLanes};
  if (getVectors() != getOf())
    shape.insert(shape.begin() + 1, 1);
  return vectorOf(*this, 32, shape);
}

Value MatrixRowsAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  ValueBuilder b(loc, builder);
  return b.zero(getFragmentType());
}

/// Half `half` of the words of `x` and `y`, one of each in turn.
static Value zipWords(ValueBuilder &b, Value x, Value y, int64_t half) {
  VectorType words = b.vectorOf(kLanes, b.getI32Type());
  int64_t from = 2 * half;
  Value zipped = b.shuffle(b.bitcast(words, x), b.bitcast(words, y),
                           {from, kLanes + from, from + 1, kLanes + from + 1});
  return b.bitcast(x.getType(), zipped);
}

/// Half `half` of the bytes of `x` and of `y`.
static Value joinHalves(ValueBuilder &b, Value x, Value y, int64_t half) {
  SmallVector<int64_t> from(kBytes);
  auto middle = from.begin() + kBytes / 2;
  std::iota(from.begin(), middle, half * kBytes / 2);
  std::iota(middle, from.end(), kBytes + half * kBytes / 2);
  return b.shuffle(x, y, from);
}

Value MatrixRowsAttr::build(OpBuilder &builder, Location loc, Value codes,
                            ValueRange weights, Value fragment) const {
  ValueBuilder b(loc, builder);
  Value bytes = b.reshape(weights[0], {getOf(), kBytes});
  StringAttr name = b.getStringAttr("llvm.aarch64.neon.smmla.v4i32.v16i8");
  for (int64_t half = 0; half < 2; ++half) {
    Values rows;
    for (int64_t v = 0; v < getVectors(); ++v) {
      Value word = b.part(bytes, {getFirst() + v});
      Value even = unpackField(b, word, 2 * half),
            odd = unpackField(b, word, 2 * half + 1);
      rows.push_back(zipWords(b, even, odd, 0));
      rows.push_back(zipWords(b, even, odd, 1));
    }
    for (int64_t t = 0; t < getTokens(); t += 2) {
      Value x = joinHalves(b, b.part(codes, {t}), b.part(codes, {t + 1}), half);
      for (auto [r, row] : llvm::enumerate(rows)) {
        SmallVector<int64_t> at = {t / 2, int64_t(r)};
        Value sum = b.part(fragment, at);
        sum = LLVM::CallIntrinsicOp::create(b, sum.getType(), name,
                                            ValueRange{sum, x, row})
                  .getResult(0);
        fragment = b.withPart(fragment, sum, at);
      }
    }
  }
  return fragment;
}

Value MatrixRowsAttr::finish(OpBuilder &builder, Location loc,
                             Value fragment) const {
  ValueBuilder b(loc, builder);
  Value sums = b.zero(vectorOf(*this, 32, {getTokens(), getVectors(), kLanes}));
  for (int64_t t = 0; t < getTokens(); t += 2)
    for (int64_t v = 0; v < getVectors(); ++v) {
      Value low = b.part(fragment, {t / 2, 2 * v}),
            high = b.part(fragment, {t / 2, 2 * v + 1});
      sums = b.withPart(sums, b.shuffle(low, high, {0, 1, 4, 5}), {t, v});
      sums = b.withPart(sums, b.shuffle(low, high, {2, 3, 6, 7}), {t + 1, v});
    }
  return b.reshape(sums, getSumsType().getShape());
}
