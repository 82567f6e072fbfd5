//===- InspectArtifact.cpp - tern inspect of what tern compile made -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "InspectArtifact.h"
#include "InspectMemory.h"
#include "InspectText.h"

#include "tern/Codegen/Passes.h"
#include "tern/host.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/Archive.h"
#include "llvm/Object/ELFObjectFile.h"

#include <cstring>
#include <map>
#include <optional>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::json::Array;
using llvm::json::Object;

//===----------------------------------------------------------------------===//
// Programs, libraries, objects
//===----------------------------------------------------------------------===//

static Array featureNames(uint64_t bits) {
  Array names;
  auto add = [&](unsigned bit, StringRef name) {
    if (bits >> bit & 1)
      names.push_back(name);
  };
#define TERN_CPU_FEATURE(arch, bit, name) add(bit, name);
#include "tern/cpu_features.def"
  return names;
}

namespace {

/// Reads a struct of tern/abi.def as a machine with such pointers lays it out.
struct FieldReader {
  StringRef bytes;
  unsigned pointerBytes;
  bool isShort = false;

  uint64_t take(unsigned size) {
    uint64_t value = 0;
    isShort |= bytes.size() < size;
    if (!isShort)
      std::memcpy(&value, bytes.data(), std::min<size_t>(size, sizeof(value)));
    bytes = bytes.drop_front(std::min<size_t>(size, bytes.size()));
    return value;
  }
};

} // namespace

#define TERN_STRUCT(Name)                                                      \
  [[maybe_unused]] static void read(FieldReader &reader, tern_##Name &out) {
#define TERN_U32(Name) out.Name = static_cast<uint32_t>(reader.take(4));
#define TERN_U64(Name) out.Name = reader.take(8);
#define TERN_SIZE(Name) out.Name = reader.take(reader.pointerBytes);
// Pointers in a file are not what they will be.
#define TERN_POINTER(Type, Name) reader.take(reader.pointerBytes);
#define TERN_POINTERS(Type, Name, Count)                                       \
  for (unsigned i = 0; i < Count; ++i)                                         \
    reader.take(reader.pointerBytes);
#define TERN_END }
#include "tern/abi.def"

/// A constant's bytes.
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
  if (offset > contents->size())
    return std::nullopt;
  FieldReader reader = {contents->drop_front(offset), file.getBytesInAddress()};
  tern_model model = {};
  read(reader, model);
  if (reader.isShort || model.abi_version != TERN_ABI_VERSION)
    return std::nullopt;
  return model;
}

static void reportCpu(StringRef version, const tern_model &model, Object &facts,
                      Report &report) {
  Array features = featureNames(model.cpu_features);
  std::string words;
  for (const auto &feature : features)
    words += (words.empty() ? "" : " ") + feature.getAsString()->str();
  Report::Line line = report.line("CPU", facts);
  if (!version.empty())
    line.put("version", version, "code for {}: ");
  line.say(words.empty() ? "any of this architecture" : words)
      .note("cpu_features", std::move(features));
}

/// "sm_80,sm_90" of what a file names its device.
static void reportGpu(StringRef device, Object &facts, Report &report) {
  auto [triple, targets] = device.split('/');
  Array list;
  for (StringRef target : llvm::split(targets, ','))
    list.push_back(target.str());
  report.line("GPU", facts)
      .put("triple", triple.str(), "{}: ")
      .say(llvm::join(llvm::split(targets, ','), ", ") + " and later")
      .note("gpu_targets", std::move(list));
}

/// Facts that all versions of a model share are said of the first.
static Object reportModel(StringRef name, StringRef version, StringRef device,
                          bool isFirst, const tern_model &model,
                          Report &report) {
  Report unsaid;
  Report &common = isFirst ? report : unsaid;
  Object facts;
  common.line("model", facts).put("name", name);
  common.line("decoder", facts)
      .put("layers", model.layer_count, "{} layers")
      .put("hidden_size", model.hidden_size, ", hidden {}")
      .put("vocabulary", model.vocab_size, ", vocabulary {}");
  common.line("context", facts)
      .put("context", model.max_context, "{} tokens")
      .put("cache_bits", model.kv_bits, ", KV cache of {} bits")
      .put("cache_bytes", tern_model_state_bytes(&model, model.max_context),
           ", {} bytes when full");
  if (device.empty())
    reportCpu(version, model, facts, report);
  else
    reportGpu(device, facts, report);
  return facts;
}

/// "bard" and "cortex_a76" of "bard_for_cortex_a76", if the file has several.
static std::pair<StringRef, StringRef> splitVersion(StringRef name,
                                                    bool areSeveral) {
  return areSeveral ? name.rsplit(kForVersion)
                    : std::pair<StringRef, StringRef>(name, "");
}

/// How a model quantizes stands where compilers leave their names.
static void reportSchemes(const llvm::object::ObjectFile &file,
                          Report &report) {
  for (const llvm::object::SectionRef &section : file.sections()) {
    Expected<StringRef> name = section.getName();
    Expected<StringRef> contents = section.getContents();
    if (name && contents && *name == ".comment")
      for (StringRef text : llvm::split(*contents, '\0'))
        if (text.consume_front("tern schemes: "))
          report.line("schemes").put("schemes", text);
    llvm::consumeError(name.takeError());
    llvm::consumeError(contents.takeError());
  }
}

/// Of `text`, bytes that a program has besides code and weights.
static void reportMemoryOf(const llvm::object::ObjectFile &file,
                           const tern_model &model, const tern_artifact *text,
                           Report &report) {
  CodeBytes code = readCodeBytes(file);
  MemoryUse use;
  use.flash.push_back({"code", code.code});
  use.flash.push_back({"constants", code.constants});
  std::string kinds = readWeightKinds(file);
  if (kinds.empty())
    use.flash.push_back({"weights", model.weights_bytes});
  use.addWeights(kinds);
  if (text)
    use.flash.push_back({"tokenizer", text->tokenizer_bytes});
  if (readDevice(file).empty())
    use.addSession(model, model.max_context, 1);
  else
    use.addSessionOnGpu(model, model.max_context);
  use.ram.push_back({"largest stack frame", code.largestFrame});
  reportMemory(use, report);
}

/// The models of an object file; whether there are any. A program carries an
/// artifact with its `text`.
static bool reportModels(const llvm::object::Binary *binary,
                         const tern_artifact *text, Report &report) {
  constexpr StringRef prefix = "tern_model_";
  auto *file = llvm::dyn_cast<llvm::object::ELFObjectFileBase>(binary);
  if (!file || !file->isLittleEndian())
    return false;
  std::map<std::pair<uint64_t, std::string>, tern_model> found;
  auto add = [&](const llvm::object::SymbolRef &symbol) {
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return llvm::consumeError(name.takeError());
    StringRef rest = *name;
    if (!rest.consume_front(prefix) || rest == "count")
      return;
    // Those that need less come first.
    if (std::optional<tern_model> model = readModel(*file, symbol))
      found[{llvm::popcount(model->cpu_features), rest.str()}] = *model;
  };
  for (const llvm::object::SymbolRef &symbol : file->symbols())
    add(symbol);
  if (found.empty())
    for (const llvm::object::SymbolRef &symbol :
         file->getDynamicSymbolIterators())
      add(symbol);
  if (found.empty())
    return false;
  Array models;
  std::optional<tern_model> largest;
  for (auto &[key, model] : found) {
    auto [name, version] = splitVersion(key.second, found.size() > 1);
    models.push_back(reportModel(name, version, readDevice(*file),
                                 models.empty(), model, report));
    if (!largest)
      largest = model;
    largest->scratch_bytes =
        std::max(largest->scratch_bytes, model.scratch_bytes);
    largest->scratch_worker_bytes =
        std::max(largest->scratch_worker_bytes, model.scratch_worker_bytes);
  }
  reportSchemes(*file, report);
  reportMemoryOf(*file, *largest, text, report);
  report.facts["models"] = std::move(models);
  return true;
}

/// Those of an archive are in its first member that has any.
static bool reportMember(const llvm::object::Archive &archive, Report &report) {
  Error error = Error::success();
  bool found = false;
  for (const llvm::object::Archive::Child &child : archive.children(error)) {
    auto member = child.getAsBinary();
    if (member)
      found = found || reportModels(member->get(), nullptr, report);
    else
      llvm::consumeError(member.takeError());
  }
  llvm::consumeError(std::move(error));
  return found;
}

static bool reportFile(StringRef path, const tern_artifact *text,
                       Report &report) {
  auto binary = llvm::object::createBinary(path);
  if (!binary) {
    llvm::consumeError(binary.takeError());
    return false;
  }
  llvm::object::Binary *contents = binary->getBinary();
  if (auto *archive = llvm::dyn_cast<llvm::object::Archive>(contents))
    return reportMember(*archive, report);
  return reportModels(contents, text, report);
}

//===----------------------------------------------------------------------===//
// Artifacts
//===----------------------------------------------------------------------===//

static void reportArtifact(const tern_artifact &artifact, Report &report) {
  Object weights;
  report.line("weights", weights)
      .put("bytes", artifact.weights_bytes, "{} bytes")
      .put("id", llvm::utohexstr(artifact.weights_id, true, 16), ", id {}");
  report.facts["weights"] = std::move(weights);
  reportText(artifact, report);
}

static Error verify(const std::string &path, Report &report) {
  tern_error error = {};
  if (tern_file_verify(path.c_str(), &error) != 0)
    return llvm::createStringError(error.text);
  report.line("checksums").say("as tern compile wrote them");
  report.facts["verified"] = true;
  return Error::success();
}

Error tern::inspectArtifact(const std::string &path, bool verifies,
                            Report &report) {
  tern_artifact artifact;
  tern_error error = {};
  bool isOpen = tern_artifact_open(&artifact, path.c_str(), &error) == 0;
  bool hasModels = reportFile(path, isOpen ? &artifact : nullptr, report);
  if (isOpen) {
    reportArtifact(artifact, report);
    tern_artifact_close(&artifact);
    return report.list(verifies ? verify(path, report) : Error::success());
  }
  if (!hasModels)
    return report.list(llvm::createStringError(error.text));
  // Libraries and objects have their weights in a file of their own.
  return report.list(verifies ? llvm::createStringError(
                                    path +
                                    ": --check compares programs and .weights "
                                    "files; libraries have no checksums")
                              : Error::success());
}
