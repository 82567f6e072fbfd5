//===- WebAssembly.cpp - WebAssembly with vectors of 16 bytes -------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A module without `simd128` takes Generic's kernels. Nothing is asked of the
// engine at start-up: one that lacks an instruction refuses the module when it
// is compiled.
//
//===----------------------------------------------------------------------===//

#include "tern/Target/WebAssembly/WebAssembly.h"

#include "Lookups.h"
#include "Strategies.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;

namespace {

struct WebAssemblyTarget : Target {
  StringRef getName() const override { return "WebAssembly"; }

  bool handles(TargetAttr attr) const override {
    return llvm::Triple(attr.getTriple()).isWasm() &&
           attr.hasFeature("simd128");
  }

  ArrayRef<MachineName> getMachineNames() const override {
    static constexpr MachineName names[] = {
        {"wasm", "wasm32-unknown-unknown", "generic", "simd128"},
        {"wasm-relaxed", "wasm32-unknown-unknown", "generic",
         "simd128+relaxed-simd"},
    };
    return names;
  }

  void populateKernelPatterns(TargetAttr,
                              RewritePatternSet &patterns) const override {
    wasm::populateLookupPatterns(patterns);
  }

  ArrayRef<StringLiteral> getLayoutNames() const override {
    return wasm::layoutNames();
  }

  SmallVector<Strategy>
  getStrategies(TargetAttr attr, const ProductShape &shape) const override {
    return wasm::findStrategies(getDot(attr), shape);
  }

  /// A core of a laptop that an engine leaves two thirds of.
  MachineSpeed getSpeed(TargetAttr) const override {
    return {/*streamBytes=*/3, /*runBytes=*/2, /*issueWidth=*/3};
  }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return getDot(attr);
  }

  int64_t getVectorBytes(TargetAttr) const override { return 16; }

  void registerDialects(DialectRegistry &registry) const override {
    registry.insert<wasm::TernWasmDialect>();
  }
  void loadDialects(MLIRContext *context) const override {
    context->getOrLoadDialect<wasm::TernWasmDialect>();
  }

private:
  static wasm::DotAttr getDot(TargetAttr attr) {
    return wasm::DotAttr::get(attr.getContext(), attr.hasFeature("relaxed-simd")
                                                     ? wasm::Dot::Relaxed
                                                     : wasm::Dot::Words);
  }
};

} // namespace

std::unique_ptr<Target> tern::createWebAssemblyTarget() {
  return std::make_unique<WebAssemblyTarget>();
}
