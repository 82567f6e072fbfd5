//===- MeasuredChoiceTest.cpp - Layouts by measured times -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/MeasuredChoice.h"

#include "tern/Dialect/Tern/Transforms/WeightReaders.h"
#include "tern/InitAll.h"
#include "tern/Target/Target.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

#include <map>

using namespace mlir;
using namespace tern;

namespace {

constexpr const char *kProduct = R"(
module attributes {tern.max_tokens = 32 : i64, tern.target = #tern.target<
    triple = "x86_64-unknown-linux-gnu", cpu = "x",
    features = "+avx2,+avx512f,+avx512bw,+avx512vl,+avx512vnni,+sse4a">} {
  tern.weight @w <digits> ["w"] : tensor<512x512x!tern.trit>
  func.func @decode(%q: tensor<1x512xi8>, %init: tensor<1x512xi32>) -> tensor<1x512xi32> {
    %w = tern.get_weight @w : tensor<512x512x!tern.trit>
    %0 = tern.matmul "o_proj" ins(%q, %w : tensor<1x512xi8>, tensor<512x512x!tern.trit>)
        outs(%init : tensor<1x512xi32>) codes [-128, 127] -> tensor<1x512xi32>
    return %0 : tensor<1x512xi32>
  }
  func.func @prefill(%q: tensor<?x512xi8>, %init: tensor<?x512xi32>) -> tensor<?x512xi32> {
    %w = tern.get_weight @w : tensor<512x512x!tern.trit>
    %0 = tern.matmul "o_proj" ins(%q, %w : tensor<?x512xi8>, tensor<512x512x!tern.trit>)
        outs(%init : tensor<?x512xi32>) codes [-128, 127] -> tensor<?x512xi32>
    return %0 : tensor<?x512xi32>
  }
})";

/// One weight, for which the costs choose rows in lanes.
struct MeasuredChoices : testing::Test {
  void SetUp() override {
    DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    module = parseSourceString<ModuleOp>(kProduct, &context);
    ASSERT_TRUE(module);
    target = (*module)->getAttrOfType<TargetAttr>(TernDialect::kTargetAttr);
    target.getTarget()->loadDialects(&context);
    WeightReaders readers = WeightReaders::collect(*module, target).front();
    ASSERT_EQ(readers.plan(ListUse::Cheaper).front().layoutName,
              "rows_in_lanes");
    for (const std::vector<Reading> &readings : readers.getReadings())
      for (const Reading &reading : readings)
        products.push_back({{reading.shape, reading.strategy},
                            "o_proj",
                            {/*seconds=*/1, /*spread=*/0, 0, 0, true},
                            /*isOfTable=*/true});
  }
  /// Times of all products of one token in that layout.
  void setDecode(StringRef layout, double seconds, double spread = 0,
                 bool isExact = true) {
    for (MeasuredProduct &product : products)
      if (product.trial.shape.tokens == 1 &&
          product.trial.strategy.layoutName == layout)
        product.time = {seconds, spread, 0, 0, isExact};
  }
  void setPrefill(StringRef layout, double seconds) {
    for (MeasuredProduct &product : products)
      if (product.trial.shape.tokens != 1 &&
          product.trial.strategy.layoutName == layout)
        product.time.seconds = seconds;
  }
  StrategyRule choose() {
    std::vector<StrategyRule> rules = chooseMeasured(*module, target, products);
    EXPECT_EQ(rules.size(), 1u);
    return rules.empty() ? StrategyRule() : rules.front();
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  TargetAttr target;
  std::vector<MeasuredProduct> products;
};

TEST_F(MeasuredChoices, KeepThatOfTheCosts) {
  EXPECT_EQ(choose().layoutName, "rows_in_lanes");
}

TEST_F(MeasuredChoices, TakeALeadThatIsLargerThanTheSpread) {
  setDecode("contiguous_rows", 0.7, 0.02);
  EXPECT_EQ(choose().layoutName, "contiguous_rows");
  setDecode("contiguous_rows", 0.7, 0.5);
  StrategyRule rule = choose();
  EXPECT_EQ(rule.layoutName, "rows_in_lanes");
  EXPECT_NE(rule.why.find("contiguous_rows"), std::string::npos) << rule.why;
  EXPECT_NE(rule.why.find("within the spread"), std::string::npos) << rule.why;
  // However little times are spread, a percent is no lead.
  setDecode("contiguous_rows", 0.99);
  EXPECT_EQ(choose().layoutName, "rows_in_lanes");
}

TEST_F(MeasuredChoices, NeverTakeOtherResults) {
  setDecode("contiguous_rows", 0.1, 0, /*isExact=*/false);
  EXPECT_EQ(choose().layoutName, "rows_in_lanes");
}

/// The same kernels read panels of all layouts; repacking them differs.
TEST_F(MeasuredChoices, TellPanelsOfOneLayoutFromThoseOfAnother) {
  setDecode("contiguous_rows", 0.5);
  setPrefill("rows_in_lanes", 1);
  setPrefill("contiguous_rows", 1000);
  EXPECT_EQ(choose().layoutName, "rows_in_lanes");
}

TEST_F(MeasuredChoices, ChangeTheDistanceForALeadOnly) {
  auto addDistance = [&](double seconds) {
    for (const MeasuredProduct &product : products)
      if (product.trial.shape.tokens == 1 && product.isOfTable &&
          product.trial.strategy.layoutName == "rows_in_lanes") {
        MeasuredProduct other = product;
        StrategyAttr kernels = other.trial.strategy.kernels;
        other.trial.strategy.kernels =
            StrategyAttr::get(&context, kernels.getKernels(),
                              kernels.getUnits(), 1024, kernels.getPanel());
        other.time.seconds = seconds;
        other.isOfTable = false;
        products.push_back(other);
        return;
      }
  };
  addDistance(0.99);
  EXPECT_EQ(choose().ahead, 0);
  products.pop_back();
  addDistance(0.8);
  EXPECT_EQ(choose().ahead, 1024);
}

} // namespace
