//===- lib/Export/GgufWriter.cpp - GGUF files, written --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Export/GgufWriter.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;

namespace tern {

/// The value readers assume where the metadata do not say otherwise.
static constexpr uint64_t alignment = 32;

template <typename T> static void put(std::string &out, T value) {
  char bytes[sizeof(T)];
  support::endian::write<T, llvm::endianness::little>(bytes, value);
  out.append(bytes, sizeof(T));
}

static void putText(std::string &out, StringRef text) {
  put<uint64_t>(out, text.size());
  out += text;
}

static void putNumbers(std::string &out, ArrayRef<float> values) {
  for (float value : values)
    put(out, bit_cast<uint32_t>(value));
}

std::string &GgufWriter::add(StringRef key, GgufKind kind) {
  std::string &value = values[key.str()];
  assert(value.empty() && "each key once");
  put(value, static_cast<uint32_t>(kind));
  return value;
}

std::string &GgufWriter::addArray(StringRef key, GgufKind kind,
                                  uint64_t count) {
  std::string &value = add(key, GgufKind::Array);
  put(value, static_cast<uint32_t>(kind));
  put(value, count);
  return value;
}

void GgufWriter::addInteger(StringRef key, uint32_t number) {
  put(add(key, GgufKind::U32), number);
}

void GgufWriter::addNumber(StringRef key, float number) {
  putNumbers(add(key, GgufKind::F32), number);
}

void GgufWriter::addFlag(StringRef key, bool flag) {
  add(key, GgufKind::Bool) += static_cast<char>(flag);
}

void GgufWriter::addText(StringRef key, StringRef text) {
  putText(add(key, GgufKind::String), text);
}

void GgufWriter::addTexts(StringRef key, ArrayRef<std::string> texts) {
  std::string &value = addArray(key, GgufKind::String, texts.size());
  for (const std::string &text : texts)
    putText(value, text);
}

void GgufWriter::addIntegers(StringRef key, ArrayRef<int32_t> numbers) {
  std::string &value = addArray(key, GgufKind::I32, numbers.size());
  for (int32_t number : numbers)
    put(value, number);
}

void GgufWriter::addBytes(StringRef key, StringRef bytes) {
  addArray(key, GgufKind::U8, bytes.size()) += bytes;
}

void GgufWriter::setNumbers(StringRef key, ArrayRef<float> numbers) {
  values.erase(key.str());
  putNumbers(addArray(key, GgufKind::F32, numbers.size()), numbers);
}

void GgufWriter::addValue(StringRef key, const GgufValue &value) {
  std::string &copy = value.isArray ? addArray(key, value.kind, value.count)
                                    : add(key, value.kind);
  copy += toStringRef(value.bytes);
}

void GgufWriter::addTensor(std::string name, ArrayRef<int64_t> sizes,
                           const GgufEncoding &encoding, Source source) {
  uint64_t rows = 1;
  for (int64_t size : sizes.drop_back())
    rows *= static_cast<uint64_t>(size);
  std::optional<uint64_t> bytes =
      ggufBytes(encoding, static_cast<uint64_t>(sizes.back()), rows);
  assert(bytes && "callers check that rows are whole blocks");
  tensors.push_back(
      {std::move(name), sizes.vec(), &encoding, *bytes, std::move(source)});
}

/// All before the tensors' data, padded.
std::string GgufWriter::header() const {
  std::string out = "GGUF";
  put<uint32_t>(out, 3);
  put<uint64_t>(out, tensors.size());
  put<uint64_t>(out, values.size());
  for (const auto &[key, value] : values) {
    putText(out, key);
    out += value;
  }
  uint64_t offset = 0;
  for (const Tensor &tensor : tensors) {
    putText(out, tensor.name);
    put(out, static_cast<uint32_t>(tensor.sizes.size()));
    for (int64_t size : reverse(tensor.sizes))
      put(out, static_cast<uint64_t>(size));
    put(out, tensor.encoding->id);
    put(out, offset);
    offset += alignTo(tensor.bytes, alignment);
  }
  out.resize(alignTo(out.size(), alignment));
  return out;
}

Error GgufWriter::writeTensor(AtomicFile &file, const Tensor &tensor) const {
  uint64_t start = file.size();
  if (Error error = tensor.source(
          [&](ArrayRef<uint8_t> bytes) { return file.append(bytes); }))
    return error;
  assert(file.size() - start == tensor.bytes && "a tensor of another size");
  return file.pad(start + alignTo(tensor.bytes, alignment));
}

Error GgufWriter::write(StringRef path, const InputFiles &inputs) const {
  Expected<std::unique_ptr<AtomicFile>> file = AtomicFile::create(path, inputs);
  if (!file)
    return file.takeError();
  uint64_t start = header().size();
  if (Error error = (*file)->pad(start))
    return error;
  for (const Tensor &tensor : tensors)
    if (Error error = writeTensor(**file, tensor))
      return error;
  std::string final = header();
  assert(final.size() == start && "tensors changed more than numbers");
  if (Error error = (*file)->writeAt(0, final))
    return error;
  return (*file)->commit();
}

} // namespace tern
