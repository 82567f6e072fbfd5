//===- ProductCode.cpp - Code of products alone ---------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A product is a function on buffers that goes through the passes of the phases
// tiled and kernels, all its parallel loops in one thread.
//
//===----------------------------------------------------------------------===//

#include "ProductCode.h"

#include "tern/Codegen/Passes.h"
#include "tern/Conversion/Passes.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace tern;
using llvm::Expected;

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

namespace {

/// Types of a trial's function, as memrefs and as tensors.
struct TrialText {
  explicit TrialText(const ProductTrial &trial)
      : shape(trial.shape), strategy(trial.strategy) {}

  std::string write(StringRef name, bool isCalled) const;

private:
  /// "memref<...>" or "tensor<...>".
  static std::string type(StringRef kind, const std::string &inside) {
    return (kind + "<" + inside + ">").str();
  }
  std::string tokens() const { return shape.tokens == 1 ? "1x" : "?x"; }
  std::string codes() const {
    int64_t width = shape.columns;
    if (shape.listsColumns)
      width = llvm::alignTo(shape.columns, 4);
    else if (strategy.layout)
      width = strategy.layout->paddedColumns(shape.columns);
    return tokens() + std::to_string(width) + "xi8";
  }
  std::string weight() const {
    if (!strategy.layout)
      return llvm::formatv("{0}x{1}xi8", shape.rows, shape.columns);
    std::string text;
    for (int64_t size : strategy.layout->gridShape(shape.rows, shape.columns))
      text += std::to_string(size) + "x";
    return text + "i8";
  }
  std::string rowList() const { return llvm::formatv("1x{0}xi32", shape.rows); }
  std::string columnList() const {
    return llvm::formatv("1x{0}xi32", llvm::alignTo(shape.columns, 4));
  }
  std::string scales() const {
    return llvm::formatv("{0}x{1}x{2}", shape.rows, shape.getGroups(),
                         shape.scales == ScaleFormat::F16 ? "f16" : "f32");
  }
  std::string factors() const {
    return tokens() + std::to_string(shape.getGroups()) + "xf32";
  }
  std::string result() const {
    int64_t rows =
        strategy.layout ? strategy.layout->paddedRows(shape.rows) : shape.rows;
    return tokens() + std::to_string(rows) +
           (shape.groupSize ? "xf32" : "xi32");
  }

  const ProductShape &shape;
  const Strategy &strategy;
};

} // namespace

std::string TrialText::write(StringRef name, bool isCalled) const {
  const std::pair<const char *, std::string> arguments[] = {
      {"x", codes()},  {"w", weight()},     {"i", rowList()},
      {"n", "1xi32"},  {"j", columnList()}, {"m", "1xi32"},
      {"s", scales()}, {"f", factors()},    {"y", result()}};
  std::string text = llvm::formatv("func.func @\"{0}\"(", name), tensors;
  for (auto &[name, inside] : arguments) {
    text += (text.back() == '(' ? "%" : ", %") + std::string(name) + ": " +
            type("memref", inside);
    tensors +=
        llvm::formatv(
            "%{0}t = bufferization.to_tensor %{0} restrict {1}: {2} to {3}\n",
            name, StringRef(name) == "y" ? "writable " : "",
            type("memref", inside), type("tensor", inside))
            .str();
  }
  text += isCalled ? ") attributes {llvm.emit_c_interface} {\n" : ") {\n";
  text += tensors;
  auto tensor = [](const std::string &inside) {
    return type("tensor", inside);
  };
  text += "%r = tern.matmul \"p\" ins(%xt, %wt : " + tensor(codes()) + ", " +
          tensor(weight()) + ")";
  if (shape.listsRows)
    text += " rows(%it, %nt : " + tensor(rowList()) + ", tensor<1xi32>)";
  if (shape.listsColumns)
    text += " columns(%jt, %mt : " + tensor(columnList()) + ", tensor<1xi32>)";
  bool areStored = strategy.layout && strategy.layout->hasScales();
  if (shape.groupSize && !areStored)
    text += " scales(%st : " + tensor(scales()) + ")";
  if (shape.hasFactors)
    text += " factors(%ft : " + tensor(factors()) + ")";
  text += llvm::formatv(" outs(%yt : {0}) codes [{1}, {2}]", tensor(result()),
                        shape.codes.low, shape.codes.high)
              .str();
  if (strategy.layout)
    text += llvm::formatv(" weight_type tensor<{0}x{1}x{2}, #tern.layout<{3}>>",
                          shape.rows, shape.columns,
                          shape.integerBits
                              ? "i" + std::to_string(shape.integerBits)
                              : std::string("!tern.trit"),
                          strategy.layout->str())
                .str();
  if (strategy.kernels) {
    llvm::raw_string_ostream stream(text);
    stream << " strategy " << strategy.kernels;
  }
  text += " -> " + tensor(result()) + "\n";
  text += "bufferization.materialize_in_destination %r in restrict writable "
          "%y : (" +
          tensor(result()) + ", " + type("memref", result()) + ") -> ()\n";
  return text + "return\n}\n";
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

static void cleanUp(OpPassManager &pm) {
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
}

static LogicalResult makeKernels(ModuleOp module) {
  PassManager pm(module.getContext());
  pm.addNestedPass<func::FuncOp>(createTileProductsPass());
  cleanUp(pm);
  pm.addPass(createAttachDataLayoutPass());
  pm.addPass(createBufferizePass());
  cleanUp(pm);
  pm.addPass(createCanonicalizerPass());
  pm.addNestedPass<func::FuncOp>(createLowerForallPass());
  pm.addNestedPass<func::FuncOp>(createVectorizeLinalgPass());
  pm.addPass(createConvertTernToKernelsPass());
  RunTargetPassesPassOptions own;
  own.phase = "kernels";
  pm.addPass(createRunTargetPassesPass(own));
  return pm.run(module);
}

/// There is one worker, and nobody counts what it reads.
static void dropWorkers(ModuleOp module) {
  module.walk([](Operation *op) {
    if (isa<WorkerIndexOp, WorkerCountOp>(op)) {
      OpBuilder b(op);
      int64_t value = isa<WorkerCountOp>(op) ? 1 : 0;
      op->getResult(0).replaceAllUsesWith(
          arith::ConstantIndexOp::create(b, op->getLoc(), value));
    }
    if (isa<IterationOp, CountReadOp, WorkerIndexOp, WorkerCountOp>(op))
      op->erase();
  });
}

/// A model has its temporaries in scratch; here each has memory of its own,
/// since nobody frees it and a call should not pay for getting it.
static void placeTemporaries(ModuleOp module) {
  SmallVector<memref::AllocOp> allocations;
  module.walk([&](memref::AllocOp op) {
    if (op.getType().hasStaticShape())
      allocations.push_back(op);
  });
  OpBuilder atModule(module.getBody(), module.getBody()->begin());
  for (auto [i, op] : llvm::enumerate(allocations)) {
    std::string name = "temporary" + std::to_string(i);
    memref::GlobalOp::create(atModule, op.getLoc(), name,
                             atModule.getStringAttr("private"), op.getType(),
                             atModule.getUnitAttr(), /*constant=*/false,
                             op.getAlignmentAttr());
    OpBuilder b(op);
    op.replaceAllUsesWith(
        memref::GetGlobalOp::create(b, op.getLoc(), op.getType(), name)
            .getResult());
    op.erase();
  }
}

static LogicalResult lower(ModuleOp module) {
  PassManager pm(module.getContext());
  cleanUp(pm);
  pm.addPass(createConvertVectorToSCFPass(
      VectorTransferToSCFOptions().enableFullUnroll()));
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertTernToLLVMPass());
  pm.addPass(createFinalizeMemRefToLLVMConversionPass());
  pm.addPass(createConvertFuncToLLVMPass());
  // Indices as wide as the target's, as those before have them.
  ConvertToLLVMPassOptions rest;
  rest.useDynamic = true;
  pm.addPass(createConvertToLLVMPass(rest));
  pm.addPass(createReconcileUnrealizedCastsPass());
  return pm.run(module);
}

//===----------------------------------------------------------------------===//
// Code
//===----------------------------------------------------------------------===//

Expected<std::unique_ptr<Emitter>>
tern::emitProducts(TargetAttr target, ArrayRef<ProductTrial> trials,
                   ArrayRef<std::string> names, bool isCalled) {
  MLIRContext *context = target.getContext();
  std::string text;
  for (auto [name, trial] : llvm::zip_equal(names, trials))
    text += TrialText(trial).write(name, isCalled);
  OwningOpRef<ModuleOp> module;
  std::string message;
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
    if (message.empty() &&
        diagnostic.getSeverity() == DiagnosticSeverity::Error)
      message = diagnostic.str();
    return success();
  });
  auto failure = [&](StringRef reason) {
    return llvm::createStringError("products alone " + reason + ": " + message);
  };
  module = parseSourceString<ModuleOp>(text, context);
  if (!module)
    return failure("are no IR");
  (*module)->setAttr(TernDialect::kTargetAttr, target);
  if (failed(makeKernels(*module)))
    return failure("have no kernels");
  dropWorkers(*module);
  placeTemporaries(*module);
  if (failed(lower(*module)))
    return failure("cannot be lowered");
  return Emitter::create(*module, target);
}
