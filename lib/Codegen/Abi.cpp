//===- Abi.cpp - Structs of tern/abi.h in LLVM's types
//---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

LLVM::LLVMStructType tern::getAbiType(MLIRContext *context, AbiStruct which,
                                      unsigned sizeBits) {
  Type pointer = LLVM::LLVMPointerType::get(context);
  auto integer = [&](unsigned bits) -> Type {
    return IntegerType::get(context, bits);
  };
  SmallVector<SmallVector<Type>> structs;
#define TERN_STRUCT(Name) structs.emplace_back();
#define TERN_U32(Name) structs.back().push_back(integer(32));
#define TERN_U64(Name) structs.back().push_back(integer(64));
#define TERN_SIZE(Name) structs.back().push_back(integer(sizeBits));
#define TERN_POINTER(Type, Name) structs.back().push_back(pointer);
#define TERN_POINTERS(Type, Name, Count)                                       \
  structs.back().push_back(LLVM::LLVMArrayType::get(pointer, Count));
#define TERN_END
#include "tern/abi.def"
  return LLVM::LLVMStructType::getLiteral(context, structs[unsigned(which)]);
}

uint64_t tern::getAbiBytes(AbiStruct which, unsigned sizeBits) {
  SmallVector<uint64_t> bytes;
  uint64_t alignment = 0, pointer = sizeBits / 8;
  auto add = [&](uint64_t size, uint64_t count = 1) {
    bytes.back() = llvm::alignTo(bytes.back(), size) + size * count;
    alignment = std::max(alignment, size);
  };
#define TERN_STRUCT(Name)                                                      \
  bytes.push_back(0);                                                          \
  alignment = 1;
#define TERN_U32(Name) add(4);
#define TERN_U64(Name) add(8);
#define TERN_SIZE(Name) add(pointer);
#define TERN_POINTER(Type, Name) add(pointer);
#define TERN_POINTERS(Type, Name, Count) add(pointer, Count);
#define TERN_END bytes.back() = llvm::alignTo(bytes.back(), alignment);
#include "tern/abi.def"
  return bytes[unsigned(which)];
}

unsigned tern::getIndexBits(Operation *op) {
  DataLayout layout = DataLayout::closest(op);
  return layout.getTypeSizeInBits(IndexType::get(op->getContext()));
}

Value tern::loadAbiField(OpBuilder &b, Location loc, Value base,
                         AbiStruct which, int32_t field, Type type) {
  unsigned bits = getIndexBits(b.getInsertionBlock()->getParentOp());
  Value place =
      LLVM::GEPOp::create(b, loc, LLVM::LLVMPointerType::get(b.getContext()),
                          getAbiType(b.getContext(), which, bits), base,
                          ArrayRef<LLVM::GEPArg>{0, field});
  return LLVM::LoadOp::create(b, loc, type, place);
}

Value tern::loadAbiIndex(OpBuilder &b, Location loc, Value base,
                         AbiStruct which, int32_t field) {
  unsigned bits = getIndexBits(b.getInsertionBlock()->getParentOp());
  Value number =
      loadAbiField(b, loc, base, which, field, b.getIntegerType(bits));
  return arith::IndexCastUIOp::create(b, loc, b.getIndexType(), number);
}
