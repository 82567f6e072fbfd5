//===- AbiConstants.cpp - Constants of the ABI's structs ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AbiConstants.h"

using namespace mlir;
using namespace tern;

Attribute Constants::number(Type type, uint64_t value) {
  return b.getIntegerAttr(type, APInt(type.getIntOrFloatBitWidth(), value,
                                      /*isSigned=*/false,
                                      /*implicitTrunc=*/true));
}

Attribute Constants::symbol(StringRef name) {
  return SymbolRefAttr::get(b.getContext(), name);
}

Attribute Constants::null() { return b.getUnitAttr(); }

Attribute Constants::string(StringRef text) {
  std::string bytes = text.str();
  bytes.push_back('\0');
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
  std::string name = newName();
  LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                         LLVM::Linkage::Internal, name, b.getStringAttr(bytes));
  return symbol(name);
}

Attribute Constants::array(Type element, ArrayRef<Attribute> values) {
  auto type = LLVM::LLVMArrayType::get(element, values.size());
  std::string name = newName();
  create(name, type, LLVM::Linkage::Internal, values);
  return symbol(name);
}

void Constants::create(StringRef name, Type type, LLVM::Linkage linkage,
                       ArrayRef<Attribute> parts) {
  auto global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                                       linkage, name, Attribute());
  OpBuilder body(global.getContext());
  body.createBlock(&global.getInitializerRegion());
  Value value = LLVM::UndefOp::create(body, loc, type);
  SmallVector<int64_t> place;
  for (auto [i, part] : llvm::enumerate(parts)) {
    place.push_back(i);
    value = insert(body, value, place, part);
    place.pop_back();
  }
  LLVM::ReturnOp::create(body, loc, value);
}

Value Constants::insert(OpBuilder &body, Value whole,
                        SmallVector<int64_t> &place, Attribute part) {
  if (auto parts = dyn_cast<ArrayAttr>(part)) {
    for (auto [i, inner] : llvm::enumerate(parts)) {
      place.push_back(i);
      whole = insert(body, whole, place, inner);
      place.pop_back();
    }
    return whole;
  }
  Value value;
  if (auto symbol = dyn_cast<FlatSymbolRefAttr>(part))
    value = LLVM::AddressOfOp::create(body, loc, pointer, symbol);
  else if (isa<UnitAttr>(part))
    value = LLVM::ZeroOp::create(body, loc, pointer);
  else
    value = LLVM::ConstantOp::create(body, loc,
                                     cast<IntegerAttr>(part).getType(), part);
  return LLVM::InsertValueOp::create(body, loc, whole, value, place);
}
