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
#include <vector>

namespace tern {

/// The numbers in a compiled module's tern_model; abi.h says what they mean.
struct ModelFacts {
  /// "tern_model_bard"; of versions for several CPUs the table of them,
  /// "tern_models_bard".
  std::string symbol;
  std::string target; ///< of several, with commas between
  /// The symbols of all versions, better ones later; the model's if it is one.
  std::vector<std::string> versions;
  uint64_t weightsId, stateId, cpuFeatures;
  uint64_t weightsBytes;
  uint64_t scratchBytes, scratchWorkerBytes; ///< tern_model_scratch_bytes
  uint64_t stateFixedBytes, stateBlockBytes;
  uint64_t stateBlockTokens, alignment;
  uint64_t vocabSize, hiddenSize, layerCount, maxContext, kvBits;
  uint64_t maxTokens, headTokens, functionScratchBytes;
  /// "ternary 491520, norms 22528"
  std::string weightKinds;

  /// "bard"
  llvm::StringRef name() const;
};

/// Before the kinds of weights, where compilers leave their names.
inline constexpr llvm::StringLiteral kWeightsIdentity = "tern weights: ";
/// The same before the device that code is for.
inline constexpr llvm::StringLiteral kDeviceIdentity = "tern device: ";

/// Reads the one tern_model that `module` defines, or those of its table: sizes
/// of memory are then enough for each.
llvm::Expected<ModelFacts> readModelFacts(const llvm::Module &module);

/// The symbol of the only tern_model that `module` defines; empty if there is
/// none.
llvm::StringRef findModelSymbol(const llvm::Module &module);

/// Defines tern_models_NAME: the addresses of versions of one model, by their
/// symbols, and null.
void addVersionTable(llvm::Module &module, llvm::ArrayRef<std::string> symbols);

/// A C header that declares the model and says what it needs; `tokenizerBytes`
/// are those of the section in its weights file, or `embedded` in its object.
std::string writeModelHeader(const ModelFacts &facts,
                             uint64_t tokenizerBytes = 0,
                             bool embedded = false);

/// Parts of a file that an assembler takes in.
struct FilePart {
  llvm::StringRef symbol; ///< "weights": tern_weights_NAME
  uint64_t offset, bytes;
};

/// Assembly, for the C preprocessor, that has parts of NAME.weights as
/// read-only data.
std::string writeWeightsAssembly(const ModelFacts &facts,
                                 llvm::ArrayRef<FilePart> parts);

} // namespace tern

#endif // TERN_ARTIFACT_MODELHEADER_H
