//===- Targets.cpp - Registration of targets ------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "tern/Kernels/R32.h"

#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace tern;

int64_t tern::getRowLanes(Operation *op) {
  TargetAttr attr = TargetAttr::lookup(op);
  const Target *target = attr ? attr.getTarget() : nullptr;
  int64_t floats = target ? target->getVectorBytes(attr) / 4 : kR32Lanes;
  return std::min(kRowRegisters * std::max<int64_t>(floats, 1), kR32Lanes);
}

bool tern::isDevice(const llvm::Triple &triple) {
  return llvm::any_of(getTargets(), [&](const Target *target) {
    return target->hasDevices(triple);
  });
}

std::optional<Device> tern::getDevice(Operation *op) {
  TargetAttr attr = TargetAttr::lookup(op);
  const Target *target = attr ? attr.getTarget() : nullptr;
  return target ? target->getDevice(attr) : std::nullopt;
}

bool tern::hasHalfFloats(Operation *op) {
  TargetAttr attr = TargetAttr::lookup(op);
  const Target *target = attr ? attr.getTarget() : nullptr;
  return target && target->hasHalfFloats(attr);
}

ArrayRef<const Target *> tern::getTargets() {
  static const std::unique_ptr<Target> owned[] = {
#define TERN_TARGET(Name) create##Name##Target(),
#include "tern/Target/Targets.def"
  };
  static const SmallVector<const Target *> all = [] {
    SmallVector<const Target *> targets;
    for (const std::unique_ptr<Target> &target : owned)
      targets.push_back(target.get());
    return targets;
  }();
  return all;
}

void tern::registerTargets(DialectRegistry &registry) {
  registry.insert<TernDialect>();
#define TERN_TARGET(Name) create##Name##Target()->registerDialects(registry);
#include "tern/Target/Targets.def"
  registry.addExtension(+[](MLIRContext *context, TernDialect *dialect) {
    auto add = [&](std::unique_ptr<Target> target) {
      target->loadDialects(context);
      dialect->registerTarget(std::move(target));
    };
#define TERN_TARGET(Name) add(create##Name##Target());
#include "tern/Target/Targets.def"
  });
}
