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
/// A layout of one version's plans. Costs of slow CPUs do not outweigh those of
/// fast ones: each version's are next to those of the layout that it would
/// choose alone.
struct Candidate {
  Plan plan; ///< of the own version
  double total = 0;
};
} // namespace

/// Next to `best`, the time of which products read nothing is that of `plan`.
static double getRatio(const Plan &plan, const Plan &best) {
  return best.total() == 0 ? 1 : plan.total() / best.total();
}

std::vector<Plan> SharedWeight::plan(ListUse lists) const {
  if (readers.size() == 1)
    return own().plan(lists);
  std::vector<std::vector<Plan>> plans;
  for (const WeightReaders &version : readers)
    plans.push_back(version.plan(lists));
  std::vector<Candidate> candidates;
  auto add = [&](const Layout &layout, StringRef layoutName) {
    Candidate candidate{plans[ownIndex].front()};
    for (auto [i, version] : llvm::enumerate(readers)) {
      auto known = llvm::find_if(
          plans[i], [&](const Plan &plan) { return plan.layout == layout; });
      Plan plan = known == plans[i].end()
                      ? version.planIn(layout, layoutName, lists)
                      : *known;
      candidate.total += getRatio(plan, plans[i].front());
      if (i == ownIndex)
        candidate.plan = std::move(plan);
    }
    candidates.push_back(std::move(candidate));
  };
  for (const std::vector<Plan> &some : plans)
    for (const Plan &plan : some)
      if (llvm::none_of(candidates, [&](const Candidate &candidate) {
            return candidate.plan.layout == plan.layout;
          }))
        add(plan.layout, plan.layoutName);
  llvm::stable_sort(candidates, [](const Candidate &a, const Candidate &b) {
    return a.total < b.total;
  });
  std::vector<Plan> all;
  for (Candidate &candidate : candidates)
    all.push_back(std::move(candidate.plan));
  return all;
}

std::optional<Plan> SharedWeight::findOwnChoice(const Plan &plan,
                                                ListUse lists) const {
  if (readers.size() == 1 || plan.readings.empty())
    return std::nullopt;
  Plan alone = own().plan(lists).front();
  if (alone.layout == plan.layout)
    return std::nullopt;
  return alone;
}

std::string SharedWeight::getReasonAgainst(StringRef layoutName,
                                           ListUse lists) const {
  for (const WeightReaders &version : readers)
    if (std::string reason = version.getReasonAgainst(layoutName, lists);
        !reason.empty())
      return reason;
  return "";
}
