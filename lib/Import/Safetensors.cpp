//===- lib/Import/Safetensors.cpp - The header of safetensors ------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Safetensors.h"

#include "Json.h"
#include "tern/Packing/HalfFloat.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

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

bool widen(DType dtype, const uint8_t *from, int64_t count, float *out) {
  // The sum of x * 0 is 0 unless some x is not finite.
  float poison = 0;
  for (int64_t i = 0; i < count; ++i) {
    if (dtype == DType::F32)
      out[i] = bit_cast<float>(support::endian::read32le(from + 4 * i));
    else if (dtype == DType::F16)
      out[i] = halfToFloat(support::endian::read16le(from + 2 * i));
    else
      out[i] = bfloatToFloat(support::endian::read16le(from + 2 * i));
    poison += out[i] * 0.0f;
  }
  return poison == 0;
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
    return tensorError(file, name, message);
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
      return tensorError(
          file, item->first,
          "begins at offset " + Twine(entry.offset) + " where " +
              Twine(expected) + " was expected: tensors " +
              (entry.offset < expected ? "overlap" : "leave a hole"));
    if (entry.bytes > dataBytes - expected)
      return tensorError(file, item->first,
                         "needs " + Twine(entry.bytes) + " bytes from offset " +
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

} // namespace tern
