//===- Generic.cpp - The portable target ----------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Every triple LLVM has. Products take one lane and no instruction of any
// vector extension: the reference all other targets are compared with. Rows
// take the registers that LLVM has for vectors.
//
//===----------------------------------------------------------------------===//

#include "Strategies.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

using namespace mlir;
using namespace tern;

namespace {

/// Vector registers that LLVM uses for vectors of floats without being told
/// how.
struct Registers {
  StringRef arch;    ///< LLVM's name, or how it begins
  StringRef feature; ///< that a CPU must have; empty where all have it
  int64_t bytes;
};
constexpr Registers vectorRegisters[] = {
    {"x86_64", "", 16},        {"aarch64", "", 16},
    {"arm64", "", 16},         {"riscv", "v", 16},
    {"wasm", "simd128", 16},   {"powerpc", "altivec", 16},
    {"loongarch", "lasx", 32}, {"loongarch", "lsx", 16},
    {"mips", "msa", 16},       {"s390x", "vector", 16}};

struct GenericTarget : Target {
  StringRef getName() const override { return "Generic"; }
  bool handles(TargetAttr) const override { return true; }

  ArrayRef<StringLiteral> getLayoutNames() const override {
    return generic::layoutNames();
  }

  SmallVector<Strategy>
  getStrategies(TargetAttr attr, const ProductShape &shape) const override {
    return generic::findStrategies(attr.getContext(), shape);
  }

  MachineSpeed getSpeed(TargetAttr) const override {
    return {/*streamBytes=*/3, /*runBytes=*/1.5, /*issueWidth=*/2};
  }

  DotProductAttrInterface getDotProduct(TargetAttr attr) const override {
    return cast<DotProductAttrInterface>(
        Attribute(ScalarDotAttr::get(attr.getContext())));
  }

  int64_t getVectorBytes(TargetAttr attr) const override {
    StringRef arch = attr.getTriple().split('-').first;
    for (const Registers &row : vectorRegisters)
      if (arch.starts_with(row.arch) &&
          (row.feature.empty() || attr.hasFeature(row.feature)))
        return row.bytes;
    return 0;
  }

  bool hasHalfFloats(TargetAttr attr) const override {
    return attr.getTriple().split('-').first == "aarch64";
  }
};

} // namespace

std::unique_ptr<Target> tern::createGenericTarget() {
  return std::make_unique<GenericTarget>();
}
