//===- lib/Export/ExportTokenizer.h - Tokenizers as GGUF metadata *- C++
//-*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_EXPORT_EXPORTTOKENIZER_H
#define TERN_LIB_EXPORT_EXPORTTOKENIZER_H

#include "tern/Export/GgufWriter.h"
#include "tern/Tokenizer/TokenizerCompiler.h"

namespace tern {

/// `tokenizer.*`: `vocabulary` tokens and the chat template. Sources without a
/// tokenizer make a file without one. A property the format has no key for is
/// an error.
llvm::Error addTokenizer(GgufWriter &writer, const TokenizerSources &sources,
                         int64_t vocabulary);

} // namespace tern

#endif // TERN_LIB_EXPORT_EXPORTTOKENIZER_H
