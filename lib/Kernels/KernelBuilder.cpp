//===- KernelBuilder.cpp - Words that kernels are written in --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Kernels/KernelBuilder.h"

#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value KernelBuilder::load(Type type, Value memory, ValueRange indices) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector::LoadOp::create(*this, vector, memory, indices);
  return memref::LoadOp::create(*this, memory, indices);
}

Value KernelBuilder::load(Value memory, ValueRange indices) {
  return memref::LoadOp::create(*this, memory, indices);
}

void KernelBuilder::store(Value x, Value memory, ValueRange indices) {
  if (isa<VectorType>(x.getType()))
    vector::StoreOp::create(*this, x, memory, indices);
  else
    memref::StoreOp::create(*this, x, memory, indices);
}

Value KernelBuilder::length(Value memory) {
  auto type = cast<MemRefType>(memory.getType());
  if (!type.isDynamicDim(0))
    return index(type.getDimSize(0));
  return memref::DimOp::create(*this, memory, 0);
}

static Value allocate(KernelBuilder &b, Type element, Value size,
                      ArrayRef<int64_t> inner) {
  std::optional<int64_t> fixed = getConstantIntValue(size);
  SmallVector<int64_t> shape = {fixed.value_or(ShapedType::kDynamic)};
  llvm::append_range(shape, inner);
  return memref::AllocOp::create(b, MemRefType::get(shape, element),
                                 fixed ? ValueRange() : ValueRange(size));
}

Value KernelBuilder::alloc(Type element, Value size) {
  return allocate(*this, element, size, {});
}

Value KernelBuilder::alloc(Type element, Value rows, int64_t columns) {
  return allocate(*this, element, rows, columns);
}

void KernelBuilder::prefetch(Value memory, ValueRange indices) {
  memref::PrefetchOp::create(*this, memory, indices, /*isWrite=*/false,
                             /*localityHint=*/2, /*isDataCache=*/true);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

void KernelBuilder::loop(Value from, Value to, int64_t step, Body body) {
  loop(from, to, step, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return SmallVector<Value>();
  });
}

SmallVector<Value> KernelBuilder::loop(Value from, Value to, int64_t step,
                                       ValueRange carried, CarryingBody body) {
  auto loop = scf::ForOp::create(
      *this, from, to, index(step), carried,
      [&](OpBuilder &, Location, Value i, ValueRange values) {
        scf::YieldOp::create(*this, body(i, values));
      });
  return llvm::to_vector(ValueRange(loop.getResults()));
}

void KernelBuilder::forEachToken(Value rows, Body body) {
  if (cast<MemRefType>(rows.getType()).getDimSize(0) == 1)
    return body(index(0));
  loop(index(0), length(rows), 1, body);
}

void KernelBuilder::forEachChunk(int64_t n, int64_t width,
                                 function_ref<void(Value, int64_t)> body) {
  int64_t whole = n / width * width;
  if (whole == width)
    body(index(0), width);
  else if (whole)
    loop(0, whole, width, [&](Value i) { body(i, width); });
  if (whole != n)
    body(index(whole), n - whole);
}

void KernelBuilder::ifTrue(Value condition, function_ref<void()> body) {
  scf::IfOp::create(*this, condition, [&](OpBuilder &, Location) {
    body();
    scf::YieldOp::create(*this);
  });
}

void KernelBuilder::parallel(Value count, int64_t bytesPerIteration,
                             Body body) {
  scf::ParallelOp::create(
      *this, ValueRange{index(0)}, ValueRange{count}, ValueRange{index(1)},
      [&](OpBuilder &, Location, ValueRange i) {
        IterationOp::create(*this, loopName, bytesPerIteration);
        body(i.front());
      });
}
