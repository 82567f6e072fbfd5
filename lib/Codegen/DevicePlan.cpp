//===- DevicePlan.cpp - A model's functions as launches -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "DevicePlan.h"

#include "tern/Codegen/DeviceModules.h"
#include "tern/Dialect/Tern/IR/ChoiceOps.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/SharedWeights.h"
#include "tern/Target/Target.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace tern;

static constexpr StringLiteral kCandidates = "candidates.prefill";

static ArrayAttr findLaunches(ModuleOp module, StringRef function) {
  auto all = module->getAttrOfType<DictionaryAttr>(kLaunchesAttr);
  return all ? all.getAs<ArrayAttr>(function) : ArrayAttr();
}

bool tern::hasLaunches(ModuleOp module, StringRef function) {
  return bool(findLaunches(module, function));
}

static bool isForLong(LLVM::LLVMFuncOp kernel) {
  auto when = kernel->getAttrOfType<StringAttr>(kWhenAttr);
  return when && when == kWhenLong;
}

namespace {

class PlanBuilder {
public:
  PlanBuilder(Constants &constants, ModuleOp module)
      : constants(constants), module(module) {
    for (auto kernel : module.getOps<LLVM::LLVMFuncOp>())
      if (kernel->hasAttr(kBlocksAttr)) {
        numbers[kernel.getName()] = names.size();
        names.push_back(constants.string(kernel.getName()));
      }
  }

  Attribute build(const LayerKinds &kinds) {
    namespace d = abi::device_plan;
    Fields fields(constants, AbiStruct::device_plan);
    fields.set(d::size,
               getAbiBytes(AbiStruct::device_plan, getIndexBits(module)));
    fields.set(d::kernel_count, names.size());
    fields.set(d::image_count, getVersionTargets(module).size());
    bool isLong = llvm::any_of(module.getOps<LLVM::LLVMFuncOp>(), isForLong);
    fields.set(d::short_positions,
               isLong ? getDevice(module)->shortPositions : 0);
    fields.set(d::kernel_names,
               constants.array(constants.pointerType(), names));
    fields.set(d::images, declareImages());
    fields.set(d::embed, describeClasses("embed"));
    fields.set(d::head, describeClasses("head"));
    fields.set(d::best, describe("best.prefill"));
    ModelAttr model = ModelAttr::lookup(module);
    bool hasCandidates = hasLaunches(module, kCandidates);
    fields.set(d::candidate_parts,
               hasCandidates ? TopLogitsOp::countSampledParts(model.getVocab())
                             : 0);
    fields.set(d::candidate_each,
               hasCandidates ? TopLogitsOp::kSampledEach : 0);
    fields.set(d::candidates, describe(kCandidates));
    fields.set(d::kinds, describeKinds(kinds));
    fields.set(d::counters, describeCounts(kinds));
    return addressOf(AbiStruct::device_plan, fields);
  }

private:
  Attribute addressOf(AbiStruct which, const Fields &fields) {
    Attribute whole = ArrayAttr::get(module.getContext(), fields.all());
    return constants.array(constants.structType(which), whole);
  }

  Attribute declareImages() {
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    auto type = LLVM::LLVMArrayType::get(constants.structType(AbiStruct::image),
                                         getVersionTargets(module).size());
    LLVM::GlobalOp::create(b, module.getLoc(), type, /*isConstant=*/true,
                           LLVM::Linkage::External, kImagesSymbol, Attribute());
    return constants.symbol(kImagesSymbol);
  }

  Attribute describeLaunch(FlatSymbolRefAttr name) {
    auto kernel = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
    Fields fields(constants, AbiStruct::launch);
    fields.setAllToZero();
    fields.set(abi::launch::kernel, numbers.lookup(name.getValue()));
    fields.set(abi::launch::blocks, getBlocks(kernel));
    fields.set(abi::launch::rows_per_block,
               getNumberOr(kernel, kRowsPerBlockAttr, 0));
    fields.set(abi::launch::threads, getThreads(kernel));
    fields.set(abi::launch::shared_bytes,
               getNumberOr(kernel, kSharedBytesAttr, 0));
    // Images for cards that can do so wait for what they read.
    int64_t flags = TERN_LAUNCH_EARLY;
    if (isForLong(kernel))
      flags |= TERN_LAUNCH_LONG;
    fields.set(abi::launch::flags, flags);
    return ArrayAttr::get(module.getContext(), fields.all());
  }

  /// The launches of one function; null if there is none.
  Attribute describe(StringRef function) {
    ArrayAttr kernels = findLaunches(module, function);
    if (!kernels)
      return constants.null();
    Attribute &made = bodies[function];
    if (made)
      return made;
    SmallVector<Attribute> launches;
    for (auto kernel : kernels.getAsRange<FlatSymbolRefAttr>())
      launches.push_back(describeLaunch(kernel));
    Fields fields(constants, AbiStruct::launches);
    fields.set(
        abi::launches::at,
        constants.array(constants.structType(AbiStruct::launch), launches));
    fields.set(abi::launches::count, launches.size());
    return made = addressOf(AbiStruct::launches, fields);
  }

  Attribute describeClasses(StringRef function) {
    std::string one = (function + ".decode").str();
    std::string few = (function + ".few").str();
    std::string many = (function + ".prefill").str();
    if (!hasLaunches(module, many))
      many = one;
    if (!hasLaunches(module, few))
      few = many;
    return ArrayAttr::get(module.getContext(),
                          {describe(one), describe(few), describe(many)});
  }

  /// Layers read the same for one token as for many. Null if nothing is known.
  Attribute describeCounts(const LayerKinds &kinds) {
    auto counts = module->getAttrOfType<DictionaryAttr>(kCountsAttr);
    auto projections =
        module->getAttrOfType<ArrayAttr>(TernDialect::kProjectionsAttr);
    if (!counts || !projections)
      return constants.null();
    Builder b(module.getContext());
    SmallVector<int64_t> all(2 * projections.size(), 0);
    for (auto [number, name] : llvm::enumerate(kinds.names())) {
      auto ofLayer = counts.getAs<DenseI64ArrayAttr>((name + ".decode").str());
      if (!ofLayer)
        return constants.null();
      for (auto [i, bytes] : llvm::enumerate(ofLayer.asArrayRef()))
        all[i] += kinds.count(number) * bytes;
    }
    SmallVector<Attribute> numbers;
    for (int64_t bytes : all)
      numbers.push_back(constants.number(b.getI64Type(), bytes));
    return constants.array(b.getI64Type(), numbers);
  }

  Attribute describeKinds(const LayerKinds &kinds) {
    SmallVector<Attribute> all;
    for (StringRef name : kinds.names()) {
      Fields fields(constants, AbiStruct::device_kind);
      fields.set(abi::device_kind::run, describeClasses(name));
      all.push_back(ArrayAttr::get(module.getContext(), fields.all()));
    }
    return constants.array(constants.structType(AbiStruct::device_kind), all);
  }

  Constants &constants;
  ModuleOp module;
  SmallVector<Attribute> names;
  llvm::StringMap<unsigned> numbers;
  llvm::StringMap<Attribute> bodies;
};

} // namespace

Attribute tern::describeDevicePlan(Constants &constants, ModuleOp module,
                                   const LayerKinds &kinds) {
  if (!module->hasAttr(kLaunchesAttr))
    return constants.null();
  return PlanBuilder(constants, module).build(kinds);
}
