//===- HalfWords.cpp - Bytes as half words, and SMLAD ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "HalfWords.h"

#include "tern/Kernels/ReadAddress.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;
using namespace tern::arm;

using Values = SmallVector<Value>;

MicroPreparation arm::prepareAll(int64_t steps) {
  if (!steps)
    return {};
  return {steps, /*tokens=*/1, /*maxSteps=*/steps, /*listedPlanes=*/0,
          /*readsAhead=*/false};
}

VectorType arm::vectorOf(Attribute attr, unsigned bits,
                         ArrayRef<int64_t> shape) {
  return VectorType::get(shape, IntegerType::get(attr.getContext(), bits));
}

static Value call(ValueBuilder &b, StringRef name, ValueRange operands) {
  return LLVM::CallIntrinsicOp::create(b, b.getI32Type(), b.getStringAttr(name),
                                       operands)
      .getResult(0);
}

Value arm::rotateRight(ValueBuilder &b, Value word, int64_t by) {
  if (by == 0)
    return word;
  Value count = b.constant(b.getI32Type(), by);
  return LLVM::FshrOp::create(b, word.getType(), word, word, count);
}

Value arm::addProducts(ValueBuilder &b, Value halves, Value others, Value sum) {
  return call(b, "llvm.arm.smlad", {halves, others, sum});
}

Values arm::splitWords(ValueBuilder &b, Value bytes) {
  int64_t count = cast<VectorType>(bytes.getType()).getNumElements();
  Value words = b.bitcast(b.vectorOf(count / 4, b.getI32Type()),
                          b.reshape(bytes, {count}));
  Values all;
  for (int64_t i = 0; i < count / 4; ++i)
    all.push_back(b.part(words, {i}));
  return all;
}

Values arm::extendWord(ValueBuilder &b, Value word, StringRef instruction) {
  Values halves;
  for (int64_t first : {0, 8})
    halves.push_back(call(b, instruction, {rotateRight(b, word, first)}));
  return halves;
}

Values arm::extendBytes(ValueBuilder &b, Value bytes, StringRef instruction) {
  Values halves;
  for (Value word : splitWords(b, bytes))
    llvm::append_range(halves, extendWord(b, word, instruction));
  return halves;
}

Value arm::findAddress(ValueBuilder &b, Value vector) {
  Value address = findReadAddress(b, vector);
  return address ? arith::IndexCastOp::create(b, b.getI32Type(), address)
                 : Value();
}

//===----------------------------------------------------------------------===//
// Four bytes
//===----------------------------------------------------------------------===//

std::string DotAttr::getInstruction() const { return "smlad of bytes"; }

int64_t DotAttr::getLanes() const { return 1; }

int64_t DotAttr::getSlots(unsigned) const { return 6; }

unsigned DotAttr::getMaxUnsigned() const { return 255; }

Value DotAttr::build(OpBuilder &builder, Location loc, Value acc, Value u,
                     Value s, unsigned) const {
  ValueBuilder b(loc, builder);
  Value sum = b.part(acc, {0});
  for (auto [x, y] :
       llvm::zip_equal(extendBytes(b, u, "llvm.arm.uxtb16"), extendBytes(b, s)))
    sum = addProducts(b, x, y, sum);
  return vector::FromElementsOp::create(b, acc.getType(), sum);
}
