//===- FieldDots.h - Dot products of digits in fields -----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A byte of weights has four fields of two bits, a digit in each. Digits are
// taken where they are, which saves the shifts, if registers are left for the
// sums of each field, and else moved to the lowest bits.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_KERNELS_FIELDDOTS_H
#define TERN_LIB_KERNELS_FIELDDOTS_H

#include "MicroKernels.h"

#include "tern/Kernels/Unpacking.h"

namespace tern {

/// Field `f` where it is in the byte: the digits times 4^f.
inline mlir::Value fieldInPlace(ValueBuilder &b, mlir::Value bytes, int64_t f) {
  return b.bitAnd(bytes, 3 << 2 * f);
}
/// The largest of them.
inline unsigned maxInPlace(int64_t f) { return 2 << 2 * f; }
/// Sums of digits in place are up to 4^3 times too large, so over so many
/// columns they fit 32 bits, with any codes.
inline constexpr int64_t kMaxColumnsInPlace = (int64_t(1) << (31 - 7 - 7)) - 1;

/// Sums of `tokens` tokens over `vectors` vectors of 4L bytes: [tokens,
/// vectors, L], and with digits in place, which is of one token, [vectors,
/// fields, L].
struct FieldDots {
  DotProductAttrInterface dot;
  int64_t tokens, vectors;
  bool isInPlace;

  MicroCost cost() const;
  mlir::SmallVector<int64_t> shape() const;
  /// `bytes` is [vectors, 4L]; `codes` gives the 4L codes of a token that field
  /// `f` is multiplied by.
  mlir::Value
  build(ValueBuilder &b, mlir::Value bytes, mlir::Value sums,
        llvm::function_ref<mlir::Value(int64_t token, int64_t f)> codes) const;
  /// [tokens, vectors, L]
  mlir::Value finish(ValueBuilder &b, mlir::Value sums) const;
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
