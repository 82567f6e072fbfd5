//===- lib/Import/GgufModel.cpp - GGUF in the usual terms -----------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/GgufModel.h"

#include "tern/Import/GgufNames.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;

namespace tern {

//===----------------------------------------------------------------------===//
// Tensors
//===----------------------------------------------------------------------===//

static DType typeOf(const GgufEncoding &encoding) {
  if (encoding.isTernary)
    return DType::U8;
  return encoding.codec == GgufCodec::F16    ? DType::F16
         : encoding.codec == GgufCodec::BF16 ? DType::BF16
                                             : DType::F32;
}

/// Heads whose rows are paired in this tensor; 0 if they are not.
static Expected<int64_t> pairedHeads(const GgufFile &file, StringRef name) {
  auto architecture = file.string("general.architecture");
  if (!architecture)
    return architecture.takeError();
  if (!*architecture || !hasPairedRows(**architecture, name))
    return 0;
  auto heads = file.integer((**architecture + ".attention.head_count").str());
  if (!heads)
    return heads.takeError();
  auto keyHeads =
      file.integer((**architecture + ".attention.head_count_kv").str());
  if (!keyHeads)
    return keyHeads.takeError();
  uint64_t all = heads->value_or(0);
  return static_cast<int64_t>(
      name.contains(".attn_k.") ? keyHeads->value_or(all) : all);
}

/// Which of the scales of `ternTableScalesKey` is that of a tensor.
static size_t tablePlace(StringRef huggingFaceName) {
  return StringSwitch<size_t>(huggingFaceName)
      .Case("model.embed_tokens.weight", 0)
      .Case("lm_head.weight", 1)
      .Default(SIZE_MAX);
}

Expected<TensorMap> ggufTensors(const GgufFile &file) {
  TensorMap result;
  Expected<std::vector<float>> scales = file.numbers(ternScalesKey);
  if (!scales)
    return scales.takeError();
  Expected<std::vector<float>> ofTables = file.numbers(ternTableScalesKey);
  if (!ofTables)
    return ofTables.takeError();
  size_t ternary = 0;
  StringMap<const GgufTensor *> seen;
  for (const GgufTensor &tensor : file.tensors()) {
    auto [at, isNew] = seen.try_emplace(tensor.name, &tensor);
    if (!isNew) {
      const GgufTensor &first = *at->second;
      if (tensor.sizes != first.sizes || tensor.encoding != first.encoding ||
          file.bytes(tensor) != file.bytes(first))
        return file.error("tensor '" + tensor.name +
                          "' occurs twice, with different values");
      continue;
    }
    std::string name =
        isRopeFactors(tensor.name) ? tensor.name : huggingFaceName(tensor.name);
    if (name.empty())
      return file.error("tensor '" + tensor.name +
                        "' is of no kind that tern knows");
    TensorEntry entry;
    entry.dtype = typeOf(*tensor.encoding);
    for (uint64_t size : reverse(tensor.sizes))
      entry.shape.push_back(static_cast<int64_t>(size));
    entry.offset = tensor.offset;
    entry.bytes = tensor.bytes;
    entry.encoding = tensor.encoding;
    Expected<int64_t> heads = pairedHeads(file, tensor.name);
    if (!heads)
      return heads.takeError();
    entry.pairedHeads = *heads;
    // 0 where the blocks say all.
    if (std::optional<uint64_t> place = ternaryPlace(name)) {
      ++ternary;
      if (*place < scales->size() && (*scales)[*place] != 0)
        entry.exactScale = (*scales)[*place];
    }
    size_t place = tablePlace(name);
    if (entry.encoding->isTernary && place < ofTables->size() &&
        (*ofTables)[place] != 0)
      entry.exactScale = (*ofTables)[place];
    result.emplace(std::move(name), std::move(entry));
  }
  if (!scales->empty() && ternary != scales->size())
    return file.error("'" + ternScalesKey + "' has " + Twine(scales->size()) +
                      " scales, but there are " + Twine(ternary) +
                      " ternary matrices");
  return result;
}

} // namespace tern
