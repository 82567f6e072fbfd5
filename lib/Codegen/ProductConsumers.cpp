//===- ProductConsumers.cpp - Operations on sums --------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProductConsumers.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/TilingInterface.h"

using namespace mlir;
using namespace tern;

/// Elements of a tile that are worth keeping in registers.
static constexpr int64_t kMaxVectorized = 512;

linalg::GenericOp tern::findConsumer(MatmulOp op) {
  if (op.getRowIndices() || !op->hasOneUse())
    return {};
  auto consumer = dyn_cast<linalg::GenericOp>(*op->user_begin());
  if (!consumer || consumer->getNumResults() != 1 ||
      consumer->getBlock() != op->getBlock() || consumer.getNumLoops() != 2 ||
      consumer.getNumParallelLoops() != 2 || consumer.hasIndexSemantics())
    return {};
  for (OpOperand &operand : consumer->getOpOperands())
    if (operand.get() == op->getResult(0) || consumer.isDpsInit(&operand))
      if (!consumer.getMatchingIndexingMap(&operand).isIdentity())
        return {};
  return consumer;
}

void tern::vectorizeConsumers(func::FuncOp function) {
  SmallVector<linalg::GenericOp> consumers;
  function.walk([&](linalg::GenericOp op) {
    auto type = dyn_cast<RankedTensorType>(op.getResult(0).getType());
    if (op->getParentOfType<scf::ForallOp>() && type && type.hasStaticShape() &&
        type.getNumElements() <= kMaxVectorized)
      consumers.push_back(op);
  });
  IRRewriter rewriter(function.getContext());
  for (linalg::GenericOp op : consumers) {
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::VectorizationResult> vectors =
        linalg::vectorize(rewriter, op);
    if (succeeded(vectors))
      rewriter.replaceOp(op, vectors->replacements);
  }
}

/// `store` with `consumer` as its body.
static void storeConsumer(RewriterBase &rewriter, MicroStoreOp store,
                          linalg::GenericOp consumer) {
  SmallVector<Value> inputs;
  SmallVector<AffineMap> maps;
  SmallVector<unsigned> places; ///< of an argument of the consumer's body
  for (OpOperand *operand : consumer.getDpsInputOperands()) {
    if (operand->get() == store.getResult()) {
      places.push_back(0);
      continue;
    }
    inputs.push_back(operand->get());
    maps.push_back(consumer.getMatchingIndexingMap(operand));
    places.push_back(inputs.size());
  }
  rewriter.setInsertionPoint(consumer);
  auto made = MicroStoreOp::create(
      rewriter, consumer.getLoc(), consumer->getResultTypes(),
      store.getKernel(), store.getFragment(), store.getCodeSums(), inputs,
      consumer.getDpsInits()[0], rewriter.getAffineMapArrayAttr(maps));
  SmallVector<Type> types = {getElementTypeOrSelf(store.getFragment())};
  for (Value input : inputs)
    types.push_back(getElementTypeOrSelf(input));
  Block *body = rewriter.createBlock(
      &made.getBody(), {}, types,
      SmallVector<Location>(types.size(), consumer.getLoc()));
  IRMapping mapping;
  for (auto [argument, place] :
       llvm::zip(consumer.getRegionInputArgs(), places))
    mapping.map(argument, body->getArgument(place));
  for (Operation &op : consumer.getBody()->without_terminator())
    rewriter.clone(op, mapping);
  Value result = consumer.getBody()->getTerminator()->getOperand(0);
  YieldOp::create(rewriter, consumer.getLoc(), mapping.lookupOrDefault(result));
  rewriter.replaceOp(consumer, made.getResult());
  rewriter.eraseOp(store);
}

void tern::storeConsumers(func::FuncOp function) {
  SmallVector<std::pair<MicroStoreOp, linalg::GenericOp>> pairs;
  function.walk([&](MicroStoreOp store) {
    if (!store.getResult() || !store->hasOneUse())
      return;
    auto consumer = dyn_cast<linalg::GenericOp>(*store->user_begin());
    if (!consumer || consumer->getBlock() != store->getBlock() ||
        consumer.getNumLoops() != consumer.getNumParallelLoops() ||
        consumer.getNumResults() != 1 || consumer.getNumLoops() != 2)
      return;
    OpOperand &use = *store->use_begin();
    if (consumer.isDpsInit(&use) ||
        !consumer.getMatchingIndexingMap(&use).isIdentity() ||
        consumer.payloadUsesValueFromOperand(consumer.getDpsInitOperand(0)))
      return;
    pairs.emplace_back(store, consumer);
  });
  IRRewriter rewriter(function.getContext());
  for (auto [store, consumer] : pairs)
    storeConsumer(rewriter, store, consumer);
}

Value tern::insertConsumerTile(KernelBuilder &b, MatmulOp product,
                               linalg::GenericOp consumer, Value tile,
                               ArrayRef<OpFoldResult> offsets,
                               ArrayRef<OpFoldResult> sizes, Value part,
                               ArrayRef<OpFoldResult> there) {
  SmallVector<OpFoldResult> strides(sizes.size(), b.getIndexAttr(1));
  TilingResult tiled = *cast<TilingInterface>(consumer.getOperation())
                            .getTiledImplementation(b, offsets, sizes);
  auto result = cast<linalg::GenericOp>(tiled.tiledOps.front());
  for (OpOperand *input : result.getDpsInputOperands())
    if (auto slice = input->get().getDefiningOp<tensor::ExtractSliceOp>())
      if (slice.getSource() == product->getResult(0)) {
        input->set(tile);
        if (slice->use_empty())
          slice.erase();
      }
  Value destination =
      tensor::ExtractSliceOp::create(b, part, there, sizes, strides);
  destination.getDefiningOp()->moveBefore(result);
  result.getDpsInitsMutable()[0].set(destination);
  return tensor::InsertSliceOp::create(b, result->getResult(0), part, there,
                                       sizes, strides);
}
