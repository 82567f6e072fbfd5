//===- ProductLibrary.cpp - Products as a library -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/ProductLibrary.h"

#include "ProductCode.h"

#include "tern/Artifact/Linker.h"
#include "tern/Target/Target.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"

#include <dlfcn.h>

using namespace tern;
using llvm::ArrayRef;
using llvm::Error;
using llvm::Expected;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Words
//===----------------------------------------------------------------------===//

std::string tern::describeStrategy(const ProductTrial &trial) {
  const Strategy &strategy = trial.strategy;
  std::string text =
      strategy.layout ? strategy.layoutName.str() : std::string("int8_rows");
  if (!strategy.kernels)
    return text + ", portable loops";
  if (LayoutAttr panel = strategy.kernels.getPanel())
    text += llvm::formatv(", panels of {0} rows", panel.getLayout().tileRows())
                .str();
  bool isList = trial.shape.listsRows || trial.shape.listsColumns;
  if (int64_t ahead = strategy.kernels.getPrefetch())
    text +=
        llvm::formatv(", {0}{1} ahead", ahead, isList ? "" : " bytes").str();
  return text;
}

//===----------------------------------------------------------------------===//
// The library
//===----------------------------------------------------------------------===//

ProductLibrary::~ProductLibrary() {
  for (void *handle : handles)
    dlclose(handle);
}

/// The functions of `count` trials, for one thread.
Error ProductLibrary::load(const std::string &path, unsigned count) {
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return failure(llvm::Twine("products alone cannot be loaded: ") +
                   dlerror());
  handles.push_back(handle);
  std::vector<Function> &own = functions.emplace_back();
  for (unsigned i = 0; i < count; ++i)
    own.push_back(reinterpret_cast<Function>(
        dlsym(handle, ("_mlir_ciface_p" + std::to_string(i)).c_str())));
  return Error::success();
}

Expected<std::unique_ptr<ProductLibrary>>
ProductLibrary::compile(TargetAttr target, ArrayRef<ProductTrial> trials,
                        unsigned threads) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < trials.size(); ++i)
    names.push_back("p" + std::to_string(i));
  Expected<std::unique_ptr<Emitter>> emitter =
      emitProducts(target, trials, names, /*isCalled=*/true);
  if (!emitter)
    return emitter.takeError();
  Expected<std::string> assembly = (*emitter)->emitAssembly();
  if (!assembly)
    return assembly.takeError();
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  Expected<std::string> source = scratch->write("products.s", *assembly);
  if (!source)
    return source.takeError();
  std::string path = scratch->path("products.so");
  Expected<Toolchain> toolchain =
      Toolchain::find(llvm::Triple(target.getTriple()));
  if (!toolchain)
    return toolchain.takeError();
  if (Error error = Linker{*toolchain}.linkShared(*source, {"_mlir_ciface_p*"},
                                                  *scratch, path))
    return std::move(error);
  if (Error error = target.getTarget()->allowHere(target))
    return std::move(error);
  std::unique_ptr<ProductLibrary> library(new ProductLibrary);
  // A file is loaded once, however often it is asked for; copies are others.
  for (unsigned i = 0; i < threads; ++i) {
    std::string copy = scratch->path("products" + std::to_string(i) + ".so");
    if (std::error_code code = llvm::sys::fs::copy_file(path, copy))
      return failure("cannot write " + copy + ": " + code.message());
    if (Error error = library->load(copy, trials.size()))
      return std::move(error);
  }
  return library;
}
