//===- Compilation.h - From a checkpoint to files ---------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_COMPILATION_H
#define TERN_TOOLS_COMPILATION_H

#include "GgufFlags.h"
#include "Options.h"

#include "tern/Import/Schemes.h"

#include "llvm/Support/Error.h"

#include <optional>
#include <string>
#include <vector>

namespace tern {

/// Properties of a compiled model; tern run takes these flags too.
struct ModelFlags {
  std::string target, cpu, head, activations, topK, kvBits, bosBits, qBits;
  std::optional<int64_t> maxTokens;
  bool dense = false;
  GgufFlags gguf;

  void addTo(OptionTable &table);
  /// The flags that were given, with their values; empty if none was.
  std::string describe() const;
  /// Files whose contents the flags stand for.
  std::vector<std::string> files() const;
  /// The schemes of --activations and --topk.
  llvm::Expected<SchemeOverrides> schemes() const;
};

struct CompileFlags {
  ModelFlags model;
  std::string input;        ///< a checkpoint, or IR with compileFrom
  std::string output;       ///< "-" is stdout
  std::string emit;         ///< see chooseForm
  std::string name;         ///< empty: from the output's name
  std::string chatTemplate; ///< a file; empty: the checkpoint's template
  std::string compileFrom, compileTo, saveStages;
  std::optional<int64_t> context;
  bool isStatic = false; ///< a program that needs no library
  bool remarks = false, verbose = false, quiet = false;
};

/// The stem of a path as part of a C symbol.
std::string symbolName(llvm::StringRef path);
/// A name with underscores for what no C symbol may have.
std::string symbolOf(llvm::StringRef name);

llvm::Error compile(const CompileFlags &flags);

} // namespace tern

#endif // TERN_TOOLS_COMPILATION_H
