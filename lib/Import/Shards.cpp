//===- lib/Import/Shards.cpp - Tensors in several files -------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Json.h"
#include "tern/Import/Safetensors.h"
#include "tern/Import/StandIns.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using nlohmann::json;

namespace tern {

/// Of the list of shards.
static constexpr uint64_t maxIndexBytes = 100000000;

static std::string joined(StringRef directory, StringRef name) {
  SmallString<128> path(directory);
  sys::path::append(path, name);
  return path.str().str();
}

/// Shard names come from a file we do not trust and must stay in its directory.
static bool isPlainFileName(StringRef name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(StringRef("/\\\0", 3)) == StringRef::npos;
}

/// An error that counts the files which are not there; `wanted` is what names
/// them.
static Error refuseMissing(StringRef wanted, StringRef directory,
                           ArrayRef<std::string> missing, size_t all) {
  std::string reason = explainAbsence(joined(directory, missing[0]));
  return fileError(wanted, Twine(missing.size()) + " of the " + Twine(all) +
                               " files that it names are missing, the first "
                               "is '" +
                               missing[0] + "'" +
                               (reason.empty() ? "; is the download complete?"
                                               : "; " + reason));
}

bool TensorFiles::isIn(StringRef name, unsigned shard) const {
  const TensorEntry *entry = find(name);
  if (!entry || entry->shard == shard)
    return entry;
  auto [first, last] = copies.equal_range(std::string_view(name));
  return std::any_of(first, last,
                     [&](const auto &copy) { return copy.second == shard; });
}

static Expected<json> readWeightMap(StringRef indexPath) {
  Expected<std::string> text = readTextFile(indexPath, maxIndexBytes);
  if (!text)
    return text.takeError();
  Expected<json> index = parseJson(*text, indexPath, /*maxDepth=*/8);
  if (!index)
    return index.takeError();
  if (!index->is_object() || !index->contains("weight_map") ||
      !(*index)["weight_map"].is_object() || (*index)["weight_map"].empty())
    return fileError(indexPath, "'weight_map' is expected to name the file of "
                                "each tensor");
  json map = std::move((*index)["weight_map"]);
  for (const auto &item : map.items())
    if (!item.value().is_string() ||
        !isPlainFileName(item.value().get_ref<const std::string &>()))
      return tensorError(indexPath, item.key(),
                         "lies in " + item.value().dump().substr(0, 80) +
                             ", which is not the name of a file in the same "
                             "directory");
  return map;
}

Error TensorFiles::addIndexed(StringRef directory, StringRef indexPath,
                              bool hasSingle) {
  Expected<json> map = readWeightMap(indexPath);
  if (!map)
    return map.takeError();
  std::map<std::string, unsigned> shardOf;
  for (const auto &item : map->items())
    shardOf.try_emplace(item.value().get<std::string>(), 0);
  std::vector<std::string> missing;
  for (const auto &[name, number] : shardOf)
    if (!sys::fs::exists(joined(directory, name)))
      missing.push_back(name);
  if (hasSingle && missing.size() == shardOf.size())
    return Error::success();
  if (!missing.empty())
    return refuseMissing(indexPath, directory, missing, shardOf.size());
  for (auto &[name, number] : shardOf) {
    bool isSingle = hasSingle && name == "model.safetensors";
    number = isSingle ? 0 : static_cast<unsigned>(shards.size());
    if (!isSingle)
      if (Error error = addShard(joined(directory, name)))
        return error;
  }
  for (const auto &[name, entry] : tensors)
    if (!map->contains(name))
      return tensorError(pathOf(entry), name, "is not listed in the index");
  for (const auto &item : map->items()) {
    const auto &file = item.value().get_ref<const std::string &>();
    if (!isIn(item.key(), shardOf[file]))
      return tensorError(indexPath, item.key(),
                         "is said to lie in " + file + ", but is not there");
  }
  return Error::success();
}

/// Names of shards say how many there are: an index says nothing more that
/// matters.
Error TensorFiles::addNumbered(StringRef directory) {
  constexpr size_t digits = 5;
  StringRef before = "model-", between = "-of-", after = ".safetensors";
  size_t length = before.size() + between.size() + after.size() + 2 * digits;
  size_t counts = 0, present = 0;
  std::error_code code;
  for (sys::fs::directory_iterator entry(directory, code), end;
       entry != end && !code; entry.increment(code)) {
    StringRef name = sys::path::filename(entry->path());
    size_t count = 0;
    if (name.size() != length || !name.starts_with(before) ||
        !name.ends_with(after) ||
        name.substr(before.size() + digits, between.size()) != between ||
        name.substr(length - after.size() - digits, digits)
            .getAsInteger(10, count) ||
        count == 0 || (counts != 0 && counts != count))
      continue;
    counts = count;
    ++present;
  }
  if (present == 0)
    return refuseWithoutWeights(directory);
  std::vector<std::string> names, missing;
  for (size_t i = 1; i <= counts; ++i) {
    names.push_back(formatv("model-{0,0+5}-of-{1,0+5}.safetensors", i, counts));
    if (!sys::fs::exists(joined(directory, names.back())))
      missing.push_back(names.back());
  }
  if (!missing.empty())
    return refuseMissing((directory + ", by the names of its files").str(),
                         directory, missing, counts);
  for (const std::string &name : names)
    if (Error error = addShard(joined(directory, name)))
      return error;
  return Error::success();
}

} // namespace tern
