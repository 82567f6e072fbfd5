//===- Output.h - The files tern compile makes ------------------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TOOLS_OUTPUT_H
#define TERN_TOOLS_OUTPUT_H

#include "Progress.h"

#include "tern/Artifact/ModelHeader.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Import/Checkpoint.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace tern {

/// Writes a whole file or, for "-", to stdout.
llvm::Error writeOutput(llvm::StringRef path, llvm::StringRef contents);

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

/// A line for stderr of each sentence about files and fields.
std::string remarkLines(const Checkpoint &checkpoint,
                        const TextRemarks &remarks);

/// Writes the artifact (tern/artifact.h) alone, from planned weights.
llvm::Error writeArtifactFile(mlir::ModuleOp weights,
                              const Checkpoint &checkpoint,
                              const TextSections &text, llvm::StringRef path,
                              Progress &progress);

/// An error if a program or library of `target` cannot be linked here: another
/// machine, or a part that is missing.
llvm::Error checkLinkable(TargetAttr target, bool program);

/// The parts of a program or library.
struct Product {
  /// A module whose weights are planned (phase `packed`); null without weights.
  mlir::ModuleOp weights;
  const Checkpoint *checkpoint;
  const TextSections &text;
  TargetAttr target;
  const std::string &object;
  const ModelFacts &facts;
  Progress &progress;
  bool verbose, isStatic;

  /// A program that carries its weights behind itself.
  llvm::Error writeProgram(llvm::StringRef output) const;
  /// `output`, and NAME.h and NAME.weights beside it unless that is stdout.
  llvm::Error writeLibrary(llvm::StringRef output, bool shared) const;

private:
  llvm::Error writeBeside(llvm::StringRef output,
                          llvm::StringRef library) const;
};

} // namespace tern

#endif // TERN_TOOLS_OUTPUT_H
