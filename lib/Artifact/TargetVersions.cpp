//===- TargetVersions.cpp - --cpu with several names ----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/TargetSelection.h"

#include "tern/Codegen/Passes.h"
#include "tern/Target/Target.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/bit.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError("--cpu: " + message);
}

/// "native" is a CPU with a name.
static std::string nameOf(StringRef request, TargetAttr target) {
  StringRef rest = request;
  return rest.consume_front("native") ? (target.getCpu() + rest).str()
                                      : request.str();
}

/// True if a program can ask a CPU of the architecture for a feature at least.
static bool canAsk(const llvm::Triple &triple) {
  static constexpr StringRef architectures[] = {
#define TERN_CPU_FEATURE(Architecture, Bit, Name) #Architecture,
#include "tern/cpu_features.def"
  };
  return llvm::is_contained(architectures,
                            llvm::Triple::getArchTypeName(triple.getArch()));
}

/// Features that `a` has and `b` has not.
static void addMissing(TargetAttr a, TargetAttr b,
                       llvm::SmallSetVector<StringRef, 16> &found) {
  llvm::SmallVector<StringRef> features;
  a.getFeatures().split(features, ',', -1, /*KeepEmpty=*/false);
  for (StringRef feature : features)
    if (feature.consume_front("+") && !b.hasFeature(feature))
      found.insert(feature);
}

/// A feature that one of two targets has and that no program can ask a CPU for;
/// empty if there is none. Who has a feature that it can ask for has all that
/// LLVM takes for parts of it.
static std::string findUnchecked(TargetAttr a, TargetAttr b) {
  llvm::SmallSetVector<StringRef, 16> differing;
  addMissing(a, b, differing);
  addMissing(b, a, differing);
  std::string checked = getBaselineCpu(llvm::Triple(a.getTriple())).str();
  for (StringRef feature : differing)
    if (getCpuFeatureBits(TargetAttr::get(a.getContext(), a.getTriple(), "",
                                          ("+" + feature).str())))
      checked += ("+" + feature).str();
  Expected<TargetAttr> known =
      selectTarget(a.getContext(), a.getTriple(), checked);
  for (StringRef feature : differing)
    if (!known || !known->hasFeature(feature)) {
      llvm::consumeError(known.takeError());
      return feature.str();
    }
  return "";
}

/// Of devices, whose drivers say which of them can run what.
static Error addDevice(std::vector<TargetVersion> &versions,
                       TargetVersion version) {
  for (const TargetVersion &known : versions)
    if (known.target == version.target)
      return failure("'" + version.name + "' comes twice in the list");
  versions.push_back(std::move(version));
  return Error::success();
}

static unsigned capabilityOf(const TargetVersion &version) {
  return version.target.getTarget()->getDevice(version.target)->capability;
}

/// The runtime takes the last that a device can run.
static void sortDevices(std::vector<TargetVersion> &versions) {
  llvm::stable_sort(versions,
                    [](const TargetVersion &a, const TargetVersion &b) {
                      return capabilityOf(a) < capabilityOf(b);
                    });
}

/// Adds a version, or its name to one with the same features.
static Error add(std::vector<TargetVersion> &versions, TargetVersion version) {
  for (TargetVersion &known : versions) {
    if (known.name == version.name ||
        llvm::is_contained(known.others, version.name))
      return failure("'" + version.name + "' comes twice in the list");
    std::string feature = findUnchecked(known.target, version.target);
    if (!feature.empty() && !canAsk(llvm::Triple(known.target.getTriple())))
      return failure("a program for " + known.target.getTriple() +
                     " cannot ask its CPU what it has, so that one name is "
                     "expected");
    if (!feature.empty())
      return failure("code for '" + known.name + "' and '" + version.name +
                     "' differs in " + feature +
                     ", which a program cannot ask its CPU for");
  }
  for (TargetVersion &known : versions)
    if (getCpuFeatureBits(known.target) == getCpuFeatureBits(version.target)) {
      known.others.push_back(std::move(version.name));
      return Error::success();
    }
  versions.push_back(std::move(version));
  return Error::success();
}

Expected<std::vector<TargetVersion>>
tern::selectVersions(mlir::MLIRContext *context, StringRef target,
                     StringRef cpus) {
  std::vector<TargetVersion> versions;
  llvm::SmallVector<StringRef> names;
  cpus.split(names, ',');
  for (StringRef name : names) {
    if (name.empty() && names.size() > 1)
      return failure("expected names of CPUs with commas between them, got '" +
                     cpus + "'");
    Expected<TargetAttr> one = selectTarget(context, target, name);
    if (!one)
      return one.takeError();
    auto addOne = isDevice(llvm::Triple(one->getTriple())) ? addDevice : add;
    if (Error error = addOne(versions, {nameOf(name, *one), *one, {}}))
      return std::move(error);
  }
  if (isDevice(llvm::Triple(versions.front().target.getTriple()))) {
    sortDevices(versions);
    return versions;
  }
  // The runtime takes the last that a CPU can run.
  llvm::stable_sort(versions,
                    [](const TargetVersion &a, const TargetVersion &b) {
                      return llvm::popcount(getCpuFeatureBits(a.target)) <
                             llvm::popcount(getCpuFeatureBits(b.target));
                    });
  return versions;
}
