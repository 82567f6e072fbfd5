//===- lib/Import/ModelParts.h - Pieces of models ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_MODELPARTS_H
#define TERN_LIB_IMPORT_MODELPARTS_H

#include "ImportPlan.h"
#include "tern/Dialect/Tern/IR/Tern.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

#include <cmath>
#include <numeric>

namespace tern {

/// Weights, norms and products of a module that is being built.
class ModelParts {
public:
  ModelParts(mlir::MLIRContext &context, const Checkpoint &checkpoint,
             const ImportOptions &options, const ImportPlan &plan)
      : checkpoint(checkpoint), config(plan.config), options(options),
        plan(plan), builder(mlir::UnknownLoc::get(&context), &context),
        weights(&context), f32(builder.getF32Type()),
        positions(mlir::RankedTensorType::get({mlir::ShapedType::kDynamic},
                                              builder.getI32Type())),
        hidden(rows(config.hiddenSize)) {}

protected:
  template <typename T> using Expected = llvm::Expected<T>;
  template <typename T> using ArrayRef = llvm::ArrayRef<T>;
  using StringRef = llvm::StringRef;
  using Value = mlir::Value;
  using Type = mlir::Type;
  using RankedTensorType = mlir::RankedTensorType;

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
    return RankedTensorType::get({mlir::ShapedType::kDynamic, columns},
                                 builder.getF32Type());
  }
  RankedTensorType matrix(int64_t rows, int64_t columns, Type element) {
    return RankedTensorType::get({rows, columns}, element);
  }
  RankedTensorType vector(int64_t size) {
    return RankedTensorType::get({size}, builder.getF32Type());
  }

  mlir::func::FuncOp startFunction(StringRef name, mlir::TypeRange inputs,
                                   Type result) {
    builder.setInsertionPointToEnd(module->getBody());
    auto function = mlir::func::FuncOp::create(
        builder, name, builder.getFunctionType(inputs, result));
    builder.setInsertionPointToStart(function.addEntryBlock());
    return function;
  }

  Value weight(StringRef name, WeightEncoding encoding, StringRef source,
               RankedTensorType type, Value layer = {}) {
    return weight(name, encoding,
                  source.empty() ? ArrayRef<StringRef>() : source, type, layer);
  }
  /// Declares the weight unless it is already, and reads it. One of layers is
  /// of their kind.
  Value weight(StringRef plainName, WeightEncoding encoding,
               ArrayRef<StringRef> sources, RankedTensorType type,
               Value layer) {
    std::string name = ((layer ? kindPrefix : "") + plainName).str();
    if (!module->lookupSymbol(name)) {
      auto op = WeightOp::create(weights, builder.getLoc(), name, bool(layer),
                                 encoding, builder.getStrArrayAttr(sources),
                                 type, mlir::IntegerAttr(), mlir::StringAttr(),
                                 mlir::IntegerAttr());
      if (encoding == WeightEncoding::RopeCos ||
          encoding == WeightEncoding::RopeSin) {
        op->setAttr("head_dim", builder.getI64IntegerAttr(config.rotaryDim));
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
    return norm(x, name, source, layer, normEncoding(), config.rmsNormEps);
  }
  Value norm(Value x, StringRef name, StringRef source, Value layer,
             WeightEncoding encoding, double eps) {
    int64_t size = mlir::cast<RankedTensorType>(x.getType()).getDimSize(1);
    Value w = weight(name, encoding, source, vector(size), layer);
    return RMSNormOp::create(builder, x.getType(), x, w, epsilon(eps),
                             mlir::IntegerAttr());
  }
  WeightEncoding normEncoding() const {
    return config.storesNormsFromOne ? WeightEncoding::OnePlus
                                     : WeightEncoding::Values;
  }
  mlir::FloatAttr epsilon(double eps) {
    return builder.getF32FloatAttr(static_cast<float>(eps));
  }

  /// Of each head of q or k, if the model has such norms.
  Value headNorm(Projection projection, Value x, Value layer) {
    StringRef source = checkpoint.headNormName(projection);
    if (source.empty())
      return x;
    Value w = weight(projection == Projection::Q ? "q_norm" : "k_norm",
                     normEncoding(), source, vector(config.headDim), layer);
    return normHeads(x, w);
  }
  Value normHeads(Value x, Value w) {
    return RMSNormOp::create(
        builder, x.getType(), x, w, epsilon(config.rmsNormEps),
        builder.getI64IntegerAttr(
            mlir::cast<RankedTensorType>(w.getType()).getDimSize(0)));
  }

  Value scale(Value x, float factor, bool divided = false) {
    if (factor == 1)
      return x;
    return ScaleOp::create(builder, x.getType(), x,
                           builder.getF32FloatAttr(factor),
                           divided ? builder.getUnitAttr() : mlir::UnitAttr());
  }

  /// The output of attention or MLP goes to the residual stream.
  Value addBlock(Value x, Value block) {
    return mlir::arith::AddFOp::create(builder, x,
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
    auto type = mlir::cast<RankedTensorType>(x.getType());
    return HadamardOp::create(builder, mlir::TypeRange(type),
                              hadamardBlock(type.getDimSize(1)), x,
                              mlir::ValueRange())
        .getResult(0);
  }

  Value multiply(StringRef name, Value x, Ternary w, Value bias,
                 const ProjectionQuant &quant) {
    int64_t outputs =
        mlir::cast<RankedTensorType>(w.digits.getType()).getDimSize(0);
    int64_t features = mlir::cast<RankedTensorType>(x.getType()).getDimSize(1);
    // Both enumerations follow docs/numerics.md 2.
    auto scheme = static_cast<ActScheme>(quant.scheme);
    return BitLinearOp::create(
               builder, mlir::TypeRange(rows(outputs)), name, x, w.digits,
               w.scale, bias,
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
               layer, WeightEncoding::Values, *config.innerNormEps);
    x = transform(quant, x);
    Ternary w = ternary(name, source, outputs, config.columns(projection),
                        checkpoint.scaleShape(projection), quant, layer);
    Value bias;
    if (checkpoint.hasBias(projection))
      bias = weight((name + ".bias").str(), WeightEncoding::Values,
                    Checkpoint::biasName(source), vector(outputs), layer);
    return multiply(name, x, w, bias, quant);
  }

  const Checkpoint &checkpoint;
  const ModelConfig &config;
  const ImportOptions &options;
  const ImportPlan &plan;
  mlir::ImplicitLocOpBuilder builder;
  mlir::OpBuilder weights;
  Type f32;
  RankedTensorType positions, hidden;
  StringRef kindPrefix; ///< of names of weights of layers
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace tern

#endif // TERN_LIB_IMPORT_MODELPARTS_H
