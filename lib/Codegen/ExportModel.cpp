//===- ExportModel.cpp - The model's description ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/CacheLayout.h"
#include "tern/abi.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"

#define DEBUG_TYPE "tern-export-model"

namespace tern {
#define GEN_PASS_DEF_EXPORTMODELPASS
#include "tern/Codegen/Passes.h.inc"
} // namespace tern

using namespace mlir;
using namespace tern;

namespace {

struct CpuFeature {
  StringLiteral architecture;
  unsigned bit;
  StringLiteral name;
};

constexpr CpuFeature kCpuFeatures[] = {
#define TERN_CPU_FEATURE(Architecture, Bit, Name) {#Architecture, Bit, Name},
#include "tern/cpu_features.def"
};

} // namespace

uint64_t tern::getCpuFeatureBits(TargetAttr target) {
  StringRef architecture = StringRef(target.getTriple()).split('-').first;
  uint64_t bits = 0;
  for (const CpuFeature &feature : kCpuFeatures)
    if (feature.architecture == architecture && target.hasFeature(feature.name))
      bits |= uint64_t(1) << feature.bit;
  return bits;
}

namespace {

/// Builds the constant `tern_model` field by field.
class ModelConstant {
public:
  ModelConstant(ModuleOp module)
      : module(module), b(OpBuilder::atBlockEnd(module.getBody())),
        loc(module.getLoc()),
        pointer(LLVM::LLVMPointerType::get(b.getContext())) {}

  void addI32(int64_t value) { add(b.getI32IntegerAttr(value)); }
  void addI64(uint64_t value) {
    add(b.getIntegerAttr(b.getI64Type(), APInt(64, value)));
  }
  void addPointer(StringRef symbol) {
    fields.push_back(SymbolRefAttr::get(b.getContext(), symbol));
    types.push_back(pointer);
  }
  /// A pointer to a string constant of its own.
  void addString(StringRef text) { addPointer(createString(text)); }
  void addStrings(ArrayRef<Attribute> texts) {
    SmallVector<Attribute> elements;
    for (Attribute text : texts)
      elements.push_back(SymbolRefAttr::get(
          b.getContext(), createString(cast<StringAttr>(text).getValue())));
    // An empty array still has an address.
    auto type = LLVM::LLVMArrayType::get(pointer, elements.size());
    std::string name = newName();
    createConstant(name, type, elements, LLVM::Linkage::Internal);
    addPointer(name);
  }

  void create(StringRef name) {
    auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
    createConstant(name, type, fields, LLVM::Linkage::External);
  }

private:
  void add(IntegerAttr value) {
    fields.push_back(value);
    types.push_back(value.getType());
  }

  std::string newName() { return "tern.constant" + std::to_string(count++); }

  std::string createString(StringRef text) {
    std::string bytes = text.str();
    bytes.push_back('\0');
    std::string name = newName();
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
    LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                           LLVM::Linkage::Internal, name,
                           b.getStringAttr(bytes));
    return name;
  }

  /// An aggregate of integers and addresses.
  void createConstant(StringRef name, Type type, ArrayRef<Attribute> elements,
                      LLVM::Linkage linkage) {
    auto global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                                         linkage, name, Attribute());
    OpBuilder body(global.getContext());
    body.createBlock(&global.getInitializerRegion());
    Value value = LLVM::UndefOp::create(body, loc, type);
    for (auto [i, element] : llvm::enumerate(elements)) {
      Value part;
      if (auto symbol = dyn_cast<FlatSymbolRefAttr>(element))
        part = LLVM::AddressOfOp::create(body, loc, pointer, symbol);
      else
        part = LLVM::ConstantOp::create(
            body, loc, cast<IntegerAttr>(element).getType(), element);
      value = LLVM::InsertValueOp::create(body, loc, value, part, int64_t(i));
    }
    LLVM::ReturnOp::create(body, loc, value);
  }

  ModuleOp module;
  OpBuilder b;
  Location loc;
  Type pointer;
  SmallVector<Attribute> fields;
  SmallVector<Type> types;
  unsigned count = 0;
};

struct ExportModel : tern::impl::ExportModelPassBase<ExportModel> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ModelAttr model = ModelAttr::lookup(module);
    TargetAttr target = TargetAttr::lookup(module);
    auto step = module.lookupSymbol<LLVM::LLVMFuncOp>("step");
    auto cache = module->getAttrOfType<TypeAttr>(TernDialect::kCacheAttr);
    if (!model || !target || !step || !cache ||
        !module->hasAttr(TernDialect::kProjectionsAttr)) {
      module.emitError("expected tern.model, tern.target, tern.cache, "
                       "tern.projections and @step");
      return signalPassFailure();
    }
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal()) {
        function.setLinkage(LLVM::Linkage::Internal);
        ++numInternal;
      }
    describe(model, target, cast<KVCacheType>(cache.getValue()));
    // Compilers name themselves there, and linkers keep it.
    if (auto schemes =
            module->getAttrOfType<StringAttr>(TernDialect::kSchemesAttr))
      module->setAttr(LLVM::LLVMDialect::getIdentAttrName(),
                      StringAttr::get(&getContext(),
                                      "tern schemes: " + schemes.getValue()));
    // Weights were the artifact's business; code refers to them by offset.
    for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
      weight.erase();
  }

private:
  uint64_t getNumber(StringRef name) {
    auto attr = getOperation()->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getValue().getZExtValue() : 0;
  }

  /// Field by field in the order of tern/abi.h.
  void describe(ModelAttr model, TargetAttr target, KVCacheType cache) {
    CacheLayout layout{cache.getLayers(), cache.getHeads(), cache.getHeadDim(),
                       cache.getBits(), cache.getBosBits()};
    auto projections =
        getOperation()->getAttrOfType<ArrayAttr>(TernDialect::kProjectionsAttr);
    ModelConstant constant(getOperation());
    constant.addI32(TERN_ABI_VERSION);
    constant.addI32(sizeof(tern_model));
    constant.addString(model.getName());
    constant.addString((target.getTriple() + "/" + target.getCpu()).str());
    constant.addStrings(projections.getValue());
    constant.addPointer("step");
    constant.addI64(getNumber(TernDialect::kWeightsIdAttr));
    constant.addI64(layout.fingerprint());
    constant.addI64(getCpuFeatureBits(target));
    constant.addI64(getNumber(TernDialect::kWeightsBytesAttr));
    constant.addI64(getNumber(TernDialect::kScratchBytesAttr));
    constant.addI64(layout.fixedBytes());
    constant.addI64(layout.blockBytes());
    constant.addI32(CacheLayout::blockTokens);
    constant.addI32(64);
    constant.addI32(model.getVocab());
    constant.addI32(model.getHidden());
    constant.addI32(model.getLayers());
    constant.addI32(model.getMaxContext());
    constant.addI32(projections.size());
    constant.addI32(cache.getBits());
    constant.create(("tern_model_" + model.getName()).str());
  }
};

} // namespace
