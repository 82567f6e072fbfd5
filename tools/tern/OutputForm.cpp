//===- OutputForm.cpp - Which form a file is written in -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "OutputForm.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace {

struct Suffix {
  StringRef text;
  OutputForm form;
};

struct ForeignSuffix {
  StringRef text, words;
};

} // namespace

static constexpr Suffix suffixes[] = {
    {".o", OutputForm::Object},     {".obj", OutputForm::Object},
    {".so", OutputForm::Shared},    {".s", OutputForm::Assembly},
    {".asm", OutputForm::Assembly}, {".ll", OutputForm::LLVMIR},
    {".mlir", OutputForm::IR},      {".weights", OutputForm::Weights},
    {".a", OutputForm::Archive},
};

/// Forms that somebody who names a file so expects, and does not get.
static constexpr ForeignSuffix foreignSuffixes[] = {
    {".gguf", "a GGUF file, which tern export writes"},
    {".safetensors", "a safetensors file, which tern reads but does not write"},
    {".json", "JSON, which tern compile does not write"},
    {".h", "a header, which is written beside what -o NAME.o or NAME.so names"},
    {".bc", "LLVM bitcode; -o NAME.ll writes LLVM IR as text"},
    {".dylib", "a library of macOS; --emit=obj -o NAME.o makes an object"},
    {".dll", "a library of Windows; --emit=obj -o NAME.o makes an object"},
    {".c", "C, which tern compile does not write"},
};

/// "libbard.so.1.2" -> "libbard.so"
static StringRef withoutVersion(StringRef name) {
  size_t at = name.find(".so.");
  if (at == StringRef::npos)
    return name;
  StringRef version = name.drop_front(at + 4);
  bool isVersion = !version.empty() && llvm::all_of(version, [](char c) {
    return llvm::isDigit(c) || c == '.';
  });
  return isVersion ? name.take_front(at + 3) : name;
}

static StringRef suffixOf(StringRef output) {
  return llvm::sys::path::extension(
      withoutVersion(llvm::sys::path::filename(output)));
}

/// Absent if the suffix says nothing.
static std::optional<OutputForm> formOf(StringRef suffix) {
  for (const Suffix &known : suffixes)
    if (suffix.equals_insensitive(known.text))
      return known.form;
  return std::nullopt;
}

static Error usage(const llvm::Twine &message) {
  return llvm::make_error<UsageError>(message);
}

static Error checkForeign(StringRef output, StringRef suffix) {
  for (const ForeignSuffix &foreign : foreignSuffixes)
    if (suffix.equals_insensitive(foreign.text))
      return usage("-o " + output + ": a name that ends in " + suffix +
                   " is that of " + foreign.words);
  return Error::success();
}

static bool stopsAtIr(const CompileFlags &flags) {
  return !flags.compileTo.empty() &&
         *findPhase(flags.compileTo) + 1 < getPhases().size();
}

Expected<OutputForm> tern::chooseForm(CompileFlags &flags) {
  bool isIr = stopsAtIr(flags);
  if (isIr && !flags.emit.empty())
    return usage(
        "--compile-to=" + flags.compileTo +
        " writes IR of that phase, so it excludes --emit=" + flags.emit);
  std::optional<OutputForm> given =
      isIr ? OutputForm::IR : findOutputForm(flags.emit);
  if (flags.output == "-")
    return given.value_or(OutputForm::Program);
  StringRef suffix = suffixOf(flags.output);
  std::optional<OutputForm> asked = formOf(suffix);
  if (Error error = checkForeign(flags.output, suffix))
    return std::move(error);
  if (asked == OutputForm::IR && !isIr)
    return usage(
        "-o " + flags.output +
        ": a name that ends in .mlir is that of IR; --compile-to=PHASE "
        "says of which phase");
  OutputForm form = given ? *given : asked.value_or(OutputForm::Program);
  if (asked && *asked != form)
    return usage(
        "-o " + flags.output + ": a name that ends in " + suffix +
        " is that of --emit=" + nameOf(*asked) + ", but " +
        (isIr ? "--compile-to=" + flags.compileTo : "--emit=" + flags.emit) +
        " was given");
  // A symbol is named after the file, without a library's version.
  if (flags.name.empty())
    flags.name = symbolOf(llvm::sys::path::stem(withoutVersion(flags.output)));
  if (!asked && form == OutputForm::Object)
    flags.output += ".o";
  if (!asked && form == OutputForm::Shared)
    flags.output += ".so";
  if (!asked && form == OutputForm::Archive)
    flags.output += ".a";
  return form;
}

Error tern::chooseProject(CompileFlags &flags) {
  if (flags.emit != "project")
    return Error::success();
  if (flags.output == "-" || !flags.compileFrom.empty())
    return usage("--emit=project writes a folder with weights, so it excludes "
                 "-o - and --compile-from");
  if (!flags.name.empty())
    return usage("--emit=project names its model 'model', so it excludes "
                 "--name");
  flags.emit = nameOf(OutputForm::Object).str();
  flags.name = "model";
  flags.project = flags.output;
  llvm::SmallString<128> object(flags.output);
  llvm::sys::path::append(object, "model.o");
  flags.output = object.str().str();
  return Error::success();
}

Error tern::checkGgufName(StringRef output) {
  if (output == "-")
    return usage("tern export cannot write to stdout, since tables at the "
                 "beginning of the file are written last");
  StringRef suffix = suffixOf(output);
  bool isForeign = llvm::any_of(foreignSuffixes, [&](const auto &foreign) {
    return suffix.equals_insensitive(foreign.text) && foreign.text != ".gguf";
  });
  if (isForeign || formOf(suffix))
    return usage("-o " + output + ": a name that ends in " + suffix +
                 " is not that of a GGUF file, which tern export writes");
  return Error::success();
}
