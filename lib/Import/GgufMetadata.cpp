//===- lib/Import/GgufMetadata.cpp - Values of a GGUF file by key ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Gguf.h"

#include "Json.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ConvertUTF.h"
#include "llvm/Support/Endian.h"

using namespace llvm;
using namespace support;

namespace tern {

bool isUtf8(StringRef text) {
  const UTF8 *at = text.bytes_begin();
  return isLegalUTF8String(&at, text.bytes_end());
}

/// Messages quote the file, which may hold anything, and go to a terminal.
Error GgufFile::error(const Twine &message) const {
  std::string text = message.str();
  std::string shown;
  raw_string_ostream stream(shown);
  for (char c : text)
    if (isASCII(c) && !isPrint(c))
      printEscapedString(StringRef(&c, 1), stream);
    else
      stream << c;
  return fileError(path, shown);
}

Error GgufFile::wrongKind(StringRef key, StringRef expected) const {
  return error("the value of '" + key + "' is expected to be " + expected);
}

const GgufValue *GgufFile::find(StringRef key) const {
  auto found = values.find(std::string_view(key));
  return found == values.end() ? nullptr : &found->second;
}

/// False if the kind is no integer. Values above INT64_MAX are -1, which no
/// caller accepts.
static bool readInteger(GgufKind kind, const uint8_t *at, int64_t &out) {
  switch (kind) {
  case GgufKind::U8:
    out = *at;
    return true;
  case GgufKind::I8:
    out = static_cast<int8_t>(*at);
    return true;
  case GgufKind::U16:
    out = endian::read16le(at);
    return true;
  case GgufKind::I16:
    out = static_cast<int16_t>(endian::read16le(at));
    return true;
  case GgufKind::U32:
    out = endian::read32le(at);
    return true;
  case GgufKind::I32:
    out = static_cast<int32_t>(endian::read32le(at));
    return true;
  case GgufKind::U64:
  case GgufKind::I64:
    out = static_cast<int64_t>(endian::read64le(at));
    if (kind == GgufKind::U64 && out < 0)
      out = -1;
    return true;
  default:
    return false;
  }
}

static size_t integerSize(GgufKind kind) {
  if (kind <= GgufKind::I8)
    return 1;
  if (kind <= GgufKind::I16)
    return 2;
  return kind <= GgufKind::I32 ? 4 : 8;
}

Expected<std::optional<uint64_t>> GgufFile::integer(StringRef key) const {
  const GgufValue *value = find(key);
  if (!value)
    return std::nullopt;
  int64_t number;
  if (value->isArray ||
      !readInteger(value->kind, value->bytes.data(), number) || number < 0)
    return wrongKind(key, "one integer that is not negative");
  return static_cast<uint64_t>(number);
}

Expected<std::optional<double>> GgufFile::number(StringRef key) const {
  const GgufValue *value = find(key);
  if (!value)
    return std::nullopt;
  int64_t integer;
  if (!value->isArray && value->kind == GgufKind::F32)
    return bit_cast<float>(endian::read32le(value->bytes.data()));
  if (!value->isArray && value->kind == GgufKind::F64)
    return bit_cast<double>(endian::read64le(value->bytes.data()));
  if (!value->isArray && readInteger(value->kind, value->bytes.data(), integer))
    return static_cast<double>(integer);
  return wrongKind(key, "one number");
}

Expected<std::optional<bool>> GgufFile::flag(StringRef key) const {
  const GgufValue *value = find(key);
  if (!value)
    return std::nullopt;
  if (value->isArray || value->kind != GgufKind::Bool)
    return wrongKind(key, "one truth value");
  return value->bytes[0] != 0;
}

Expected<std::optional<StringRef>> GgufFile::string(StringRef key) const {
  const GgufValue *value = find(key);
  if (!value)
    return std::nullopt;
  if (value->isArray || value->kind != GgufKind::String ||
      !isUtf8(toStringRef(value->bytes.drop_front(8))))
    return wrongKind(key, "one string of UTF-8");
  return toStringRef(value->bytes.drop_front(8));
}

Expected<std::vector<StringRef>> GgufFile::strings(StringRef key) const {
  const GgufValue *value = find(key);
  if (!value || !value->isArray || value->kind != GgufKind::String)
    return wrongKind(key, "a list of strings");
  std::vector<StringRef> result;
  result.reserve(value->count);
  // The parser has been through these lengths.
  ArrayRef<uint8_t> rest = value->bytes;
  while (!rest.empty()) {
    uint64_t size = endian::read64le(rest.data());
    result.push_back(toStringRef(rest.slice(8, size)));
    rest = rest.drop_front(8 + size);
  }
  return result;
}

Expected<std::vector<float>> GgufFile::numbers(StringRef key) const {
  const GgufValue *value = find(key);
  std::vector<float> result;
  if (!value)
    return result;
  if (!value->isArray || value->kind != GgufKind::F32)
    return wrongKind(key, "a list of f32");
  for (uint64_t i = 0; i < value->count; ++i)
    result.push_back(
        bit_cast<float>(endian::read32le(value->bytes.data() + 4 * i)));
  return result;
}

Expected<std::vector<int64_t>> GgufFile::integers(StringRef key) const {
  const GgufValue *value = find(key);
  std::vector<int64_t> result;
  int64_t number = 0;
  uint8_t zeros[8] = {};
  if (!value || !value->isArray || !readInteger(value->kind, zeros, number))
    return wrongKind(key, "a list of integers");
  result.reserve(value->count);
  size_t size = integerSize(value->kind);
  for (uint64_t i = 0; i < value->count; ++i) {
    readInteger(value->kind, value->bytes.data() + i * size, number);
    result.push_back(number);
  }
  return result;
}

} // namespace tern
