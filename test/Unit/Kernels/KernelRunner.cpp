//===- KernelRunner.cpp - Run kernels in this process ---------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "KernelRunner.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/InitAll.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include "gtest/gtest.h"

#ifdef TERN_AMX_EMULATION
#include "Emulation/amx.h"
#include <sys/syscall.h>
#endif
#include <unistd.h>

using namespace mlir;
using namespace tern;
using namespace tern::test;

//===----------------------------------------------------------------------===//
// Machines
//===----------------------------------------------------------------------===//

const std::vector<Machine> &tern::test::machines() {
  static const std::vector<Machine> all = {
      {"Generic", "x86-64", {}},
      {"Avx2", "x86-64-v3", {"avx2"}},
      {"AvxVnni", "x86-64-v3", {"avx2", "avxvnni"}},
      {"Avx512Bw", "x86-64-v4", {"avx2", "avx512f", "avx512bw", "avx512vl"}},
      {"Avx512Vnni",
       "x86-64-v4",
       {"avx2", "avx512f", "avx512bw", "avx512vl", "avx512vnni"}},
      {"Avx512Vbmi",
       "x86-64-v4",
       {"avx2", "avx512f", "avx512bw", "avx512vl", "avx512vnni", "avx512vbmi"}},
  };
  return all;
}

std::vector<Machine> tern::test::rowMachines() {
  std::vector<Machine> all = machines();
  all.push_back({"Scalar", "x86-64", {}, "riscv64"});
  return all;
}

std::vector<ProductSetting> tern::test::productSettings() {
  std::vector<ProductSetting> settings;
  for (const Machine &machine : machines())
    settings.push_back({machine.name, machine, Strategies::OfTarget});
  settings.push_back({"Portable", machines().front(), Strategies::None});
  return settings;
}

/// Tiles are emulated where the processor has none, and have to be asked for.
static bool hasFeature(const llvm::StringMap<bool> &host, StringRef feature) {
#ifdef TERN_AMX_EMULATION
  static bool hasTiles =
      syscall(SYS_arch_prctl, AMX_REQUEST_PERMISSION, AMX_TILE_DATA) == 0;
  if (feature.starts_with("amx-"))
    return hasTiles;
#endif
  return host.lookup(feature);
}

bool Machine::isHere() const {
  if (triple)
    return true;
  if (llvm::Triple(llvm::sys::getProcessTriple()).getArch() !=
      llvm::Triple::x86_64)
    return features.empty();
  llvm::StringMap<bool> host = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(
      features, [&](const std::string &f) { return hasFeature(host, f); });
}

std::string Machine::featureString() const {
  std::string text;
  for (const std::string &feature : features)
    text += (text.empty() ? "+" : ",+") + feature;
  return text;
}

std::string Machine::attribute() const {
  std::string name = triple ? triple : llvm::sys::getProcessTriple();
  return "#tern.target<triple = \"" + name + "\", cpu = \"" + cpu +
         "\", features = \"" + featureString() + "\">";
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

GuardedMemory::GuardedMemory(size_t bytes) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t used = (bytes + page - 1) / page * page;
  length = used + page;
  pages = mmap(nullptr, length, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char *start = static_cast<char *>(pages);
  mprotect(start + used, page, PROT_NONE);
  data = start + used - bytes;
}

GuardedMemory::~GuardedMemory() { munmap(pages, length); }

//===----------------------------------------------------------------------===//
// Text
//===----------------------------------------------------------------------===//

std::string tern::test::tensorType(const std::string &memref) {
  StringRef shape = StringRef(memref).drop_front(sizeof("memref<") - 1);
  return ("tensor<" +
          shape.take_until([](char c) { return c == ',' || c == '>'; }) + ">")
      .str();
}

std::string tern::test::tensorOf(const std::string &tensor,
                                 const std::string &buffer,
                                 const std::string &memref, bool written) {
  return tensor + " = bufferization.to_tensor " + buffer + " restrict " +
         (written ? "writable : " : ": ") + memref + " to " +
         tensorType(memref) + "\n";
}

std::string tern::test::intoBuffer(const std::string &tensor,
                                   const std::string &buffer,
                                   const std::string &memref) {
  return "bufferization.materialize_in_destination " + tensor +
         " in restrict writable " + buffer + " : (" + tensorType(memref) +
         ", " + memref + ") -> ()\n";
}

//===----------------------------------------------------------------------===//
// Compilation
//===----------------------------------------------------------------------===//

/// Gives each function a last argument that tern.count_read adds to; loops run
/// here, whatever their iterations move, those over workers as if they were
/// three.
static void lowerCounters(ModuleOp module) {
  module.walk([](Operation *op) {
    if (auto count = dyn_cast<WorkerCountOp>(op)) {
      OpBuilder b(op);
      count.replaceAllUsesWith(
          arith::ConstantIndexOp::create(b, op->getLoc(), 3).getResult());
    }
    if (isa<WorkerCountOp, IterationOp>(op))
      op->erase();
  });
  for (auto function : module.getOps<func::FuncOp>()) {
    OpBuilder b(function.getContext());
    auto type = MemRefType::get({2}, b.getIndexType());
    if (failed(function.insertArgument(function.getNumArguments(), type, {},
                                       function.getLoc())))
      continue;
    Value counters = function.getArguments().back();
    function.walk([&](CountReadOp op) {
      b.setInsertionPoint(op);
      for (auto [i, amount] : llvm::enumerate(op->getOperands())) {
        Value at = arith::ConstantIndexOp::create(b, op.getLoc(), i);
        Value old = memref::LoadOp::create(b, op.getLoc(), counters, at);
        Value sum = arith::AddIOp::create(b, op.getLoc(), old, amount);
        memref::StoreOp::create(b, op.getLoc(), sum, counters, at);
      }
      op.erase();
    });
  }
}

/// As tern-select-strategies does.
static void setStrategies(ModuleOp module) {
  TargetAttr target = TargetAttr::lookup(module);
  module.walk([&](MatmulOp product) {
    if (StrategyAttr strategy = findStrategy(target, product))
      product.setStrategyAttr(strategy);
  });
}

static LogicalResult runPasses(ModuleOp module, StringRef pipeline) {
  PassManager passes(module.getContext());
  if (failed(parsePassPipeline(pipeline, passes)))
    return failure();
  return passes.run(module);
}

static std::unique_ptr<llvm::TargetMachine>
createTargetMachine(const Machine &machine) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  llvm::Triple triple(llvm::sys::getProcessTriple());
  std::string error;
  const llvm::Target *target =
      llvm::TargetRegistry::lookupTarget(triple, error);
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, machine.cpu, machine.triple ? "" : machine.featureString(), {},
      llvm::Reloc::PIC_));
}

CompiledModule::CompiledModule() {
  static DialectRegistry registry = [] {
    DialectRegistry registry;
    tern::registerAllDialects(registry);
    registerAllToLLVMIRTranslations(registry);
    tern::registerAllPasses();
    return registry;
  }();
  context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
}

std::unique_ptr<CompiledModule>
CompiledModule::compile(const Machine &machine, const std::string &functions,
                        Strategies strategies) {
  std::unique_ptr<CompiledModule> result(new CompiledModule());
  std::string text = "module attributes {tern.target = " + machine.attribute() +
                     "} {\n" + functions + "}\n";
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, result->context.get());
  if (!module) {
    ADD_FAILURE() << "expected operations, got\n" << text;
    return nullptr;
  }
  if (strategies == Strategies::OfTarget)
    setStrategies(*module);
  const char *const tile = "func.func(tern-tile-products),canonicalize,cse";
  if (failed(runPasses(*module, tile))) {
    ADD_FAILURE() << "no loops for\n" << text;
    return nullptr;
  }
  module->walk([&](MatmulOp) { ++result->numPortable; });
  if (failed(runPasses(*module,
                       "tern-bufferize,canonicalize,cse,canonicalize,"
                       "func.func(tern-lower-forall,tern-vectorize-linalg),"
                       "convert-tern-to-kernels,"
                       "tern-run-target-passes{phase=kernels}"))) {
    ADD_FAILURE() << "no kernels for\n" << text;
    return nullptr;
  }
  lowerCounters(*module);
  if (failed(runPasses(
          *module, "canonicalize,cse,convert-vector-to-scf{full-unroll=true},"
                   "convert-scf-to-cf,expand-strided-metadata,lower-affine,"
                   "convert-vector-to-llvm,finalize-memref-to-llvm,"
                   "convert-func-to-llvm,convert-to-llvm,"
                   "reconcile-unrealized-casts"))) {
    ADD_FAILURE() << "no LLVM for\n" << text;
    return nullptr;
  }
  std::unique_ptr<llvm::TargetMachine> target = createTargetMachine(machine);
  ExecutionEngineOptions options;
  auto transformer = makeOptimizingTransformer(2, 0, target.get());
  options.transformer = transformer;
  options.jitCodeGenOptLevel = llvm::CodeGenOptLevel::Default;
  auto engine =
      ExecutionEngine::create(*module, options, createTargetMachine(machine));
  if (!engine) {
    ADD_FAILURE() << llvm::toString(engine.takeError());
    return nullptr;
  }
  result->engine = std::move(*engine);
  return result;
}

void *CompiledModule::address(const std::string &name) {
  llvm::Expected<void *> found = engine->lookup("_mlir_ciface_" + name);
  if (!found)
    llvm::report_fatal_error(found.takeError());
  return *found;
}
