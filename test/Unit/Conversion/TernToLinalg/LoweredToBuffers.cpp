//===- LoweredToBuffers.cpp - Functions on buffers for tests --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "LoweredToBuffers.h"

#include "tern/InitAll.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"

#include "gtest/gtest.h"

using namespace mlir;

static constexpr char kPipeline[] =
    "convert-tern-to-linalg,func.func(convert-elementwise-to-"
    "linalg),func.func(tern-fuse-elementwise),cse,canonicalize,"
    "eliminate-empty-tensors,tern-bufferize,cse,canonicalize,"
    "func.func(tern-fuse-token-rows),func.func(tern-vectorize-linalg),"
    "convert-vector-to-scf{full-unroll=true},canonicalize,cse";

/// Frees what was allocated for a dynamic number of tokens; other temporaries
/// JitModule takes care of.
static void freeTemporaries(func::FuncOp function) {
  OpBuilder b(function.front().getTerminator());
  for (auto alloc : function.front().getOps<memref::AllocOp>())
    if (!alloc.getDynamicSizes().empty())
      memref::DeallocOp::create(b, alloc.getLoc(), alloc);
}

std::string tern::test::lowerToBuffers(const std::string &functions) {
  static const bool registered = (tern::registerAllPasses(), true);
  (void)registered;
  DialectRegistry registry;
  tern::registerAllDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  auto module = parseSourceString<ModuleOp>(functions, &context);
  PassManager passes(&context);
  if (!module || failed(parsePassPipeline(kPipeline, passes)) ||
      failed(passes.run(*module))) {
    ADD_FAILURE() << "expected this to become buffers:\n" << functions;
    return "";
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (auto function : module->getOps<func::FuncOp>()) {
    freeTemporaries(function);
    function.print(stream);
    stream << '\n';
  }
  return text;
}
