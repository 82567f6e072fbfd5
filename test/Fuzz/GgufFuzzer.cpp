//===- GgufFuzzer.cpp - GGUF files and their encodings --------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "tern/Import/GgufModel.h"
#include "tern/Import/ModelConfig.h"

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
    return;
  }
  int64_t blocks = rows * columns / encoding.blockElements;
  std::vector<float> values(blocks * encoding.blockElements);
  std::vector<int8_t> digits(values.size());
  decodeFloats(encoding, bytes.data(), blocks, values.data());
  float alpha = 0;
  splitTernaryValues(values.data(), values.size(), digits.data(), alpha);
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
