//===- RepackGroups.cpp - Loops that repack to groups in lanes ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A byte of the panel is four digits of a row, a number to base 3, or two of
// them. Fields of two bits are brought into the lane of their row as for
// unpacked rows; one product of 32 bits then makes a number of four bytes, or
// two that are halves of a byte, as in codec t2. Bytes of s5 have five digits
// each, so what each adds to a byte of the panel is looked up.
//
//===----------------------------------------------------------------------===//

#include "RepackGroups.h"
#include "RepackNest.h"

#include "tern/Kernels/Unpacking.h"
#include "tern/Packing/LayoutFamilies.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

using Values = SmallVector<Value>;

namespace {

/// Digits that are brought into the panel together, and a byte of b2 of zeros.
constexpr int64_t kDigits = 4, kZeroFields = 0x55;
constexpr int64_t kPowersOf3[kDigits] = {1, 3, 9, 27};

class GroupsNest {
public:
  GroupsNest(RepackOp op, KernelBuilder &b)
      : op(op), b(b), from(op.getWeightLayout().getLayout()),
        panel(*GroupsInLanes::match(op.getLayout().getLayout())),
        bytesOfFour(kDigits / panel.codec->wordDigits),
        columns(from.paddedColumns(op.getWeightType().getDimSize(1))),
        foursOfTile(panel.groups / bytesOfFour),
        groups(cast<ShapedType>(op.getType()).getDimSize(1) * foursOfTile),
        zero(b.index(0)) {}

  Value build(Value out) {
    // Vectors of a tile of the weight that follow each other in its bytes.
    int64_t together = 1;
    if (auto source = GroupsInLanes::match(from))
      if (panel.vectors % source->vectors == 0)
        together = source->vectors;
    return loop(panel.vectors / together, out, [&](Value block, Value &out) {
      place = b.mul(block, b.index(together));
      row = b.mul(b.add(b.mul(op.getFirst(), b.index(panel.vectors)), place),
                  b.index(panel.lanes));
      int64_t written = groups;
      if (auto inLanes = RowsInLanes::match(from))
        written = fromRowsInLanes(*inLanes, out);
      else if (auto rows = ContiguousRows::match(from))
        written = fromContiguousRows(*rows, out);
      else if (ContiguousColumns::match(from))
        written = fromContiguousColumns(out);
      else
        written = fromGroups(*GroupsInLanes::match(from), together, out);
      Value none = b.constant(bytesOf(panel.lanes), getZero());
      for (int64_t group = written; group < groups; ++group)
        for (int64_t v = 0; v < together; ++v)
          out = write(none, zero, group, v * panel.lanes, out);
    });
  }

private:
  /// Digit `j` is worth so much in a byte of four digits.
  int64_t getPower(int64_t j) const {
    int64_t digits = panel.codec->wordDigits;
    return kPowersOf3[j % digits] << j / digits * (8 / bytesOfFour);
  }
  /// That byte if all are zero.
  int64_t getZero() const {
    int64_t sum = 0;
    for (int64_t j = 0; j < kDigits; ++j)
      sum += getPower(j);
    return sum;
  }

  VectorType bytesOf(int64_t count) { return b.vectorOf(count, b.getI8Type()); }

  Value loop(int64_t count, Value out,
             function_ref<void(Value, Value &)> body) {
    return b.loop(zero, b.index(count), 1, out,
                  [&](Value i, ValueRange carried) -> Values {
                    Value next = carried[0];
                    body(i, next);
                    return {next};
                  })[0];
  }

  //===--------------------------------------------------------------------===//
  // Memory
  //===--------------------------------------------------------------------===//

  Value read(ArrayRef<int64_t> shape, ValueRange at) {
    return readTiles(b, op, shape, at);
  }

  /// `fours` are bytes of group `group` + `more`, four digits, of the vector's
  /// rows or those of later ones from `lane` on. Groups that are some tiles
  /// apart have one address in common.
  Value write(Value fours, Value group, int64_t more, Value lane, Value out) {
    group = b.add(group, b.index(more % foursOfTile));
    Value tile =
        b.add(b.div(group, b.index(foursOfTile)), b.index(more / foursOfTile));
    Value inTile = b.mul(b.rem(group, foursOfTile), b.index(bytesOfFour));
    auto map = AffineMap::get(3, 0, b.getAffineDimExpr(2), b.getContext());
    for (int64_t n = 0; n < bytesOfFour; ++n) {
      Value numbers = fours;
      if (bytesOfFour == 2)
        numbers = n ? b.shiftRight(fours, 4) : b.bitAnd(fours, 15);
      Value vector = b.add(
          b.mul(b.add(inTile, b.index(n)), b.index(panel.vectors)), place);
      Value byte = b.add(b.mul(vector, b.index(panel.lanes)), lane);
      out = vector::TransferWriteOp::create(
                b, numbers, out, ValueRange{zero, tile, byte},
                AffineMapAttr::get(map), b.getBoolArrayAttr({true}))
                .getResult();
    }
    return out;
  }
  Value write(Value fours, Value group, int64_t more, int64_t lane, Value out) {
    return write(fours, group, more, b.index(lane), out);
  }

  //===--------------------------------------------------------------------===//
  // Fields of two bits
  //===--------------------------------------------------------------------===//

  /// Four digits a lane, to a byte each: the highest one of a product.
  Value number(Value digits) {
    int64_t lanes = cast<VectorType>(digits.getType()).getDimSize(0) / kDigits;
    int64_t powers = 0;
    for (int64_t j = 0; j < kDigits; ++j)
      powers |= getPower(j) << 8 * (kDigits - 1 - j);
    Value words = b.bitcast(b.vectorOf(lanes, b.getI32Type()), digits);
    Value product = b.mul(words, b.constant(words.getType(), powers));
    return arith::TruncIOp::create(b, bytesOf(lanes),
                                   b.shiftRight(product, 24));
  }

  /// A power of two of equal parts, one after the other.
  Value concatenate(Values parts) {
    while (parts.size() > 1) {
      Values pairs;
      int64_t count = cast<VectorType>(parts[0].getType()).getDimSize(0);
      auto both = llvm::to_vector(llvm::seq<int64_t>(2 * count));
      for (size_t i = 0; i < parts.size(); i += 2)
        pairs.push_back(b.shuffle(parts[i], parts[i + 1], both));
      parts = std::move(pairs);
    }
    return parts[0];
  }

  int64_t fromRowsInLanes(const RowsInLanes &inLanes, Value &out) {
    int64_t rows = inLanes.lanes * inLanes.vectors;
    Value first = b.div(row, b.index(rows));
    out = loop(columns / 16, out, [&](Value tile, Value &out) {
      Values packed;
      for (int64_t i = 0; i < panel.lanes / rows; ++i)
        packed.push_back(
            read({kDigits * rows}, {b.add(first, b.index(i)), tile, zero}));
      for (int64_t f = 0; f < kFields; ++f) {
        Values numbers;
        for (Value part : packed)
          numbers.push_back(number(unpackField(b, part, f)));
        out = write(concatenate(numbers), b.mul(tile, b.index(kFields)), f,
                    zero, out);
      }
    });
    return columns / kDigits;
  }

  int64_t fromContiguousColumns(Value &out) {
    int64_t whole = columns / kDigits, rest = columns % kDigits;
    out = loop(whole, out, [&](Value group, Value &out) {
      out = fromFields(group, kDigits, out);
    });
    if (rest)
      out = fromFields(b.index(whole), rest, out);
    return llvm::divideCeil(columns, kDigits);
  }

  /// A field of the bytes of four columns, `count` and zeros, are the rows of a
  /// vector.
  Value fromFields(Value group, int64_t count, Value out) {
    Value fields = b.div(row, b.index(panel.lanes));
    Value tile = b.div(fields, b.index(kFields));
    Value field = b.rem(fields, kFields);
    Value column = b.mul(group, b.index(kDigits));
    Values four(kDigits, b.constant(bytesOf(panel.lanes), kZeroFields));
    Values numbers;
    for (int64_t j = 0; j < count; ++j)
      four[j] = read({panel.lanes}, {b.add(column, b.index(j)), tile, zero});
    for (int64_t quarter = 0; quarter < 4; ++quarter)
      numbers.push_back(
          number(unpackField(b, interleaveFour(b, four, quarter), field)));
    return write(concatenate(numbers), group, 0, zero, out);
  }

  /// Squares of L rows, whose words of four bytes change places. Those of a
  /// vector of rows follow each other: they write the same cache lines.
  int64_t fromContiguousRows(const ContiguousRows &rows, Value &out) {
    int64_t lanes = rows.lanes, groupsOfTile = kFields * lanes;
    out = loop(
        columns / (kDigits * groupsOfTile), out, [&](Value tile, Value &out) {
          Value group = b.mul(tile, b.index(groupsOfTile));
          out = loop(panel.lanes / lanes, out, [&](Value part, Value &out) {
            Value lane = b.mul(part, b.index(lanes)), first = b.add(row, lane);
            Value square = read({lanes, kDigits * lanes}, {first, tile, zero});
            prefetch(b.add(first, b.index(panel.lanes)), tile, lanes);
            Values words = transposeWords(b, square);
            for (int64_t j = 0; j < lanes; ++j)
              for (int64_t f = 0; f < kFields; ++f)
                out = write(number(unpackField(b, words[j], f)), group,
                            f * lanes + j, lane, out);
          });
        });
    return columns / kDigits;
  }

  /// Of the next vector of rows: the processor does not see them coming.
  void prefetch(Value first, Value tile, int64_t lanes) {
    for (int64_t i = 0; i < lanes; ++i)
      PrefetchOp::create(b, op.getWeight(),
                         ValueRange{b.add(first, b.index(i)), tile, zero},
                         kDigits * lanes);
  }

  //===--------------------------------------------------------------------===//
  // Bytes of s5
  //===--------------------------------------------------------------------===//

  /// Four bytes are five of the panel, of `together` vectors of rows.
  int64_t fromGroups(const GroupsInLanes &source, int64_t together,
                     Value &out) {
    if (source.codec == &codecs::t2)
      return fromHalves(source, together, out);
    int64_t bytes = columns / codecs::s5.wordDigits, units = bytes / kDigits;
    out = loop(units, out, [&](Value unit, Value &out) {
      for (int64_t v = 0; v < together; ++v)
        out = recode(source, v, unit, kDigits, out);
    });
    if (int64_t rest = bytes % kDigits) {
      Value unit = b.index(units++);
      for (int64_t v = 0; v < together; ++v)
        out = recode(source, v, unit, rest, out);
    }
    return std::min(units * codecs::s5.wordDigits, groups);
  }

  /// Byte `byte` of the rows of vector `v` from `row` on.
  Value readGroup(const GroupsInLanes &source, int64_t v, Value byte) {
    Value vector = b.add(b.div(row, b.index(panel.lanes)), b.index(v));
    Value tile = b.div(vector, b.index(source.vectors));
    Value at = b.add(b.mul(b.rem(byte, source.groups), b.index(source.vectors)),
                     b.rem(vector, source.vectors));
    return read({panel.lanes}, {b.div(byte, b.index(source.groups)), tile,
                                b.mul(at, b.index(panel.lanes))});
  }

  /// A byte of t2 is what is written; those of padding may be more than there
  /// are.
  int64_t fromHalves(const GroupsInLanes &source, int64_t together,
                     Value &out) {
    int64_t bytes = std::min(columns / kDigits, groups);
    out = loop(bytes, out, [&](Value group, Value &out) {
      for (int64_t v = 0; v < together; ++v)
        out =
            write(readGroup(source, v, group), group, 0, v * panel.lanes, out);
    });
    return bytes;
  }

  /// Unit `unit` of vector `v` from `row` on. It has `count` bytes; the others
  /// are zeros.
  Value recode(const GroupsInLanes &source, int64_t v, Value unit,
               int64_t count, Value out) {
    int64_t digits = codecs::s5.wordDigits;
    auto lookup = LookupTableAttr::get(b.getContext(), digits, /*minCode=*/0,
                                       kPowersOf3[kDigits - 1], /*bias=*/0,
                                       /*signMagnitude=*/true);
    Values numbers(digits, b.constant(bytesOf(panel.lanes), getZero()));
    for (int64_t i = 0; i < count; ++i) {
      Value byte = b.add(b.mul(unit, b.index(kDigits)), b.index(i));
      Value codes = readGroup(source, v, byte);
      int64_t first = i * digits, last = first + digits - 1;
      for (int64_t to = first / kDigits; to <= last / kDigits; ++to)
        numbers[to] = LookupAddOp::create(
            b, codes.getType(), numbers[to],
            getShares(lookup, to * kDigits - first), codes, lookup);
    }
    // Those of the last unit may be more than there are.
    int64_t written = columns / (kDigits * digits) * digits;
    int64_t left = count < kDigits ? groups - written : digits;
    for (int64_t i = 0; i < std::min(digits, left); ++i)
      out = write(numbers[i], b.mul(unit, b.index(digits)), i, v * panel.lanes,
                  out);
    return out;
  }

  /// Of the digits of each entry: what those from `first` on, which is less
  /// than 0 if earlier bytes had some, add to a number of four.
  Value getShares(LookupTableAttr lookup, int64_t first) {
    SmallVector<int8_t> shares;
    for (int64_t m = 0; m < lookup.getSize(); ++m) {
      int64_t share = 0;
      for (int64_t j = 0; j < kDigits; ++j)
        if (first + j >= 0 && first + j < lookup.getDigits())
          share += lookup.getDigit(m, first + j) * kPowersOf3[j];
      shares.push_back(int8_t(share));
    }
    auto type = bytesOf(lookup.getSize());
    return arith::ConstantOp::create(
        b, DenseElementsAttr::get(type, ArrayRef<int8_t>(shares)));
  }

  RepackOp op;
  KernelBuilder &b;
  Layout from;
  GroupsInLanes panel;
  int64_t bytesOfFour; ///< bytes of the panel for four digits
  int64_t columns;     ///< padded
  int64_t foursOfTile; ///< groups of four digits in a tile of the panel
  int64_t groups;      ///< and in all of a row
  Value zero;
  Value place, row; ///< of a vector of the tile, and its first row
};

} // namespace

Value tern::buildGroupsNest(RepackOp op, KernelBuilder &b, Value panel) {
  return GroupsNest(op, b).build(panel);
}
