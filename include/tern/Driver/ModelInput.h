//===- ModelInput.h - What MODEL on the command line is ---------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One answer for all commands, by content: neither a suffix nor a mode decides.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DRIVER_MODELINPUT_H
#define TERN_DRIVER_MODELINPUT_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <string>

namespace tern {

enum class ModelKind {
  Directory, ///< config.json and tensors
  Gguf,
  Program, ///< an executable that carries an artifact
  Weights, ///< an artifact alone
  Library, ///< an object or library with a model, without weights
  Ir       ///< what --compile-to writes
};

struct ModelInput {
  ModelKind kind;
  /// Of the folder or file that is read; of a cache of Hugging Face a snapshot.
  std::string path;
  /// Of the model, for people and as the stem of symbols.
  std::string name;
  /// Of a program, the reason why its artifact cannot be used; or empty.
  std::string damage;

  bool isCheckpoint() const {
    return kind == ModelKind::Directory || kind == ModelKind::Gguf;
  }
};

/// Finds out what `path` is. An error says what it seems to be instead.
llvm::Expected<ModelInput> identifyModel(llvm::StringRef path);

/// The same where a checkpoint is needed; the error for other models of tern
/// says which command takes them.
llvm::Expected<ModelInput> identifyCheckpoint(llvm::StringRef path);

/// True for an executable of this or another machine that carries an artifact.
bool isProgram(llvm::StringRef path);

/// True for an object file of any format that has `model`, or any model if the
/// name is empty; with `nothingElse`, only if it exports nothing but that, as
/// files that tern compile wrote.
bool definesModel(llvm::StringRef path, llvm::StringRef model = "",
                  bool nothingElse = false);

} // namespace tern

#endif // TERN_DRIVER_MODELINPUT_H
