//===- tern/Artifact/EmbeddedData.h - Weights in an object ------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An object is made with zeros in the place of the weights (Emitter::addData),
// which are then written into the file one tensor at a time.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_ARTIFACT_EMBEDDEDDATA_H
#define TERN_ARTIFACT_EMBEDDEDDATA_H

#include "llvm/Object/ObjectFile.h"
#include "llvm/TargetParser/Triple.h"

namespace tern {

/// "tern_weights_bard" of "weights" and "bard".
std::string dataSymbol(llvm::StringRef part, llvm::StringRef model);

/// True for formats whose data findData finds.
bool canEmbedData(const llvm::Triple &triple);

/// The offset in `file`, an object or an archive of some, of the `bytes` bytes
/// that `symbol` names.
llvm::Expected<uint64_t> findData(llvm::MemoryBufferRef file,
                                  llvm::StringRef symbol, uint64_t bytes);

/// Bytes of weights and tokenizers that an object has as data.
uint64_t countEmbeddedData(const llvm::object::ObjectFile &file);

} // namespace tern

#endif // TERN_ARTIFACT_EMBEDDEDDATA_H
