//===- tern/Driver/TextSections.h - Tokenizer and templates -----*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DRIVER_TEXTSECTIONS_H
#define TERN_DRIVER_TEXTSECTIONS_H

#include "tern/Driver/CompileListener.h"
#include "tern/Import/Checkpoint.h"

#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tern {

/// The texts of a checkpoint that describe its tokenizer and generation.
llvm::Expected<TokenizerSources>
readTokenizerSources(const Checkpoint &checkpoint);

/// Sections of an artifact besides weights, as the runtime reads them.
struct TextSections {
  std::vector<uint8_t> tokenizer, generation;
  /// Why chat will not work, if there is a template and it will not.
  std::string chatRefusal;
  /// About files and fields that are not followed, or may surprise.
  TextRemarks remarks;
};

/// A checkpoint without tokenizer.json makes a program that takes only --ids.
/// `chatTemplate` is a file that replaces its template, or empty.
llvm::Expected<TextSections>
makeTextSections(const Checkpoint &checkpoint,
                 llvm::StringRef chatTemplate = "");

/// Tells the listener each sentence about files and fields.
void reportRemarks(const Checkpoint &checkpoint, const TextRemarks &remarks,
                   CompileListener &listener);

} // namespace tern

#endif // TERN_DRIVER_TEXTSECTIONS_H
