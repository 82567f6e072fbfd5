//===- lib/Import/CheckpointFiles.cpp - Files beside a model --------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/CheckpointFiles.h"

#include "Json.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/Path.h"

using namespace llvm;

namespace tern {

StringRef toString(FileUse use) {
  static constexpr StringLiteral names[] = {"read", "irrelevant", "not read",
                                            "unknown"};
  return names[static_cast<size_t>(use)];
}

//===----------------------------------------------------------------------===//
// The table
//===----------------------------------------------------------------------===//

namespace {

enum EntryUse { Read, Irrelevant, NotRead, TOKENIZER };

struct Entry {
  GlobPattern pattern;
  EntryUse use;
  StringLiteral why;
};

} // namespace

static const std::vector<Entry> &entries() {
  auto make = [](StringRef text, EntryUse use, StringLiteral why) {
    return Entry{cantFail(GlobPattern::create(text)), use, why};
  };
  static const std::vector<Entry> table = {
#define FILE(pattern, use, why) make(pattern, use, StringLiteral(why)),
#include "CheckpointFiles.def"
#undef FILE
  };
  return table;
}

static constexpr size_t maxFiles = 10000;

/// Names of what is no folder, in order.
static std::set<std::string> namesIn(StringRef directory) {
  std::set<std::string> names;
  std::error_code code;
  for (sys::fs::directory_iterator at(directory, code), end;
       !code && at != end && names.size() < maxFiles; at.increment(code))
    if (!sys::fs::is_directory(at->path()))
      names.insert(sys::path::filename(at->path()).str());
  return names;
}

static CheckpointFile describe(StringRef name, bool hasTokenizer,
                               const std::set<std::string> &tensorFiles) {
  if (tensorFiles.count(name.str()))
    return {name.str(), FileUse::Read, ""};
  const std::string small = name.lower();
  for (const Entry &entry : entries()) {
    if (!entry.pattern.match(small))
      continue;
    FileUse use =
        entry.use == Read ? FileUse::Read
        : entry.use == Irrelevant || (entry.use == TOKENIZER && hasTokenizer)
            ? FileUse::Irrelevant
            : FileUse::NotRead;
    std::string why = entry.why.str();
    if (entry.use == TOKENIZER)
      why += hasTokenizer ? "; there is one in another file"
                          : "; without tokenizer.json a program takes only "
                            "--ids";
    return {name.str(), use, why};
  }
  return {name.str(), FileUse::Unknown, ""};
}

std::vector<CheckpointFile>
listCheckpointFiles(StringRef directory,
                    const std::set<std::string> &tensorFiles) {
  std::set<std::string> names = namesIn(directory);
  bool hasTokenizer =
      names.count("tokenizer.json") || names.count("tokenizer.model");
  std::vector<CheckpointFile> files;
  for (const std::string &name : names)
    files.push_back(describe(name, hasTokenizer, tensorFiles));
  return files;
}

std::vector<std::string> warnOfFiles(const std::vector<CheckpointFile> &files) {
  constexpr size_t most = 10;
  std::vector<std::string> sentences, unknown;
  size_t more = 0;
  for (const CheckpointFile &file : files) {
    if (file.use == FileUse::Unknown)
      unknown.push_back("'" + file.name + "'");
    else if (file.use == FileUse::NotRead && sentences.size() < most)
      sentences.push_back(file.name + " is not read: " + file.why);
    else if (file.use == FileUse::NotRead)
      ++more;
  }
  if (more)
    sentences.push_back(std::to_string(more) +
                        " more files are not read; tern inspect lists them");
  size_t shown = std::min<size_t>(unknown.size(), 4);
  std::string names = join(unknown.begin(), unknown.begin() + shown, ", ");
  if (unknown.size() > shown)
    names += " and " + std::to_string(unknown.size() - shown) + " more";
  if (!unknown.empty())
    sentences.push_back("files that tern does not know are not read: " + names);
  return sentences;
}

//===----------------------------------------------------------------------===//
// Adapters
//===----------------------------------------------------------------------===//

/// "a LoRA adapter of org/base", as far as its config says.
static std::string describeAdapter(StringRef config) {
  std::string kind, base;
  Expected<std::string> text = readTextFile(config, 1 << 20);
  Expected<nlohmann::json> root =
      text ? parseJson(*text, config) : text.takeError();
  if (root && root->is_object()) {
    auto stringOf = [&](const char *name) {
      auto found = root->find(name);
      return found != root->end() && found->is_string()
                 ? found->get<std::string>().substr(0, 100)
                 : std::string();
    };
    kind = stringOf("peft_type");
    base = stringOf("base_model_name_or_path");
  }
  consumeError(root.takeError());
  kind = kind == "LORA" || kind.empty() ? "a LoRA adapter"
                                        : "an adapter (" + kind + ")";
  return base.empty() ? kind : kind + " of " + base;
}

Error refuseAdapter(StringRef directory) {
  auto path = [&](StringRef name) {
    SmallString<128> result(directory);
    sys::path::append(result, name);
    return result.str().str();
  };
  const bool isModel = sys::fs::exists(path("config.json"));
  std::string config = path("adapter_config.json");
  std::string weights;
  for (StringRef name : {"adapter_model.safetensors", "adapter_model.bin"})
    if (weights.empty() && sys::fs::exists(path(name)))
      weights = path(name);
  if (!sys::fs::exists(config)) {
    if (isModel || weights.empty())
      return Error::success();
    return fileError(directory, "this is an adapter, not a model; merge it "
                                "into its base model first");
  }
  std::string kind = describeAdapter(config);
  if (!isModel)
    return fileError(directory,
                     "this is " + kind +
                         ", not a model; merge it into its "
                         "base model first (merge_and_unload of peft)");
  return fileError(config, "this is " + kind +
                               ", which loaders apply to the model beside it "
                               "and tern does not; merge it first, or move it "
                               "elsewhere to compile the model alone");
}

} // namespace tern
