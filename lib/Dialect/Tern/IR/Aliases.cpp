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

#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tern;

namespace {

StringRef getName(const Layout &layout) {
  if (layout.outer == Axis::Column)
    return "contiguous_columns";
  auto isRows = [](const LayoutPart &part) { return part.axis == Axis::Row; };
  return llvm::any_of(layout.bytes, isRows) ? "rows_in_lanes"
                                            : "contiguous_rows";
}

struct Aliases : OpAsmDialectInterface {
  using OpAsmDialectInterface::OpAsmDialectInterface;

  AliasResult getAlias(Attribute attr, raw_ostream &os) const override {
    StringRef name =
        llvm::TypeSwitch<Attribute, StringRef>(attr)
            .Case([](LayoutAttr layout) { return getName(layout.getLayout()); })
            .Case([](TargetAttr) { return "target"; })
            .Case([](ModelAttr) { return "model"; })
            .Default(StringRef());
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
