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
template <typename ELF>
Expected<size_t> findSegment(ArrayRef<typename ELF::Phdr> segments,
                             const typename ELF::Shdr &note) {
  for (size_t i = 0; i < segments.size(); ++i)
    if (segments[i].p_type == llvm::ELF::PT_NOTE &&
        segments[i].p_offset == note.sh_offset &&
        segments[i].p_filesz == note.sh_size)
      return i;
  return failure("it has no program header for " + noteName + " alone");
}

template <typename ELF>
Expected<size_t> findNote(StringRef program,
                          ArrayRef<typename ELF::Shdr> sections, size_t names) {
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

/// `ELF` is a type of LLVM's for the width of the program.
template <typename ELF>
Expected<ProgramImage> makeRoom(StringRef program, uint64_t artifactBytes) {
  using Header = typename ELF::Ehdr;
  using Section = typename ELF::Shdr;
  using Segment = typename ELF::Phdr;
  if (program.size() < sizeof(Header))
    return failure("its header is cut off");
  ProgramImage image;
  image.program = program.str();
  auto *header = reinterpret_cast<Header *>(image.program.data());
  auto segments =
      table<Segment>(image.program, header->e_phoff, header->e_phnum,
                     header->e_phentsize, "program headers");
  if (!segments)
    return segments.takeError();
  auto sections =
      table<Section>(image.program, header->e_shoff, header->e_shnum,
                     header->e_shentsize, "sections");
  if (!sections)
    return sections.takeError();
  Expected<size_t> note =
      findNote<ELF>(image.program, *sections, header->e_shstrndx);
  if (!note)
    return note.takeError();
  Expected<size_t> segment = findSegment<ELF>(*segments, (*sections)[*note]);
  if (!segment)
    return segment.takeError();

  image.artifactOffset = alignTo(program.size(), TERN_ARTIFACT_ALIGNMENT);
  image.sectionTableOffset =
      alignTo(image.artifactOffset + artifactBytes, alignof(uint64_t));
  std::vector<Section> all = sections->vec();
  if (!ELF::Is64Bits &&
      image.sectionTableOffset + (all.size() + 1) * sizeof(Section) >
          UINT32_MAX)
    return createStringError(
        "a program of 32 bits has room for 4 GiB, and the weights alone take " +
        Twine(artifactBytes) + " bytes; compile for a machine of 64 bits");
  Section artifact = {};
  // ".tern" is the end of ".note.tern", so the names need not grow.
  artifact.sh_name =
      (*sections)[*note].sh_name + noteName.size() - StringRef(".tern").size();
  artifact.sh_type = llvm::ELF::SHT_PROGBITS;
  artifact.sh_offset = static_cast<typename ELF::uint>(image.artifactOffset);
  artifact.sh_size = static_cast<typename ELF::uint>(artifactBytes);
  artifact.sh_addralign = TERN_ARTIFACT_ALIGNMENT;
  all.push_back(artifact);
  image.sectionTable.assign(reinterpret_cast<const char *>(all.data()),
                            all.size() * sizeof(Section));

  auto &changed = const_cast<Segment &>((*segments)[*segment]);
  changed = {};
  changed.p_type = TERN_SEGMENT_TYPE;
  changed.p_flags = llvm::ELF::PF_R;
  changed.p_offset = artifact.sh_offset;
  changed.p_filesz = artifact.sh_size;
  changed.p_align = TERN_ARTIFACT_ALIGNMENT;
  header->e_shoff = static_cast<typename ELF::uint>(image.sectionTableOffset);
  header->e_shnum = static_cast<uint16_t>(all.size());
  return image;
}

} // namespace

Expected<ProgramImage> ProgramImage::create(StringRef program,
                                            uint64_t artifactBytes) {
  if (program.starts_with("\177ELF\2\1"))
    return makeRoom<object::ELF64LE>(program, artifactBytes);
  if (program.starts_with("\177ELF\1\1"))
    return makeRoom<object::ELF32LE>(program, artifactBytes);
  return failure("it is not in ELF, little endian");
}

} // namespace tern
