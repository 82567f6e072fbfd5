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
#include "tern/Driver/Compile.h"
#include "tern/Driver/TextSections.h"

#include "mlir/IR/BuiltinOps.h"

namespace tern {

/// An error if the program or library that `options` ask for cannot be linked
/// for `target`: no such are made, or a part of what links is missing.
llvm::Error checkLinkable(TargetAttr target, const CompileOptions &options);

/// Writes the artifact (tern/artifact.h) alone, from planned weights.
llvm::Error writeArtifactFile(mlir::ModuleOp weights,
                              const Checkpoint &checkpoint,
                              const TextSections &text, llvm::StringRef path,
                              const InputFiles &inputs,
                              CompileListener &listener);

/// Where the weights of a library or object are.
enum class WeightsPlace {
  File,     ///< NAME.weights beside it, if there are weights
  Assembly, ///< the same, and NAME-weights.S, which takes them in
  Library,  ///< in it
};

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
  llvm::Error writeProgram(const CompileOptions &options) const;
  /// The bytes of a shared library.
  llvm::Expected<std::string> linkShared(const CompileOptions &options) const;
  /// The bytes of an archive of the object and, where there is one, the
  /// runtime.
  llvm::Expected<std::string> makeArchive(const CompileOptions &options) const;
  /// `library` as `output`, with NAME.h and the files of `place` beside it.
  llvm::Error writeLibrary(llvm::StringRef output, llvm::StringRef library,
                           WeightsPlace place) const;

private:
  llvm::Expected<std::vector<std::string>>
  findRuntime(const CompileOptions &options, const Toolchain &toolchain,
              const class TemporaryDirectory &scratch) const;
  llvm::Expected<Toolchain> findToolchain(const CompileOptions &options) const;
  llvm::Error link(const CompileOptions &options,
                   const class TemporaryDirectory &scratch,
                   llvm::StringRef output) const;
  llvm::Error embed(llvm::StringRef library, class AtomicFile &file) const;
};

} // namespace tern

#endif // TERN_LIB_DRIVER_LINKEDMODEL_H
