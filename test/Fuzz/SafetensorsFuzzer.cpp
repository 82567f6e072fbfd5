//===- SafetensorsFuzzer.cpp - Headers of safetensors files ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Fuzzing.h"

#include "tern/Import/Safetensors.h"
#include "tern/Import/StandIns.h"

#include "llvm/Support/Endian.h"

using namespace tern;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string other = recognizeStandIn({data, size}, FileRole::Safetensors);
  for (FileRole role :
       {FileRole::Gguf, FileRole::Json, FileRole::Text, FileRole::Binary})
    require(recognizeStandIn({data, size}, role).size() < 400,
            "a sentence is not long, whatever it quotes");
  llvm::Expected<TensorMap> tensors =
      parseSafetensors({data, size}, size, "it");
  if (!tensors) {
    std::string message = llvm::toString(tensors.takeError());
    require(message.rfind("it: ", 0) == 0, "a refusal names the file");
    return 0;
  }
  require(other.empty(), "a file of the format is taken for nothing else");
  uint64_t total = 8 + llvm::support::endian::read64le(data);
  for (const auto &[name, entry] : *tensors) {
    require(entry.offset <= size && entry.bytes <= size - entry.offset,
            "a tensor lies inside the file");
    require(!entry.describe().empty(), "an entry can be described");
    total += entry.bytes;
  }
  require(total == size, "header and tensors are all of the file");
  return 0;
}

/// Keeps the header's length right in half of the cases: as most inputs would
/// otherwise end at that check.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned seed) {
  size = LLVMFuzzerMutate(data, size, maxSize);
  if (size < 10 || seed % 2)
    return size;
  size_t end = size;
  while (end > 8 && data[end - 1] != '}')
    --end;
  if (end > 8)
    llvm::support::endian::write64le(data, end - 8);
  return size;
}
