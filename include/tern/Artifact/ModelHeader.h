//===- tern/Artifact/ModelHeader.h - NAME.h of a model ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_MODELHEADER_H
#define TERN_ARTIFACT_MODELHEADER_H

#include "llvm/IR/Module.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tern {

/// The numbers in a compiled module's tern_model; abi.h says what they mean.
struct ModelFacts {
  std::string symbol; ///< "tern_model_bard"
  std::string target;
  uint64_t weightsId, stateId, cpuFeatures;
  uint64_t weightsBytes;
  uint64_t scratchBytes, scratchWorkerBytes; ///< tern_model_scratch_bytes
  uint64_t stateFixedBytes, stateBlockBytes;
  uint64_t stateBlockTokens, alignment;
  uint64_t vocabSize, hiddenSize, layerCount, maxContext, kvBits;

  /// "bard"
  llvm::StringRef name() const;
};

/// Reads the one tern_model that `module` defines.
llvm::Expected<ModelFacts> readModelFacts(const llvm::Module &module);

/// A C header that declares the model and says what it needs.
std::string writeModelHeader(const ModelFacts &facts);

} // namespace tern

#endif // TERN_ARTIFACT_MODELHEADER_H
