//===- BuildStep.cpp - The function a model is called through ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// The driver is IR in Step.mlir.inc: it is read more often than changed.

#include "tern/Codegen/DriverSlots.h"
#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"

#define DEBUG_TYPE "tern-build-step"

namespace tern {
#define GEN_PASS_DEF_BUILDSTEPPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

constexpr StringLiteral kDriver =
#include "Step.mlir.inc"
    ;

/// `text` with each word of `words` replaced by its number; longer words first.
std::string substitute(std::string text,
                       ArrayRef<std::pair<StringRef, std::string>> words) {
  auto sorted = llvm::to_vector(words);
  llvm::sort(sorted, [](const auto &a, const auto &b) {
    return a.first.size() != b.first.size() ? a.first.size() > b.first.size()
                                            : a.first < b.first;
  });
  for (const auto &[word, value] : sorted) {
    std::string marked = ("$" + word).str();
    for (size_t at = text.find(marked); at != std::string::npos;
         at = text.find(marked, at + value.size()))
      text.replace(at, marked.size(), value);
  }
  return text;
}

struct BuildStep : tern::impl::BuildStepPassBase<BuildStep> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ModelAttr model = ModelAttr::lookup(module);
    auto scratch =
        module->getAttrOfType<IntegerAttr>(TernDialect::kScratchBytesAttr);
    auto weights =
        module->getAttrOfType<IntegerAttr>(TernDialect::kWeightsBytesAttr);
    if (!model || !scratch || !weights) {
      module.emitError("expected tern.model, tern.scratch_bytes and "
                       "tern.weights_bytes");
      return signalPassFailure();
    }
    for (const std::string &name : getCalledNames())
      if (!module.lookupSymbol<func::FuncOp>(name)) {
        module.emitError("expected a function @") << name;
        return signalPassFailure();
      }
    std::string text = getDeclarations() + kDriver.str();
    OwningOpRef<ModuleOp> parsed = parseSourceString<ModuleOp>(
        substitute(std::move(text),
                   getWords(model, weights.getInt(), scratch.getInt())),
        &getContext());
    if (!parsed)
      return signalPassFailure();
    for (Operation &op :
         llvm::make_early_inc_range(parsed->getBody()->getOperations())) {
      auto function = cast<func::FuncOp>(op);
      if (!function.isExternal()) {
        op.moveBefore(module.getBody(), module.getBody()->end());
        ++numFunctions;
      }
    }
  }

private:
  static SmallVector<std::string> getCalledNames() {
    SmallVector<std::string> names;
    for (StringRef function : {"embed", "layer", "head"})
      for (StringRef body : {"decode", "prefill"})
        names.push_back((function + "." + body).str());
    return names;
  }

  /// The model's functions, so that the text can be parsed on its own.
  static std::string getDeclarations() {
    std::string text;
    for (const std::string &name : getCalledNames())
      text += "func.func private @" + name +
              "(!llvm.ptr, memref<$WEIGHTSxi8>, memref<$SCRATCHxi8>, index, "
              "index)\n";
    return text;
  }

  SmallVector<std::pair<StringRef, std::string>>
  getWords(ModelAttr model, int64_t weights, int64_t scratch) {
    DriverSlots slots = DriverSlots::of(getOperation());
    auto number = [](int64_t value) { return std::to_string(value); };
    return {
        {"WEIGHTS", number(weights)},
        {"SCRATCH", number(scratch)},
        {"TOKENS", number(slots.maxTokens)},
        {"HEAD_TOKENS", number(slots.headTokens)},
        {"LAYERS", number(model.getLayers())},
        {"HIDDEN", number(model.getHidden())},
        {"VOCAB", number(model.getVocab())},
        {"CONTEXT", number(model.getMaxContext())},
        {"ROW_BYTES", number(4 * model.getHidden())},
        {"LOGIT_BYTES", number(4 * model.getVocab())},
        {"TOKENS_AT", number(slots.tokens)},
        {"POSITIONS", number(slots.positions)},
        {"STATES", number(slots.states)},
        {"LOGITS_TO", number(slots.logits_to)},
        {"HIDDEN_TO", number(slots.hidden_to)},
        {"HIDDEN_STRIDE", number(slots.hidden_stride)},
        {"INPUT", number(slots.input)},
        {"OUTPUT", number(slots.output)},
        {"HEAD_TO", number(slots.head_to)},
        {"HEAD_INPUT", number(slots.head_input)},
        {"LOGITS", number(slots.logits)},
        {"OK", number(TERN_STEP_OK)},
        {"BAD_ARGUMENT", number(TERN_STEP_BAD_ARGUMENT)},
        {"BAD_TOKEN", number(TERN_STEP_BAD_TOKEN)},
        {"CONTEXT_FULL", number(TERN_STEP_CONTEXT_FULL)},
        {"SEGMENT", "!llvm.struct<(ptr, ptr, ptr, ptr, i32, i32, i32, i32)>"},
    };
  }
};

} // namespace
