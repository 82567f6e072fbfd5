//===- ExportModel.cpp - The model's description ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Codegen/Abi.h"
#include "tern/Codegen/ModelFunction.h"
#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/LayerKinds.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/CacheLayout.h"

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

/// Makes constants of the module: strings, arrays and structs of the ABI.
class Constants {
public:
  explicit Constants(ModuleOp module)
      : b(OpBuilder::atBlockEnd(module.getBody())), loc(module.getLoc()),
        sizeBits(getIndexBits(module)),
        pointer(LLVM::LLVMPointerType::get(b.getContext())) {}

  Attribute number(Type type, uint64_t value) {
    return b.getIntegerAttr(type, APInt(type.getIntOrFloatBitWidth(), value,
                                        /*isSigned=*/false,
                                        /*implicitTrunc=*/true));
  }
  Attribute symbol(StringRef name) {
    return SymbolRefAttr::get(b.getContext(), name);
  }

  Attribute string(StringRef text) {
    std::string bytes = text.str();
    bytes.push_back('\0');
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
    std::string name = newName();
    LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                           LLVM::Linkage::Internal, name,
                           b.getStringAttr(bytes));
    return symbol(name);
  }

  /// The address of an array; one of nothing has one too.
  Attribute array(Type element, ArrayRef<Attribute> values) {
    auto type = LLVM::LLVMArrayType::get(element, values.size());
    std::string name = newName();
    create(name, type, LLVM::Linkage::Internal, values);
    return symbol(name);
  }

  Type pointerType() const { return pointer; }
  LLVM::LLVMStructType structType(AbiStruct which) {
    return getAbiType(b.getContext(), which, sizeBits);
  }

  /// A constant of `type` whose parts are integers, names of symbols, and
  /// arrays of parts.
  void create(StringRef name, Type type, LLVM::Linkage linkage,
              ArrayRef<Attribute> parts) {
    auto global = LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/true,
                                         linkage, name, Attribute());
    OpBuilder body(global.getContext());
    body.createBlock(&global.getInitializerRegion());
    Value value = LLVM::UndefOp::create(body, loc, type);
    SmallVector<int64_t> place;
    for (auto [i, part] : llvm::enumerate(parts)) {
      place.push_back(i);
      value = insert(body, value, place, part);
      place.pop_back();
    }
    LLVM::ReturnOp::create(body, loc, value);
  }

private:
  std::string newName() { return "tern.constant" + std::to_string(count++); }

  Value insert(OpBuilder &body, Value whole, SmallVector<int64_t> &place,
               Attribute part) {
    if (auto parts = dyn_cast<ArrayAttr>(part)) {
      for (auto [i, inner] : llvm::enumerate(parts)) {
        place.push_back(i);
        whole = insert(body, whole, place, inner);
        place.pop_back();
      }
      return whole;
    }
    Value value;
    if (auto symbol = dyn_cast<FlatSymbolRefAttr>(part))
      value = LLVM::AddressOfOp::create(body, loc, pointer, symbol);
    else
      value = LLVM::ConstantOp::create(body, loc,
                                       cast<IntegerAttr>(part).getType(), part);
    return LLVM::InsertValueOp::create(body, loc, whole, value, place);
  }

  OpBuilder b;
  Location loc;
  unsigned sizeBits;
  Type pointer;
  unsigned count = 0;
};

/// The fields of one struct of the ABI.
class Fields {
public:
  Fields(Constants &constants, AbiStruct which)
      : constants(constants), type(constants.structType(which)),
        values(type.getBody().size()) {}

  void set(int32_t field, uint64_t value) {
    values[field] = constants.number(type.getBody()[field], value);
  }
  void set(int32_t field, Attribute value) { values[field] = value; }

  ArrayRef<Attribute> all() const {
    assert(!llvm::is_contained(values, Attribute()) && "a field is missing");
    return values;
  }

private:
  Constants &constants;
  LLVM::LLVMStructType type;
  SmallVector<Attribute> values;
};

struct ExportModel : tern::impl::ExportModelPassBase<ExportModel> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    ModelAttr model = ModelAttr::lookup(module);
    TargetAttr target = TargetAttr::lookup(module);
    auto states =
        module->getAttrOfType<DictionaryAttr>(TernDialect::kStatesAttr);
    if (!model || !target || !states ||
        !module->hasAttr(TernDialect::kProjectionsAttr)) {
      module.emitError("expected tern.model, tern.target, tern.states and "
                       "tern.projections");
      return signalPassFailure();
    }
    LayerKinds kinds = LayerKinds::of(module);
    SmallVector<StringRef> functions = {"embed"};
    llvm::append_range(functions, kinds.names());
    functions.push_back("head");
    for (StringRef function : functions)
      for (StringRef body : {"decode", "prefill"})
        if (!module.lookupSymbol<LLVM::LLVMFuncOp>(
                (function + "." + body).str())) {
          module.emitError("expected a function @") << function << "." << body;
          return signalPassFailure();
        }
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal()) {
        function.setLinkage(LLVM::Linkage::Internal);
        ++numInternal;
      }
    describe(model, target, kinds, states);
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

  /// The functions for one token, few and many.
  Attribute getClasses(StringRef function) {
    auto symbol = [&](StringRef body) -> Attribute {
      return SymbolRefAttr::get(&getContext(), (function + "." + body).str());
    };
    bool hasFew = getOperation().lookupSymbol((function + ".few").str());
    return ArrayAttr::get(&getContext(),
                          {symbol("decode"), symbol(hasFew ? "few" : "prefill"),
                           symbol("prefill")});
  }

  /// A kind's part of a sequence's state.
  struct StateShare {
    int64_t fixedBytes = 0;
    int64_t blockBytes = 0;
    int64_t cacheBits = 0;    ///< 0: no cache
    bool isRecurrent = false; ///< fixed bytes that depend on all tokens
    std::string text;         ///< for the fingerprint
  };

  static StateShare getShare(StringRef kind, DictionaryAttr states) {
    StateShare share;
    auto type = states.getAs<TypeAttr>(kind);
    if (!type)
      return share;
    if (auto state = dyn_cast<StateType>(type.getValue())) {
      share.fixedBytes =
          llvm::alignTo(state.getBytes(), CacheLayout::alignment);
      share.isRecurrent = true;
      share.text = "bytes=" + std::to_string(state.getBytes());
      return share;
    }
    auto cache = cast<KVCacheType>(type.getValue());
    CacheLayout layout{cache.getLayers(), cache.getHeads(), cache.getHeadDim(),
                       cache.getBits(), cache.getBosBits()};
    share.fixedBytes = layout.fixedBytes() - CacheLayout::headerBytes;
    share.blockBytes = layout.blockBytes();
    share.cacheBits = cache.getBits();
    share.text = layout.str();
    return share;
  }

  /// FNV-1a of the kinds' texts; of one kind, that of its layout.
  static uint64_t getStateId(ArrayRef<StateShare> shares) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (auto [k, share] : llvm::enumerate(shares))
      for (unsigned char c : (k ? ";" : "") + share.text)
        hash = (hash ^ c) * 0x100000001b3u;
    return hash;
  }

  Attribute describeKinds(Constants &constants, const LayerKinds &kinds,
                          ArrayRef<StateShare> shares) {
    SmallVector<Attribute> all;
    for (auto [name, share] : llvm::zip_equal(kinds.names(), shares)) {
      Fields fields(constants, AbiStruct::kind);
      fields.set(abi::kind::state_fixed_bytes, share.fixedBytes);
      fields.set(abi::kind::state_block_bytes, share.blockBytes);
      fields.set(abi::kind::name, constants.string(name));
      fields.set(abi::kind::run, getClasses(name));
      all.push_back(ArrayAttr::get(&getContext(), fields.all()));
    }
    return constants.array(constants.structType(AbiStruct::kind), all);
  }

  Attribute describeLayers(Constants &constants, const LayerKinds &kinds) {
    SmallVector<Attribute> layers;
    for (LayerKinds::Layer layer : kinds.layers()) {
      Fields fields(constants, AbiStruct::layer);
      fields.set(abi::layer::kind, layer.kind);
      fields.set(abi::layer::index, layer.index);
      layers.push_back(ArrayAttr::get(&getContext(), fields.all()));
    }
    return constants.array(constants.structType(AbiStruct::layer), layers);
  }

  void describe(ModelAttr model, TargetAttr target, const LayerKinds &kinds,
                DictionaryAttr states) {
    ModuleOp module = getOperation();
    SmallVector<StateShare> shares;
    int64_t fixedBytes = CacheLayout::headerBytes, blockBytes = 0;
    int64_t cacheBits = 0;
    bool isRecurrent = false;
    for (StringRef kind : kinds.names()) {
      shares.push_back(getShare(kind, states));
      fixedBytes += shares.back().fixedBytes;
      blockBytes += shares.back().blockBytes;
      cacheBits = std::max(cacheBits, shares.back().cacheBits);
      isRecurrent |= shares.back().isRecurrent;
    }
    auto projections =
        module->getAttrOfType<ArrayAttr>(TernDialect::kProjectionsAttr);
    Constants constants(module);
    SmallVector<Attribute> names;
    for (Attribute name : projections)
      names.push_back(constants.string(cast<StringAttr>(name).getValue()));
    namespace m = abi::model;
    Fields fields(constants, AbiStruct::model);
    fields.set(m::abi_version, TERN_ABI_VERSION);
    fields.set(m::size, getAbiBytes(AbiStruct::model, getIndexBits(module)));
    fields.set(m::vocab_size, model.getVocab());
    fields.set(m::hidden_size, model.getHidden());
    fields.set(m::layer_count, model.getLayers());
    fields.set(m::kind_count, kinds.names().size());
    fields.set(m::max_context, model.getMaxContext());
    fields.set(m::max_tokens, getMaxTokens(module));
    fields.set(m::head_tokens, getHeadTokens(module));
    fields.set(m::alignment, CacheLayout::alignment);
    fields.set(m::state_block_tokens, CacheLayout::blockTokens);
    fields.set(m::is_recurrent, isRecurrent);
    fields.set(m::projection_count, projections.size());
    fields.set(m::kv_bits, cacheBits);
    fields.set(m::weights_id, getNumber(TernDialect::kWeightsIdAttr));
    fields.set(m::state_id, getStateId(shares));
    fields.set(m::cpu_features, getCpuFeatureBits(target));
    fields.set(m::weights_bytes, getNumber(TernDialect::kWeightsBytesAttr));
    fields.set(m::scratch_bytes, getNumber(TernDialect::kScratchBytesAttr));
    fields.set(m::scratch_worker_bytes,
               getNumber(TernDialect::kWorkerBytesAttr));
    fields.set(m::state_fixed_bytes, fixedBytes);
    fields.set(m::state_block_bytes, blockBytes);
    fields.set(m::name, constants.string(model.getName()));
    fields.set(
        m::target,
        constants.string((target.getTriple() + "/" + target.getCpu()).str()));
    fields.set(m::projection_names,
               constants.array(constants.pointerType(), names));
    fields.set(m::kinds, describeKinds(constants, kinds, shares));
    fields.set(m::layers, describeLayers(constants, kinds));
    fields.set(m::embed, getClasses("embed"));
    fields.set(m::head, getClasses("head"));
    constants.create(("tern_model_" + model.getName()).str(),
                     constants.structType(AbiStruct::model),
                     LLVM::Linkage::External, fields.all());
  }
};

} // namespace
