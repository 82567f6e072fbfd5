//===- lib/Import/TensorFiles.cpp - Tensors of a checkpoint, mapped -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Json.h"
#include "tern/Import/GgufModel.h"
#include "tern/Import/Safetensors.h"
#include "tern/Import/StandIns.h"

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

namespace tern {

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

void TensorFiles::takeAsCodes(StringRef name) {
  TensorEntry &entry = tensors.find(std::string_view(name))->second;
  entry.dtype = DType::U8;
  entry.encoding = &bareCodes();
  entry.shape.back() *= 16;
}

Error TensorFiles::addShard(StringRef path) {
  auto shard = std::make_unique<Shard>();
  shard->path = path.str();
  if (Error error = shard->map())
    return error;
  ArrayRef<uint8_t> bytes(shard->data, shard->bytes);
  if (std::string other = recognizeStandIn(bytes, FileRole::Safetensors);
      !other.empty())
    return fileError(path, other);
  Expected<TensorMap> found = parseSafetensors(bytes, shard->bytes, path);
  if (!found)
    return found.takeError();
  auto number = static_cast<unsigned>(shards.size());
  shards.push_back(std::move(shard));
  for (auto &[name, entry] : *found) {
    entry.shard = number;
    auto [at, isNew] = tensors.try_emplace(name, entry);
    if (isNew)
      continue;
    std::string difference = this->difference(at->second, entry);
    if (!difference.empty())
      return tensorError(path, name,
                         "is also in " + pathOf(at->second) + ", and the two " +
                             difference + "; which is meant?");
    copies.emplace(name, number);
  }
  return Error::success();
}

/// Two ways to store the same are fine if they do: an index may be left over
/// from before the files were put together.
Error TensorFiles::addDirectory(StringRef directory) {
  SmallString<128> single(directory), index(directory);
  sys::path::append(single, "model.safetensors");
  sys::path::append(index, "model.safetensors.index.json");
  bool hasSingle = sys::fs::exists(single);
  if (hasSingle)
    if (Error error = addShard(single))
      return error;
  if (sys::fs::exists(index))
    return addIndexed(directory, index, hasSingle);
  return hasSingle ? Error::success() : addNumbered(directory);
}

Expected<std::unique_ptr<TensorFiles>> TensorFiles::open(StringRef directory) {
  std::unique_ptr<TensorFiles> files(new TensorFiles);
  if (Error error = files->addDirectory(directory))
    return std::move(error);
  return files;
}

Expected<std::unique_ptr<TensorFiles>>
TensorFiles::openGguf(StringRef path, const GgufOptions &options,
                      std::string &config) {
  auto shard = std::make_unique<Shard>();
  shard->path = path.str();
  if (Error error = shard->map())
    return std::move(error);
  ArrayRef<uint8_t> bytes(shard->data, shard->bytes);
  if (std::string other = recognizeStandIn(bytes, FileRole::Gguf);
      !other.empty())
    return fileError(path, other);
  Expected<GgufFile> file = GgufFile::parse(bytes, path, options.readings);
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
  return files;
}

} // namespace tern
