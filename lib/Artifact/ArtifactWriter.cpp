//===- lib/Artifact/ArtifactWriter.cpp - Header, sections, checksums ------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/WeightWriter.h"

#include "ProgramImage.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/artifact.h"
#include "tern/host.h"

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

/// All but the checksums.
static Expected<tern_artifact_header>
planHeader(ModuleOp module, uint64_t tokenizerBytes, uint64_t generationBytes) {
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
    tern_section section = {alignTo(end, alignment), bytes, 0};
    end = section.offset + bytes;
    return section;
  };
  header.weights = place(*weightsBytes, TERN_WEIGHTS_ALIGNMENT);
  header.tokenizer = place(tokenizerBytes, sectionAlignment);
  header.generation = place(generationBytes, sectionAlignment);
  header.total_bytes = alignTo(end, sectionAlignment);
  return header;
}

static uint64_t checksumOf(ArrayRef<uint8_t> bytes) {
  tern_checksum sum;
  tern_checksum_begin(&sum);
  tern_checksum_add(&sum, bytes.data(), bytes.size());
  return tern_checksum_end(&sum);
}

/// Weights are not written in the order in which they lie there, so they are
/// read back: their pages are still in memory.
static Expected<uint64_t> checksumOf(AtomicFile &file, uint64_t offset,
                                     uint64_t bytes) {
  std::vector<uint8_t> buffer(std::min(bytes, uint64_t(1) << 20));
  tern_checksum sum;
  tern_checksum_begin(&sum);
  while (bytes) {
    MutableArrayRef<uint8_t> now(buffer.data(),
                                 std::min<uint64_t>(bytes, buffer.size()));
    if (Error error = file.readAt(offset, now))
      return std::move(error);
    tern_checksum_add(&sum, now.data(), now.size());
    offset += now.size();
    bytes -= now.size();
  }
  return tern_checksum_end(&sum);
}

Error writeArtifact(ModuleOp module, const Checkpoint &checkpoint,
                    ArrayRef<uint8_t> tokenizer, ArrayRef<uint8_t> generation,
                    AtomicFile &out, uint64_t start, WeightProgress progress,
                    const ProgramChecksums &program) {
  assert(start % TERN_ARTIFACT_ALIGNMENT == 0 && "sections would not map");
  tern_artifact_header header;
  if (Error error = planHeader(module, tokenizer.size(), generation.size())
                        .moveInto(header))
    return error;
  out.growInLargePieces(start, start + header.tokenizer.offset);
  if (Error error = writeWeights(module, checkpoint, out,
                                 start + header.weights.offset, progress))
    return error;
  if (Error error =
          checksumOf(out, start + header.weights.offset, header.weights.bytes)
              .moveInto(header.weights.checksum))
    return error;
  for (auto [section, bytes] : {std::pair(&header.tokenizer, tokenizer),
                                {&header.generation, generation}}) {
    section->checksum = checksumOf(bytes);
    if (Error error = out.writeAt(start + section->offset, bytes))
      return error;
  }
  header.program_checksum = program.program;
  header.file_bytes = program.fileBytes;
  header.file_checksum = program.file;
  header.header_checksum = checksumOf(bytesOf(header).drop_back(
      sizeof header - offsetof(tern_artifact_header, header_checksum)));
  if (Error error = out.writeAt(start, bytesOf(header)))
    return error;
  return out.pad(start + header.total_bytes);
}

Error writeProgram(StringRef program, ModuleOp module,
                   const Checkpoint &checkpoint, ArrayRef<uint8_t> tokenizer,
                   ArrayRef<uint8_t> generation, AtomicFile &out,
                   WeightProgress progress) {
  tern_artifact_header header;
  if (Error error = planHeader(module, tokenizer.size(), generation.size())
                        .moveInto(header))
    return error;
  Expected<ProgramImage> image =
      ProgramImage::create(program, header.total_bytes);
  if (!image)
    return image.takeError();
  if (Error error = out.writeAt(0, image->program))
    return error;
  if (Error error = out.writeAt(image->sectionTableOffset, image->sectionTable))
    return error;
  ProgramChecksums checksums;
  checksums.fileBytes = out.size();
  if (tern_program_checksum(out.descriptor(), &checksums.program) != 0 ||
      tern_program_file_checksum(out.descriptor(), checksums.fileBytes,
                                 &checksums.file) != 0)
    return createStringError("the linker wrote a program that ends before its "
                             "segments do");
  return writeArtifact(module, checkpoint, tokenizer, generation, out,
                       image->artifactOffset, progress, checksums);
}

} // namespace tern
