//===- Elementwise.cpp - linalg over tokens and features ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tern;

Value tern::buildEmptyLike(ImplicitLocOpBuilder &b, RankedTensorType type,
                           Value like) {
  SmallVector<Value> sizes;
  if (type.isDynamicDim(0))
    sizes.push_back(tensor::DimOp::create(b, like, 0));
  return tensor::EmptyOp::create(b, type, sizes);
}

/// A linalg.generic with `loops` parallel loops whose results are of the shape
/// of `inputs[0]`.
static SmallVector<Value> buildParallel(ImplicitLocOpBuilder &b,
                                        ValueRange inputs,
                                        ArrayRef<AffineMap> inputMaps,
                                        unsigned loops, TypeRange elements,
                                        ElementBody body) {
  auto shape = cast<RankedTensorType>(inputs.front().getType());
  SmallVector<AffineMap> maps(inputMaps);
  SmallVector<Value> outs;
  for (Type element : elements) {
    outs.push_back(buildEmptyLike(b, shape.clone(element), inputs.front()));
    maps.push_back(b.getMultiDimIdentityMap(loops));
  }
  SmallVector<utils::IteratorType> iterators(loops,
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, TypeRange(ValueRange(outs)), inputs, outs, maps, iterators,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(
            nested, loc,
            body(nested, loc, arguments.take_front(inputs.size())));
      });
  return SmallVector<Value>(generic.getResults());
}

SmallVector<Value> tern::buildElementwise(ImplicitLocOpBuilder &b,
                                          ArrayRef<ElementwiseInput> inputs,
                                          TypeRange elements,
                                          ElementBody body) {
  AffineExpr token = b.getAffineDimExpr(0), feature = b.getAffineDimExpr(1);
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (ElementwiseInput input : inputs) {
    SmallVector<AffineExpr> position;
    switch (input.along) {
    case Along::TokenAndFeature:
      position = {token, feature};
      break;
    case Along::Token:
      position = {token};
      break;
    case Along::Feature:
      position = {feature};
      break;
    case Along::Nothing:
      position = {b.getAffineConstantExpr(0)};
      break;
    }
    values.push_back(input.value);
    maps.push_back(AffineMap::get(2, 0, position, b.getContext()));
  }
  return buildParallel(b, values, maps, 2, elements, body);
}

SmallVector<Value> tern::buildPerToken(ImplicitLocOpBuilder &b, Value input,
                                       TypeRange elements, ElementBody body) {
  return buildParallel(b, input, b.getMultiDimIdentityMap(1), 1, elements,
                       body);
}

Value tern::buildReduce(ImplicitLocOpBuilder &b, ReduceKind kind, Value input) {
  auto type = cast<RankedTensorType>(input.getType());
  auto result = RankedTensorType::get(type.getShape().take_front(),
                                      type.getElementType());
  return ReduceOp::create(b, TypeRange{result}, kind, input, ValueRange{})
      ->getResult(0);
}
