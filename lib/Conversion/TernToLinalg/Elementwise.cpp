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
  auto rank = static_cast<unsigned>(
      cast<RankedTensorType>(inputs.front().value.getType()).getRank());
  SmallVector<AffineExpr> all;
  for (unsigned loop = 0; loop < rank; ++loop)
    all.push_back(b.getAffineDimExpr(loop));
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (ElementwiseInput input : inputs) {
    SmallVector<AffineExpr> position;
    switch (input.along) {
    case Along::TokenAndFeature:
      position = all;
      break;
    case Along::Token:
      position.assign(all.begin(), all.end() - 1);
      break;
    case Along::Feature:
      position = {all.back()};
      break;
    case Along::Nothing:
      position = {b.getAffineConstantExpr(0)};
      break;
    }
    values.push_back(input.value);
    maps.push_back(AffineMap::get(rank, 0, position, b.getContext()));
  }
  return buildParallel(b, values, maps, rank, elements, body);
}

SmallVector<Value> tern::buildPerToken(ImplicitLocOpBuilder &b, Value input,
                                       TypeRange elements, ElementBody body) {
  auto rank =
      static_cast<unsigned>(cast<RankedTensorType>(input.getType()).getRank());
  return buildParallel(b, input, b.getMultiDimIdentityMap(rank), rank, elements,
                       body);
}

Value tern::buildReduce(ImplicitLocOpBuilder &b, ReduceKind kind, Value input) {
  auto type = cast<RankedTensorType>(input.getType());
  auto result =
      RankedTensorType::get(type.getShape().drop_back(), type.getElementType());
  return ReduceOp::create(b, TypeRange{result}, kind, input, ValueRange{})
      ->getResult(0);
}
