//===- lib/Artifact/WeightPlaces.cpp - Where weights lie ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightPlaces.h"

#include "tern/Dialect/Tern/IR/LayerKinds.h"

using namespace llvm;
using namespace tern;
using mlir::ModuleOp;
using mlir::RankedTensorType;

RankedTensorType WeightPlace::type() const {
  return cast<RankedTensorType>(WeightOp(weight).getType());
}

SmallVector<std::string> WeightPlace::sources() const {
  SmallVector<std::string> names;
  for (StringRef name :
       WeightOp(weight).getSources().getAsValueRange<mlir::StringAttr>())
    names.push_back(Checkpoint::atLayer(name, layer));
  return names;
}

Error tern::weightError(WeightOp weight, const Twine &message) {
  return createStringError("weight @" + weight.getSymName() + ": " + message);
}

static Expected<int64_t> attribute(ModuleOp module, StringRef name) {
  if (auto value = module->getAttrOfType<mlir::IntegerAttr>(name))
    return value.getValue().getSExtValue();
  return createStringError("the module has no attribute " + name +
                           "; weights are planned by tern-plan-weights");
}

/// Of all layers that have the weight, or one.
static Error addPlaces(WeightOp weight, ModuleOp module, int64_t layerCount,
                       int64_t stride, std::vector<WeightPlace> &places) {
  if (!weight.getOffset())
    return weightError(weight, "has no offset; weights are planned by "
                               "tern-plan-weights");
  auto type = cast<RankedTensorType>(weight.getType());
  auto layout = dyn_cast_or_null<LayoutAttr>(type.getEncoding());
  if (needsLayout(type.getElementType()) && !layout)
    return weightError(weight, "has no layout");
  int64_t bytes =
      layout ? layout.getStorageBytes(type.getShape())
             : type.getNumElements() * type.getElementTypeBitWidth() / 8;
  auto add = [&](int64_t layer, int64_t index) {
    places.push_back({weight, layer,
                      static_cast<uint64_t>(*weight.getOffset()) +
                          static_cast<uint64_t>(index * stride),
                      static_cast<uint64_t>(bytes)});
  };
  if (!weight.getKind()) {
    int64_t layers = weight.getPerLayer() ? layerCount : 1;
    for (int64_t layer = 0; layer < layers; ++layer)
      add(layer, layer);
    return Error::success();
  }
  stride = weight.getStride().value_or(0);
  LayerKinds kinds = LayerKinds::of(module);
  if (!llvm::is_contained(kinds.names(), *weight.getKind()))
    return weightError(weight, "is of the kind " + *weight.getKind() +
                                   ", which no layer has");
  for (auto [number, layer] : llvm::enumerate(kinds.layers()))
    if (kinds.names()[layer.kind] == *weight.getKind())
      add(number, layer.index);
  return Error::success();
}

Expected<WeightPlaces> tern::placeWeights(ModuleOp module,
                                          const ModelConfig &config) {
  Expected<int64_t> bytes = attribute(module, TernDialect::kWeightsBytesAttr);
  if (!bytes)
    return bytes.takeError();
  Expected<int64_t> stride = attribute(module, TernDialect::kLayerStrideAttr);
  if (!stride)
    return stride.takeError();
  WeightPlaces all{{}, static_cast<uint64_t>(*bytes)};
  for (WeightOp weight : module.getOps<WeightOp>())
    if (Error error =
            addPlaces(weight, module, config.layerCount, *stride, all.places))
      return std::move(error);
  sort(all.places, [](const WeightPlace &a, const WeightPlace &b) {
    return a.offset < b.offset;
  });
  uint64_t end = 0;
  for (const WeightPlace &place : all.places) {
    if (place.offset < end)
      return weightError(place.weight, "lies on another weight");
    end = place.offset + place.bytes;
  }
  if (end > all.bytes)
    return weightError(all.places.back().weight,
                       "ends behind the weights section");
  return all;
}
