//===- include/tern/Import/GgufModel.h - GGUF in the usual terms *- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// A GGUF file says what config.json, tokenizer.json and the names of tensors
// say in a Hugging Face directory. It is translated, so that one set of checks
// and one reader of tokenizers serve both.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_IMPORT_GGUFMODEL_H
#define TERN_IMPORT_GGUFMODEL_H

#include "tern/Import/Gguf.h"
#include "tern/Import/Safetensors.h"
#include "tern/Tokenizer/TokenizerCompiler.h"

namespace tern {

/// A user's answers to questions that GGUF files leave open.
struct GgufOptions {
  /// Encodings to prefer where several fit.
  std::vector<std::string> readings;
  /// "relu2" or "silu"; empty: not said.
  std::string hiddenAct;
  /// "llama-bpe", "gpt-2" or "qwen2"; empty: not said.
  std::string tokenizerPre;
};

/// The text of a config.json that says the same. An architecture or a field
/// that tern does not know is an error that names it.
llvm::Expected<std::string> ggufConfig(const GgufFile &file,
                                       const GgufOptions &options);

/// Tensors by Hugging Face's names; others keep theirs.
llvm::Expected<TensorMap> ggufTensors(const GgufFile &file);

/// The content its tokenizer.json would have, and the chat template; the
/// tokenizer is empty if there is none. `config` becomes a part of it.
llvm::Expected<TokenizerSources> ggufTokenizer(const GgufFile &file,
                                               const GgufOptions &options,
                                               std::string config);

/// A sentence for each key that is known not to be followed and has no neutral
/// value, and one for those that are not known.
std::vector<std::string> warnOfGgufKeys(const GgufFile &file);

} // namespace tern

#endif // TERN_IMPORT_GGUFMODEL_H
