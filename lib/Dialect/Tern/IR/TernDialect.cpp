//===- TernDialect.cpp - The tern dialect ---------------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Dialect/Tern/IR/ChoiceOps.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Target/Target.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace tern;

#include "tern/Dialect/Tern/IR/TernDialect.cpp.inc"

void TernDialect::initialize() {
  registerAttributes();
  registerTypes();
  registerAliases();
  addOperations<
#define GET_OP_LIST
#include "tern/Dialect/Tern/IR/TernOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "tern/Dialect/Tern/IR/ChoiceOps.cpp.inc"
      >();
  // lib/Kernels has them.
  declarePromisedInterface<DotProductAttrInterface, ScalarDotAttr>();
  declarePromisedInterfaces<MicroKernelAttrInterface, RowsInLanesAttr,
                            ContiguousRowsAttr, IntegerRowsAttr,
                            ContiguousColumnsAttr, DigitByDigitAttr,
                            Int8ByInt8Attr>();
}

TernDialect::~TernDialect() = default;

void TernDialect::registerTarget(std::unique_ptr<Target> target) {
  targets.push_back(std::move(target));
}

const Target *TernDialect::lookupTarget(TargetAttr attr) const {
  for (const std::unique_ptr<Target> &target : targets)
    if (target->handles(attr))
      return target.get();
  return nullptr;
}

static bool isArrayOfStrings(Attribute attribute) {
  auto array = dyn_cast<ArrayAttr>(attribute);
  return array && llvm::all_of(array, llvm::IsaPred<StringAttr>);
}

/// Of the kinds of layers that have one.
static bool isStatesByKind(Attribute attribute) {
  auto states = dyn_cast<DictionaryAttr>(attribute);
  return states && llvm::all_of(states, [](NamedAttribute entry) {
           auto type = dyn_cast<TypeAttr>(entry.getValue());
           return type && isa<KVCacheType, StateType>(type.getValue());
         });
}

LogicalResult TernDialect::verifyOperationAttribute(Operation *op,
                                                    NamedAttribute attribute) {
  StringRef name = attribute.getName().strref(), expected;
  Attribute value = attribute.getValue();
  if (name == kTargetAttr)
    expected = isa<TargetAttr>(value) ? "" : "#tern.target";
  else if (name == kModelAttr)
    expected = isa<ModelAttr>(value) ? "" : "#tern.model";
  else if (name == kProjectionsAttr)
    expected = isArrayOfStrings(value) ? "" : "an array of strings";
  else if (name == kLayerKindsAttr)
    expected = isArrayOfStrings(value) ? "" : "an array of strings";
  else if (name == kStatesAttr)
    expected = isStatesByKind(value)
                   ? ""
                   : "a !tern.kv_cache or !tern.state for kinds of layers";
  else if (llvm::is_contained({kMaxTokensAttr, kLayerStrideAttr,
                               kWeightsBytesAttr, kWeightsIdAttr,
                               kScratchBytesAttr, kWorkerBytesAttr},
                              name))
    expected = isa<IntegerAttr>(value) ? "" : "an integer";
  else
    return success();
  if (!isa<ModuleOp>(op))
    return op->emitOpError("expected `") << name << "` to be on a module only";
  if (!expected.empty())
    return op->emitOpError("expected `")
           << name << "` to be " << expected << ", got " << value;
  return success();
}
