//===- tern/Driver/Compile.h - From a checkpoint to files -------*- C++ -*-===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// All that tern compile does besides reading flags:
//
//   tern::CompileOptions options;
//   options.input = "bitnet-2b";
//   options.output = "bitnet.o";
//   options.form = tern::OutputForm::Object;
//   if (llvm::Error error = tern::compile(options))
//     ...
//
// Nothing is kept between calls, and two may run at a time.
//
//===----------------------------------------------------------------------===//

#ifndef TERN_DRIVER_COMPILE_H
#define TERN_DRIVER_COMPILE_H

#include "tern/Artifact/Toolchain.h"
#include "tern/Driver/CompileListener.h"
#include "tern/Import/GgufModel.h"
#include "tern/Import/ImportModel.h"
#include "tern/Pipelines/Phases.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

#include <optional>
#include <string>

namespace tern {

/// Properties of a compiled model.
struct ModelOptions {
  /// As selectTarget reads them; empty: this machine.
  std::string target, cpu;
  /// `import.name` is that of the symbol tern_model_NAME.
  ImportOptions import;
  GgufOptions gguf;
  PipelineOptions pipeline;
};

/// Written as `output`.
enum class OutputForm {
  Program, ///< runs alone
  Shared,  ///< a library, and NAME.h and NAME.weights beside it
  Object,  ///< the same beside it, unless it has its weights in it
  Archive, ///< the object and, for Linux, the runtime; the same beside it
  Weights, ///< the artifact alone, for a library that is there
  Assembly,
  LLVMIR,
  IR, ///< MLIR of a phase
};

/// As --emit has it: exe, shared, obj, archive, weights, asm or llvm-ir; IR for
/// IR.
llvm::StringRef nameOf(OutputForm form);
/// Absent for any other name.
std::optional<OutputForm> findOutputForm(llvm::StringRef name);

struct CompileOptions {
  ModelOptions model;
  /// A checkpoint: a directory or a GGUF file (identifyCheckpoint finds it);
  /// with `inputPhase` a file of IR in the form of that phase, or "-".
  std::string input;
  /// An index in getPhases().
  std::optional<unsigned> inputPhase;
  /// A file. Those that are read stay, and so do others of another kind.
  std::string output;
  /// Of OutputForm::Object, the folder of `output` that gets all else which
  /// builds a program of it; or empty.
  std::string project;
  /// Takes the place of `output`, for text and objects.
  llvm::raw_ostream *stream = nullptr;
  OutputForm form = OutputForm::Program;
  /// Of OutputForm::IR, the last phase that is run, likewise an index.
  unsigned outputPhase = 0;
  /// A file that takes the place of the checkpoint's template; or empty.
  std::string chatTemplate;
  /// A folder for the IR of each phase, LLVM IR, assembly and object; or empty.
  std::string stages;
  /// Where libtern_host.a and libtern_core.a lie, for programs; empty: ../lib
  /// of the running program. The runtime's sources, for programs of another
  /// machine, lie in ../share/tern/runtime of it.
  std::string libraryDirectory;
  ToolchainChoice toolchain;
  /// A folder that keeps the runtime compiled for another machine; empty: it is
  /// compiled each time.
  std::string cache;
  /// Bytes of flash and RAM that the model may take; absent: any.
  std::optional<uint64_t> maxFlash, maxRam;
  /// That memory is counted for.
  unsigned workers = 1;
  /// Of a project: build it and run it in its emulator, if that counts.
  bool countsInstructions = false;
  bool isStatic = false; ///< a program that needs no library
  /// A program can give its answers the form of a grammar.
  bool hasGrammars = false;
  /// Of an object or archive: weights and tokenizer are data of it.
  bool embedsWeights = false;
  bool remarks = false; ///< tell the listener what was chosen and why
};

/// An error that says which options exclude each other, in the words of the
/// flags of tern compile.
llvm::Error checkOptions(const CompileOptions &options);

/// Writes what the options ask for. An error is one sentence, or several, each
/// of which names a file, tensor, field or flag; no output is left then.
llvm::Error compile(const CompileOptions &options,
                    CompileListener *listener = nullptr);

/// A name with underscores for what no C symbol may have.
std::string symbolOf(llvm::StringRef name);

} // namespace tern

#endif // TERN_DRIVER_COMPILE_H
