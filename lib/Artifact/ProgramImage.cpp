//===- ProgramImage.cpp - Room for an artifact in a program ---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "ProgramImage.h"

#include "tern/artifact.h"

#include "llvm/Object/ELFTypes.h"
#include "llvm/Support/MathExtras.h"

#include <vector>

using namespace llvm;
using object::ELF64LE;

namespace tern {

namespace {

constexpr StringRef noteName = ".note.tern";

Error failure(const Twine &message) {
  return createStringError("the linker wrote a program that weights cannot be "
                           "added to: " +
                           message);
}

/// `count` elements of the program, or an error.
template <typename T>
Expected<ArrayRef<T>> table(StringRef program, uint64_t offset, uint64_t count,
                            uint64_t elementBytes, const char *name) {
  if (elementBytes != sizeof(T) || offset > program.size() ||
      count > (program.size() - offset) / sizeof(T))
    return failure(Twine("its table of ") + name + " is not in it");
  return ArrayRef(reinterpret_cast<const T *>(program.data() + offset), count);
}

/// Of `note`, the section; the index of the program header for it alone.
Expected<size_t> findSegment(ArrayRef<ELF64LE::Phdr> segments,
                             const ELF64LE::Shdr &note) {
  for (size_t i = 0; i < segments.size(); ++i)
    if (segments[i].p_type == ELF::PT_NOTE &&
        segments[i].p_offset == note.sh_offset &&
        segments[i].p_filesz == note.sh_size)
      return i;
  return failure("it has no program header for " + noteName + " alone");
}

Expected<size_t> findNote(StringRef program, ArrayRef<ELF64LE::Shdr> sections,
                          size_t names) {
  if (names >= sections.size())
    return failure("it has no names of sections");
  auto strings = table<char>(program, sections[names].sh_offset,
                             sections[names].sh_size, sizeof(char), "names");
  if (!strings)
    return strings.takeError();
  StringRef all(strings->data(), strings->size());
  for (size_t i = 0; i < sections.size(); ++i)
    if (sections[i].sh_name < all.size() &&
        all.drop_front(sections[i].sh_name).split('\0').first == noteName)
      return i;
  return failure("it has no section " + noteName);
}

} // namespace

Expected<ProgramImage> ProgramImage::create(StringRef program,
                                            uint64_t artifactBytes) {
  if (program.size() < sizeof(ELF64LE::Ehdr) ||
      !program.starts_with("\177ELF\2\1"))
    return failure("it is not in ELF of 64 bits, little endian");
  ProgramImage image;
  image.program = program.str();
  auto *header = reinterpret_cast<ELF64LE::Ehdr *>(image.program.data());
  auto segments =
      table<ELF64LE::Phdr>(image.program, header->e_phoff, header->e_phnum,
                           header->e_phentsize, "program headers");
  if (!segments)
    return segments.takeError();
  auto sections =
      table<ELF64LE::Shdr>(image.program, header->e_shoff, header->e_shnum,
                           header->e_shentsize, "sections");
  if (!sections)
    return sections.takeError();
  Expected<size_t> note =
      findNote(image.program, *sections, header->e_shstrndx);
  if (!note)
    return note.takeError();
  Expected<size_t> segment = findSegment(*segments, (*sections)[*note]);
  if (!segment)
    return segment.takeError();

  image.artifactOffset = alignTo(program.size(), TERN_ARTIFACT_ALIGNMENT);
  image.sectionTableOffset =
      alignTo(image.artifactOffset + artifactBytes, alignof(uint64_t));
  std::vector<ELF64LE::Shdr> all = sections->vec();
  ELF64LE::Shdr artifact = {};
  // ".tern" is the end of ".note.tern", so the names need not grow.
  artifact.sh_name =
      (*sections)[*note].sh_name + noteName.size() - StringRef(".tern").size();
  artifact.sh_type = ELF::SHT_PROGBITS;
  artifact.sh_offset = image.artifactOffset;
  artifact.sh_size = artifactBytes;
  artifact.sh_addralign = TERN_ARTIFACT_ALIGNMENT;
  all.push_back(artifact);
  image.sectionTable.assign(reinterpret_cast<const char *>(all.data()),
                            all.size() * sizeof(ELF64LE::Shdr));

  auto &changed = const_cast<ELF64LE::Phdr &>((*segments)[*segment]);
  changed = {};
  changed.p_type = TERN_SEGMENT_TYPE;
  changed.p_flags = ELF::PF_R;
  changed.p_offset = image.artifactOffset;
  changed.p_filesz = artifactBytes;
  changed.p_align = TERN_ARTIFACT_ALIGNMENT;
  header->e_shoff = image.sectionTableOffset;
  header->e_shnum = static_cast<uint16_t>(all.size());
  return image;
}

} // namespace tern
