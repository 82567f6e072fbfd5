//===- Compiling.h - Compiles a tokenizer as tern does ----------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_FUZZ_COMPILING_H
#define TERN_TEST_FUZZ_COMPILING_H

#include "Fuzzing.h"

#include "tern/Tokenizer/TokenizerCompiler.h"
#include "tern/tokenizer.h"

namespace tern {

/// Fills `table`, which `tokenizer` then reads; false if the sources are
/// refused.
inline bool compileAndLoad(const TokenizerSources &sources,
                           std::vector<uint8_t> &table,
                           tern_tokenizer &tokenizer) {
  std::string error;
  std::optional<std::vector<uint8_t>> made = compileTokenizer(sources, error);
  if (!made) {
    require(!error.empty(), "a refusal says why");
    return false;
  }
  table = std::move(*made);
  require(tern_tokenizer_load(&tokenizer, table.data(), table.size()) ==
              TERN_OK,
          "the runtime reads what the compiler writes");
  return true;
}

} // namespace tern

#endif // TERN_TEST_FUZZ_COMPILING_H
