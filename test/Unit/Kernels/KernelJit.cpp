//===- KernelJit.cpp - Run lowered kernels in a test ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelJit.h"

#include "tern/Conversion/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/InitAll.h"

#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace tern;

static bool hostHas(StringRef feature) {
  static const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return features.lookup(feature);
}

std::vector<JitTarget> tern::getJitTargets() {
  auto attr = [](StringRef cpu, StringRef features) {
    return ("#tern.target<triple = \"x86_64-unknown-linux-gnu\", cpu = \"" +
            cpu + "\", features = \"" + features + "\">")
        .str();
  };
  std::vector<JitTarget> targets = {
      {"Generic", attr("x86-64", "+sse2"), "x86-64", ""},
      // Kernels for a machine without vectors, run on this one.
      {"Scalar",
       "#tern.target<triple = \"riscv64\", cpu = \"generic\", "
       "features = \"+m\">",
       "x86-64", ""}};
  if (hostHas("avx2"))
    targets.push_back({"AVX2", attr("x86-64-v3", "+avx2"), "x86-64-v3", ""});
  if (hostHas("avx512vnni"))
    targets.push_back(
        {"AVX512",
         attr("x86-64-v4", "+avx512f,+avx512bw,+avx512vl,+avx512vnni"),
         "x86-64-v4", "+avx512vnni"});
  if (hostHas("avx512vbmi"))
    targets.push_back({"VBMI",
                       attr("x86-64-v4", "+avx512f,+avx512bw,+avx512vl,"
                                         "+avx512vnni,+avx512vbmi"),
                       "x86-64-v4", "+avx512vnni,+avx512vbmi"});
  return targets;
}

//===----------------------------------------------------------------------===//
// The steps of the model's own pipeline
//===----------------------------------------------------------------------===//

/// Addresses of states come from the last argument; the cache argument goes.
static void passStates(func::FuncOp function) {
  function.walk([](StateAddressOp op) {
    OpBuilder b(op);
    auto entry = op->getParentOfType<func::FuncOp>();
    Value states = entry.getArguments().back();
    op.replaceAllUsesWith(
        memref::LoadOp::create(b, op.getLoc(), states, op.getToken())
            .getResult());
    op.erase();
  });
  for (unsigned i = function.getNumArguments(); i-- > 0;)
    if (isa<KVCacheType>(function.getArgument(i).getType()))
      (void)function.eraseArgument(i);
}

/// There is one worker, so one buffer of each kind does.
static void hoistBuffers(func::FuncOp function) {
  Block &entry = function.front();
  SmallVector<memref::AllocOp> buffers;
  function.walk([&](memref::AllocOp op) {
    if (op.getDynamicSizes().empty())
      buffers.push_back(op);
  });
  for (memref::AllocOp buffer : buffers) {
    buffer->moveBefore(&entry, entry.begin());
    OpBuilder b(entry.getTerminator());
    memref::DeallocOp::create(b, buffer.getLoc(), buffer);
  }
}

static LogicalResult lower(ModuleOp module) {
  PassManager kernels(module.getContext());
  kernels.addPass(tern::createConvertTernToKernelsPass());
  if (failed(kernels.run(module)))
    return failure();
  module.walk([](IterationOp op) { op.erase(); }); // there are no workers
  for (auto function : module.getOps<func::FuncOp>()) {
    passStates(function);
    hoistBuffers(function);
    function->setAttr(LLVM::LLVMDialect::getEmitCWrapperAttrName(),
                      UnitAttr::get(module.getContext()));
  }
  PassManager llvm(module.getContext());
  llvm.addPass(createCanonicalizerPass());
  llvm.addPass(createCSEPass());
  llvm.addPass(memref::createExpandStridedMetadataPass());
  llvm.addPass(createLowerAffinePass());
  llvm.addPass(createSCFToControlFlowPass());
  llvm.addPass(createConvertVectorToLLVMPass());
  llvm.addPass(createConvertToLLVMPass());
  llvm.addPass(createReconcileUnrealizedCastsPass());
  return llvm.run(module);
}

static std::unique_ptr<llvm::TargetMachine>
createTargetMachine(const JitTarget &target) {
  llvm::orc::JITTargetMachineBuilder builder{
      llvm::Triple(llvm::sys::getProcessTriple())};
  builder.setCPU(target.cpu);
  if (!target.features.empty())
    builder.addFeatures({target.features});
  builder.setCodeGenOptLevel(llvm::CodeGenOptLevel::Default);
  return llvm::cantFail(builder.createTargetMachine());
}

//===----------------------------------------------------------------------===//
// JitModule
//===----------------------------------------------------------------------===//

std::unique_ptr<JitModule> JitModule::compile(const std::string &body,
                                              const JitTarget &target) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  auto result = std::make_unique<JitModule>();
  DialectRegistry registry;
  tern::registerAllDialects(registry);
  registerAllToLLVMIRTranslations(registry);
  result->context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(
      "module attributes {tern.target = " + target.attr + "} {\n" + body + "}",
      result->context.get());
  if (!module || failed(lower(*module))) {
    ADD_FAILURE() << "expected this to compile for " << target.name << ":\n"
                  << body;
    return nullptr;
  }
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(target);
  ExecutionEngineOptions options;
  auto optimize = makeOptimizingTransformer(2, 0, machine.get());
  options.transformer = optimize;
  auto engine = ExecutionEngine::create(*module, options, std::move(machine));
  if (!engine) {
    ADD_FAILURE() << llvm::toString(engine.takeError());
    return nullptr;
  }
  result->engine = std::move(*engine);
  return result;
}

void *JitModule::find(const std::string &function) {
  llvm::Expected<void *> address = engine->lookup(function);
  if (address)
    return *address;
  ADD_FAILURE() << llvm::toString(address.takeError());
  return nullptr;
}
