//===- lib/Import/ImportModel.cpp - From a checkpoint to IR ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/ImportModel.h"

#include "Json.h"
#include "LayerBuilder.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Twine;

namespace tern {

namespace {

/// The module, and the functions at its ends.
class ModelBuilder : public LayerBuilder {
public:
  using LayerBuilder::LayerBuilder;

  Expected<OwningOpRef<ModuleOp>> build() {
    Expected<Type> table =
        elementType(Checkpoint::embeddingName(), config.ternaryTable);
    if (!table)
      return table.takeError();
    Expected<Type> head =
        elementType(checkpoint.headName(), config.ternaryHead);
    if (!head)
      return head.takeError();
    if (config.deltaNet)
      if (Error error = findGateType())
        return std::move(error);
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
    buildLayers();
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

  RankedTensorType embeddingType, headType;
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
