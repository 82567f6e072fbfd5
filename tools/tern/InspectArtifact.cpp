//===- InspectArtifact.cpp - tern inspect of what tern compile made -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectArtifact.h"
#include "InspectText.h"

#include "tern/host.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>
#include <optional>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

llvm::raw_ostream &tern::printField(StringRef what) {
  return llvm::outs() << llvm::left_justify(what, 13);
}

//===----------------------------------------------------------------------===//
// Programs, libraries, objects
//===----------------------------------------------------------------------===//

static std::string featureNames(uint64_t bits) {
  std::string names;
  auto add = [&](unsigned bit, StringRef name) {
    if (bits >> bit & 1)
      (names += names.empty() ? "" : " ") += name.str();
  };
#define TERN_CPU_FEATURE(arch, bit, name) add(bit, name);
#include "tern/cpu_features.def"
  return names.empty() ? "any of this architecture" : names;
}

/// A constant's bytes; pointers among them are not what they will be.
static std::optional<tern_model>
readModel(const llvm::object::ObjectFile &file,
          const llvm::object::SymbolRef &symbol) {
  Expected<llvm::object::section_iterator> section = symbol.getSection();
  Expected<uint64_t> address = symbol.getAddress();
  if (!section || !address || *section == file.section_end()) {
    llvm::consumeError(section ? Error::success() : section.takeError());
    llvm::consumeError(address ? Error::success() : address.takeError());
    return std::nullopt;
  }
  Expected<StringRef> contents = (*section)->getContents();
  if (!contents) {
    llvm::consumeError(contents.takeError());
    return std::nullopt;
  }
  uint64_t offset = *address - (*section)->getAddress();
  tern_model model;
  if (offset > contents->size() || contents->size() - offset < sizeof(model))
    return std::nullopt;
  std::memcpy(&model, contents->data() + offset, sizeof(model));
  if (model.abi_version != TERN_ABI_VERSION)
    return std::nullopt;
  return model;
}

static void printModel(StringRef name, const tern_model &model) {
  printField("model") << name << "\n";
  printField("decoder") << model.layer_count << " layers, hidden "
                        << model.hidden_size << ", vocabulary "
                        << model.vocab_size << "\n";
  printField("context") << model.max_context << " tokens, KV cache of "
                        << model.kv_bits << " bits, "
                        << tern_model_state_bytes(&model, model.max_context)
                        << " bytes when full\n";
  printField("CPU") << featureNames(model.cpu_features) << "\n";
}

/// How a model quantizes stands where compilers leave their names.
static void printSchemes(const llvm::object::ObjectFile &file) {
  for (const llvm::object::SectionRef &section : file.sections()) {
    Expected<StringRef> name = section.getName();
    Expected<StringRef> contents = section.getContents();
    if (name && contents && *name == ".comment")
      for (StringRef text : llvm::split(*contents, '\0'))
        if (text.consume_front("tern schemes: "))
          printField("schemes") << text << "\n";
    llvm::consumeError(name.takeError());
    llvm::consumeError(contents.takeError());
  }
}

/// Prints the models of an object file; how many there are.
static unsigned printModels(StringRef path) {
  constexpr StringRef prefix = "tern_model_";
  auto binary = llvm::object::createBinary(path);
  if (!binary) {
    llvm::consumeError(binary.takeError());
    return 0;
  }
  auto *file =
      llvm::dyn_cast<llvm::object::ELF64LEObjectFile>(binary->getBinary());
  if (!file)
    return 0;
  unsigned count = 0;
  auto print = [&](const llvm::object::SymbolRef &symbol) {
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return llvm::consumeError(name.takeError());
    StringRef rest = *name;
    if (!rest.consume_front(prefix) || rest == "count")
      return;
    if (std::optional<tern_model> model = readModel(*file, symbol)) {
      printModel(rest, *model);
      ++count;
    }
  };
  for (const llvm::object::SymbolRef &symbol : file->symbols())
    print(symbol);
  if (count == 0)
    for (const llvm::object::SymbolRef &symbol :
         file->getDynamicSymbolIterators())
      print(symbol);
  if (count)
    printSchemes(*file);
  return count;
}

//===----------------------------------------------------------------------===//
// Artifacts
//===----------------------------------------------------------------------===//

static void printArtifact(const tern_artifact &artifact) {
  printField("weights") << artifact.weights_bytes << " bytes, id "
                        << llvm::utohexstr(artifact.weights_id, true, 16)
                        << "\n";
  printText(artifact);
}

Error tern::inspectArtifact(StringRef path) {
  unsigned models = printModels(path);
  tern_artifact artifact;
  tern_error error = {};
  if (tern_artifact_open(&artifact, path.str().c_str(), &error) == 0) {
    printArtifact(artifact);
    tern_artifact_close(&artifact);
    return Error::success();
  }
  // Libraries and objects have their weights in a file of their own.
  return models ? Error::success() : llvm::createStringError(error.text);
}
