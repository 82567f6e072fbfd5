//===- CompileOptions.cpp - What may be asked for -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Driver/Compile.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace tern;
using llvm::Error;
using llvm::StringRef;

//===----------------------------------------------------------------------===//
// Names
//===----------------------------------------------------------------------===//

static constexpr std::pair<OutputForm, StringRef> forms[] = {
    {OutputForm::Program, "exe"},     {OutputForm::Shared, "shared"},
    {OutputForm::Object, "obj"},      {OutputForm::Archive, "archive"},
    {OutputForm::Weights, "weights"}, {OutputForm::Assembly, "asm"},
    {OutputForm::LLVMIR, "llvm-ir"},  {OutputForm::IR, "IR"},
};

StringRef tern::nameOf(OutputForm form) {
  for (auto [known, name] : forms)
    if (known == form)
      return name;
  llvm_unreachable("a form without a name");
}

std::optional<OutputForm> tern::findOutputForm(StringRef name) {
  for (auto [form, known] : forms)
    if (known == name)
      return form;
  return std::nullopt;
}

std::string tern::symbolOf(StringRef name) {
  std::string symbol;
  for (char c : name)
    symbol += llvm::isAlnum(c) ? c : '_';
  return symbol.empty() ? "model" : symbol;
}

//===----------------------------------------------------------------------===//
// Contradictions
//===----------------------------------------------------------------------===//

static unsigned objectPhase() { return getPhases().size() - 1; }

/// IR has made the choices of the import already.
static Error checkNoChoiceOfImport(const ModelOptions &model) {
  const ImportOptions &import = model.import;
  for (auto [name, given] :
       {std::pair<StringRef, bool>{"--activations",
                                   !import.schemes.activations.empty()},
        {"--topk", !import.schemes.topK.empty()},
        {"--kv-bits", import.kvBits.has_value()},
        {"--bos-bits", import.bosBits.has_value()},
        {"--q-bits", import.qBits.has_value()},
        {"--head", import.head != HeadRows::Stored},
        {"--embedding", import.embedding != HeadRows::Stored},
        {"--context", import.context.has_value()}})
    if (given)
      return llvm::createStringError(
          name + " is a choice about a checkpoint; the IR that --compile-from "
                 "takes has made it");
  return Error::success();
}

static Error checkPhases(const CompileOptions &options) {
  llvm::ArrayRef<Phase> phases = getPhases();
  bool isIr = options.form == OutputForm::IR;
  for (unsigned phase : {options.inputPhase.value_or(0), options.outputPhase})
    if (phase >= phases.size())
      return llvm::createStringError(llvm::formatv(
          "expected a phase below {0}, got {1}", phases.size(), phase));
  if (options.inputPhase && *options.inputPhase >= objectPhase())
    return llvm::createStringError(
        "--compile-from=object is not IR that can be compiled further");
  if (isIr && options.outputPhase >= objectPhase())
    return llvm::createStringError("--compile-to=object makes no IR");
  if (isIr && options.outputPhase < options.inputPhase.value_or(0))
    return llvm::createStringError(
        "--compile-to=" + phases[options.outputPhase].name +
        " comes before --compile-from=" + phases[*options.inputPhase].name);
  return Error::success();
}

/// Versions of the code for several CPUs are one object, whose host picks one.
static Error checkSeveral(const CompileOptions &options) {
  if (!StringRef(options.model.cpu).contains(','))
    return Error::success();
  for (auto [name, given] :
       {std::pair<StringRef, bool>{"--compile-to",
                                   options.form == OutputForm::IR},
        {"--compile-from", options.inputPhase.has_value()},
        {"--save-stages", !options.stages.empty()},
        {"--emit=project", !options.project.empty()}})
    if (given)
      return llvm::createStringError(
          name + " is about code for one CPU, but --cpu names several");
  return Error::success();
}

Error tern::checkOptions(const CompileOptions &options) {
  if (Error error = checkSeveral(options))
    return error;
  if (Error error = checkPhases(options))
    return error;
  bool needsWeights = options.form == OutputForm::Program ||
                      options.form == OutputForm::Shared ||
                      options.form == OutputForm::Archive ||
                      options.form == OutputForm::Weights;
  if (needsWeights && options.inputPhase)
    return llvm::createStringError(
        "IR does not contain the weights that --emit=" + nameOf(options.form) +
        " needs; --compile-from goes with --emit=obj, asm or llvm-ir");
  if (options.inputPhase)
    if (Error error = checkNoChoiceOfImport(options.model))
      return error;
  if (needsWeights && options.stream)
    return llvm::createStringError("--emit=" + nameOf(options.form) +
                                   " cannot be written to stdout");
  if (options.output.empty() && !options.stream)
    return llvm::createStringError("expected a name for the output, got none");
  bool links = options.form == OutputForm::Program ||
               options.form == OutputForm::Shared ||
               options.form == OutputForm::Archive;
  for (auto [name, given] :
       {std::pair<StringRef, bool>{"--cc", !options.toolchain.compiler.empty()},
        {"--sysroot", !options.toolchain.sysroot.empty()}})
    if (given && !links)
      return llvm::createStringError(
          name + " is about the C compiler of a machine; it goes with "
                 "--emit=exe, shared or archive");
  bool makesObject = links || options.form == OutputForm::Object;
  for (auto [name, given] :
       {std::pair<StringRef, bool>{"--max-flash", options.maxFlash.has_value()},
        {"--max-ram", options.maxRam.has_value()}})
    if (given && (!makesObject || options.inputPhase))
      return llvm::createStringError(
          name + " is about a checkpoint's code and weights; it goes with "
                 "--emit=exe, shared, obj or archive");
  bool isLinkedLater =
      options.form == OutputForm::Object || options.form == OutputForm::Archive;
  if (options.embedsWeights &&
      (!isLinkedLater || options.inputPhase || options.stream))
    return llvm::createStringError(
        "--embed-weights puts a checkpoint's weights into an object that is "
        "written to a file; it goes with --emit=obj, archive or project");
  if (options.isStatic && options.form != OutputForm::Program)
    return llvm::createStringError(
        "--static is about a program; it goes with --emit=exe");
  if (options.hasGrammars && options.form != OutputForm::Program)
    return llvm::createStringError(
        "--grammars is about a program; it goes with --emit=exe");
  return Error::success();
}
