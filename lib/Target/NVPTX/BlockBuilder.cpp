//===- BlockBuilder.cpp - Memory of blocks, and what orders it ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WarpBuilder.h"

#include "tern/Target/NVPTX/NVPTX.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;
using namespace tern::nvptx;

void WarpBuilder::barrier() {
  intrinsic("barrier.cta.sync.aligned.all", Type(), {i32(0)});
}

Value WarpBuilder::allocateShared(MemRefType type, StringRef name) {
  auto module = getBlock()->getParent()->getParentOfType<ModuleOp>();
  OpBuilder outside = OpBuilder::atBlockBegin(module.getBody());
  // Without elements it is the launch's, which says how much it is.
  bool isOfLaunch = type.getNumElements() == 0;
  if (!module.lookupSymbol(name))
    memref::GlobalOp::create(outside, loc, name,
                             isOfLaunch ? StringAttr()
                                        : getStringAttr("private"),
                             type, isOfLaunch ? Attribute() : getUnitAttr(),
                             /*constant=*/false, getI64IntegerAttr(16));
  return memref::GetGlobalOp::create(*this, loc, type, name);
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

Value WarpBuilder::pointTo(Value memory, ValueRange indices) {
  auto type = cast<MemRefType>(memory.getType());
  auto parts = memref::ExtractStridedMetadataOp::create(*this, loc, memory);
  Value base = memref::ExtractAlignedPointerAsIndexOp::create(
      *this, loc, parts.getBaseBuffer());
  Value element = parts.getOffset();
  for (auto [index, stride] : llvm::zip_equal(indices, parts.getStrides()))
    element = add(element, mul(index, stride));
  int64_t bytes = type.getElementTypeBitWidth() / 8;
  Value size = arith::ConstantIndexOp::create(*this, loc, bytes);
  Value address = arith::IndexCastOp::create(*this, loc, getI64Type(),
                                             add(base, mul(element, size)));
  unsigned space = type.getMemorySpaceAsInt();
  return LLVM::IntToPtrOp::create(
      *this, loc,
      LLVM::LLVMPointerType::get(getContext(), space ? space : kGlobalSpace),
      address);
}

//===----------------------------------------------------------------------===//
// Copies and atomics
//===----------------------------------------------------------------------===//

void WarpBuilder::copyAsync(Value to, Value from, int64_t bytes,
                            Value present) {
  std::string name = bytes == 16
                         ? "cp.async.cg.shared.global.16"
                         : "cp.async.ca.shared.global." + std::to_string(bytes);
  SmallVector<Value> operands = {to, from};
  if (present) {
    name += ".s";
    operands.push_back(
        arith::SelectOp::create(*this, loc, present, i32(bytes), i32(0)));
  }
  intrinsic(name, Type(), operands);
}

void WarpBuilder::commitCopies() {
  intrinsic("cp.async.commit.group", Type(), {});
}

void WarpBuilder::waitForCopies(int64_t pending) {
  // The number is a part of the instruction, so LLVM takes no value of a
  // region above.
  intrinsic("cp.async.wait.group", Type(), {i32(pending)});
}

Value WarpBuilder::atomic(arith::AtomicRMWKind kind, Value place, Value value) {
  LLVM::AtomicBinOp operation;
  switch (kind) {
  case arith::AtomicRMWKind::addi:
    operation = LLVM::AtomicBinOp::add;
    break;
  case arith::AtomicRMWKind::maxs:
    operation = LLVM::AtomicBinOp::max;
    break;
  case arith::AtomicRMWKind::maxu:
    operation = LLVM::AtomicBinOp::umax;
    break;
  case arith::AtomicRMWKind::mins:
    operation = LLVM::AtomicBinOp::min;
    break;
  case arith::AtomicRMWKind::minu:
    operation = LLVM::AtomicBinOp::umin;
    break;
  case arith::AtomicRMWKind::ori:
    operation = LLVM::AtomicBinOp::_or;
    break;
  case arith::AtomicRMWKind::andi:
    operation = LLVM::AtomicBinOp::_and;
    break;
  case arith::AtomicRMWKind::assign:
    operation = LLVM::AtomicBinOp::xchg;
    break;
  default:
    return Value();
  }
  return LLVM::AtomicRMWOp::create(*this, loc, operation, place, value,
                                   LLVM::AtomicOrdering::monotonic,
                                   /*syncscope=*/"device");
}
