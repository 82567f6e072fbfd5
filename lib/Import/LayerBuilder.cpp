//===- lib/Import/LayerBuilder.cpp - Functions of layers ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// docs/numerics.md 5, in its order.
//
//===----------------------------------------------------------------------===//

#include "LayerBuilder.h"

using namespace mlir;
using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

Error LayerBuilder::findGateType() {
  for (int64_t layer = 0; layer < config.layerCount; ++layer)
    for (StringRef part : {"in_proj_a.weight", "in_proj_b.weight"}) {
      if (!config.isRecurrent(layer))
        continue;
      Expected<Type> type = elementType(
          Checkpoint::atLayer(Checkpoint::recurrentName(part), layer),
          /*isTernary=*/false);
      if (!type)
        return type.takeError();
      gateType = gateType && gateType != *type ? f32 : *type;
    }
  return Error::success();
}

Value LayerBuilder::attention(Value h, Value layer, Value at, Value cache) {
  RankedTensorType tableType =
      matrix(plan.context, config.rotaryDim / 2, builder.getF32Type());
  Value q = bitlinear(Projection::Q, h, layer), gate;
  Value k = bitlinear(Projection::K, h, layer);
  Value v = bitlinear(Projection::V, h, layer);
  if (config.hasOutputGate)
    std::tie(q, gate) = splitHalves(q);
  q = headNorm(Projection::Q, q, layer);
  k = headNorm(Projection::K, k, layer);
  Value cos = weight("rope_cos", WeightEncoding::RopeCos, "", tableType);
  Value sin = weight("rope_sin", WeightEncoding::RopeSin, "", tableType);
  q = rope(q, at, cos, sin);
  k = rope(k, at, cos, sin);
  KVAppendOp::create(builder, k, v, cache, layer, at);
  Value a = AttentionOp::create(builder, TypeRange(q.getType()), q, cache,
                                layer, at, ValueRange())
                .getResult(0);
  if (!checkpoint.attentionSubNormName().empty())
    a = norm(a, "attn_sub_norm", checkpoint.attentionSubNormName(), layer);
  if (gate)
    a = GluOp::create(builder, GluKind::Sigmoid, gate, a);
  return bitlinear(Projection::O, a, layer);
}

std::pair<Value, Value> LayerBuilder::splitHalves(Value q) {
  Type half = rows(config.headCount * config.headDim);
  auto op = SplitOp::create(builder, TypeRange{half, half}, q,
                            builder.getI64IntegerAttr(config.headCount));
  return {op.getResult(0), op.getResult(1)};
}

Value LayerBuilder::rope(Value x, Value at, Value cos, Value sin) {
  IntegerAttr part;
  if (config.rotaryDim != config.headDim)
    part = builder.getI64IntegerAttr(config.rotaryDim);
  return RopeOp::create(builder, x.getType(), x, at, cos, sin,
                        builder.getI64IntegerAttr(config.headDim), part);
}

Value LayerBuilder::recurrentValues(StringRef name, StringRef part,
                                    WeightEncoding encoding,
                                    RankedTensorType type, Value layer) {
  return weight(name, encoding, Checkpoint::recurrentName(part), type, layer);
}

Value LayerBuilder::deltaNet(Value h, Value layer, Value state) {
  const DeltaNet &net = *config.deltaNet;
  Value x = bitlinear(Projection::InQkv, h, layer);
  Value z = bitlinear(Projection::InZ, h, layer);
  Value taps = recurrentValues(
      "conv1d", "conv1d.weight", WeightEncoding::Taps,
      matrix(net.taps, net.features(), builder.getF32Type()), layer);
  x = CausalConvOp::create(builder, TypeRange(x.getType()), x, taps, state,
                           layer, builder.getI64IntegerAttr(0), ValueRange())
          .getResult(0);
  Type keys = rows(net.keys()), values = rows(net.values());
  auto parts =
      SplitOp::create(builder, TypeRange{keys, keys, values}, x, IntegerAttr());
  Value q = l2Norm(parts.getResult(0)), k = l2Norm(parts.getResult(1));
  q = scale(q,
            static_cast<float>(1 / std::sqrt(static_cast<double>(net.keyDim))));
  auto [beta, decay] = deltaGates(h, layer);
  Value y =
      DeltaRuleOp::create(
          builder, TypeRange(values), q, k, parts.getResult(2), beta, decay,
          state, layer, builder.getI64IntegerAttr(net.matricesAt()),
          builder.getI64IntegerAttr(net.keyHeads),
          net.isTiled ? builder.getUnitAttr() : UnitAttr(), ValueRange())
          .getResult(0);
  y = normHeads(y,
                recurrentValues("norm", "norm.weight", WeightEncoding::Values,
                                vector(net.valueDim), layer));
  y = GluOp::create(builder, GluKind::SiLU, z, y);
  return bitlinear(Projection::Out, y, layer);
}

Value LayerBuilder::l2Norm(Value x) {
  return L2NormOp::create(builder, x.getType(), x,
                          builder.getF32FloatAttr(1e-6f),
                          builder.getI64IntegerAttr(config.deltaNet->keyDim));
}

std::pair<Value, Value> LayerBuilder::deltaGates(Value h, Value layer) {
  int64_t heads = config.deltaNet->valueHeads;
  std::string write = Checkpoint::recurrentName("in_proj_b.weight"),
              keep = Checkpoint::recurrentName("in_proj_a.weight");
  Value w = weight("in_proj_b+in_proj_a", WeightEncoding::Values, {write, keep},
                   matrix(2 * heads, config.hiddenSize, gateType), layer);
  Value both = LmHeadOp::create(builder, TypeRange(rows(2 * heads)), h, w,
                                Value(), Value(), ValueRange())
                   .getResult(0);
  auto parts = SplitOp::create(builder, TypeRange{rows(heads), rows(heads)},
                               both, IntegerAttr());
  Value bias = recurrentValues("dt_bias", "dt_bias", WeightEncoding::Values,
                               vector(heads), layer);
  Value rate = recurrentValues("rate", "A_log",
                               config.storesLogRates ? WeightEncoding::MinusExp
                                                     : WeightEncoding::Values,
                               vector(heads), layer);
  auto gates = DeltaGatesOp::create(builder, parts.getResult(0),
                                    parts.getResult(1), bias, rate);
  return {gates.getBeta(), gates.getDecay()};
}

Value LayerBuilder::mlp(Value h, Value layer) {
  Value gate = bitlinear(Projection::Gate, h, layer);
  Value up = bitlinear(Projection::Up, h, layer);
  Value f = GluOp::create(builder,
                          config.hiddenAct == HiddenAct::Relu2 ? GluKind::ReLU2
                                                               : GluKind::SiLU,
                          gate, up);
  if (!checkpoint.ffnSubNormName().empty())
    f = norm(f, "ffn_sub_norm", checkpoint.ffnSubNormName(), layer);
  return bitlinear(Projection::Down, f, layer);
}

void LayerBuilder::buildLayers() {
  int64_t recurrentCount = config.recurrentCount();
  int64_t attentionCount = config.layerCount - recurrentCount;
  auto cacheType = KVCacheType::get(
      builder.getContext(), attentionCount, config.kvHeadCount, config.headDim,
      plan.context, config.kvBits, config.bosBits, config.qBits, 0, 0, 0);
  if (!recurrentCount)
    return buildLayer("layer", cacheType, /*isRecurrent=*/false);
  sayKinds();
  kindPrefix = "attention.";
  buildLayer("layer.attention", cacheType, /*isRecurrent=*/false);
  kindPrefix = "recurrent.";
  buildLayer("layer.recurrent",
             StateType::get(builder.getContext(),
                            recurrentCount * config.deltaNet->stateBytes(),
                            recurrentCount, 0),
             /*isRecurrent=*/true);
  kindPrefix = "";
}

void LayerBuilder::sayKinds() {
  const std::vector<bool> &all = config.recurrentLayers;
  size_t period = 1;
  while (!std::equal(all.begin() + period, all.end(), all.begin()))
    ++period;
  SmallVector<StringRef> names;
  for (size_t layer = 0; layer < period; ++layer)
    names.push_back(all[layer] ? "layer.recurrent" : "layer.attention");
  (*module)->setAttr(TernDialect::kLayerKindsAttr,
                     builder.getStrArrayAttr(names));
}

void LayerBuilder::buildLayer(StringRef name, Type state, bool isRecurrent) {
  func::FuncOp function = startFunction(
      name, {builder.getIndexType(), hidden, positions, state}, hidden);
  Value layer = function.getArgument(0), x = function.getArgument(1);
  Value at = function.getArgument(2), kept = function.getArgument(3);
  Value h = norm(x, "input_layernorm", Checkpoint::inputNormName(), layer);
  x = addBlock(x, isRecurrent ? deltaNet(h, layer, kept)
                              : attention(h, layer, at, kept));
  h = norm(x, "post_attention_layernorm", Checkpoint::postAttentionNormName(),
           layer);
  x = addBlock(x, mlp(h, layer));
  func::ReturnOp::create(builder, x);
}
