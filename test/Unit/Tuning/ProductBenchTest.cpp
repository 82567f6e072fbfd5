//===- ProductBenchTest.cpp - Products alone are compared and timed -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Tuning/ProductBench.h"

#include "tern/Artifact/Emitter.h"
#include "tern/Artifact/TargetSelection.h"
#include "tern/InitAll.h"
#include "tern/Target/Target.h"

#include "gtest/gtest.h"

using namespace tern;

namespace {

struct ProductBenches : testing::Test {
  void SetUp() override {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    registerEmission(registry);
    context.appendDialectRegistry(registry);
    context.loadDialect<TernDialect>();
    target = llvm::cantFail(selectTarget(&context, "", ""));
    generic = llvm::cantFail(selectTarget(&context, "generic", ""));
    options.seconds = 0.001;
    options.weightBytes = 1 << 20;
    options.threads = 2;
  }

  static std::vector<ProductTrial> getTrials(TargetAttr target,
                                             const ProductShape &shape) {
    std::vector<ProductTrial> trials;
    for (Strategy &strategy : target.getTarget()->getStrategies(target, shape))
      if (getReasonAgainst(strategy, shape).empty())
        trials.push_back({shape, strategy});
    return trials;
  }

  static std::unique_ptr<ProductLibrary>
  compile(TargetAttr target, const std::vector<ProductTrial> &trials) {
    llvm::Expected<std::unique_ptr<ProductLibrary>> library =
        ProductLibrary::compile(target, trials);
    if (library)
      return std::move(*library);
    ADD_FAILURE() << llvm::toString(library.takeError());
    return nullptr;
  }

  mlir::MLIRContext context;
  TargetAttr target, generic;
  TrialOptions options;
};

TEST_F(ProductBenches, AllStrategiesAreExact) {
  ProductShape plain{96, 512}, many = plain, rows = plain, columns = plain,
                               scaled = plain, head = plain, shortHead = plain;
  many.tokens = 13;
  rows.listsRows = columns.listsColumns = true;
  rows.share = columns.share = 0.3;
  columns.columns = 510;
  scaled.groupSize = 256;
  scaled.tokens = 3;
  head.integerBits = 8;
  shortHead.integerBits = 6;
  std::vector<ProductTrial> trials, references;
  std::vector<unsigned> referenceOf;
  for (const ProductShape &shape :
       {plain, many, rows, columns, scaled, head, shortHead}) {
    std::vector<ProductTrial> known = getTrials(generic, shape);
    ASSERT_FALSE(known.empty()) << shape.str();
    for (const ProductTrial &trial : getTrials(target, shape)) {
      trials.push_back(trial);
      referenceOf.push_back(references.size());
    }
    references.push_back(known.front());
  }
  auto library = compile(target, trials),
       expected = compile(generic, references);
  ASSERT_TRUE(library && expected);
  for (unsigned i = 0; i < trials.size(); ++i) {
    unsigned r = referenceOf[i];
    SCOPED_TRACE(trials[i].shape.str() + " " + describeStrategy(trials[i]));
    ProductBench bench(references[r], expected->get(r));
    llvm::Expected<ProductTime> time =
        bench.measure(trials[i].strategy, library->get(i), options);
    ASSERT_TRUE(bool(time)) << llvm::toString(time.takeError());
    EXPECT_TRUE(time->isExact);
    EXPECT_GT(time->seconds, 0);
    EXPECT_GT(time->bytes, 0);
  }
}

/// Code that reads another layout than its weight has.
TEST_F(ProductBenches, OtherResultsAreNotTimed) {
  ProductShape shape{96, 512};
  std::vector<ProductTrial> trials = getTrials(generic, shape);
  ASSERT_GE(trials.size(), 2u);
  auto library = compile(generic, trials);
  ASSERT_TRUE(library);
  ProductBench bench(trials[0], library->get(0));
  llvm::Expected<ProductTime> time =
      bench.measure(trials[0].strategy, library->get(1), options);
  ASSERT_TRUE(bool(time)) << llvm::toString(time.takeError());
  EXPECT_FALSE(time->isExact);
  EXPECT_EQ(time->seconds, 0);
}

} // namespace
