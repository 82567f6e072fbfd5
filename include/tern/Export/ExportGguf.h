//===- include/tern/Export/ExportGguf.h - Models as GGUF files --*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_EXPORT_EXPORTGGUF_H
#define TERN_EXPORT_EXPORTGGUF_H

#include "tern/Artifact/InputFiles.h"
#include "tern/Import/Checkpoint.h"

namespace tern {

struct ExportOptions {
  /// Of the ternary matrices, one that canEncode: "tq2_0".
  std::string encoding = "tq2_0";
  /// Empty: the one whose graph in other engines computes this model.
  std::string architecture;
};

/// Writes a file that engines of llama.cpp's family load and that tern reads
/// back as the same model, to the bit. `notes` gets a sentence for each thing
/// that other engines compute in another way.
/// `sources` are the checkpoint's files about text; `inputs` are files that
/// stay.
llvm::Error exportGguf(const Checkpoint &checkpoint,
                       const TokenizerSources &sources, llvm::StringRef path,
                       const InputFiles &inputs, const ExportOptions &options,
                       std::vector<std::string> &notes);

} // namespace tern

#endif // TERN_EXPORT_EXPORTGGUF_H
