//===- SelectStrategiesTest.cpp - Entries for some products only
//-------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A target whose table has an entry with kernels that are exact for int4 codes
// only, and that wants functions for few tokens.
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Packing/LayoutFamilies.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include "gtest/gtest.h"

using namespace mlir;
using namespace tern;

namespace {

Layout plainRows() { return PlainWords{&codecs::b2, Axis::Row}.layout(); }
Layout plainColumns() { return PlainWords{&codecs::b2, Axis::Column}.layout(); }

/// A unit attribute as a micro kernel: digits one by one, said to be cheap and
/// exact for int4 codes only.
struct Int4Model
    : MicroKernelAttrInterface::ExternalModel<Int4Model, UnitAttr> {
  static MicroKernelAttrInterface get(Attribute attr) {
    MLIRContext *context = attr.getContext();
    return cast<MicroKernelAttrInterface>(Attribute(DigitByDigitAttr::get(
        context, LayoutAttr::get(context, plainRows()), 1)));
  }
  std::string getKernelName(Attribute) const { return "int4"; }
  MicroTile getTile(Attribute attr) const { return get(attr).getTile(); }
  SmallVector<Attribute> getParts(Attribute attr) const { return {attr}; }
  bool reads(Attribute attr, const std::optional<Layout> &layout) const {
    return get(attr).reads(layout);
  }
  CodeRange getCodeRange(Attribute) const { return {-8, 7}; }
  int64_t getMaxColumns(Attribute attr) const {
    return get(attr).getMaxColumns();
  }
  int64_t getOffset(Attribute attr) const { return get(attr).getOffset(); }
  MicroCost getCost(Attribute) const { return {1, 1}; }
  VectorType getCodesType(Attribute attr) const {
    return get(attr).getCodesType();
  }
  SmallVector<VectorType> getWeightTypes(Attribute attr) const {
    return get(attr).getWeightTypes();
  }
  VectorType getFragmentType(Attribute attr) const {
    return get(attr).getFragmentType();
  }
  VectorType getSumsType(Attribute attr) const {
    return get(attr).getSumsType();
  }
  MicroPreparation getPreparation(Attribute) const { return {}; }
  VectorType getPreparedType(Attribute attr) const {
    return get(attr).getPreparedType();
  }
  Value prepare(Attribute attr, OpBuilder &b, Location loc, Value codes) const {
    return get(attr).prepare(b, loc, codes);
  }
  Value begin(Attribute attr, OpBuilder &b, Location loc, int64_t steps) const {
    return get(attr).begin(b, loc, steps);
  }
  Value build(Attribute attr, OpBuilder &b, Location loc, Value codes,
              ValueRange weights, Value sums) const {
    return get(attr).build(b, loc, codes, weights, sums);
  }
  Value finish(Attribute attr, OpBuilder &b, Location loc, Value sums) const {
    return get(attr).finish(b, loc, sums);
  }
};

struct NarrowTarget : Target {
  StringRef getName() const override { return "Narrow"; }
  bool handles(TargetAttr) const override { return true; }
  ArrayRef<StringLiteral> getLayoutNames() const override {
    static constexpr StringLiteral names[] = {"int4_rows", "columns"};
    return names;
  }
  SmallVector<Strategy> getStrategies(TargetAttr attr,
                                      const ProductShape &) const override {
    MLIRContext *context = attr.getContext();
    auto columns = LayoutAttr::get(context, plainColumns());
    auto one = [&](Attribute kernel) {
      return StrategyAttr::get(context, kernel, 1, 0);
    };
    return {{"int4_rows", plainRows(), one(UnitAttr::get(context))},
            {"columns", plainColumns(),
             one(DigitByDigitAttr::get(context, columns, 1))}};
  }
  bool wantsFew(TargetAttr attr) const override {
    return attr.getCpu() == "many-table";
  }
  MachineSpeed getSpeed(TargetAttr) const override { return {1, 1, 1}; }
  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return cast<DotProductAttrInterface>(
        Attribute(ScalarDotAttr::get(attr.getContext())));
  }
  int64_t getVectorBytes(TargetAttr) const override { return 4; }
};

constexpr const char *kProducts = R"(
  tern.weight @int4 <digits> ["a"] : tensor<8x8x!tern.trit>
  tern.weight @int8 <digits> ["b"] : tensor<8x8x!tern.trit>
  func.func @decode(%q: tensor<1x8xi8>, %init: tensor<1x8xi32>) -> (tensor<1x8xi32>, tensor<1x8xi32>) {
    %a = tern.get_weight @int4 : tensor<8x8x!tern.trit>
    %0 = tern.matmul "q_proj" ins(%q, %a : tensor<1x8xi8>, tensor<8x8x!tern.trit>)
        outs(%init : tensor<1x8xi32>) codes [-8, 7] -> tensor<1x8xi32>
    %b = tern.get_weight @int8 : tensor<8x8x!tern.trit>
    %1 = tern.matmul "o_proj" ins(%q, %b : tensor<1x8xi8>, tensor<8x8x!tern.trit>)
        outs(%init : tensor<1x8xi32>) codes [-9, 7] -> tensor<1x8xi32>
    return %0, %1 : tensor<1x8xi32>, tensor<1x8xi32>
  })";

struct Compiled {
  Compiled(StringRef cpu, StringRef body) {
    DialectRegistry registry;
    registry.insert<TernDialect, func::FuncDialect>();
    registerMicroKernels(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    UnitAttr::attachInterface<Int4Model>(context);
    context.getOrLoadDialect<TernDialect>()->registerTarget(
        std::make_unique<NarrowTarget>());
    std::string text = ("module attributes {tern.target = #tern.target<triple "
                        "= \"riscv64-unknown-elf\", cpu = \"" +
                        cpu + "\", features = \"\">} {" + body + "}")
                           .str();
    module = parseSourceString<ModuleOp>(text, &context);
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      message += diagnostic.str();
      return success();
    });
  }
  LogicalResult run(std::unique_ptr<Pass> pass) {
    PassManager pm(&context);
    pm.addPass(std::move(pass));
    return pm.run(*module);
  }
  LogicalResult select(std::vector<std::string> wishes) {
    SelectStrategiesPassOptions options;
    llvm::append_range(options.strategies, wishes);
    return run(createSelectStrategiesPass(options));
  }
  Layout getLayout(StringRef weight) {
    auto type = cast<RankedTensorType>(
        module->lookupSymbol<WeightOp>(weight).getType());
    return cast<LayoutAttr>(type.getEncoding()).getLayout();
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::string message;
};

TEST(SelectStrategies, TakeEntriesForTheCodesTheyAreExactFor) {
  Compiled compiled("x", kProducts);
  ASSERT_TRUE(succeeded(compiled.select({})));
  EXPECT_EQ(compiled.getLayout("int4"), plainRows());
  EXPECT_EQ(compiled.getLayout("int8"), plainColumns());
  compiled.module->walk([&](MatmulOp product) {
    bool isNarrow = isa<UnitAttr>(product.getStrategyAttr().getKernels()[0]);
    EXPECT_EQ(isNarrow, product.getProjection() == "q_proj");
  });
}

TEST(SelectStrategies, SayWhyAnEntryIsRefused) {
  Compiled compiled("x", kProducts);
  EXPECT_TRUE(failed(compiled.select({"o_proj=int4_rows"})));
  EXPECT_EQ(compiled.message,
            "strategy `o_proj=int4_rows`: no kernels of target Narrow take all "
            "products of this weight in that layout; o_proj: expected codes "
            "for which the kernel's sums are exact");
}

TEST(SelectStrategies, FewTokensHaveFunctionsWhereTheTableWantsThem) {
  for (bool few : {false, true}) {
    Compiled compiled(few ? "many-table" : "x", R"(
      func.func @layer(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
        return %x : tensor<?x8xf32>
      })");
    ASSERT_TRUE(succeeded(compiled.run(createSpecializeTokensPass())));
    EXPECT_EQ(bool(compiled.module->lookupSymbol("layer.few")), few);
  }
}

} // namespace
