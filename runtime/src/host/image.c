/*===- image.c - programs as files in ELF -----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Program headers are all that is read: sections and their names may be
 *stripped. Also linked into the compiler, which writes what is read here.
 */
#include "tern/host.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* All of `bytes` bytes at `offset`, or -1. */
static int read_at(int file, void *to, size_t bytes, uint64_t offset) {
  uint8_t *at = to;
  if (offset > (uint64_t)INT64_MAX - bytes)
    return -1;
  while (bytes) {
    ssize_t now = pread(file, at, bytes, (off_t)offset);
    if (now < 0 && errno == EINTR)
      continue;
    if (now <= 0)
      return -1;
    at += now;
    offset += (uint64_t)now;
    bytes -= (size_t)now;
  }
  return 0;
}

/* The fields of the ELF header of a program of 64 bits or 32, as those of the
 * wider one. */
static int read_header(int file, Elf64_Ehdr *header) {
  Elf32_Ehdr narrow;
  if (read_at(file, header->e_ident, sizeof(header->e_ident), 0) != 0 ||
      memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
      header->e_ident[EI_DATA] != ELFDATA2LSB)
    return -1;
  if (header->e_ident[EI_CLASS] == ELFCLASS64)
    return read_at(file, header, sizeof(*header), 0) == 0 &&
                   header->e_phentsize == sizeof(Elf64_Phdr)
               ? 0
               : -1;
  if (header->e_ident[EI_CLASS] != ELFCLASS32 ||
      read_at(file, &narrow, sizeof(narrow), 0) != 0 ||
      narrow.e_phentsize != sizeof(Elf32_Phdr))
    return -1;
  header->e_type = narrow.e_type;
  header->e_machine = narrow.e_machine;
  header->e_version = narrow.e_version;
  header->e_entry = narrow.e_entry;
  header->e_phoff = narrow.e_phoff;
  header->e_flags = narrow.e_flags;
  header->e_phentsize = narrow.e_phentsize;
  header->e_phnum = narrow.e_phnum;
  return 0;
}

static int read_segment(int file, const Elf64_Ehdr *header, unsigned index,
                        Elf64_Phdr *segment) {
  Elf32_Phdr narrow;
  uint64_t before = (uint64_t)index * header->e_phentsize;
  if (header->e_phoff > INT64_MAX - before)
    return -1;
  if (header->e_ident[EI_CLASS] == ELFCLASS64)
    return read_at(file, segment, sizeof(*segment), header->e_phoff + before);
  if (read_at(file, &narrow, sizeof(narrow), header->e_phoff + before) != 0)
    return -1;
  segment->p_type = narrow.p_type;
  segment->p_flags = narrow.p_flags;
  segment->p_offset = narrow.p_offset;
  segment->p_vaddr = narrow.p_vaddr;
  segment->p_filesz = narrow.p_filesz;
  segment->p_memsz = narrow.p_memsz;
  return 0;
}

int tern_program_artifact(int file, uint64_t *offset, uint64_t *bytes) {
  Elf64_Ehdr header;
  Elf64_Phdr segment;
  if (read_header(file, &header) != 0)
    return -1;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    if (read_segment(file, &header, i, &segment) != 0)
      return -1;
    if (segment.p_type != TERN_SEGMENT_TYPE)
      continue;
    *offset = segment.p_offset;
    *bytes = segment.p_filesz;
    return 0;
  }
  return -1;
}

static void add_number(tern_checksum *sum, uint64_t number) {
  unsigned char bytes[8];
  for (unsigned i = 0; i < 8; ++i)
    bytes[i] = (unsigned char)(number >> 8 * i);
  tern_checksum_add(sum, bytes, sizeof(bytes));
}

/* The bytes of the file at [from, to). */
static int add_bytes(tern_checksum *sum, int file, uint64_t from, uint64_t to) {
  unsigned char buffer[1 << 14];
  while (from < to) {
    size_t now =
        to - from < sizeof(buffer) ? (size_t)(to - from) : sizeof(buffer);
    if (read_at(file, buffer, now, from) != 0)
      return -1;
    tern_checksum_add(sum, buffer, now);
    from += now;
  }
  return 0;
}

int tern_program_checksum(int file, uint64_t *checksum) {
  Elf64_Ehdr header;
  Elf64_Phdr s;
  tern_checksum sum;
  if (read_header(file, &header) != 0)
    return -1;
  tern_checksum_begin(&sum);
  tern_checksum_add(&sum, header.e_ident, sizeof(header.e_ident));
  add_number(&sum, header.e_type);
  add_number(&sum, header.e_machine);
  add_number(&sum, header.e_version);
  add_number(&sum, header.e_entry);
  add_number(&sum, header.e_flags);
  add_number(&sum, header.e_phoff);
  add_number(&sum, header.e_phnum);
  /* The headers, which strip rewrites, lie within the first segment. */
  uint64_t headers =
      header.e_phoff + (uint64_t)header.e_phnum * header.e_phentsize;
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    if (read_segment(file, &header, i, &s) != 0)
      return -1;
    add_number(&sum, s.p_type);
    add_number(&sum, s.p_flags);
    if (s.p_type == TERN_SEGMENT_TYPE)
      continue; /* found by it; what it covers has checksums of its own */
    add_number(&sum, s.p_vaddr);
    add_number(&sum, s.p_filesz);
    add_number(&sum, s.p_memsz);
    if (s.p_type != PT_LOAD)
      continue;
    if (s.p_filesz > INT64_MAX || s.p_offset > INT64_MAX - s.p_filesz)
      return -1;
    uint64_t end = s.p_offset + s.p_filesz;
    uint64_t from = s.p_offset < headers ? headers : s.p_offset;
    if (add_bytes(&sum, file, from, end) != 0)
      return -1;
  }
  *checksum = tern_checksum_end(&sum);
  return 0;
}

int tern_program_file_checksum(int file, uint64_t bytes, uint64_t *checksum) {
  uint64_t offset, size;
  tern_checksum sum;
  if (tern_program_artifact(file, &offset, &size) != 0 || offset > bytes ||
      size > bytes - offset)
    return -1;
  tern_checksum_begin(&sum);
  if (add_bytes(&sum, file, 0, offset) != 0 ||
      add_bytes(&sum, file, offset + size, bytes) != 0)
    return -1;
  *checksum = tern_checksum_end(&sum);
  return 0;
}
