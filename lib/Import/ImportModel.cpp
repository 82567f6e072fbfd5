//===- lib/Import/ImportModel.cpp - From a checkpoint to IR ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/ImportModel.h"

#include "ImportPlan.h"
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

class ModelBuilder {
public:
  ModelBuilder(MLIRContext &context, const Checkpoint &checkpoint,
               const ImportOptions &options, const ImportPlan &plan)
      : checkpoint(checkpoint), config(plan.config), options(options),
        plan(plan), builder(UnknownLoc::get(&context), &context),
        weights(&context), f32(builder.getF32Type()),
        positions(RankedTensorType::get({ShapedType::kDynamic},
                                        builder.getI32Type())),
        hidden(rows(config.hiddenSize)) {}

  Expected<OwningOpRef<ModuleOp>> build() {
    Expected<Type> table =
        elementType(Checkpoint::embeddingName(), config.ternaryTable);
    if (!table)
      return table.takeError();
    Expected<Type> head =
        elementType(checkpoint.headName(), config.ternaryHead);
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
    embeddingType = matrix(config.vocabSize, config.hiddenSize, *table);
    headType = matrix(config.vocabSize, config.hiddenSize, *head);
    buildEmbed();
    buildLayer();
    buildHead();
    if (hasPlanes())
      buildBest();
    if (failed(verify(*module)))
      return fileError(checkpoint.directory(),
                       "the imported model does not verify; this is a mistake "
                       "in tern");
    return std::move(module);
  }

private:
  Expected<Type> elementType(StringRef table, bool isTernary) {
    if (isTernary)
      return TritType::get(builder.getContext());
    Expected<DType> dtype = checkpoint.floatType(table);
    if (!dtype)
      return dtype.takeError();
    return *dtype == DType::BF16  ? Type(builder.getBF16Type())
           : *dtype == DType::F16 ? Type(builder.getF16Type())
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
        if (config.ropeFactor != 1)
          op->setAttr("factor", builder.getF64FloatAttr(config.ropeFactor));
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
    return RMSNormOp::create(builder, x.getType(), x, w, epsilon(eps),
                             IntegerAttr());
  }
  FloatAttr epsilon(double eps) {
    return builder.getF32FloatAttr(static_cast<float>(eps));
  }

  /// Of each head of q or k, if the model has such norms.
  Value headNorm(Projection projection, Value x, Value layer) {
    StringRef source = checkpoint.headNormName(projection);
    if (source.empty())
      return x;
    Value w =
        weight(projection == Projection::Q ? "q_norm" : "k_norm",
               WeightEncoding::Values, source, vector(config.headDim), layer);
    return RMSNormOp::create(builder, x.getType(), x, w,
                             epsilon(config.rmsNormEps),
                             builder.getI64IntegerAttr(config.headDim));
  }

  Value scale(Value x, float factor, bool divided = false) {
    if (factor == 1)
      return x;
    return ScaleOp::create(builder, x.getType(), x,
                           builder.getF32FloatAttr(factor),
                           divided ? builder.getUnitAttr() : UnitAttr());
  }

  /// The output of attention or MLP goes to the residual stream.
  Value addBlock(Value x, Value block) {
    return arith::AddFOp::create(builder, x,
                                 scale(block, config.residualScale));
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
  RankedTensorType scales(StringRef source, ScaleShape shape,
                          const ProjectionQuant &quant, int64_t rows,
                          int64_t columns) {
    bool isFloat = quant.scheme == ActivationScheme::Float32;
    if (shape.groups == 1 && !quant.block && !isFloat)
      return vector(shape.rows);
    int64_t blocks = quant.block ? columns / quant.block : 1;
    Type element = checkpoint.hasHalfScales(source) ? Type(builder.getF16Type())
                                                    : Type(f32);
    return matrix(rows, std::lcm(shape.groups, blocks), element);
  }

  /// Digits and their scales.
  struct Ternary {
    Value digits, scale;
  };

  Ternary ternary(StringRef name, StringRef source, int64_t rows,
                  int64_t columns, ScaleShape shape,
                  const ProjectionQuant &quant, Value layer = {}) {
    Value digits = weight(
        name, WeightEncoding::Digits, source,
        matrix(rows, columns, TritType::get(builder.getContext())), layer);
    Value scale = weight((name + ".scale").str(), WeightEncoding::Scale, source,
                         scales(source, shape, quant, rows, columns), layer);
    return {digits, scale};
  }

  Value transform(const ProjectionQuant &quant, Value x) {
    if (!quant.hadamard)
      return x;
    auto type = cast<RankedTensorType>(x.getType());
    return HadamardOp::create(builder, TypeRange(type),
                              hadamardBlock(type.getDimSize(1)), x,
                              ValueRange())
        .getResult(0);
  }

  Value multiply(StringRef name, Value x, Ternary w, Value bias,
                 const ProjectionQuant &quant) {
    int64_t outputs = cast<RankedTensorType>(w.digits.getType()).getDimSize(0);
    int64_t features = cast<RankedTensorType>(x.getType()).getDimSize(1);
    // Both enumerations follow docs/numerics.md 2.
    auto scheme = static_cast<ActScheme>(quant.scheme);
    return BitLinearOp::create(
               builder, TypeRange(rows(outputs)), name, x, w.digits, w.scale,
               bias,
               ActQuantAttr::get(builder.getContext(), scheme, quant.block),
               topK(quant, features))
        .getResult(0);
  }

  Value bitlinear(Projection projection, Value x, Value layer) {
    StringRef name = toString(projection);
    std::string source = Checkpoint::weightName(projection);
    int64_t outputs = config.rows(projection);
    const ProjectionQuant &quant = config.quantOf(projection);
    if (config.innerNormEps)
      x = norm(x, (name + ".norm").str(), Checkpoint::innerNormName(source),
               layer, *config.innerNormEps);
    x = transform(quant, x);
    Ternary w = ternary(name, source, outputs, config.columns(projection),
                        checkpoint.scaleShape(projection), quant, layer);
    Value bias;
    if (checkpoint.hasBias(projection))
      bias = weight((name + ".bias").str(), WeightEncoding::Values,
                    Checkpoint::biasName(source), vector(outputs), layer);
    return multiply(name, x, w, bias, quant);
  }

  void buildEmbed() {
    func::FuncOp function = startFunction("embed", positions, hidden);
    Ternary table;
    if (config.ternaryTable)
      table =
          ternary("embed_tokens", Checkpoint::embeddingName(), config.vocabSize,
                  config.hiddenSize, checkpoint.tableScaleShape(),
                  config.tiedHead ? config.quantOfHead() : ProjectionQuant());
    else if (options.embedding != HeadRows::Stored)
      table = integerRows("embed_tokens", Checkpoint::embeddingName(),
                          options.embedding);
    else
      table.digits = weight("embed_tokens", WeightEncoding::Values,
                            Checkpoint::embeddingName(), embeddingType);
    Value x = GatherRowsOp::create(builder, hidden, function.getArgument(0),
                                   table.digits, table.scale)
                  .getResult(0);
    func::ReturnOp::create(builder, scale(x, config.embeddingScale));
  }

  Value attention(Value h, Value layer, Value at, Value cache) {
    RankedTensorType tableType =
        matrix(plan.context, config.headDim / 2, builder.getF32Type());
    Value q = bitlinear(Projection::Q, h, layer);
    Value k = bitlinear(Projection::K, h, layer);
    Value v = bitlinear(Projection::V, h, layer);
    q = headNorm(Projection::Q, q, layer);
    k = headNorm(Projection::K, k, layer);
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
    x = addBlock(x, bitlinear(Projection::O, a, layer));
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
    x = addBlock(x, bitlinear(Projection::Down, f, layer));
    func::ReturnOp::create(builder, x);
  }

  /// The last layer's output as the head reads it.
  Value headInput(Value x) {
    Value h = norm(x, "norm", Checkpoint::finalNormName());
    return scale(h, config.headDivisor, /*divided=*/true);
  }

  void buildHead() {
    func::FuncOp function =
        startFunction("head", hidden, rows(config.vocabSize));
    Value h = headInput(function.getArgument(0));
    func::ReturnOp::create(builder,
                           config.ternaryHead ? multiplyHead(h) : floatHead(h));
  }

  Value multiplyHead(Value h) {
    ProjectionQuant quant = config.quantOfHead();
    h = transform(quant, h);
    Ternary w = ternary(config.tiedHead ? "embed_tokens" : "lm_head",
                        checkpoint.headName(), config.vocabSize,
                        config.hiddenSize, checkpoint.headScaleShape(), quant);
    return multiply("lm_head", h, w, Value(), quant);
  }

  bool hasPlanes() const {
    return !config.ternaryHead && options.head == HeadRows::Int8Planes;
  }

  /// A head of int8 as 4 * upper + low.
  struct Planes {
    Value upper, low, scales;
  };

  Planes headPlanes() {
    StringRef source = checkpoint.headName();
    auto plane = [&](StringRef name, WeightEncoding encoding, unsigned bits) {
      return weight(name, encoding, source,
                    matrix(config.vocabSize, config.hiddenSize,
                           builder.getIntegerType(bits)));
    };
    return {plane("lm_head.upper", WeightEncoding::UpperBits, 6),
            plane("lm_head.low", WeightEncoding::LowerBits, 2),
            weight("lm_head.scales", WeightEncoding::IntegerScales, source,
                   vector(config.vocabSize))};
  }

  void buildBest() {
    auto tokens =
        RankedTensorType::get({ShapedType::kDynamic}, builder.getI32Type());
    func::FuncOp function = startFunction("best", hidden, tokens);
    Value h = headInput(function.getArgument(0));
    Planes planes = headPlanes();
    Value norms = weight("lm_head.norms", WeightEncoding::LowerNorms,
                         checkpoint.headName(), vector(config.vocabSize));
    Value best = BestTokenOp::create(builder, tokens, h, planes.upper,
                                     planes.low, planes.scales, norms);
    func::ReturnOp::create(builder, best);
  }

  Value floatHead(Value h) {
    StringRef source = checkpoint.headName();
    Ternary w;
    Value low;
    bool isShared = config.tiedHead && (options.head == HeadRows::Stored ||
                                        options.head == options.embedding);
    HeadRows form = isShared ? options.embedding : options.head;
    StringRef name = isShared ? "embed_tokens" : "lm_head";
    if (hasPlanes()) {
      Planes planes = headPlanes();
      w = {planes.upper, planes.scales};
      low = planes.low;
    } else if (form != HeadRows::Stored) {
      w = integerRows(name, source, form);
    } else {
      w.digits = weight(config.tiedHead ? "embed_tokens" : "lm_head",
                        WeightEncoding::Values, source, headType);
    }
    return LmHeadOp::create(builder, TypeRange(rows(config.vocabSize)), h,
                            w.digits, low, w.scale, ValueRange())
        .getResult(0);
  }

  /// Integers of each row of a table of the vocabulary, and the rows' factors.
  Ternary integerRows(StringRef name, StringRef source, HeadRows form) {
    unsigned bits = static_cast<unsigned>(form);
    Value codes = weight((name + ".int" + Twine(bits)).str(),
                         WeightEncoding::IntegerRows, source,
                         matrix(config.vocabSize, config.hiddenSize,
                                builder.getIntegerType(bits)));
    return {codes,
            weight((name + ".scales").str(), WeightEncoding::IntegerScales,
                   source, vector(config.vocabSize))};
  }

  const Checkpoint &checkpoint;
  const ModelConfig &config;
  const ImportOptions &options;
  const ImportPlan &plan;
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
  Expected<ImportPlan> plan = makeImportPlan(checkpoint, options);
  if (!plan)
    return plan.takeError();
  context.loadDialect<TernDialect, arith::ArithDialect, func::FuncDialect>();
  return ModelBuilder(context, checkpoint, options, *plan).build();
}

} // namespace tern
