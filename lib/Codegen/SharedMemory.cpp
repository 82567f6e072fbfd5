//===- SharedMemory.cpp - Buffers of a block's threads --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "SharedMemory.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace tern;

static constexpr int64_t kAlignment = 16;

static int64_t countBytes(memref::AllocOp alloc) {
  MemRefType type = alloc.getType();
  int64_t width = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  return llvm::alignTo(type.getNumElements() * width, kAlignment);
}

/// True if all that uses `memory` can use another address space.
static bool isMovable(Value memory) {
  return llvm::all_of(memory.getUsers(), [](Operation *user) {
    if (isa<ViewLikeOpInterface>(user))
      return llvm::all_of(user->getResults(), isMovable);
    return llvm::none_of(user->getResultTypes(), llvm::IsaPred<MemRefType>) &&
           !isa<CallOpInterface>(user);
  });
}

static void move(Value memory, Attribute space) {
  memory.setType(MemRefType::Builder(cast<MemRefType>(memory.getType()))
                     .setMemorySpace(space));
  for (Operation *user : memory.getUsers())
    if (isa<ViewLikeOpInterface>(user))
      for (Value view : user->getResults())
        move(view, space);
}

namespace {

/// Of one parallel loop.
class Placer {
public:
  Placer(scf::ParallelOp loop, const Device &device)
      : loop(loop), device(device), b(loop.getLoc(), loop.getContext()) {
    loop.walk([&](memref::AllocOp alloc) {
      if (alloc.getType().hasStaticShape() && isMovable(alloc))
        allocs.push_back(alloc);
    });
    llvm::stable_sort(allocs, [](memref::AllocOp x, memref::AllocOp y) {
      return countBytes(x) < countBytes(y);
    });
  }

  int64_t place(const Twine &name) {
    int64_t bytes = 0, count = 0;
    for (memref::AllocOp alloc : allocs) {
      if (bytes + countBytes(alloc) > device.sharedBytes)
        break;
      bytes += countBytes(alloc);
      ++count;
    }
    if (!count)
      return 0;
    memref::GetGlobalOp all = getMemory(name, bytes);
    int64_t offset = 0;
    for (memref::AllocOp alloc : ArrayRef(allocs).take_front(count)) {
      b.setInsertionPoint(alloc);
      Value at = arith::ConstantIndexOp::create(b, offset);
      move(alloc, all.getType().getMemorySpace());
      Value view =
          memref::ViewOp::create(b, alloc.getType(), all, at, ValueRange());
      offset += countBytes(alloc);
      alloc.replaceAllUsesWith(view);
      alloc.erase();
    }
    return count;
  }

private:
  memref::GetGlobalOp getMemory(const Twine &name, int64_t bytes) {
    auto module = loop->getParentOfType<ModuleOp>();
    auto type = MemRefType::get({bytes}, b.getI8Type(), AffineMap(),
                                b.getI64IntegerAttr(device.sharedSpace));
    b.setInsertionPointToStart(module.getBody());
    auto memory = memref::GlobalOp::create(
        b, b.getStringAttr(name), b.getStringAttr("private"),
        TypeAttr::get(type),
        /*initial_value=*/b.getUnitAttr(), /*constant=*/UnitAttr(),
        b.getI64IntegerAttr(kAlignment));
    b.setInsertionPointToStart(loop.getBody());
    return memref::GetGlobalOp::create(b, type, memory.getSymName());
  }

  scf::ParallelOp loop;
  const Device &device;
  ImplicitLocOpBuilder b;
  SmallVector<memref::AllocOp> allocs;
};

} // namespace

int64_t tern::placeInSharedMemory(func::FuncOp function, const Device &device) {
  // Names of PTX have no dots.
  std::string name = function.getSymName().str();
  llvm::replace(name, '.', '_');
  int64_t count = 0;
  for (auto [i, loop] :
       llvm::enumerate(function.getBody().front().getOps<scf::ParallelOp>()))
    count += Placer(loop, device).place(name + "_shared_" + Twine(i));
  return count;
}
