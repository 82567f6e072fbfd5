//===- WordRows.cpp - Sums of several rows in a register ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Arithmetic modulo 2^word_bits of numbers whose lanes are signed: the sum of
// the products of a word's lanes by a code is one multiplication.
//
//===----------------------------------------------------------------------===//

#include "WeightReader.h"

#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/RISCV/RISCV.h"

using namespace mlir;
using namespace tern;
using namespace tern::riscv;

using Values = SmallVector<Value>;

/// Digits of a byte, and tiles of a step: lanes of bytes hold sums of eight
/// products of at most 2 * -8.
static constexpr int64_t kFields = 4, kTiles = 2, kColumns = kTiles * kFields;
/// Steps whose sums lanes of 16 bits hold, of bytes of sums and of products of
/// at most 2 * -128.
static constexpr int64_t kByteSteps = 32768 / 128,
                         kWordSteps = 32768 / (2 * 128 * kColumns);
/// Instructions that take the offset off a sum and convert, scale and add it.
static constexpr int64_t kScaleSlots = 5;
/// Those of a step by which addresses go on, and its end.
static constexpr int64_t kStepSlots = 4;

static VectorType vectorOf(Attribute attr, unsigned bits,
                           ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

/// `value` in the lowest bits of each `laneBits` of a word.
static int64_t inLanes(int64_t wordBits, int64_t laneBits, uint64_t value) {
  uint64_t all = 0;
  for (int64_t at = 0; at < wordBits; at += laneBits)
    all |= value << at;
  return wordBits == 32 ? int64_t(int32_t(all)) : int64_t(all);
}

LogicalResult WordRowsAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t wordBits, int64_t words,
                                   int64_t codeBits) {
  if (wordBits != 32 && wordBits != 64)
    return emitError() << "expected words of 32 or 64 bits, got " << wordBits;
  if (words < 1)
    return emitError() << "expected a word at least, got " << words;
  if (codeBits != 4 && codeBits != 8)
    return emitError() << "expected codes of 4 or 8 bits, got " << codeBits;
  return success();
}

Layout WordRowsAttr::getTileLayout() const {
  return GroupsInLanes{&codecs::b2, Axis::Row, /*groups=*/1, /*vectors=*/1,
                       getRows()}
      .layout();
}

std::string WordRowsAttr::getKernelName() const { return "word rows"; }
MicroTile WordRowsAttr::getTile() const {
  return {/*tokens=*/1, getRows(), kColumns};
}
SmallVector<Attribute> WordRowsAttr::getParts() const { return {*this}; }
bool WordRowsAttr::reads(const std::optional<Layout> &layout) const {
  return layout && layout->withoutScales() == getTileLayout();
}
CodeRange WordRowsAttr::getCodeRange() const {
  int64_t end = int64_t(1) << (getCodeBits() - 1);
  return {-end, end - 1};
}
int64_t WordRowsAttr::getMaxColumns() const {
  return ((int64_t(1) << 31) - 1) / (2 * 128);
}
int64_t WordRowsAttr::getOffset() const { return 1; }

/// Of a word of a tile its load; of each lanes of it a mask, a multiplication
/// and an addition, and mostly a shift. Sums of bytes are added to both others
/// by five.
MicroCost WordRowsAttr::getCost() const {
  int64_t lanes = getCodeBits() == 4 ? kFields : 2 * kFields;
  int64_t slots = kTiles * (1 + 4 * lanes) + (getCodeBits() == 4 ? 2 : 0);
  int64_t ends = llvm::divideCeil(4 * getRows(), getNarrowSteps());
  return {getWords() * slots + ends + kColumns + kStepSlots, kTiles * getRows(),
          /*setupSlots=*/0, getRows() * (3 + kScaleSlots)};
}

VectorType WordRowsAttr::getCodesType() const {
  return vectorOf(*this, 8, {1, kColumns});
}
MicroPreparation WordRowsAttr::getPreparation() const { return {}; }
VectorType WordRowsAttr::getPreparedType() const { return getCodesType(); }
Value WordRowsAttr::prepare(OpBuilder &, Location, Value codes) const {
  return codes;
}
SmallVector<VectorType> WordRowsAttr::getWeightTypes() const {
  return {vectorOf(*this, 8, {kTiles, getRows()})};
}
VectorType WordRowsAttr::getFragmentType() const {
  return vectorOf(*this, 32, {1, getRows()});
}
VectorType WordRowsAttr::getSumsType() const { return getFragmentType(); }
Value WordRowsAttr::begin(OpBuilder &builder, Location loc, int64_t) const {
  return ValueBuilder(loc, builder).zero(getFragmentType());
}

int64_t WordRowsAttr::getNarrowSteps() const {
  return getCodeBits() == 4 ? kByteSteps : kWordSteps;
}
/// Of each word the sums of all rows, or of the even ones; then of each those
/// of the odd ones, and what all of these are too large by, if they are.
VectorType WordRowsAttr::getNarrowType() const {
  return vectorOf(*this, getWordBits(),
                  {2 * getWords() + (getCodeBits() == 4)});
}

namespace {
/// A step, by its operands.
struct Step {
  ValueBuilder &b;
  WordRowsAttr attr;
  WeightReader reader;
  Type word;
  Values codes; ///< as words

  Step(ValueBuilder &b, WordRowsAttr attr, Value bytes, Value weights)
      : b(b), attr(attr), reader(b, weights),
        word(b.getIntegerType(attr.getWordBits())) {
    for (int64_t column = 0; column < kColumns; ++column)
      codes.push_back(b.signExtend(b.part(bytes, {0, column}), word));
  }

  int64_t lanesOf(int64_t laneBits, uint64_t value) const {
    return inLanes(attr.getWordBits(), laneBits, value);
  }

  /// The products of the columns of a tile by `digits`, a word, in lanes of
  /// `laneBits` from bit `first` on, added to `sum` if there is one.
  Value addProducts(Value digits, int64_t tile, int64_t laneBits, int64_t first,
                    Value sum) {
    for (int64_t field = 0; field < kFields; ++field) {
      Value shifted = b.shiftRight(digits, first + 2 * field);
      Value lanes = b.bitAnd(shifted, lanesOf(laneBits, 3));
      Value products = b.mul(lanes, codes[tile * kFields + field]);
      sum = sum ? b.add(sum, products) : products;
    }
    return sum;
  }

  Value readWord(int64_t tile, int64_t i) {
    return reader.read(word,
                       tile * attr.getRows() + i * attr.getWordBits() / 8);
  }

  /// Adds the sums of word `i` of all tiles to `sums`, of even and odd rows.
  void addBytes(int64_t i, MutableArrayRef<Value> sums) {
    Value all;
    for (int64_t tile = 0; tile < kTiles; ++tile)
      all = addProducts(readWord(tile, i), tile, 8, 0, all);
    Value positive = b.add(all, b.constant(word, lanesOf(8, 0x80)));
    Value odd = b.bitAnd(b.shiftRight(positive, 8), lanesOf(16, 0xFF));
    sums[0] = b.add(sums[0], all);
    sums[1] = b.add(sums[1], odd);
    reader.waitFor(sums);
  }
  void addWords(int64_t i, MutableArrayRef<Value> sums) {
    for (int64_t tile = 0; tile < kTiles; ++tile) {
      Value digits = readWord(tile, i);
      sums[0] = addProducts(digits, tile, 16, 0, sums[0]);
      sums[1] = addProducts(digits, tile, 16, 8, sums[1]);
      reader.waitFor(sums);
    }
  }
};
} // namespace

Value WordRowsAttr::buildNarrow(OpBuilder &builder, Location loc, Value codes,
                                ValueRange weights, Value narrow) const {
  ValueBuilder b(loc, builder);
  Step step(b, *this, codes, weights[0]);
  for (int64_t i = 0; i < getWords(); ++i) {
    int64_t at[] = {i, getWords() + i};
    Value sums[] = {b.part(narrow, {at[0]}), b.part(narrow, {at[1]})};
    if (getCodeBits() == 4)
      step.addBytes(i, sums);
    else
      step.addWords(i, sums);
    for (auto [place, sum] : llvm::zip_equal(at, sums))
      narrow = b.withPart(narrow, sum, {place});
  }
  if (getCodeBits() == 8)
    return narrow;
  int64_t last = 2 * getWords();
  Value excess = b.constant(step.word, step.lanesOf(16, 0x80));
  return b.withPart(narrow, b.add(b.part(narrow, {last}), excess), {last});
}

/// `fragment` with the lanes of 16 bits that `sum` is made of: of `row` and
/// every other one after it. All are signed, and the last may have lost its
/// sign to those before.
static Value addLanes(ValueBuilder &b, Value sum, int64_t row, Value fragment) {
  Type word = sum.getType();
  int64_t bits = word.getIntOrFloatBitWidth();
  for (int64_t at = 0; at < bits; at += 16, row += 2) {
    Value lane = arith::TruncIOp::create(b, b.getI16Type(), sum);
    fragment = b.withPart(
        fragment,
        b.add(b.part(fragment, {0, row}), b.signExtend(lane, b.getI32Type())),
        {0, row});
    sum = b.shiftRightSigned(b.sub(sum, b.signExtend(lane, word)), 16);
  }
  return fragment;
}

Value WordRowsAttr::widen(OpBuilder &builder, Location loc, Value narrow,
                          Value fragment) const {
  ValueBuilder b(loc, builder);
  for (int64_t i = 0; i < getWords(); ++i) {
    Value even = b.part(narrow, {i}), odd = b.part(narrow, {getWords() + i});
    if (getCodeBits() == 4) {
      odd = b.sub(odd, b.part(narrow, {2 * getWords()}));
      even = b.sub(even, b.shiftLeft(odd, 8));
    }
    int64_t row = i * getWordBits() / 8;
    fragment = addLanes(b, even, row, fragment);
    fragment = addLanes(b, odd, row + 1, fragment);
  }
  return fragment;
}

Value WordRowsAttr::build(OpBuilder &b, Location loc, Value codes,
                          ValueRange weights, Value fragment) const {
  Value narrow = ValueBuilder(loc, b).zero(getNarrowType());
  return widen(b, loc, buildNarrow(b, loc, codes, weights, narrow), fragment);
}
Value WordRowsAttr::finish(OpBuilder &, Location, Value fragment) const {
  return fragment;
}
