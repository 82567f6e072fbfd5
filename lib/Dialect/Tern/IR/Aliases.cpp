//===- Aliases.cpp - Short names of attributes and types in printed IR ----===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Long attributes and types are said once, above the module. A layout is called
// after the kernels that read it.
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/LayoutFamilies.h"

#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tern;

namespace {

std::string getName(const Layout &layout) {
  std::string family = familyName(layout);
  return family.empty() ? "layout" : family;
}

/// The kernel and how many tokens it takes: rows_in_lanes_x8.
std::string getName(MicroKernelAttrInterface kernel) {
  std::string name = kernel.getKernelName();
  llvm::replace(name, ' ', '_');
  return name + "_x" + std::to_string(kernel.getTile().tokens);
}

struct Aliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    std::string name =
        llvm::TypeSwitch<Attribute, std::string>(attr)
            .Case([](LayoutAttr layout) { return getName(layout.getLayout()); })
            .Case([](LookupTableAttr) { return "lookup_table"; })
            .Case(
                [](MicroKernelAttrInterface kernel) { return getName(kernel); })
            .Case([](StrategyAttr) { return "strategy"; })
            .Case([](TargetAttr) { return "target"; })
            .Case([](ModelAttr) { return "model"; })
            .Default(std::string());
    return print(name, os);
  }

  AliasResult getAlias(Type type, raw_ostream &os) const override {
    return print(isa<KVCacheType>(type) ? "kv_cache" : "", os);
  }

private:
  static AliasResult print(StringRef name, raw_ostream &os) {
    os << name;
    return name.empty() ? AliasResult::NoAlias : AliasResult::FinalAlias;
  }
};

} // namespace

void TernDialect::registerAliases() { addInterfaces<Aliases>(); }
