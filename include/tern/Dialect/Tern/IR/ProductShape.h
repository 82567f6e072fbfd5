//===- tern/Dialect/Tern/IR/ProductShape.h - Products by size ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DIALECT_TERN_IR_PRODUCTSHAPE_H
#define TERN_DIALECT_TERN_IR_PRODUCTSHAPE_H

#include "tern/Dialect/Tern/IR/MicroKernel.h"
#include "tern/Packing/Layout.h"

#include "llvm/ADT/StringRef.h"

#include <optional>
#include <string>

namespace tern {

class MatmulOp;
class StrategyAttr;

/// Tokens of a product: one, 2 to kFewTokens, more.
enum class TokenClass { One, Few, Many };
inline constexpr int64_t kFewTokens = 16;

/// A product as tables of strategies see it.
struct ProductShape {
  int64_t rows, columns; ///< of the weight, without padding
  int64_t tokens = 1;    ///< at most
  CodeRange codes = {-128, 127};
  int64_t integerBits = 0; ///< of weights that are integers; 0: digits
  bool listsRows = false, listsColumns = false;
  double share = 1;      ///< of the weight that its lists are expected to name
  double density = 1;    ///< of codes, those expected not to be zero
  int64_t groupSize = 0; ///< columns that share a scale; 0 if none do
  /// The format of these scales if a layout may have them, or has them.
  ScaleFormat scales = ScaleFormat::None;
  bool hasFactors = false; ///< of tokens and groups
  bool isOfFloats = false; ///< activations that stay floats
  /// The layout of the weight; none if it has none (yet).
  std::optional<Layout> layout = std::nullopt;

  /// Scales of a row, 1 if it has none of groups.
  int64_t getGroups() const { return groupSize ? columns / groupSize : 1; }
  /// True if tiles of `layout`, which has no scales, make up groups: then
  /// `withScales` adds these, and leaves it as it is otherwise.
  bool storesScales(const Layout &layout) const;
  Layout withScales(const Layout &layout) const;

  TokenClass getTokenClass() const {
    return tokens == 1            ? TokenClass::One
           : tokens <= kFewTokens ? TokenClass::Few
                                  : TokenClass::Many;
  }

  /// "2560x6912/-128..127/columns17/t1": rows and columns, codes, the percent
  /// of them that is expected not to be zero, lists with theirs, scales and
  /// factors, tokens. A key, without the layout.
  std::string str() const;

  /// The shape of `product` with the lists that it has. Where its tokens are
  /// not known, as many as its function takes: few, or `tern.max_tokens`.
  static ProductShape of(MatmulOp product);

  /// Why no loops around micro kernel `kernel`, or around one of `strategy` or
  /// of `kernels`, compute such a product of a weight with this layout; empty
  /// if they do.
  llvm::StringRef getReasonAgainst(MicroKernelAttrInterface kernel) const;
  llvm::StringRef
  getReasonAgainst(llvm::ArrayRef<mlir::Attribute> kernels) const;
  llvm::StringRef getReasonAgainst(StrategyAttr strategy) const;
};

/// True in the body for few tokens that tern-specialize-tokens makes.
bool isOfFewTokens(MatmulOp product);

} // namespace tern

#endif // TERN_DIALECT_TERN_IR_PRODUCTSHAPE_H
