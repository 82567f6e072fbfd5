//===- SharedWeights.cpp - One weight, several CPUs -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/Transforms/SharedWeights.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace tern;

SmallVector<TargetAttr> tern::getVersionTargets(ModuleOp module) {
  TargetAttr own = TargetAttr::lookup(module);
  SmallVector<TargetAttr> targets;
  if (auto all = module->getAttrOfType<ArrayAttr>(kVersionTargetsAttr))
    for (Attribute attr : all)
      if (auto target = dyn_cast<TargetAttr>(attr);
          target && target.getTarget())
        targets.push_back(target);
  if (own && !llvm::is_contained(targets, own))
    targets = {own};
  return targets;
}

SharedWeight::SharedWeight(ModuleOp module, RankedTensorType type,
                           ArrayRef<MatmulOp> products) {
  TargetAttr own = TargetAttr::lookup(module);
  for (TargetAttr target : getVersionTargets(module)) {
    if (target == own)
      ownIndex = readers.size();
    readers.emplace_back(target, type, SmallVector<MatmulOp>(products));
  }
}

namespace {
/// A layout of one version's plans, and what all take with it.
struct Candidate {
  Plan plan; ///< of the own version
  double total = 0;
};
} // namespace

std::vector<Plan> SharedWeight::plan(ListUse lists) const {
  if (readers.size() == 1)
    return own().plan(lists);
  std::vector<Candidate> candidates;
  std::vector<std::vector<Plan>> plans;
  for (const WeightReaders &version : readers)
    plans.push_back(version.plan(lists));
  auto isOf = [](const Layout &layout) {
    return [&layout](const Plan &plan) { return plan.layout == layout; };
  };
  for (const std::vector<Plan> &some : plans)
    for (const Plan &first : some) {
      const Layout &layout = first.layout;
      if (llvm::any_of(candidates, [&](const Candidate &candidate) {
            return candidate.plan.layout == layout;
          }))
        continue;
      double total = 0;
      std::optional<Plan> ofOwn;
      for (auto [i, version] : llvm::enumerate(readers)) {
        auto known = llvm::find_if(plans[i], isOf(layout));
        Plan plan = known == plans[i].end()
                        ? version.planIn(layout, first.layoutName, lists)
                        : *known;
        total += plan.total();
        if (i == ownIndex)
          ofOwn = std::move(plan);
      }
      candidates.push_back({std::move(*ofOwn), total});
    }
  llvm::stable_sort(candidates, [](const Candidate &a, const Candidate &b) {
    return a.total < b.total;
  });
  std::vector<Plan> all;
  for (Candidate &candidate : candidates)
    all.push_back(std::move(candidate.plan));
  return all;
}

std::string SharedWeight::getReasonAgainst(StringRef layoutName,
                                           ListUse lists) const {
  for (const WeightReaders &version : readers)
    if (std::string reason = version.getReasonAgainst(layoutName, lists);
        !reason.empty())
      return reason;
  return "";
}

static bool hasPortable(const Plan &plan) {
  return llvm::any_of(plan.readings, [](const Reading &reading) {
    return !reading.strategy.kernels;
  });
}

bool SharedWeight::isPortableForOthers(const Plan &plan) const {
  return readers.size() > 1 && hasPortable(plan) &&
         !hasPortable(own().plan(ListUse::Cheaper).front());
}
