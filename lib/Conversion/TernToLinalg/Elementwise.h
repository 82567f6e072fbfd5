//===- Elementwise.h - linalg over tokens and features ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_CONVERSION_TERNTOLINALG_ELEMENTWISE_H
#define TERN_LIB_CONVERSION_TERNTOLINALG_ELEMENTWISE_H

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/PatternMatch.h"

namespace tern {

/// tern.quantize and tern.dequantize.
void populateQuantizationToLinalgPatterns(mlir::RewritePatternSet &patterns);
/// tern.rms_norm, tern.l2_norm, tern.scale, tern.glu and tern.rope.
void populateLayersToLinalgPatterns(mlir::RewritePatternSet &patterns);
/// tern.split and tern.delta_gates.
void populateHeadsToLinalgPatterns(mlir::RewritePatternSet &patterns);

/// The loops that an input of an elementwise operation depends on. Where rows
/// are cut into parts, `Token` is each part of a token.
enum class Along { TokenAndFeature, Token, Feature, Nothing };

struct ElementwiseInput {
  mlir::Value value;
  Along along = Along::TokenAndFeature;
};

using ElementBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
    mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>;

/// A linalg.generic over tokens, parts of rows if they are cut, and features.
/// `inputs` start with one that has all; a result has its shape and one of
/// `elements` as element type.
llvm::SmallVector<mlir::Value>
buildElementwise(mlir::ImplicitLocOpBuilder &b,
                 llvm::ArrayRef<ElementwiseInput> inputs,
                 mlir::TypeRange elements, ElementBody body);

/// The same without features: `input` and the results have one value for each
/// token, or for each part of one.
llvm::SmallVector<mlir::Value> buildPerToken(mlir::ImplicitLocOpBuilder &b,
                                             mlir::Value input,
                                             mlir::TypeRange elements,
                                             ElementBody body);

/// `tern.reduce <kind>` of each row of `input`, or of each part of one.
mlir::Value buildReduce(mlir::ImplicitLocOpBuilder &b, ReduceKind kind,
                        mlir::Value input);

/// A tensor.empty with `type`, its dynamic first dimension that of `like`.
mlir::Value buildEmptyLike(mlir::ImplicitLocOpBuilder &b,
                           mlir::RankedTensorType type, mlir::Value like);

} // namespace tern

#endif // TERN_LIB_CONVERSION_TERNTOLINALG_ELEMENTWISE_H
