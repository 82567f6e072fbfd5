//===- lib/Import/Safetensors.cpp - Tensors of a checkpoint, mapped -------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Safetensors.h"

#include "Json.h"
#include "tern/Import/GgufModel.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
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

namespace {
struct DTypeInfo {
  StringLiteral name;
  int64_t bytes;
};
} // namespace

/// In the order of DType.
static constexpr DTypeInfo dtypes[] = {
    {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
    {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
    {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8}};

StringRef toString(DType dtype) {
  return dtypes[static_cast<size_t>(dtype)].name;
}

int64_t byteSize(DType dtype) {
  return dtypes[static_cast<size_t>(dtype)].bytes;
}

std::string TensorEntry::describe() const {
  std::string text =
      (isBlocked() ? StringRef(encoding->name) : toString(dtype)).str() + " [";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

//===----------------------------------------------------------------------===//
// The header
//===----------------------------------------------------------------------===//

static constexpr uint64_t maxHeaderBytes = 100000000;
static constexpr size_t maxRank = 8;

static std::string tensorText(StringRef name) {
  return "tensor '" + name.str() + "' ";
}

/// A JSON array of non-negative integers.
static bool readIntegers(const json *value, SmallVectorImpl<uint64_t> &out) {
  if (!value || !value->is_array())
    return false;
  for (const json &item : *value) {
    if (!item.is_number_unsigned())
      return false;
    out.push_back(item.get<uint64_t>());
  }
  return true;
}

/// Offsets in the entry still count from the end of the header.
static Expected<TensorEntry> readEntry(StringRef name, const json &value,
                                       StringRef file) {
  auto fail = [&](const Twine &message) {
    return fileError(file, tensorText(name) + message);
  };
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets"))
    return fail("is expected to have dtype, shape and data_offsets");
  TensorEntry entry;
  const json &dtype = value["dtype"];
  const auto *info = find_if(
      dtypes, [&](const DTypeInfo &info) { return dtype == info.name.str(); });
  if (info == std::end(dtypes))
    return fail("has the unknown dtype " + dtype.dump().substr(0, 40));
  entry.dtype = static_cast<DType>(info - dtypes);

  SmallVector<uint64_t, 4> shape, offsets;
  if (!readIntegers(&value["shape"], shape))
    return fail("has a shape that is not a list of sizes");
  if (shape.size() > maxRank)
    return fail("has " + Twine(shape.size()) + " dimensions, more than the " +
                Twine(maxRank) + " a tensor may have here");
  if (!readIntegers(&value["data_offsets"], offsets) || offsets.size() != 2)
    return fail("has data_offsets that are not two offsets");
  uint64_t bytes = static_cast<uint64_t>(info->bytes);
  bool overflow = false;
  for (uint64_t size : shape) {
    bool now = false;
    bytes = SaturatingMultiply(bytes, size, &now);
    overflow |= now || !isInt<64>(static_cast<int64_t>(size)) ||
                size > uint64_t(INT64_MAX);
    entry.shape.push_back(static_cast<int64_t>(size));
  }
  if (overflow)
    return fail("has a shape whose size overflows");
  if (offsets[1] < offsets[0] || offsets[1] - offsets[0] != bytes)
    return fail("is " + entry.describe() + ", " + Twine(bytes) +
                " bytes, but its data_offsets are [" + Twine(offsets[0]) +
                ", " + Twine(offsets[1]) + "]");
  entry.offset = offsets[0];
  entry.bytes = bytes;
  return entry;
}

/// Tensors must follow each other without hole or overlap up to the file's end.
static Error checkExtents(TensorMap &tensors, uint64_t dataStart,
                          uint64_t fileBytes, StringRef file) {
  std::vector<TensorMap::value_type *> inOrder;
  for (auto &item : tensors)
    inOrder.push_back(&item);
  sort(inOrder, [](const auto *a, const auto *b) {
    return std::make_pair(a->second.offset, a->second.bytes) <
           std::make_pair(b->second.offset, b->second.bytes);
  });
  uint64_t expected = 0, dataBytes = fileBytes - dataStart;
  for (auto *item : inOrder) {
    TensorEntry &entry = item->second;
    if (entry.offset != expected)
      return fileError(
          file, tensorText(item->first) + "begins at offset " +
                    Twine(entry.offset) + " where " + Twine(expected) +
                    " was expected: tensors " +
                    (entry.offset < expected ? "overlap" : "leave a hole"));
    if (entry.bytes > dataBytes - expected)
      return fileError(file, tensorText(item->first) + "needs " +
                                 Twine(entry.bytes) + " bytes from offset " +
                                 Twine(expected) + ", but the file has only " +
                                 Twine(dataBytes) +
                                 " bytes of data; is it complete?");
    expected += entry.bytes;
    entry.offset += dataStart;
  }
  if (expected != dataBytes)
    return fileError(file, Twine(dataBytes - expected) +
                               " bytes follow the last tensor");
  return Error::success();
}

Expected<TensorMap> parseSafetensors(ArrayRef<uint8_t> start,
                                     uint64_t fileBytes, StringRef file) {
  assert(start.size() <= fileBytes && "more bytes than the file has");
  if (start.size() < 8)
    return fileError(file, "the file has " + Twine(fileBytes) +
                               " bytes, too few for a safetensors header");
  uint64_t headerBytes = support::endian::read64le(start.data());
  if (headerBytes > maxHeaderBytes)
    return fileError(file, "the header claims " + Twine(headerBytes) +
                               " bytes, more than the " +
                               Twine(maxHeaderBytes) +
                               " allowed; this is not a safetensors file");
  if (headerBytes > start.size() - 8)
    return fileError(file, "the header claims " + Twine(headerBytes) +
                               " bytes, but only " + Twine(fileBytes - 8) +
                               " follow; is the file complete?");
  StringRef text(reinterpret_cast<const char *>(start.data()) + 8, headerBytes);
  if (!text.starts_with("{"))
    return fileError(file, "the header does not begin with '{'; this is not a "
                           "safetensors file");
  Expected<json> header = parseJson(text, file, /*maxDepth=*/4);
  if (!header)
    return header.takeError();
  TensorMap tensors;
  for (const auto &item : header->items()) {
    if (item.key() == "__metadata__") {
      if (!item.value().is_object() ||
          !all_of(item.value(), [](const json &v) { return v.is_string(); }))
        return fileError(file, "'__metadata__' is expected to map names to "
                               "strings");
      continue;
    }
    Expected<TensorEntry> entry = readEntry(item.key(), item.value(), file);
    if (!entry)
      return entry.takeError();
    tensors.emplace(item.key(), std::move(*entry));
  }
  if (Error error = checkExtents(tensors, 8 + headerBytes, fileBytes, file))
    return std::move(error);
  return tensors;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

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
      return fileError(path,
                       tensorText(name) + "is also in " + pathOf(at->second));
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
  Expected<std::string> text = readTextFile(indexPath, maxHeaderBytes);
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
      return fileError(indexPath, tensorText(item.key()) + "lies in " +
                                      item.value().dump().substr(0, 80) +
                                      ", which is not the name of a file in "
                                      "the same directory");
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
      return fileError(pathOf(entry),
                       tensorText(name) + "is not listed in the index");
  for (const auto &item : map.items()) {
    const auto &file = item.value().get_ref<const std::string &>();
    const TensorEntry *entry = find(item.key());
    if (!entry || entry->shard != shardOf[file])
      return fileError(indexPath, tensorText(item.key()) +
                                      "is said to lie in " + file +
                                      ", but is not there");
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
