//===- TargetPassesTest.cpp - Passes that a target adds to a phase --------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/InitAll.h"
#include "tern/Pipelines/Phases.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/DLTI/DLTI.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringSet.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace tern;

namespace {

/// Writes down which phase it ends, with an attribute of a dialect that nothing
/// else loads.
struct NotePass : PassWrapper<NotePass, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(NotePass)
  explicit NotePass(StringRef phase) : phase(phase) {}
  void getDependentDialects(DialectRegistry &registry) const override {
    registry.insert<DLTIDialect>();
  }
  void runOnOperation() override {
    auto old = getOperation()->getAttrOfType<StringAttr>("test.phases");
    std::string text = old ? old.str() + " " + phase : phase;
    getOperation()->setAttr("test.phases",
                            StringAttr::get(&getContext(), text));
  }
  std::string phase;
};

/// A target for the CPU "noting".
struct NotingTarget : Target {
  explicit NotingTarget(bool declares) : declares(declares) {}
  StringRef getName() const override { return "Noting"; }
  bool handles(TargetAttr attr) const override {
    return attr.getCpu() == "noting";
  }
  ArrayRef<StringLiteral> getLayoutNames() const override { return {}; }
  SmallVector<Strategy> getStrategies(TargetAttr,
                                      const ProductShape &) const override {
    llvm_unreachable("no weight is laid out here");
  }
  MachineSpeed getSpeed(TargetAttr) const override {
    llvm_unreachable("no weight is laid out here");
  }
  DotProductAttrInterface getDotProduct(TargetAttr) const override {
    llvm_unreachable("no product is lowered here");
  }
  bool wantsFew(TargetAttr) const override { return true; }
  int64_t getVectorBytes(TargetAttr) const override { return 4; }
  void addPasses(StringRef phase, OpPassManager &pm) const override {
    if (phase != "packed")
      pm.addPass(std::make_unique<NotePass>(phase));
  }
  void registerDialects(DialectRegistry &registry) const override {
    if (declares)
      registry.insert<DLTIDialect>();
  }
  void loadDialects(MLIRContext *context) const override {
    if (declares)
      context->getOrLoadDialect<DLTIDialect>();
  }
  bool declares;
};

struct Compiled {
  Compiled(StringRef cpu, bool declares = true) {
    auto noting = std::make_unique<NotingTarget>(declares);
    DialectRegistry registry;
    registry.insert<TernDialect>();
    noting->registerDialects(registry);
    context.appendDialectRegistry(registry);
    auto *dialect = context.getOrLoadDialect<TernDialect>();
    noting->loadDialects(&context);
    dialect->registerTarget(std::move(noting));
    dialect->registerTarget(createGenericTarget());
    std::string text = (R"(module attributes {
        tern.model = #tern.model<name = "m", vocab = 11, hidden = 5, layers = 3, max_context = 13>,
        tern.target = #tern.target<triple = "riscv64-unknown-elf", cpu = ")" +
                        cpu + R"(", features = ""> } {})")
                           .str();
    module = parseSourceString<ModuleOp>(text, &context);
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      message += diagnostic.str();
      return success();
    });
  }
  LogicalResult run(StringRef from, StringRef to) {
    PassManager pm(&context);
    buildPipeline(pm, *findPhase(from), *findPhase(to), PipelineOptions());
    return pm.run(*module);
  }
  std::string phases() {
    auto attr = (*module)->getAttrOfType<StringAttr>("test.phases");
    return attr ? attr.str() : "";
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::string message;
};

TEST(TargetPasses, RunAtTheEndOfTheirPhases) {
  Compiled compiled("noting");
  ASSERT_TRUE(succeeded(compiled.run("import", "packed")));
  EXPECT_EQ(compiled.phases(), "fused quantized");
}

TEST(TargetPasses, OfAnotherTargetDoNotRun) {
  Compiled compiled("generic-rv64");
  ASSERT_TRUE(succeeded(compiled.run("import", "packed")));
  EXPECT_EQ(compiled.phases(), "");
}

TEST(TargetPasses, NeedTheirDialects) {
  Compiled compiled("noting", /*declares=*/false);
  EXPECT_TRUE(failed(compiled.run("import", "fused")));
  EXPECT_EQ(compiled.message,
            "the target Noting adds passes to the phase fused that need the "
            "dialect dlti, which is not loaded");
}

/// A word of the command line is one machine.
TEST(TargetPasses, NamesOfMachinesAreDifferent) {
  llvm::StringSet<> names;
  for (const Target *target : getTargets())
    for (const MachineName &machine : target->getMachineNames())
      EXPECT_TRUE(names.insert(machine.name).second) << machine.name.str();
}

} // namespace
