//===- lib/Artifact/ArtifactWriter.cpp - Header, sections, footer ---------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/WeightWriter.h"

#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/artifact.h"

#include "llvm/Support/MathExtras.h"

using namespace llvm;
using mlir::ModuleOp;

namespace tern {

/// Of the sections behind the weights.
static constexpr uint64_t sectionAlignment = 64;

template <typename T> static ArrayRef<uint8_t> bytesOf(const T &value) {
  return {reinterpret_cast<const uint8_t *>(&value), sizeof value};
}

static Expected<uint64_t> unsignedAttribute(ModuleOp module, StringRef name) {
  if (auto value = module->getAttrOfType<mlir::IntegerAttr>(name))
    return value.getValue().getZExtValue();
  return createStringError("the module has no attribute " + name +
                           "; weights are planned by tern-plan-weights");
}

Expected<uint64_t> writeArtifact(ModuleOp module, const Checkpoint &checkpoint,
                                 ArrayRef<uint8_t> tokenizer,
                                 ArrayRef<uint8_t> generation, AtomicFile &out,
                                 uint64_t start, WeightProgress progress) {
  assert(start % TERN_ARTIFACT_ALIGNMENT == 0 && "sections would not map");
  Expected<uint64_t> id =
      unsignedAttribute(module, TernDialect::kWeightsIdAttr);
  if (!id)
    return id.takeError();
  Expected<uint64_t> weightsBytes =
      unsignedAttribute(module, TernDialect::kWeightsBytesAttr);
  if (!weightsBytes)
    return weightsBytes.takeError();

  tern_artifact_header header = {};
  memcpy(header.magic, TERN_ARTIFACT_MAGIC, sizeof header.magic);
  header.version = TERN_ARTIFACT_VERSION;
  header.header_bytes = sizeof header;
  header.weights_id = *id;
  uint64_t end = sizeof header;
  auto place = [&end](uint64_t bytes, uint64_t alignment) {
    tern_section section = {alignTo(end, alignment), bytes};
    end = section.offset + bytes;
    return section;
  };
  header.weights = place(*weightsBytes, TERN_WEIGHTS_ALIGNMENT);
  header.tokenizer = place(tokenizer.size(), sectionAlignment);
  header.generation = place(generation.size(), sectionAlignment);
  header.total_bytes = alignTo(end, sectionAlignment);

  if (Error error = out.writeAt(start, bytesOf(header)))
    return std::move(error);
  if (Error error = writeWeights(module, checkpoint, out,
                                 start + header.weights.offset, progress))
    return std::move(error);
  if (Error error = out.writeAt(start + header.tokenizer.offset, tokenizer))
    return std::move(error);
  if (Error error = out.writeAt(start + header.generation.offset, generation))
    return std::move(error);
  if (Error error = out.pad(start + header.total_bytes))
    return std::move(error);
  return header.total_bytes;
}

Error appendArtifact(ModuleOp module, const Checkpoint &checkpoint,
                     ArrayRef<uint8_t> tokenizer, ArrayRef<uint8_t> generation,
                     AtomicFile &out, WeightProgress progress) {
  tern_artifact_footer footer = {};
  memcpy(footer.magic, TERN_FOOTER_MAGIC, sizeof footer.magic);
  footer.header_offset = alignTo(out.size(), TERN_ARTIFACT_ALIGNMENT);
  Expected<uint64_t> total =
      writeArtifact(module, checkpoint, tokenizer, generation, out,
                    footer.header_offset, progress);
  if (!total)
    return total.takeError();
  footer.total_bytes = *total;
  return out.append(bytesOf(footer));
}

} // namespace tern
