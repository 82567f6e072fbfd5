//===- lib/Import/TensorFiles.cpp - Tensors of a checkpoint, mapped -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Json.h"
#include "tern/Import/GgufModel.h"
#include "tern/Import/Safetensors.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace llvm;
using nlohmann::json;

namespace tern {

/// Of the list of shards.
static constexpr uint64_t maxIndexBytes = 100000000;

/// One mapped file.
struct TensorFiles::Shard {
  std::string path;
  uint8_t *data = nullptr;
  uint64_t bytes = 0;

  ~Shard() {
    if (data)
      munmap(data, bytes);
  }

  Error map() {
    // Without O_NONBLOCK a pipe would be waited for.
    int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
      return fileError(path, Twine("cannot open: ") + strerror(errno));
    Error error = map(fd);
    close(fd);
    return error;
  }

private:
  Error map(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
      return fileError(path, "this is not a regular file");
    if (status.st_size == 0) // cannot be mapped; the header check refuses it
      return Error::success();
    void *mapped = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped == MAP_FAILED)
      return fileError(path, Twine("cannot map: ") + strerror(errno));
    data = static_cast<uint8_t *>(mapped);
    bytes = static_cast<uint64_t>(status.st_size);
    return Error::success();
  }
};

TensorFiles::TensorFiles() = default;
TensorFiles::~TensorFiles() = default;

const TensorEntry *TensorFiles::find(StringRef name) const {
  auto found = tensors.find(std::string_view(name));
  return found == tensors.end() ? nullptr : &found->second;
}

StringRef TensorFiles::pathOf(const TensorEntry &entry) const {
  return shards[entry.shard]->path;
}

ArrayRef<uint8_t> TensorFiles::bytes(const TensorEntry &entry) const {
  return {shards[entry.shard]->data + entry.offset, entry.bytes};
}

void TensorFiles::release(const TensorEntry &entry, uint64_t from,
                          uint64_t count) const {
  const Shard &shard = *shards[entry.shard];
  uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t begin = alignDown(entry.offset + from, page);
  uint64_t end =
      std::min(alignTo(entry.offset + from + count, page), shard.bytes);
  // A mapping of a file loses nothing: the pages come back when read again.
  if (begin < end)
    madvise(shard.data + begin, end - begin, MADV_DONTNEED);
}

bool TensorFiles::areEqual(const TensorEntry &a, const TensorEntry &b) const {
  constexpr uint64_t piece = 1 << 20;
  if (a.dtype != b.dtype || a.shape != b.shape || a.encoding != b.encoding)
    return false;
  bool equal = true;
  for (uint64_t at = 0; at < a.bytes && equal; at += piece) {
    uint64_t now = std::min(piece, a.bytes - at);
    equal = bytes(a).slice(at, now) == bytes(b).slice(at, now);
    release(a, at, now);
    release(b, at, now);
  }
  return equal;
}

Error TensorFiles::addShard(StringRef path) {
  auto shard = std::make_unique<Shard>();
  shard->path = path.str();
  if (Error error = shard->map())
    return error;
  Expected<TensorMap> found =
      parseSafetensors({shard->data, shard->bytes}, shard->bytes, path);
  if (!found)
    return found.takeError();
  for (auto &[name, entry] : *found) {
    entry.shard = static_cast<unsigned>(shards.size());
    auto [at, isNew] = tensors.try_emplace(name, entry);
    if (!isNew)
      return tensorError(path, name, "is also in " + pathOf(at->second));
  }
  shards.push_back(std::move(shard));
  return Error::success();
}

/// Shard names come from a file we do not trust and must stay in its directory.
static bool isPlainFileName(StringRef name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(StringRef("/\\\0", 3)) == StringRef::npos;
}

Error TensorFiles::addIndexed(StringRef directory, StringRef indexPath) {
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
  const json &map = (*index)["weight_map"];
  std::map<std::string, unsigned> shardOf;
  for (const auto &item : map.items()) {
    if (!item.value().is_string() ||
        !isPlainFileName(item.value().get_ref<const std::string &>()))
      return tensorError(indexPath, item.key(),
                         "lies in " + item.value().dump().substr(0, 80) +
                             ", which is not the name of a file in the same "
                             "directory");
    shardOf.try_emplace(item.value().get<std::string>(), 0);
  }
  for (auto &[name, number] : shardOf) {
    SmallString<128> path(directory);
    sys::path::append(path, name);
    number = static_cast<unsigned>(shards.size());
    if (Error error = addShard(path))
      return error;
  }
  for (const auto &[name, entry] : tensors)
    if (!map.contains(name))
      return tensorError(pathOf(entry), name, "is not listed in the index");
  for (const auto &item : map.items()) {
    const auto &file = item.value().get_ref<const std::string &>();
    const TensorEntry *entry = find(item.key());
    if (!entry || entry->shard != shardOf[file])
      return tensorError(indexPath, item.key(),
                         "is said to lie in " + file + ", but is not there");
  }
  return Error::success();
}

Error TensorFiles::addDirectory(StringRef directory) {
  SmallString<128> single(directory), index(directory);
  sys::path::append(single, "model.safetensors");
  sys::path::append(index, "model.safetensors.index.json");
  if (sys::fs::exists(single))
    return addShard(single);
  if (sys::fs::exists(index))
    return addIndexed(directory, index);
  return fileError(directory, "neither model.safetensors nor "
                              "model.safetensors.index.json is in this "
                              "directory");
}

Expected<std::unique_ptr<TensorFiles>> TensorFiles::open(StringRef directory) {
  std::unique_ptr<TensorFiles> files(new TensorFiles);
  if (Error error = files->addDirectory(directory))
    return std::move(error);
  return files;
}

/// Converters write a head that is the embedding once more.
void TensorFiles::dropCopiedHead() {
  auto head = tensors.find("lm_head.weight");
  auto embedding = tensors.find("model.embed_tokens.weight");
  if (head != tensors.end() && embedding != tensors.end() &&
      areEqual(head->second, embedding->second))
    tensors.erase(head);
}

Expected<std::unique_ptr<TensorFiles>>
TensorFiles::openGguf(StringRef path, const GgufOptions &options,
                      std::string &config) {
  auto shard = std::make_unique<Shard>();
  shard->path = path.str();
  if (Error error = shard->map())
    return std::move(error);
  Expected<GgufFile> file =
      GgufFile::parse({shard->data, shard->bytes}, path, options.readings);
  if (!file)
    return file.takeError();
  Expected<std::string> text = ggufConfig(*file, options);
  if (!text)
    return text.takeError();
  config = std::move(*text);
  std::unique_ptr<TensorFiles> files(new TensorFiles);
  Expected<TensorMap> tensors = ggufTensors(*file);
  if (!tensors)
    return tensors.takeError();
  files->tensors = std::move(*tensors);
  files->shards.push_back(std::move(shard));
  files->ggufFile = std::make_unique<GgufFile>(std::move(*file));
  files->dropCopiedHead();
  return files;
}

} // namespace tern
