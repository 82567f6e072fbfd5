//===- DeviceModules.cpp - Kernels and the model's description ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AbiConstants.h"

#include "tern/Codegen/DeviceModules.h"

#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace tern;

/// Those that functions do not need.
static void eraseUnusedGlobals(ModuleOp module) {
  for (bool hasChanged = true; hasChanged;) {
    hasChanged = false;
    for (auto global :
         llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
      if (SymbolTable::symbolKnownUseEmpty(global, module)) {
        global.erase();
        hasChanged = true;
      }
  }
}

DeviceModules tern::splitDeviceModule(ModuleOp module) {
  DeviceModules split{module.clone(), module.clone()};
  eraseUnusedGlobals(*split.kernels);
  for (auto kernel : llvm::make_early_inc_range(
           split.description->getOps<LLVM::LLVMFuncOp>()))
    kernel.erase();
  // Memory of the device's own.
  for (auto global :
       llvm::make_early_inc_range(split.description->getOps<LLVM::GlobalOp>()))
    if (global.getAddrSpace() != 0)
      global.erase();
  return split;
}

/// Those that launches have numbers of.
static SmallVector<LLVM::LLVMFuncOp> getKernels(ModuleOp module) {
  return llvm::filter_to_vector(
      module.getOps<LLVM::LLVMFuncOp>(),
      [](LLVM::LLVMFuncOp kernel) { return kernel->hasAttr(kBlocksAttr); });
}

bool tern::haveSamePlan(ModuleOp a, ModuleOp b) {
  for (StringRef name : {kLaunchesAttr, TernDialect::kScratchBytesAttr})
    if (a->getAttr(name) != b->getAttr(name))
      return false;
  constexpr StringLiteral sizes[] = {kBlocksAttr, kThreadsAttr,
                                     kSharedBytesAttr, kRowsPerBlockAttr,
                                     kWhenAttr};
  auto isSame = [&](LLVM::LLVMFuncOp one, LLVM::LLVMFuncOp other) {
    return one.getName() == other.getName() &&
           llvm::all_of(sizes, [&](StringRef name) {
             return one->getAttr(name) == other->getAttr(name);
           });
  };
  return llvm::equal(getKernels(a), getKernels(b), isSame);
}

void tern::addDeviceImages(ModuleOp description, ArrayRef<DeviceImage> images) {
  auto global = description.lookupSymbol<LLVM::GlobalOp>(kImagesSymbol);
  Constants constants(description, "tern.image");
  SmallVector<Attribute> all;
  llvm::StringMap<Attribute> texts;
  for (const DeviceImage &image : images) {
    Attribute &data = texts[image.text];
    if (!data)
      data = constants.string(image.text);
    Fields fields(constants, AbiStruct::image);
    fields.set(abi::image::data, data);
    fields.set(abi::image::bytes, image.text.size() + 1);
    fields.set(abi::image::capability, image.capability);
    all.push_back(ArrayAttr::get(description.getContext(), fields.all()));
  }
  Type type = global.getType();
  global.erase();
  constants.create(kImagesSymbol, type, LLVM::Linkage::Internal, all);
}
