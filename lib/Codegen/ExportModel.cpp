//===- ExportModel.cpp - The model's description ===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "AbiConstants.h"
#include "DevicePlan.h"

#include "tern/Codegen/ModelFunction.h"
#include "tern/Codegen/Passes.h"
#include "tern/Dialect/Tern/IR/Launches.h"
#include "tern/Dialect/Tern/IR/LayerKinds.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Dialect/Tern/Transforms/Passes.h"
#include "tern/Dialect/Tern/Transforms/SharedWeights.h"
#include "tern/Packing/CacheLayout.h"
#include "tern/Target/Target.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

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

std::string tern::getVersionSymbol(StringRef model, StringRef version) {
  std::string symbol = ("tern_model_" + model + kForVersion).str();
  for (char c : version)
    symbol += llvm::isAlnum(c) ? c : '_';
  return symbol;
}

static_assert(int(ModelFunction::Embed) == TERN_EMBED &&
              int(ModelFunction::Layer) == TERN_LAYER &&
              int(ModelFunction::Head) == TERN_HEAD);

namespace {

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
    SmallVector<StringRef> bodies = {"decode"};
    if (getMaxTokens(module) != 1)
      bodies.push_back("prefill");
    for (StringRef function : functions)
      for (StringRef body : bodies)
        if (std::string name = (function + "." + body).str();
            !module.lookupSymbol<LLVM::LLVMFuncOp>(name) &&
            !hasLaunches(module, name)) {
          module.emitError("expected a function @") << function << "." << body;
          return signalPassFailure();
        }
    for (auto function : module.getOps<LLVM::LLVMFuncOp>())
      if (!function.isExternal() && !function->hasAttr(kBlocksAttr)) {
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
    module->setAttr(kWeightKindsAttr, describeKindsOfWeights(kinds));
    if (getDevice(module))
      module->setAttr(kDeviceNameAttr,
                      StringAttr::get(&getContext(), nameTarget(target)));
    // Weights were the artifact's business; code refers to them by offset.
    for (auto weight : llvm::make_early_inc_range(module.getOps<WeightOp>()))
      weight.erase();
  }

private:
  uint64_t getNumber(StringRef name) {
    auto attr = getOperation()->getAttrOfType<IntegerAttr>(name);
    return attr ? attr.getValue().getZExtValue() : 0;
  }

  /// The name of this version of the code if there are others.
  StringAttr findVersion() {
    return getOperation()->getAttrOfType<StringAttr>(kVersionNameAttr);
  }
  /// For whom the code is; of a device's versions there is one description.
  std::string getVersion(TargetAttr target) {
    if (findVersion())
      return findVersion().str();
    if (!getDevice(getOperation()))
      return target.getCpu().str();
    SmallVector<StringRef> names;
    for (TargetAttr version : llvm::reverse(getVersionTargets(getOperation())))
      names.push_back(version.getCpu());
    return llvm::join(names, ",");
  }

  std::string nameTarget(TargetAttr target) {
    return (target.getTriple() + "/" + getVersion(target)).str();
  }

  std::string getSymbol(ModelAttr model) {
    return findVersion()
               ? getVersionSymbol(model.getName(), findVersion().getValue())
               : ("tern_model_" + model.getName()).str();
  }

  /// The functions for one token, few and many; where one token is the most,
  /// there is one. Null if there are none.
  Attribute getClasses(StringRef function) {
    if (getOperation()->hasAttr(kLaunchesAttr) || !findBody(function, "decode"))
      return ArrayAttr::get(
          &getContext(), SmallVector<Attribute>(TERN_CLASS_COUNT,
                                                UnitAttr::get(&getContext())));
    Attribute ofOne = findBody(function, "decode");
    Attribute ofMany = findBody(function, "prefill");
    Attribute ofFew = findBody(function, "few");
    if (!ofMany)
      ofMany = ofOne;
    return ArrayAttr::get(&getContext(),
                          {ofOne, ofFew ? ofFew : ofMany, ofMany});
  }

  Attribute findBody(StringRef function, StringRef body) {
    std::string name = (function + "." + body).str();
    if (!getOperation().lookupSymbol(name))
      return {};
    return SymbolRefAttr::get(&getContext(), name);
  }

  /// A kind's part of a sequence's state.
  struct StateShare {
    int64_t fixedBytes = 0;
    int64_t blockBytes = 0;
    int64_t cacheBits = 0;    ///< 0: no cache
    bool isRecurrent = false; ///< fixed bytes that depend on all tokens
    std::string text;         ///< for the fingerprint
  };

  /// Sizes of a kind's floats, which tell states of one size apart.
  std::string describeFloats(StringRef kind) {
    std::string text;
    llvm::raw_string_ostream stream(text);
    for (auto weight : getOperation().getOps<WeightOp>()) {
      if (weight.getKind() != kind ||
          !llvm::is_contained({WeightEncoding::Values, WeightEncoding::OnePlus,
                               WeightEncoding::MinusExp, WeightEncoding::Taps},
                              weight.getEncoding()))
        continue;
      stream << ',';
      llvm::interleave(cast<RankedTensorType>(weight.getType()).getShape(),
                       stream, "x");
    }
    return text;
  }

  StateShare getShare(StringRef kind, DictionaryAttr states) {
    StateShare share;
    auto type = states.getAs<TypeAttr>(kind);
    if (!type)
      return share;
    if (auto state = dyn_cast<StateType>(type.getValue())) {
      share.fixedBytes =
          llvm::alignTo(state.getBytes(), CacheLayout::alignment);
      share.isRecurrent = true;
      share.text =
          "bytes=" + std::to_string(state.getBytes()) + describeFloats(kind);
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

  /// All that functions read, in the order of the module, and the end.
  Attribute describeWeights(Constants &constants, const LayerKinds &kinds) {
    SmallVector<Attribute> all;
    for (auto weight : getOperation().getOps<WeightOp>())
      if (auto readers = weight->getAttrOfType<ArrayAttr>("readers"))
        all.push_back(describeWeight(constants, kinds, weight, readers));
    Fields end(constants, AbiStruct::weight);
    end.setAllToZero();
    all.push_back(ArrayAttr::get(&getContext(), end.all()));
    return constants.array(constants.structType(AbiStruct::weight), all);
  }

  static uint64_t countInstances(const LayerKinds &kinds, WeightOp weight) {
    if (!weight.getPerLayer())
      return 1;
    return weight.getKind() ? kinds.count(kinds.numberOf(*weight.getKind()))
                            : kinds.layers().size();
  }

  /// For people: "ternary", "embedding", "head", "norms", "rotary" or "scales".
  static StringRef kindOf(WeightOp weight, ArrayAttr readers) {
    switch (weight.getEncoding()) {
    case WeightEncoding::Scale:
    case WeightEncoding::IntegerScales:
    case WeightEncoding::LowerNorms:
      return "scales";
    case WeightEncoding::RopeCos:
    case WeightEncoding::RopeSin:
      return "rotary";
    default:
      break;
    }
    if (cast<RankedTensorType>(weight.getType()).getRank() == 1)
      return "norms";
    auto role = ModelFunction::Other;
    for (auto reader : readers.getAsValueRange<StringAttr>())
      role = std::min(role, ModelFunction::of(reader).role);
    return role == ModelFunction::Embed  ? "embedding"
           : role == ModelFunction::Head ? "head"
                                         : "ternary";
  }

  /// "ternary 491520, norms 22528, padding 64": bytes of all weights.
  StringAttr describeKindsOfWeights(const LayerKinds &kinds) {
    llvm::MapVector<StringRef, uint64_t> bytes;
    uint64_t rest = getNumber(TernDialect::kWeightsBytesAttr);
    for (auto weight : getOperation().getOps<WeightOp>())
      if (auto readers = weight->getAttrOfType<ArrayAttr>("readers")) {
        uint64_t all = countInstances(kinds, weight) *
                       getWeightBytes(cast<RankedTensorType>(weight.getType()));
        bytes[kindOf(weight, readers)] += all;
        rest -= all;
      }
    bytes["padding"] = rest;
    std::string text;
    for (auto [kind, count] : bytes)
      text +=
          (text.empty() ? "" : ", ") + kind.str() + " " + std::to_string(count);
    return StringAttr::get(&getContext(), text);
  }

  Attribute describeWeight(Constants &constants, const LayerKinds &kinds,
                           WeightOp weight, ArrayAttr readers) {
    auto role = ModelFunction::Embed;
    bool isForOneToken = false;
    for (auto reader : readers.getAsValueRange<StringAttr>()) {
      ModelFunction function = ModelFunction::of(reader);
      // Of the head's weights "best" reads some, and more.
      role = std::max(role, std::min(function.role, ModelFunction::Head));
      isForOneToken |= function.isForOneToken();
    }
    auto type = cast<RankedTensorType>(weight.getType());
    WeightEncoding encoding = weight.getEncoding();
    bool isTable = role == ModelFunction::Embed ||
                   encoding == WeightEncoding::RopeCos ||
                   encoding == WeightEncoding::RopeSin;
    bool isProduct = type.getRank() == 2 && !isTable &&
                     encoding != WeightEncoding::Scale &&
                     encoding != WeightEncoding::IntegerScales &&
                     // Its multiply-adds are those of the upper bits.
                     encoding != WeightEncoding::LowerBits;
    uint64_t bytes = getWeightBytes(type);
    uint64_t ofToken = isTable ? bytes / type.getDimSize(0) : bytes;
    Fields fields(constants, AbiStruct::weight);
    fields.set(abi::weight::offset, weight.getOffset().value_or(0));
    fields.set(abi::weight::stride, weight.getStride().value_or(getNumber(
                                        TernDialect::kLayerStrideAttr)));
    fields.set(abi::weight::bytes, bytes);
    fields.set(abi::weight::token_bytes, isForOneToken ? ofToken : 0);
    fields.set(abi::weight::macs,
               isForOneToken && isProduct ? type.getNumElements() : 0);
    fields.set(abi::weight::count, countInstances(kinds, weight));
    fields.set(abi::weight::reader, role);
    return ArrayAttr::get(&getContext(), fields.all());
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
    fields.set(m::target, constants.string(nameTarget(target)));
    fields.set(m::projection_names,
               constants.array(constants.pointerType(), names));
    fields.set(m::kinds, describeKinds(constants, kinds, shares));
    fields.set(m::layers, describeLayers(constants, kinds));
    fields.set(m::embed, getClasses("embed"));
    fields.set(m::head, getClasses("head"));
    fields.set(m::weights, describeWeights(constants, kinds));
    fields.set(m::best, getClasses("best"));
    fields.set(m::device, describeDevicePlan(constants, module, kinds));
    constants.create(getSymbol(model), constants.structType(AbiStruct::model),
                     LLVM::Linkage::External, fields.all());
  }
};

} // namespace
