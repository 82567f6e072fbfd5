//===- lib/Import/Gguf.cpp - What a GGUF file holds -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/Gguf.h"

#include "Json.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using support::endian::read32le;
using support::endian::read64le;

namespace tern {

/// Above what any writer makes, and far below what would hurt.
static constexpr uint64_t maxStringBytes = uint64_t(1) << 30;
static constexpr uint64_t maxArrayElements = uint64_t(1) << 30;
static constexpr uint64_t maxKeyBytes = 65535;
static constexpr uint64_t maxNameBytes = 63;
static constexpr uint32_t maxSizes = 4;
/// The fewest bytes that an entry can take: an empty key and one byte, a name
/// and one size.
static constexpr uint64_t minValueBytes = 8 + 1 + 4 + 1;
static constexpr uint64_t minTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

/// 0 for strings and arrays, which have no fixed size.
static uint64_t sizeOf(GgufKind kind) {
  static constexpr uint8_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return sizes[static_cast<uint32_t>(kind)];
}

/// Names come from a file nobody vouches for and go to a terminal.
static std::string shown(StringRef name) {
  std::string text;
  raw_string_ostream stream(text);
  printEscapedString(name.take_front(80), stream);
  return "'" + text + "'";
}

uint64_t GgufTensor::rows() const {
  uint64_t count = 1;
  for (uint64_t size : drop_begin(sizes))
    count *= size;
  return count;
}

std::string GgufTensor::describe() const {
  std::string text = (encoding ? encoding->name : "?") + std::string(" [");
  for (size_t i = sizes.size(); i-- > 0;)
    text += std::to_string(sizes[i]) + (i ? ", " : "]");
  return text;
}

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

/// Reads front to back. The first problem is kept; what is read after it is
/// zero or empty.
class GgufParser {
public:
  GgufParser(ArrayRef<uint8_t> bytes, StringRef file,
             ArrayRef<std::string> readings)
      : readings(readings) {
    out.path = file.str();
    out.contents = bytes;
  }

  Expected<GgufFile> parse() {
    uint64_t tensorCount = 0, valueCount = 0;
    readStart(tensorCount, valueCount);
    for (uint64_t i = 0; i < valueCount && isFine(); ++i)
      readKeyAndValue();
    readAlignment();
    for (uint64_t i = 0; i < tensorCount && isFine(); ++i)
      readTensor();
    placeTensors();
    for (GgufTensor &tensor : out.table)
      if (isFine())
        identify(tensor);
    if (!isFine())
      return fileError(out.path, problem);
    return std::move(out);
  }

private:
  bool isFine() const { return problem.empty(); }
  void fail(const Twine &message) {
    if (isFine())
      problem = message.str();
    position = out.contents.size();
  }
  uint64_t left() const { return out.contents.size() - position; }

  ArrayRef<uint8_t> take(uint64_t count, const Twine &what) {
    if (!isFine())
      return {};
    if (count > left()) {
      fail(what + " needs " + Twine(count) + " bytes, but only " +
           Twine(left()) + " are left; is the file complete?");
      return {};
    }
    ArrayRef<uint8_t> taken = out.contents.slice(position, count);
    position += count;
    return taken;
  }
  uint32_t take32(const Twine &what) {
    ArrayRef<uint8_t> bytes = take(4, what);
    return bytes.empty() ? 0 : read32le(bytes.data());
  }
  uint64_t take64(const Twine &what) {
    ArrayRef<uint8_t> bytes = take(8, what);
    return bytes.empty() ? 0 : read64le(bytes.data());
  }
  StringRef takeString(uint64_t limit, const Twine &what) {
    uint64_t size = take64(what);
    if (size > limit) {
      fail(what + " claims " + Twine(size) + " bytes, more than the " +
           Twine(limit) + " allowed");
      return {};
    }
    ArrayRef<uint8_t> bytes = take(size, what);
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
  }

  void readStart(uint64_t &tensorCount, uint64_t &valueCount);
  void readKeyAndValue();
  GgufValue readValue(const Twine &what);
  void skipStrings(uint64_t count, const Twine &what);
  void readAlignment();
  void readTensor();
  void readSizes(GgufTensor &tensor, const Twine &what);
  void placeTensors();
  void identify(GgufTensor &tensor);
  bool isOfSize(const GgufTensor &tensor, const GgufEncoding &encoding);
  std::string misfit(const GgufTensor &tensor);

  ArrayRef<std::string> readings;
  GgufFile out;
  uint64_t position = 0;
  std::string problem;
};

void GgufParser::readStart(uint64_t &tensorCount, uint64_t &valueCount) {
  ArrayRef<uint8_t> magic = take(4, "the magic number");
  if (isFine() && toStringRef(magic) != "GGUF")
    return fail("this is not a GGUF file: it does not begin with GGUF");
  out.fileVersion = take32("the version");
  if (isFine() && out.fileVersion != 2 && out.fileVersion != 3) {
    bool isSwapped = (out.fileVersion & 0xffffff) == 0;
    return fail(isSwapped ? Twine("the file is big-endian; tern reads "
                                  "little-endian ones, which llama.cpp's "
                                  "gguf_convert_endian.py makes of it")
                          : "the file is of version " + Twine(out.fileVersion) +
                                "; tern reads 2 and 3");
  }
  tensorCount = take64("the number of tensors");
  valueCount = take64("the number of metadata values");
  if (valueCount > left() / minValueBytes)
    fail("the file claims " + Twine(valueCount) +
         " metadata values, more than its " + Twine(left()) +
         " bytes can hold");
  else if (tensorCount > left() / minTensorBytes)
    fail("the file claims " + Twine(tensorCount) + " tensors, more than its " +
         Twine(left()) + " bytes can hold");
}

void GgufParser::skipStrings(uint64_t count, const Twine &what) {
  if (count > left() / 8)
    return fail(what + " claims " + Twine(count) +
                " strings, more than the remaining " + Twine(left()) +
                " bytes can hold");
  for (uint64_t i = 0; i < count && isFine(); ++i)
    takeString(maxStringBytes, what);
}

GgufValue GgufParser::readValue(const Twine &what) {
  GgufValue value;
  uint32_t kind = take32(what);
  if (kind == static_cast<uint32_t>(GgufKind::Array)) {
    value.isArray = true;
    kind = take32(what);
    value.count = take64(what);
  }
  if (kind > static_cast<uint32_t>(GgufKind::F64) ||
      kind == static_cast<uint32_t>(GgufKind::Array)) {
    fail(what + " is of " + (value.isArray ? "elements of " : "") + "kind " +
         Twine(kind) + ", which is not allowed");
    return value;
  }
  value.kind = static_cast<GgufKind>(kind);
  if (value.count > maxArrayElements) {
    fail(what + " claims " + Twine(value.count) + " elements, more than the " +
         Twine(maxArrayElements) + " allowed");
    return value;
  }
  uint64_t start = position;
  if (uint64_t size = sizeOf(value.kind))
    (void)take(value.count * size, what);
  else
    skipStrings(value.count, what);
  if (isFine())
    value.bytes = out.contents.slice(start, position - start);
  if (value.kind == GgufKind::Bool &&
      any_of(value.bytes, [](uint8_t byte) { return byte > 1; }))
    fail(what + " is a truth value other than 0 and 1");
  return value;
}

void GgufParser::readKeyAndValue() {
  StringRef key = takeString(maxKeyBytes, "a key of the metadata");
  if (isFine() && (key.empty() || key.contains('\0')))
    return fail("a key of the metadata is empty or has a zero byte in it");
  GgufValue value = readValue("the value of " + shown(key));
  if (!isFine())
    return;
  auto [at, isNew] = out.values.emplace(key.str(), value);
  if (!isNew && !(at->second == value))
    fail("the key " + shown(key) + " occurs twice, with different values");
}

void GgufParser::readAlignment() {
  const GgufValue *value = out.find("general.alignment");
  if (!isFine() || !value)
    return;
  if (value->kind != GgufKind::U32 || value->isArray)
    return fail("'general.alignment' is expected to be a u32");
  uint64_t alignment = read32le(value->bytes.data());
  if (!isPowerOf2_64(alignment) || alignment > 1 << 20)
    return fail("'general.alignment' is expected to be a power of two up to " +
                Twine(1 << 20) + ", but is " + Twine(alignment));
  out.fileAlignment = alignment;
}

void GgufParser::readSizes(GgufTensor &tensor, const Twine &what) {
  uint32_t count = take32(what);
  if (isFine() && (count == 0 || count > maxSizes))
    return fail(what + " has " + Twine(count) +
                " dimensions, but 1 to 4 are allowed");
  uint64_t elements = 1;
  for (uint32_t i = 0; i < count && isFine(); ++i) {
    uint64_t size = take64(what);
    if (!isFine())
      return;
    if (size == 0)
      return fail(what + " has a dimension of size 0");
    bool overflow = false;
    elements = SaturatingMultiply(elements, size, &overflow);
    if (overflow || elements > uint64_t(INT64_MAX))
      return fail(what + " has more elements than 63 bits can count");
    tensor.sizes.push_back(size);
  }
}

void GgufParser::readTensor() {
  GgufTensor tensor;
  StringRef name = takeString(maxNameBytes, "the name of a tensor");
  if (!isFine())
    return;
  if (name.empty() || !all_of(name, isPrint))
    return fail("a tensor is named " + shown(name) +
                ", which is empty or not plain text");
  tensor.name = name.str();
  std::string what = "tensor " + shown(name);
  readSizes(tensor, what);
  tensor.type = take32(what);
  tensor.offset = take64(what);
  if (isFine())
    out.table.push_back(std::move(tensor));
}

/// Each tensor begins where the one before it ends, padded. The size of a
/// tensor is thus known before its encoding is.
void GgufParser::placeTensors() {
  if (!isFine() || out.table.empty())
    return;
  uint64_t start = alignTo(position, out.fileAlignment);
  if (start > out.contents.size())
    return fail("the tensors' data would begin at byte " + Twine(start) +
                " of " + Twine(out.contents.size()) +
                "; is the file complete?");
  uint64_t dataBytes = out.contents.size() - start;
  if (out.table.front().offset != 0)
    return fail("tensor " + shown(out.table.front().name) +
                " is the first one, but its offset is " +
                Twine(out.table.front().offset));
  for (size_t i = 0; i < out.table.size(); ++i) {
    GgufTensor &tensor = out.table[i];
    bool isLast = i + 1 == out.table.size();
    uint64_t end = isLast ? dataBytes : out.table[i + 1].offset;
    if (end > dataBytes || end <= tensor.offset)
      return fail("tensor " +
                  shown(isLast ? tensor.name : out.table[i + 1].name) +
                  " has the offset " + Twine(isLast ? tensor.offset : end) +
                  ", which is not between the tensor before it and the end of "
                  "the " +
                  Twine(dataBytes) + " bytes of data; is the file complete?");
    if (tensor.offset % out.fileAlignment)
      return fail("tensor " + shown(tensor.name) + " has the offset " +
                  Twine(tensor.offset) + ", which is no multiple of " +
                  Twine(out.fileAlignment));
    tensor.extent = end - tensor.offset;
    tensor.offset += start;
  }
}

//===----------------------------------------------------------------------===//
// Encodings
//===----------------------------------------------------------------------===//

/// True if the encoding and its padding take just the tensor's bytes. Some
/// writers do not pad the last tensor.
bool GgufParser::isOfSize(const GgufTensor &tensor,
                          const GgufEncoding &encoding) {
  std::optional<uint64_t> bytes =
      ggufBytes(encoding, tensor.columns(), tensor.rows());
  return bytes && *bytes <= tensor.extent &&
         (alignTo(*bytes, out.fileAlignment) == tensor.extent ||
          (&tensor == &out.table.back() && *bytes == tensor.extent));
}

std::string GgufParser::misfit(const GgufTensor &tensor) {
  std::string sizes;
  for (const GgufEncoding &encoding : allGgufEncodings()) {
    if (encoding.id != tensor.type)
      continue;
    std::optional<uint64_t> bytes =
        ggufBytes(encoding, tensor.columns(), tensor.rows());
    sizes += (sizes.empty() ? "" : ", ") + std::string(encoding.name) +
             (bytes ? " takes " + std::to_string(*bytes)
                    : " needs rows of whole blocks of " +
                          std::to_string(encoding.blockElements));
  }
  const char *name = ggufTypeName(tensor.type);
  std::string type = "type " + std::to_string(tensor.type) +
                     (name ? " (" + std::string(name) + ")" : "");
  if (sizes.empty())
    return "is of " + type + ", which tern does not read";
  return "is " + tensor.describe() + " of " + type + " and has " +
         std::to_string(tensor.extent) + " bytes, but " + sizes;
}

void GgufParser::identify(GgufTensor &tensor) {
  std::vector<const GgufEncoding *> fits;
  for (const GgufEncoding &encoding : allGgufEncodings())
    if (encoding.id == tensor.type && isOfSize(tensor, encoding))
      fits.push_back(&encoding);
  std::string what = "tensor " + shown(tensor.name) + " ";
  if (fits.empty())
    return fail(what + misfit(tensor));
  auto chosen = find_if(fits, [&](const GgufEncoding *encoding) {
    return fits.size() == 1 || is_contained(readings, encoding->name);
  });
  if (chosen == fits.end())
    return fail(what + "could be " + fits[0]->name + " or " + fits[1]->name +
                " by its size; say which with --gguf-reading=" + fits[0]->name +
                " or " + fits[1]->name +
                (fits[0]->codec == GgufCodec::I2_S
                     ? ", as the file was written on x86 or on ARM"
                     : ""));
  tensor.encoding = *chosen;
  tensor.bytes = *ggufBytes(*tensor.encoding, tensor.columns(), tensor.rows());
}

Expected<GgufFile> GgufFile::parse(ArrayRef<uint8_t> bytes, StringRef file,
                                   ArrayRef<std::string> readings) {
  return GgufParser(bytes, file, readings).parse();
}

} // namespace tern
