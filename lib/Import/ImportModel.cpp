//===- lib/Import/ImportModel.cpp - From a checkpoint to IR ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/ImportModel.h"

#include "Json.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/IR/Verifier.h"

#include <cmath>
#include <numeric>

using namespace mlir;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace tern {

namespace {

/// Options over config: what the model will be.
struct Plan {
  ModelConfig config;
  int64_t context;
};

bool isOneOf(unsigned value, ArrayRef<unsigned> choices) {
  return is_contained(choices, value);
}

/// Of the cache, what the options say in the place of `config`.
Error planCache(const ImportOptions &options, ModelConfig &config,
                StringRef what) {
  unsigned &kvBits = config.kvBits, &bosBits = config.bosBits;
  if (options.kvBits) {
    kvBits = *options.kvBits;
    // The first position is never narrower, and 16 bits go with 16 alone.
    if (kvBits == 16 || bosBits == 16 || bosBits < kvBits)
      bosBits = kvBits;
  }
  bosBits = options.bosBits.value_or(bosBits);
  if (!isOneOf(kvBits, {3, 4, 8, 16}) || !isOneOf(bosBits, {3, 4, 8, 16}) ||
      (kvBits == 16) != (bosBits == 16))
    return fileError(what, "a cache of " + Twine(kvBits) + " bits with " +
                               Twine(bosBits) +
                               " for position 0 was asked for; 3, 4 and 8 can "
                               "be combined, 16 stands alone");
  config.qBits = options.qBits.value_or(config.qBits);
  if (!isOneOf(config.qBits, {4, 8}))
    return fileError(what, "queries of " + Twine(config.qBits) +
                               " bits were asked for, but only 4 and 8 are "
                               "possible");
  return Error::success();
}

Expected<Plan> makePlan(const Checkpoint &checkpoint,
                        const ImportOptions &options) {
  StringRef what = checkpoint.directory();
  if (options.name.empty() || !llvm::all_of(options.name, [](char c) {
        return llvm::isAlnum(c) || c == '_';
      }))
    return fileError(what, "the name '" + options.name +
                               "' is expected to consist of letters, digits "
                               "and '_'");
  Plan plan{checkpoint.config(), 0};
  if (!options.context)
    if (Error error = checkpoint.checkRopeTables())
      return std::move(error);
  plan.context = options.context.value_or(plan.config.maxPositions);
  if (plan.context < 1 || plan.context > plan.config.maxPositions)
    return fileError(what, "a context of " + Twine(plan.context) +
                               " tokens was asked for, but the model takes 1 "
                               "to " +
                               Twine(plan.config.maxPositions));
  if (Error error = applySchemes(options.schemes, plan.config, what))
    return std::move(error);
  if (Error error = planCache(options, plan.config, what))
    return std::move(error);
  return plan;
}

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

class ModelBuilder {
public:
  ModelBuilder(MLIRContext &context, const Checkpoint &checkpoint,
               const ImportOptions &options, const Plan &plan)
      : checkpoint(checkpoint), config(plan.config), options(options),
        plan(plan), builder(UnknownLoc::get(&context), &context),
        weights(&context), f32(builder.getF32Type()),
        positions(RankedTensorType::get({ShapedType::kDynamic},
                                        builder.getI32Type())),
        hidden(rows(config.hiddenSize)) {}

  Expected<OwningOpRef<ModuleOp>> build() {
    Expected<DType> table = checkpoint.floatType(Checkpoint::embeddingName());
    if (!table)
      return table.takeError();
    Expected<DType> head = checkpoint.floatType(checkpoint.headName());
    if (!head)
      return head.takeError();
    module = ModuleOp::create(builder.getLoc(), options.name);
    (*module)->setAttr(TernDialect::kModelAttr,
                       ModelAttr::get(builder.getContext(), options.name,
                                      config.vocabSize, config.hiddenSize,
                                      config.layerCount, plan.context));
    (*module)->setAttr(TernDialect::kSchemesAttr,
                       builder.getStringAttr(describeSchemes(config)));
    // Weights stand in front of the functions, in the order of their first use.
    weights.setInsertionPointToStart(module->getBody());
    embeddingType = matrix(config.vocabSize, config.hiddenSize, type(*table));
    headType = matrix(config.vocabSize, config.hiddenSize, type(*head));
    buildEmbed();
    buildLayer();
    buildHead();
    if (failed(verify(*module)))
      return fileError(checkpoint.directory(),
                       "the imported model does not verify; this is a mistake "
                       "in tern");
    return std::move(module);
  }

private:
  Type type(DType dtype) {
    return dtype == DType::BF16  ? Type(builder.getBF16Type())
           : dtype == DType::F16 ? Type(builder.getF16Type())
                                 : Type(f32);
  }
  RankedTensorType rows(int64_t columns) {
    return RankedTensorType::get({ShapedType::kDynamic, columns},
                                 builder.getF32Type());
  }
  RankedTensorType matrix(int64_t rows, int64_t columns, Type element) {
    return RankedTensorType::get({rows, columns}, element);
  }
  RankedTensorType vector(int64_t size) {
    return RankedTensorType::get({size}, builder.getF32Type());
  }

  func::FuncOp startFunction(StringRef name, TypeRange inputs, Type result) {
    builder.setInsertionPointToEnd(module->getBody());
    auto function = func::FuncOp::create(
        builder, name, builder.getFunctionType(inputs, result));
    builder.setInsertionPointToStart(function.addEntryBlock());
    return function;
  }

  /// Declares the weight unless it is already, and reads it.
  Value weight(StringRef name, WeightEncoding encoding, StringRef source,
               RankedTensorType type, Value layer = {}) {
    if (!module->lookupSymbol(name)) {
      SmallVector<StringRef, 1> sources;
      if (!source.empty())
        sources.push_back(source);
      auto op =
          WeightOp::create(weights, builder.getLoc(), name, bool(layer),
                           encoding, builder.getStrArrayAttr(sources), type,
                           IntegerAttr(), StringAttr(), IntegerAttr());
      if (encoding == WeightEncoding::RopeCos ||
          encoding == WeightEncoding::RopeSin) {
        op->setAttr("head_dim", builder.getI64IntegerAttr(config.headDim));
        op->setAttr("theta", builder.getF64FloatAttr(config.ropeTheta));
        if (!config.ropeDivisors.empty())
          op->setAttr("divisors",
                      builder.getDenseF64ArrayAttr(config.ropeDivisors));
      }
    }
    return GetWeightOp::create(builder, type, name, layer);
  }

  Value norm(Value x, StringRef name, StringRef source, Value layer = {}) {
    return norm(x, name, source, layer, config.rmsNormEps);
  }
  Value norm(Value x, StringRef name, StringRef source, Value layer,
             double eps) {
    int64_t size = cast<RankedTensorType>(x.getType()).getDimSize(1);
    Value w = weight(name, WeightEncoding::Values, source, vector(size), layer);
    return RMSNormOp::create(builder, x, w,
                             builder.getF32FloatAttr(static_cast<float>(eps)));
  }

  TopKAttr topK(const ProjectionQuant &quant, int64_t features) {
    if (!quant.topK)
      return nullptr;
    auto keep = static_cast<int64_t>(
        std::ceil(*quant.topK * static_cast<double>(features)));
    return keep < features ? TopKAttr::get(builder.getContext(), keep)
                           : nullptr;
  }

  /// Where a product has factors of blocks, or sums of floats, its scales are
  /// of the largest groups that both blocks and the weight's groups are made
  /// of.
  RankedTensorType scales(Projection projection) {
    ScaleShape shape = checkpoint.scaleShape(projection);
    const ProjectionQuant &quant = config.quantOf(projection);
    bool isFloat = quant.scheme == ActivationScheme::Float32;
    if (shape.groups == 1 && !quant.block && !isFloat)
      return vector(shape.rows);
    int64_t blocks = quant.block ? config.columns(projection) / quant.block : 1;
    Type element = checkpoint.hasHalfScales(projection) ? builder.getF16Type()
                                                        : builder.getF32Type();
    return matrix(config.rows(projection), std::lcm(shape.groups, blocks),
                  element);
  }

  Value bitlinear(Projection projection, Value x, Value layer) {
    StringRef name = toString(projection);
    std::string source = Checkpoint::weightName(projection);
    int64_t outputs = config.rows(projection);
    int64_t features = config.columns(projection);
    const ProjectionQuant &quant = config.quantOf(projection);
    if (config.innerNormEps)
      x = norm(x, (name + ".norm").str(), Checkpoint::innerNormName(source),
               layer, *config.innerNormEps);
    if (quant.hadamard)
      x = HadamardOp::create(builder, TypeRange(x.getType()),
                             hadamardBlock(features), x, ValueRange())
              .getResult(0);
    Value w = weight(
        name, WeightEncoding::Digits, source,
        matrix(outputs, features, TritType::get(builder.getContext())), layer);
    Value scale = weight((name + ".scale").str(), WeightEncoding::Scale, source,
                         scales(projection), layer);
    Value bias;
    if (checkpoint.hasBias(projection))
      bias = weight((name + ".bias").str(), WeightEncoding::Values,
                    Checkpoint::biasName(source), vector(outputs), layer);
    // Both enumerations follow docs/numerics.md 2.
    auto scheme = static_cast<ActScheme>(quant.scheme);
    return BitLinearOp::create(
               builder, TypeRange(rows(outputs)), name, x, w, scale, bias,
               ActQuantAttr::get(builder.getContext(), scheme, quant.block),
               topK(quant, features))
        .getResult(0);
  }

  void buildEmbed() {
    func::FuncOp function = startFunction("embed", positions, hidden);
    Value table = weight("embed_tokens", WeightEncoding::Values,
                         Checkpoint::embeddingName(), embeddingType);
    Value x = GatherRowsOp::create(builder, TypeRange(hidden),
                                   function.getArgument(0), table, ValueRange())
                  .getResult(0);
    func::ReturnOp::create(builder, x);
  }

  Value attention(Value h, Value layer, Value at, Value cache) {
    RankedTensorType tableType =
        matrix(plan.context, config.headDim / 2, builder.getF32Type());
    Value q = bitlinear(Projection::Q, h, layer);
    Value k = bitlinear(Projection::K, h, layer);
    Value v = bitlinear(Projection::V, h, layer);
    Value cos = weight("rope_cos", WeightEncoding::RopeCos, "", tableType);
    Value sin = weight("rope_sin", WeightEncoding::RopeSin, "", tableType);
    q = RopeOp::create(builder, q, at, cos, sin, config.headDim);
    k = RopeOp::create(builder, k, at, cos, sin, config.headDim);
    KVAppendOp::create(builder, k, v, cache, layer, at);
    return AttentionOp::create(builder, TypeRange(q.getType()), q, cache, layer,
                               at, ValueRange())
        .getResult(0);
  }

  void buildLayer() {
    auto cacheType =
        KVCacheType::get(builder.getContext(), config.layerCount,
                         config.kvHeadCount, config.headDim, plan.context,
                         config.kvBits, config.bosBits, config.qBits, 0, 0, 0);
    func::FuncOp function = startFunction(
        "layer", {builder.getIndexType(), hidden, positions, cacheType},
        hidden);
    Value layer = function.getArgument(0), x = function.getArgument(1);
    Value h = norm(x, "input_layernorm", Checkpoint::inputNormName(), layer);
    Value a =
        attention(h, layer, function.getArgument(2), function.getArgument(3));
    if (!checkpoint.attentionSubNormName().empty())
      a = norm(a, "attn_sub_norm", checkpoint.attentionSubNormName(), layer);
    x = arith::AddFOp::create(builder, x, bitlinear(Projection::O, a, layer));
    h = norm(x, "post_attention_layernorm", Checkpoint::postAttentionNormName(),
             layer);
    Value gate = bitlinear(Projection::Gate, h, layer);
    Value up = bitlinear(Projection::Up, h, layer);
    Value f = GluOp::create(
        builder,
        config.hiddenAct == HiddenAct::Relu2 ? GluKind::ReLU2 : GluKind::SiLU,
        gate, up);
    if (!checkpoint.ffnSubNormName().empty())
      f = norm(f, "ffn_sub_norm", checkpoint.ffnSubNormName(), layer);
    x = arith::AddFOp::create(builder, x,
                              bitlinear(Projection::Down, f, layer));
    func::ReturnOp::create(builder, x);
  }

  void buildHead() {
    func::FuncOp function =
        startFunction("head", hidden, rows(config.vocabSize));
    StringRef source = checkpoint.headName();
    Value h =
        norm(function.getArgument(0), "norm", Checkpoint::finalNormName());
    Value w, scales;
    if (options.head != HeadRows::Stored) {
      unsigned bits = static_cast<unsigned>(options.head);
      w = weight("lm_head.int" + std::to_string(bits),
                 WeightEncoding::IntegerRows, source,
                 matrix(config.vocabSize, config.hiddenSize,
                        builder.getIntegerType(bits)));
      scales = weight("lm_head.scales", WeightEncoding::IntegerScales, source,
                      vector(config.vocabSize));
    } else {
      w = weight(config.tiedHead ? "embed_tokens" : "lm_head",
                 WeightEncoding::Values, source, headType);
    }
    Value logits = LmHeadOp::create(builder, TypeRange(rows(config.vocabSize)),
                                    h, w, scales, ValueRange())
                       .getResult(0);
    func::ReturnOp::create(builder, logits);
  }

  const Checkpoint &checkpoint;
  const ModelConfig &config;
  const ImportOptions &options;
  const Plan &plan;
  ImplicitLocOpBuilder builder;
  OpBuilder weights;
  Type f32;
  RankedTensorType positions, hidden, embeddingType, headType;
  OwningOpRef<ModuleOp> module;
};

} // namespace

Expected<OwningOpRef<ModuleOp>> importModel(MLIRContext &context,
                                            const Checkpoint &checkpoint,
                                            const ImportOptions &options) {
  Expected<Plan> plan = makePlan(checkpoint, options);
  if (!plan)
    return plan.takeError();
  context.loadDialect<TernDialect, arith::ArithDialect, func::FuncDialect>();
  return ModelBuilder(context, checkpoint, options, *plan).build();
}

} // namespace tern
