//===- WeightWriterTesting.h - Artifacts of a tiny model --------*- C++ -*-===//
//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef TERN_TEST_UNIT_ARTIFACT_WEIGHTWRITERTESTING_H
#define TERN_TEST_UNIT_ARTIFACT_WEIGHTWRITERTESTING_H

#include "Import/TinyCheckpoint.h"

#include "tern/Artifact/WeightWriter.h"
#include "tern/Dialect/Tern/IR/Tern.h"
#include "tern/Packing/Codec.h"
#include "tern/host.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include "gtest/gtest.h"

#include <elf.h>
#include <sstream>

namespace tern {

/// `attributes` begins with a comma if it is not empty.
inline std::string head(int64_t bytes, const std::string &attributes = "") {
  return "module attributes {tern.layer_stride = 512 : i64, "
         "tern.weights_bytes = " +
         std::to_string(bytes) +
         " : i64, tern.weights_id = 18364758544493064720 : ui64" + attributes +
         "} {\n";
}

struct Elf64 {
  using Header = Elf64_Ehdr;
  using Segment = Elf64_Phdr;
  using Section = Elf64_Shdr;
  static constexpr char identity[] = "\177ELF\2\1\1";
};
struct Elf32 {
  using Header = Elf32_Ehdr;
  using Segment = Elf32_Phdr;
  using Section = Elf32_Shdr;
  static constexpr char identity[] = "\177ELF\1\1\1";
};

/// A program as a linker writes it: a note with a header of its own, and a
/// section table at the end. `noteType` is that header's p_type.
template <typename Elf = Elf64>
std::string linked(uint32_t noteType = PT_NOTE) {
  const std::string names("\0.note.tern\0.shstrtab", 22);
  typename Elf::Header header = {};
  memcpy(header.e_ident, Elf::identity, 7);
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(typename Elf::Segment);
  header.e_phnum = 2;
  typename Elf::Segment segments[2] = {};
  unsigned noteAt = sizeof header + sizeof segments;
  unsigned namesAt = noteAt + 16;
  header.e_shoff = namesAt + 32;
  header.e_shentsize = sizeof(typename Elf::Section);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  segments[0].p_type = PT_LOAD;
  segments[0].p_filesz = segments[0].p_memsz = namesAt;
  segments[1].p_type = noteType;
  segments[1].p_offset = segments[1].p_vaddr = noteAt;
  segments[1].p_filesz = 16;
  typename Elf::Section sections[3] = {};
  sections[1].sh_name = 1;
  sections[1].sh_type = SHT_NOTE;
  sections[1].sh_offset = noteAt;
  sections[1].sh_size = 16;
  sections[2].sh_name = 12;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = namesAt;
  sections[2].sh_size = names.size();
  auto raw = [](const auto &value) {
    return std::string(reinterpret_cast<const char *>(&value), sizeof value);
  };
  std::string program =
      raw(header) + raw(segments) + "a note's 16 byte" + names;
  program.resize(header.e_shoff);
  return program + raw(sections);
}

/// A small one of several rows to a tile, as text and as a value.
inline const char *const layout =
    "#tern.layout<b2, rows, k:4:2, [n:4:1, k:2:1]>";
inline Layout layoutValue() {
  return {&codecs::b2,
          Axis::Row,
          {{Axis::Column, 4, 2}},
          {{Axis::Row, 4, 1}, {Axis::Column, 2, 1}}};
}

inline std::string digits(const std::string &name, const std::string &sources,
                          const std::string &shape, int offset) {
  return "tern.weight @" + name + " per_layer <digits> [" + sources +
         "] offset " + std::to_string(offset) + " : tensor<" + shape +
         "x!tern.trit, " + layout + ">\n";
}

inline const std::string q = "\"model.layers.{}.self_attn.q_proj.weight\"";
inline const std::string k = "\"model.layers.{}.self_attn.k_proj.weight\"";

class WeightWriterTest : public testing::Test {
protected:
  /// Writes an artifact of the tiny model with these weights; the file's bytes,
  /// or the message.
  std::string write(const std::string &weights, bool append = false,
                    int64_t bytes = 2048) {
    std::string text = head(bytes, attributes) + weights + "}\n";
    mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
    context.loadDialect<TernDialect>();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    auto checkpoint = Checkpoint::open(tiny.write());
    if (!module || !checkpoint) {
      ADD_FAILURE() << text << llvm::toString(checkpoint.takeError());
      return "";
    }
    std::string path = tiny.directory.file("out");
    auto file = AtomicFile::create(path, {});
    llvm::Error error = append
                            ? appendTo(program, **file, *module, **checkpoint)
                            : writeTo(**file, *module, **checkpoint);
    if (error)
      return llvm::toString(std::move(error));
    EXPECT_FALSE((*file)->commit());
    std::stringstream stream;
    stream << std::ifstream(path, std::ios::binary).rdbuf();
    return stream.str();
  }

  static llvm::Error writeTo(AtomicFile &file, mlir::ModuleOp module,
                             const Checkpoint &checkpoint) {
    uint8_t tokenizer[] = {1, 2, 3}, generation[] = {4, 5};
    return writeArtifact(module, checkpoint, tokenizer, generation, file);
  }
  static llvm::Error appendTo(const std::string &program, AtomicFile &file,
                              mlir::ModuleOp module,
                              const Checkpoint &checkpoint) {
    return writeProgram(program, module, checkpoint, {}, {}, file);
  }

  template <typename T> static T at(const std::string &bytes, uint64_t offset) {
    T value;
    EXPECT_LE(offset + sizeof value, bytes.size());
    memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
  }
  /// A value of the weights section.
  template <typename T>
  static T weight(const std::string &bytes, uint64_t offset,
                  int64_t index = 0) {
    return at<T>(bytes, 4096 + offset + index * sizeof(T));
  }

  void expectRefusal(const std::string &weights, const std::string &part) {
    std::string message = write(weights);
    EXPECT_NE(message.find(part), std::string::npos) << message.substr(0, 300);
  }

  TinyCheckpoint tiny;
  std::string program = linked(); ///< that `write` appends to
  std::string attributes;         ///< of the module, besides those of a plan
};

} // namespace tern

#endif // TERN_TEST_UNIT_ARTIFACT_WEIGHTWRITERTESTING_H
