//===- lib/Import/LayerBuilder.h - Functions of layers ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_IMPORT_LAYERBUILDER_H
#define TERN_LIB_IMPORT_LAYERBUILDER_H

#include "ModelParts.h"

namespace tern {

class LayerBuilder : public ModelParts {
public:
  using ModelParts::ModelParts;

  /// The matrices are one weight for all layers of the kind.
  llvm::Error findGateType();
  /// A function for each kind. Of one kind it is `layer`.
  void buildLayers();

private:
  Value attention(Value h, Value layer, Value at, Value cache);
  /// Queries and gates of q_proj.
  std::pair<Value, Value> splitHalves(Value q);
  Value rope(Value x, Value at, Value cos, Value sin);
  Value recurrentValues(StringRef name, StringRef part, WeightEncoding encoding,
                        RankedTensorType type, Value layer);
  /// Gated DeltaNet.
  Value deltaNet(Value h, Value layer, Value state);
  Value l2Norm(Value x);
  /// Of each head; both come from one product of floats.
  std::pair<Value, Value> deltaGates(Value h, Value layer);
  Value mlp(Value h, Value layer);
  /// In the shortest pattern that repeats.
  void sayKinds();
  void buildLayer(StringRef name, Type state, bool isRecurrent);

  Type gateType; ///< of the matrices that gates of a recurrent layer come from
};

} // namespace tern

#endif // TERN_LIB_IMPORT_LAYERBUILDER_H
