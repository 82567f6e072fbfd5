//===- GgufFuzzer.cpp - GGUF files and their encodings --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "tern/Import/GgufModel.h"
#include "tern/Import/ModelConfig.h"
#include "tern/Packing/TernaryGroups.h"

using namespace tern;

/// Refusals are as good as values.
template <typename T> static void read(llvm::Expected<T> value) {
  if (!value)
    llvm::consumeError(value.takeError());
}

static void readMetadata(const GgufFile &file) {
  for (const auto &[key, value] : file.metadata()) {
    read(file.integer(key));
    read(file.number(key));
    read(file.flag(key));
    read(file.string(key));
    read(file.strings(key));
    read(file.integers(key));
  }
}

/// Whatever the bits are, the digits are digits.
static void recover(const GgufEncoding &encoding, const uint8_t *bytes,
                    int64_t rows, int64_t columns) {
  constexpr int64_t width = 16;
  columns -= columns % width;
  FloatWord word = encoding.codec == GgufCodec::F16    ? FloatWord::F16
                   : encoding.codec == GgufCodec::BF16 ? FloatWord::BF16
                                                       : FloatWord::F32;
  std::vector<int8_t> digits(rows * columns);
  std::vector<float> scales(rows * columns / width);
  int64_t inexact = 0;
  recoverGroups(word, bytes, rows, columns, width, digits.data(), scales.data(),
                inexact);
  for (int8_t digit : digits)
    require(digit >= -1 && digit <= 1, "a digit is one");
}

static void decode(const GgufFile &file, const GgufTensor &tensor) {
  constexpr uint64_t most = 1 << 16;
  require(!tensor.describe().empty(), "a tensor can be described");
  if (!tensor.encoding)
    return;
  llvm::ArrayRef<uint8_t> bytes = file.bytes(tensor);
  uint64_t rows = tensor.rows(), columns = tensor.columns();
  if (rows == 0 || columns == 0 || rows > most || columns > most / rows)
    return;
  const GgufEncoding &encoding = *tensor.encoding;
  if (encoding.isTernary) {
    std::vector<int8_t> digits(rows * columns);
    float alpha = 0;
    decodeDigits(encoding, bytes.data(), rows, columns, digits.data(), alpha);
    require(!decodeScales(encoding, bytes.data(), rows, columns).empty(),
            "a matrix has a scale");
    if (canEncode(encoding)) {
      std::vector<uint8_t> again(*ggufBytes(encoding, columns, rows));
      for (int8_t &digit : digits)
        digit = std::min<int8_t>(digit, 1);
      encodeDigits(encoding, digits.data(), rows * columns, 0.5f, again.data());
    }
    return;
  }
  int64_t blocks = rows * columns / encoding.blockElements;
  std::vector<float> values(blocks * encoding.blockElements);
  std::vector<int8_t> digits(values.size());
  decodeFloats(encoding, bytes.data(), blocks, values.data());
  float alpha = 0;
  splitTernaryValues(values.data(), values.size(), digits.data(), alpha);
  if (encoding.isPlain())
    recover(encoding, bytes.data(), rows, columns);
}

/// As a model: its configuration, its tensors' names, its tokenizer.
static void readModel(const GgufFile &file) {
  GgufOptions options;
  options.hiddenAct = "relu2";
  llvm::Expected<std::string> config = ggufConfig(file, options);
  if (!config)
    return llvm::consumeError(config.takeError());
  read(ModelConfig::parse(*config, "it"));
  read(ggufTensors(file));
  llvm::Expected<TokenizerSources> sources =
      ggufTokenizer(file, options, *config);
  if (!sources)
    return llvm::consumeError(sources.takeError());
  std::string error;
  if (sources->hasTokenizer())
    require(compileTokenizer(*sources, error) || !error.empty(),
            "a refusal says why");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // Readings a user may ask for decide between encodings of one number.
  for (std::vector<std::string> readings : {std::vector<std::string>{},
                                            {"i2_s", "q2_0_g64"},
                                            {"i2_s_arm", "q2_0_g128"}}) {
    llvm::Expected<GgufFile> file =
        GgufFile::parse({data, size}, "it", readings);
    if (!file) {
      std::string message = llvm::toString(file.takeError());
      require(message.rfind("it: ", 0) == 0, "a refusal names the file");
      continue;
    }
    readMetadata(*file);
    for (const GgufTensor &tensor : file->tensors())
      decode(*file, tensor);
    readModel(*file);
  }
  return 0;
}
