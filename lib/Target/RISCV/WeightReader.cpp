//===- WeightReader.cpp - Reads weights in the order of the code ----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightReader.h"

#include "tern/Kernels/ReadAddress.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace tern;
using namespace tern::riscv;

/// That of the first byte; null if `bytes` is not read from memory.
static Value findPointer(ValueBuilder &b, Value bytes) {
  Value address = findReadAddress(b, bytes);
  if (!address)
    return {};
  Value number = arith::IndexCastUIOp::create(b, b.getI64Type(), address);
  return LLVM::IntToPtrOp::create(b, LLVM::LLVMPointerType::get(b.getContext()),
                                  number);
}

WeightReader::WeightReader(ValueBuilder &b, Value bytes)
    : b(b), bytes(bytes), address(findPointer(b, bytes)) {}

Value WeightReader::read(Type type, int64_t first) {
  int64_t size = type.getIntOrFloatBitWidth() / 8;
  if (address) {
    Value at = LLVM::GEPOp::create(b, address.getType(), b.getI8Type(), address,
                                   ArrayRef<LLVM::GEPArg>{int32_t(first)});
    return LLVM::LoadOp::create(b, type, at, unsigned(size));
  }
  int64_t count = cast<VectorType>(bytes.getType()).getNumElements();
  Value part = b.lanes(b.reshape(bytes, {count}), first, size);
  return b.lane(b.bitcast(b.vectorOf(1, type), part), 0);
}

void WeightReader::waitFor(MutableArrayRef<Value> sums) {
  if (!address)
    return;
  SmallVector<Value> all = llvm::to_vector(ArrayRef<Value>(sums));
  all.push_back(address);
  std::string results, operands;
  SmallVector<Type> types;
  for (auto [i, value] : llvm::enumerate(all)) {
    types.push_back(value.getType());
    results += "=r,";
    operands += (i ? "," : "") + std::to_string(i);
  }
  Value after =
      LLVM::InlineAsmOp::create(
          b, LLVM::LLVMStructType::getLiteral(b.getContext(), types), all,
          /*asm_string=*/"", results + operands, /*has_side_effects=*/false,
          /*is_align_stack=*/false, LLVM::TailCallKind::None,
          /*asm_dialect=*/nullptr, /*operand_attrs=*/nullptr)
          .getResult(0);
  for (auto [i, value] : llvm::enumerate(all))
    value = LLVM::ExtractValueOp::create(b, after, ArrayRef{int64_t(i)});
  address = all.pop_back_val();
  llvm::copy(all, sums.begin());
}
