//===- DeviceModules.cpp - Kernels and the model's description ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AbiConstants.h"

#include "tern/Codegen/DeviceModules.h"

#include "mlir/IR/SymbolTable.h"

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

void tern::addDeviceImage(ModuleOp description, StringRef text,
                          unsigned capability) {
  auto images = description.lookupSymbol<LLVM::GlobalOp>(kImagesSymbol);
  Constants constants(description, "tern.image");
  Fields fields(constants, AbiStruct::image);
  fields.set(abi::image::data, constants.string(text));
  fields.set(abi::image::bytes, text.size() + 1);
  fields.set(abi::image::capability, capability);
  Type type = images.getType();
  images.erase();
  constants.create(kImagesSymbol, type, LLVM::Linkage::Internal,
                   {ArrayAttr::get(description.getContext(), fields.all())});
}
