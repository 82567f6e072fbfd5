//===- MmaSteps.h - A lane's part of the steps of a product -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Lane 4 g + t has of the first factor rows g and g + 8, of the second token g,
// of the sums these rows and tokens 2 t and 2 t + 1.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_TARGET_NVPTX_MMASTEPS_H
#define TERN_LIB_TARGET_NVPTX_MMASTEPS_H

#include "WarpBuilder.h"

#include "tern/Target/NVPTX/NVPTX.h"

namespace tern::nvptx {

/// Words of 32 bits.
using Words = llvm::SmallVector<mlir::Value>;

class MmaSteps {
public:
  /// Memory is where `lookUp` says, indices are those of the step.
  MmaSteps(WarpBuilder &b, MmaOp op) : b(b), op(op), kernel(op.getKernel()) {}

  /// The lane's words of a step's weights, all tiles of rows.
  Words loadWeights(mlir::Value memory, llvm::ArrayRef<mlir::Value> indices);

  /// Of the codes of eight tokens from `first` on, eight words.
  Words loadCodes(mlir::Value memory, llvm::ArrayRef<mlir::Value> indices,
                  int64_t first);

  /// Of a row of bytes in shared memory, rows of which are aligned.
  Words loadShared(mlir::Value memory, mlir::Value row, mlir::Value byte);

  /// First factors of the products of a step: [row tile][product][word].
  Words makeFactors(const Words &weights);

  /// Adds the products of all tiles of rows and tokens `tile`.
  void multiply(const Words &factors, const Words &codes, int64_t tile,
                Words &sums);

  /// Codes that a lane has in a row of a step.
  int64_t countCodes() const { return kernel.getColumns() / 4; }

  static constexpr int64_t kFields = 4, kWords = 4, kRows = 16;
  /// Bytes of a load, at most.
  static constexpr int64_t kLoad = 16;

private:
  /// Bytes from `column` on of row `row`, which is there; zeros from column
  /// `width` on.
  Words loadRow(mlir::Value memory, llvm::ArrayRef<mlir::Value> indices,
                mlir::Value row);
  mlir::Value loadBytes(mlir::Value memory, llvm::ArrayRef<mlir::Value> place,
                        int64_t at);
  /// Bytes of a load of codes.
  int64_t getCodeBytes() const { return std::min(countCodes(), kLoad); }

  WarpBuilder &b;
  MmaOp op;
  MmaAttr kernel;
};

/// Sums of fields to one, for each tile of rows and of tokens four words.
Words addFields(WarpBuilder &b, MmaAttr kernel, const Words &sums);

/// The words of a vector of integers, and the elements of any vector.
Words splitWords(WarpBuilder &b, mlir::Value held);
Words splitParts(WarpBuilder &b, mlir::Value held);

} // namespace tern::nvptx

#endif // TERN_LIB_TARGET_NVPTX_MMASTEPS_H
