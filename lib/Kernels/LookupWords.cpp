//===- LookupWords.cpp - Numbers in a word are indices --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "MicroKernels.h"

#include "tern/Packing/LayoutFamilies.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

constexpr const Codec &kCodec = codecs::t3p5;
constexpr int64_t kBytes = 5, kNumbers = 8; ///< of a word
constexpr int64_t kDigits = 3;              ///< of a number
/// The entries of a table and its padding: 3^3 of them.
constexpr int64_t kEntries = 32;
/// No code of a plane is larger, so no sum of a number is larger than 24.
constexpr int64_t kMaxCode = 8;
/// Numbers whose sums a byte holds, and 16 bits.
constexpr int64_t kChunk = 4, kMaxNumbers = INT16_MAX / (kMaxCode * kDigits);

/// Sums are [planes, vectors, L] of 16 bits; tables are [numbers, planes,
/// entries].
struct LookupWordsModel : MicroKernelModel<LookupWordsModel, LookupWordsAttr> {
  static LookupWordsAttr get(Attribute attr) {
    return cast<LookupWordsAttr>(attr);
  }
  static LookupTableAttr getTable(Attribute attr) {
    return LookupTableAttr::get(attr.getContext(), kDigits, -kMaxCode, kMaxCode,
                                /*bias=*/0, /*signMagnitude=*/false);
  }

  std::string getKernelName(Attribute attr) const {
    return get(attr).getPlanes() == 1 ? "lookups of words"
                                      : "lookups of words in two planes";
  }
  MicroTile getTile(Attribute attr) const {
    return {1, get(attr).getVectors() * get(attr).getLanes(),
            kNumbers * kDigits};
  }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    return layout && *layout == get(attr).getTileLayout();
  }
  CodeRange getCodeRange(Attribute attr) const {
    return get(attr).getPlanes() == 1 ? CodeRange{-kMaxCode, kMaxCode}
                                      : CodeRange{-128, 127};
  }
  /// 32 bits hold the sums of as many.
  int64_t getMaxColumns(Attribute) const { return (int64_t(1) << 24) - 1; }
  int64_t getOffset(Attribute) const { return 0; }
  /// Of a vector of words loads, thirteen shifts and masks; for each plane a
  /// lookup and an addition for each number and two times two that widen; sums
  /// or tables from the cache. A table is made by ten.
  MicroCost getCost(Attribute attr) const {
    auto kernel = get(attr);
    int64_t planes = kernel.getPlanes(), vectors = kernel.getVectors();
    int64_t loads = kernel.getGroups() == 1 ? 2 * vectors : kNumbers * planes;
    int64_t slots = vectors * (3 + 13 + planes * (2 * kNumbers - 2 + 4));
    return {slots + loads, vectors * kBytes * kernel.getLanes(),
            10.0 * double(planes) / kDigits};
  }

  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return {vectorOf(attr, 8, {getCost(attr).bytes})};
  }
  VectorType getFragmentType(Attribute attr) const {
    auto kernel = get(attr);
    return vectorOf(
        attr, 16, {kernel.getPlanes(), kernel.getVectors(), kernel.getLanes()});
  }

  MicroPreparation getPreparation(Attribute attr) const {
    MicroPreparation preparation;
    preparation.steps = get(attr).getGroups();
    preparation.tokens = get(attr).getTokens();
    preparation.maxSteps = kMaxNumbers / kNumbers;
    preparation.readsAhead = false;
    return preparation;
  }
  VectorType getPreparedType(Attribute attr) const {
    return vectorOf(attr, 8, {kNumbers, get(attr).getPlanes(), kEntries});
  }
  Value prepare(Attribute attr, OpBuilder &builder, Location loc,
                Value codes) const {
    ValueBuilder b(loc, builder);
    Value row = b.part(codes, {int64_t(0)});
    Values planes = {row};
    if (get(attr).getPlanes() == 2) {
      auto split = SplitCodesOp::create(b, row.getType(), row.getType(), row);
      planes = {split.getLow(), split.getHigh()};
    }
    Value tables = b.zero(getPreparedType(attr));
    VectorType type = vectorOf(attr, 8, {kNumbers, kEntries});
    for (auto [i, plane] : llvm::enumerate(planes)) {
      Value groups = b.reshape(plane, {kNumbers, kDigits});
      Value made = BuildTableOp::create(b, type, /*magnitudes=*/Type(), groups,
                                        getTable(attr))
                       .getTable();
      for (int64_t number = 0; number < kNumbers; ++number)
        tables =
            b.withPart(tables, b.part(made, {number}), {number, int64_t(i)});
    }
    return tables;
  }

  Value build(Attribute attr, OpBuilder &builder, Location loc, Value tables,
              ValueRange weights, Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    int64_t vectors = kernel.getVectors(), planes = kernel.getPlanes();
    int64_t lanes = kernel.getLanes();
    Value words = b.reshape(weights[0], {vectors, kBytes, lanes});
    VectorType narrowType = b.vectorOf(lanes, b.getI8Type());
    auto numbersType = VectorType::get({kNumbers, lanes}, b.getI8Type());
    // Vectors one by one: LLVM keeps no more than the numbers of one.
    for (int64_t v = 0; v < vectors; ++v) {
      Value numbers = GatherNumbersOp::create(b, numbersType,
                                              b.part(words, {v}), kCodec.name);
      for (int64_t chunk = 0; chunk < kNumbers; chunk += kChunk) {
        Values narrow(planes, b.zero(narrowType));
        for (int64_t number = chunk; number < chunk + kChunk; ++number) {
          keepOrder(attr, b);
          for (int64_t plane = 0; plane < planes; ++plane)
            narrow[plane] =
                LookupAddOp::create(b, narrowType, narrow[plane],
                                    readTable(attr, b, tables, number, plane),
                                    b.part(numbers, {number}), getTable(attr));
        }
        for (int64_t plane = 0; plane < planes; ++plane) {
          Value wide = WidenOp::create(
              b, b.vectorOf(lanes, b.getI16Type()), narrow[plane],
              b.part(sums, {plane, v}), getTable(attr), kChunk, kMaxNumbers,
              /*start=*/0, /*is_unsigned=*/false, /*bound=*/Value());
          sums = b.withPart(sums, wide, {plane, v});
        }
      }
    }
    return sums;
  }

  Value finish(Attribute attr, OpBuilder &builder, Location loc,
               Value sums) const {
    ValueBuilder b(loc, builder);
    auto kernel = get(attr);
    Value result =
        b.zero(vectorOf(attr, 32, {kernel.getVectors(), kernel.getLanes()}));
    for (int64_t v = 0; v < kernel.getVectors(); ++v) {
      Value sum = b.signExtend(b.part(sums, {0, v}), b.getI32Type());
      if (kernel.getPlanes() == 2)
        sum = b.add(
            sum,
            b.shiftLeft(b.signExtend(b.part(sums, {1, v}), b.getI32Type()), 4));
      result = b.withPart(result, sum, {v});
    }
    return b.reshape(result, {1, getTile(attr).rows});
  }

private:
  /// No instruction, but loads of tables do not move up from below.
  static void keepOrder(Attribute attr, ValueBuilder &b) {
    if (get(attr).getGroups() > 1)
      LLVM::FenceOp::create(b, LLVM::AtomicOrdering::seq_cst, "singlethread");
  }

  /// Where a tile has many tables, each is read where it is needed: LLVM would
  /// have all in registers first.
  static Value readTable(Attribute attr, ValueBuilder &b, Value tables,
                         int64_t number, int64_t plane) {
    auto read = tables.getDefiningOp<vector::TransferReadOp>();
    if (get(attr).getGroups() == 1 || !read ||
        !isa<MemRefType>(read.getBase().getType()) ||
        !read.getPermutationMap().isMinorIdentity() || read.getMask() ||
        read.hasOutOfBoundsDim())
      return b.part(tables, {number, plane});
    Values at(read.getIndices());
    size_t rank = at.size();
    at[rank - 3] = b.add(at[rank - 3], b.index(number));
    at[rank - 2] = b.add(at[rank - 2], b.index(plane));
    return vector::LoadOp::create(b, b.vectorOf(kEntries, b.getI8Type()),
                                  read.getBase(), at);
  }
};

} // namespace

void tern::attachLookupWords(MLIRContext *context) {
  LookupWordsAttr::attachInterface<LookupWordsModel>(*context);
}
