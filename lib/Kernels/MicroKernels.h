//===- MicroKernels.h - Shared by the micro kernels -------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Digits are stored as digit + 1, the unsigned side of a dot product, so a sum
// over stored digits is too large by the sum of the codes. L is the number of
// lanes of the dot product, so 4L the bytes of a vector.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_KERNELS_MICROKERNELS_H
#define TERN_LIB_KERNELS_MICROKERNELS_H

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Kernels/ValueBuilder.h"

namespace tern {

/// Four of the codes of token `token`, from column `column` on, in each lane.
mlir::Value broadcastFour(ValueBuilder &b, mlir::Value codes, int64_t token,
                          int64_t column, DotProductAttrInterface dot);

/// The bytes of a step as vectors of `width`, each read by itself where all are
/// read from memory: LLVM takes an address as one of a load of all, which then
/// costs an addition.
mlir::Value splitVectors(ValueBuilder &b, mlir::Value bytes, int64_t width);

/// Instructions that a vector of sums of a group takes: the offset comes off,
/// and it is converted, multiplied by scales and by a factor, and added.
constexpr int64_t kScaleSlots = 5;

/// The defaults of kernels: all codes, as they are, i8 by token and column; one
/// part.
template <typename Model, typename Attr>
struct MicroKernelModel : MicroKernelAttrInterface::ExternalModel<Model, Attr> {
  static mlir::VectorType vectorOf(mlir::Attribute attr, unsigned bits,
                                   llvm::ArrayRef<int64_t> shape) {
    return mlir::VectorType::get(
        shape, mlir::IntegerType::get(attr.getContext(), bits));
  }
  mlir::SmallVector<mlir::Attribute> getParts(mlir::Attribute attr) const {
    return {attr};
  }
  CodeRange getCodeRange(mlir::Attribute) const { return {-128, 127}; }
  mlir::VectorType getCodesType(mlir::Attribute attr) const {
    MicroTile tile = mlir::cast<MicroKernelAttrInterface>(attr).getTile();
    return vectorOf(attr, 8, {tile.tokens, tile.columns});
  }
  mlir::VectorType getSumsType(mlir::Attribute attr) const {
    MicroTile tile = mlir::cast<MicroKernelAttrInterface>(attr).getTile();
    return vectorOf(attr, 32, {tile.tokens, tile.rows});
  }
  MicroPreparation getPreparation(mlir::Attribute) const { return {}; }
  mlir::VectorType getPreparedType(mlir::Attribute attr) const {
    return mlir::cast<MicroKernelAttrInterface>(attr).getCodesType();
  }
  mlir::Value prepare(mlir::Attribute, mlir::OpBuilder &, mlir::Location,
                      mlir::Value codes) const {
    return codes;
  }
  mlir::Value begin(mlir::Attribute attr, mlir::OpBuilder &builder,
                    mlir::Location loc, int64_t) const {
    ValueBuilder b(loc, builder);
    return b.zero(mlir::cast<MicroKernelAttrInterface>(attr).getFragmentType());
  }
};

void attachRowsInLanes(mlir::MLIRContext *context);
void attachNarrowRows(mlir::MLIRContext *context);
void attachUnpackedRows(mlir::MLIRContext *context);
void attachContiguousRows(mlir::MLIRContext *context);
void attachIntegerRows(mlir::MLIRContext *context);
void attachContiguousColumns(mlir::MLIRContext *context);
void attachLookupGroups(mlir::MLIRContext *context);
void attachLookupWords(mlir::MLIRContext *context);
void attachListedGroups(mlir::MLIRContext *context);
void attachDigitByDigit(mlir::MLIRContext *context);
void attachScalarDot(mlir::MLIRContext *context);

} // namespace tern

#endif // TERN_LIB_KERNELS_MICROKERNELS_H
