//===- FieldDots.h - Dot products of digits in fields -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A byte of weights has four fields of two bits, a digit in each. Digits are
// taken where they are, which saves the shifts, if registers are left for the
// sums of each field, and else moved to the lowest bits; so are those that make
// bytes too large for the dot product. A byte of five digits is split into such
// a byte and one more digit.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_KERNELS_FIELDDOTS_H
#define TERN_LIB_KERNELS_FIELDDOTS_H

#include "MicroKernels.h"

#include "tern/Kernels/Unpacking.h"
#include "tern/Packing/Codec.h"

namespace tern {

/// Field `f` where it is in the byte: the digits times 4^f.
inline mlir::Value fieldInPlace(ValueBuilder &b, mlir::Value bytes, int64_t f) {
  return b.bitAnd(bytes, 3 << 2 * f);
}
/// Bits that digit `d` stands to the left where `dot` takes it.
inline int64_t placeOf(DotProductAttrInterface dot, int64_t d) {
  int64_t place = d < kFields ? 2 * d : 0;
  return 2u << place <= dot.getMaxUnsigned() ? place : 0;
}
/// Digit `d` of split groups there, the digits times a power of two.
inline mlir::Value digitInPlace(ValueBuilder &b, DotProductAttrInterface dot,
                                const FourAndOne &groups, int64_t d) {
  return placeOf(dot, d) ? fieldInPlace(b, groups.four, d)
                         : unpackDigit(b, groups, d);
}
/// The largest of them.
inline unsigned maxInPlace(DotProductAttrInterface dot, int64_t d) {
  return 2u << placeOf(dot, d);
}
/// Instructions that split a vector of bytes of so many digits: two lookups,
/// whose signs are one mask.
inline int64_t slotsOfSplit(int64_t digits) {
  return digits == kFields ? 0 : 7;
}
/// The codec whose bytes have so many digits.
inline const Codec *codecOf(int64_t digits) {
  return digits == kFields ? &codecs::b2 : &codecs::s5;
}
/// Sums of digits in place are up to 4^3 times too large, so over so many
/// columns they fit 32 bits, with any codes.
inline constexpr int64_t kMaxColumnsInPlace = (int64_t(1) << (31 - 7 - 7)) - 1;

/// Sums of `tokens` tokens over `vectors` vectors of 4L bytes: [tokens,
/// vectors, L], and with digits in place, which is of one token, [vectors,
/// places, L].
struct FieldDots {
  DotProductAttrInterface dot;
  int64_t tokens, vectors;
  bool isInPlace;
  int64_t digits = kFields; ///< of a byte
  int64_t first = 0;        ///< of the vectors of bytes
  bool isNarrow = false;    ///< sums of 16 bits for some steps

  /// Steps that sums of 16 bits hold, of digits that are moved; 0 if products
  /// into sums of 32 bits are as good: an instruction less for each product
  /// does not pay for the moves and for the ends of runs.
  static int64_t narrowSteps(DotProductAttrInterface dot, int64_t digits) {
    return dot.getSlots(2) < 4 ? 0 : dot.getNarrowSteps(2) / digits;
  }

  MicroCost cost() const;
  /// The number of the sums in place that digit `d` is added to; fields that
  /// are moved share those of the lowest.
  int64_t placeNumber(int64_t d) const;
  mlir::SmallVector<int64_t> shape() const;
  /// `bytes` is [first + vectors or more, 4L]; `codes` gives the 4L codes of a
  /// token that digit `d` is multiplied by.
  mlir::Value
  build(ValueBuilder &b, mlir::Value bytes, mlir::Value sums,
        llvm::function_ref<mlir::Value(int64_t token, int64_t d)> codes) const;
  /// The same for sums of 16 bits, and these added to `sums` of 32.
  mlir::Value buildNarrow(
      ValueBuilder &b, mlir::Value bytes, mlir::Value narrow,
      llvm::function_ref<mlir::Value(int64_t token, int64_t d)> codes) const;
  mlir::Value widen(ValueBuilder &b, mlir::Value narrow,
                    mlir::Value sums) const;
  /// [tokens, vectors, L]
  mlir::Value finish(ValueBuilder &b, mlir::Value sums) const;

private:
  /// `dot` adds the products of digits, of which none is above `most`, and
  /// codes to a sum.
  mlir::Value
  addDots(ValueBuilder &b, mlir::Value bytes, mlir::Value sums,
          llvm::function_ref<mlir::Value(int64_t token, int64_t d)> codes,
          llvm::function_ref<mlir::Value(mlir::Value sum, mlir::Value u,
                                         mlir::Value x, unsigned most)>
              add) const;
};

/// The defaults of kernels made of these, which `Model::dots` returns.
template <typename Model, typename Attr>
struct FieldKernelModel : MicroKernelModel<Model, Attr> {
  int64_t getMaxColumns(mlir::Attribute) const { return kMaxColumnsInPlace; }
  int64_t getOffset(mlir::Attribute) const { return 1; }
  MicroCost getCost(mlir::Attribute attr) const {
    return Model::dots(attr).cost();
  }
  mlir::VectorType getFragmentType(mlir::Attribute attr) const {
    return this->vectorOf(attr, 32, Model::dots(attr).shape());
  }
};

} // namespace tern

#endif // TERN_LIB_KERNELS_FIELDDOTS_H
