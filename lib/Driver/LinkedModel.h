//===- LinkedModel.h - From an object to a program or library ---*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_LIB_DRIVER_LINKEDMODEL_H
#define TERN_LIB_DRIVER_LINKEDMODEL_H

#include "tern/Artifact/InputFiles.h"
#include "tern/Artifact/ModelHeader.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Driver/TextSections.h"

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// An error if a program or library of `target` cannot be linked here: another
/// machine, or a part that is missing. `libraryDirectory` is CompileOptions'.
llvm::Error checkLinkable(TargetAttr target, bool program,
                          llvm::StringRef libraryDirectory);

/// Writes the artifact (tern/artifact.h) alone, from planned weights.
llvm::Error writeArtifactFile(mlir::ModuleOp weights,
                              const Checkpoint &checkpoint,
                              const TextSections &text, llvm::StringRef path,
                              const InputFiles &inputs,
                              CompileListener &listener);

/// The parts of a program or library.
struct LinkedModel {
  /// A module whose weights are planned (phase `packed`); null without weights.
  mlir::ModuleOp weights;
  const Checkpoint *checkpoint;
  const TextSections &text;
  TargetAttr target;
  const std::string &object;
  const ModelFacts &facts;
  const InputFiles &inputs;
  CompileListener &listener;

  /// A program that carries its weights behind itself.
  llvm::Error writeProgram(llvm::StringRef output, bool isStatic,
                           llvm::StringRef libraryDirectory) const;
  /// The bytes of a shared library.
  llvm::Expected<std::string> linkShared() const;
  /// `library` as `output`, with NAME.h and NAME.weights beside it.
  llvm::Error writeLibrary(llvm::StringRef output,
                           llvm::StringRef library) const;
};

} // namespace tern

#endif // TERN_LIB_DRIVER_LINKEDMODEL_H
