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
    options.seconds = 0.0001;
    options.rounds = 3;
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
        ProductLibrary::compile(target, trials, /*threads=*/2);
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
  std::vector<std::vector<unsigned>> members; ///< trials of each reference
  for (const ProductShape &shape :
       {plain, many, rows, columns, scaled, head, shortHead}) {
    std::vector<ProductTrial> known = getTrials(generic, shape);
    ASSERT_FALSE(known.empty()) << shape.str();
    members.emplace_back();
    for (const ProductTrial &trial : getTrials(target, shape)) {
      members.back().push_back(trials.size());
      trials.push_back(trial);
    }
    references.push_back(known.front());
  }
  auto library = compile(target, trials),
       expected = compile(generic, references);
  ASSERT_TRUE(library && expected);
  for (unsigned r = 0; r < references.size(); ++r) {
    const ProductTrial &reference = references[r];
    ProductBench bench(reference.shape,
                       {reference.strategy, expected.get(), r});
    std::vector<Candidate> candidates;
    for (unsigned i : members[r])
      candidates.push_back({trials[i].strategy, library.get(), i});
    llvm::Expected<std::vector<ProductTime>> times =
        bench.measure(candidates, options);
    ASSERT_TRUE(bool(times)) << llvm::toString(times.takeError());
    for (auto [i, time] : llvm::zip_equal(members[r], *times)) {
      SCOPED_TRACE(reference.shape.str() + " " + describeStrategy(trials[i]));
      EXPECT_TRUE(time.isExact);
      EXPECT_GT(time.seconds, 0);
      EXPECT_GT(time.bytes, 0);
    }
  }
}

/// Two threads in one function at a time do not write each other's temporaries.
TEST_F(ProductBenches, ThreadsHaveTemporariesOfTheirOwn) {
  ProductShape shape{96, 512};
  std::vector<ProductTrial> trials = getTrials(target, shape);
  auto library = compile(target, trials);
  ASSERT_TRUE(library);
  for (unsigned i = 0; i < trials.size(); ++i)
    EXPECT_NE(library->get(i, 0), library->get(i, 1));
}

/// Code that reads another layout than its weight has.
TEST_F(ProductBenches, OtherResultsAreNotTimed) {
  ProductShape shape{96, 512};
  std::vector<ProductTrial> trials = getTrials(generic, shape);
  ASSERT_GE(trials.size(), 2u);
  auto library = compile(generic, trials);
  ASSERT_TRUE(library);
  ProductBench bench(shape, {trials[0].strategy, library.get(), 0});
  llvm::Expected<std::vector<ProductTime>> times =
      bench.measure({{trials[0].strategy, library.get(), 1},
                     {trials[0].strategy, library.get(), 0}},
                    options);
  ASSERT_TRUE(bool(times)) << llvm::toString(times.takeError());
  EXPECT_FALSE((*times)[0].isExact);
  EXPECT_EQ((*times)[0].seconds, 0);
  EXPECT_TRUE((*times)[1].isExact);
  EXPECT_GT((*times)[1].seconds, 0);
}

/// A disturbance only makes times longer, so half of them may be disturbed.
TEST(ProductTimes, AreTheLowerQuartile) {
  ProductTime time;
  summarize({9, 8, 2, 1, 2.5, 30, 7, 4}, time);
  EXPECT_EQ(time.seconds, 2.5);
  EXPECT_EQ(time.spread, (7 - 1) / 5.0);
  summarize({3}, time);
  EXPECT_EQ(time.seconds, 3);
  EXPECT_EQ(time.spread, 0);
}

} // namespace
