//===- ProgramImageTest.cpp - Artifacts in programs, and checksums --------===//
//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "WeightWriterTesting.h"

#include "llvm/Support/xxhash.h"

#include <fstream>

using namespace tern;

using ProgramImageTest = WeightWriterTest;

/// Of each width.
template <typename Elf> struct ProgramImage : WeightWriterTest {};
using Widths = testing::Types<Elf64, Elf32>;
TYPED_TEST_SUITE(ProgramImage, Widths);

/// LLVM's XXH64 is another one.
TEST_F(ProgramImageTest, Checksums) {
  std::string bytes =
      write("tern.weight @norm <values> [\"model.norm.weight\"] offset 64 : "
            "tensor<8xf32>\n");
  auto header = at<tern_artifact_header>(bytes, 0);
  llvm::StringRef all(bytes);
  EXPECT_EQ(header.weights.checksum, llvm::xxHash64(all.substr(4096, 2048)));
  EXPECT_EQ(header.tokenizer.checksum, llvm::xxHash64(all.substr(6144, 3)));
  EXPECT_EQ(header.generation.checksum, llvm::xxHash64(all.substr(6208, 2)));
  EXPECT_EQ(header.program_checksum, 0u);
  EXPECT_EQ(header.header_checksum,
            llvm::xxHash64(all.take_front(sizeof header - 8)));
}

TEST_F(ProgramImageTest, ChecksumsOfPieces) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += static_cast<char>(i * 7);
  for (size_t size = 0; size <= text.size(); ++size)
    for (size_t piece : {1, 3, 8, 31, 32, 33, 200}) {
      tern_checksum sum;
      tern_checksum_begin(&sum);
      for (size_t from = 0; from < size; from += piece)
        tern_checksum_add(&sum, text.data() + from,
                          std::min(piece, size - from));
      ASSERT_EQ(tern_checksum_end(&sum),
                llvm::xxHash64(llvm::StringRef(text).take_front(size)))
          << size << " by " << piece;
    }
}

TYPED_TEST(ProgramImage, CarriesASegmentAndASection) {
  using Elf = TypeParam;
  this->program = linked<Elf>();
  std::string bytes = this->write(
      "tern.weight @norm <values> [\"model.norm.weight\"] offset 0 : "
      "tensor<8xf32>\n",
      /*append=*/true);
  auto elf = this->template at<typename Elf::Header>(bytes, 0);
  auto header = this->template at<tern_artifact_header>(bytes, 65536);
  EXPECT_EQ(std::string(header.magic, 8), "TERNART1");
  EXPECT_EQ(header.tokenizer.bytes, 0u);
  EXPECT_EQ(this->template at<float>(bytes, 65536 + 4096 + 4), 1.0078125f);

  auto segment = this->template at<typename Elf::Segment>(
      bytes, elf.e_phoff + sizeof(typename Elf::Segment));
  EXPECT_EQ(segment.p_type, TERN_SEGMENT_TYPE);
  EXPECT_EQ(segment.p_offset, 65536u);
  EXPECT_EQ(segment.p_filesz, header.total_bytes);
  EXPECT_EQ(segment.p_memsz, 0u);
  EXPECT_EQ(segment.p_align, 65536u);

  EXPECT_EQ(elf.e_shnum, 4u);
  EXPECT_EQ(bytes.size(), elf.e_shoff + 4 * sizeof(typename Elf::Section));
  auto section = this->template at<typename Elf::Section>(
      bytes, elf.e_shoff + 3 * sizeof(typename Elf::Section));
  auto names = this->template at<typename Elf::Section>(
      bytes, elf.e_shoff + 2 * sizeof(typename Elf::Section));
  EXPECT_STREQ(bytes.data() + names.sh_offset + section.sh_name, ".tern");
  EXPECT_EQ(section.sh_offset, 65536u);
  EXPECT_EQ(section.sh_size, header.total_bytes);
  EXPECT_EQ(section.sh_flags, 0u);
  EXPECT_EQ(section.sh_addralign, 65536u);
}

/// The whole linked program is there, and its code has a checksum.
TYPED_TEST(ProgramImage, EachBitCounts) {
  using Elf = TypeParam;
  this->program = linked<Elf>();
  this->write("tern.weight @norm <values> [\"model.norm.weight\"] offset 0 : "
              "tensor<8xf32>\n",
              /*append=*/true);
  std::string path = this->tiny.directory.file("out");
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  tern_error error = {};
  ASSERT_EQ(tern_file_verify(path.c_str(), &error), 0) << error.text;
  typename Elf::Header elf;
  file.read(reinterpret_cast<char *>(&elf), sizeof elf);
  uint64_t code = elf.e_phoff + 2 * sizeof(typename Elf::Segment);
  std::vector<uint64_t> places = {
      offsetof(typename Elf::Header, e_entry), elf.e_phoff,
      elf.e_phoff + offsetof(typename Elf::Segment, p_vaddr)};
  for (uint64_t i = 0; i < 16; ++i)
    places.push_back(code + i);
  for (uint64_t i = 0; i < 4096 + 2048; i += 5)
    places.push_back(65536 + i);
  for (uint64_t place : places) {
    char byte;
    file.seekg(static_cast<std::streamoff>(place)).get(byte);
    char flipped = static_cast<char>(byte ^ 1 << place % 8);
    file.seekp(static_cast<std::streamoff>(place)).put(flipped).flush();
    EXPECT_EQ(tern_file_verify(path.c_str(), &error), -1) << place;
    file.seekp(static_cast<std::streamoff>(place)).put(byte).flush();
  }
  EXPECT_EQ(tern_file_verify(path.c_str(), &error), 0) << error.text;
}

TYPED_TEST(ProgramImage, ProgramsThatCannotCarryIt) {
  using Elf = TypeParam;
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<TernDialect>();
  auto module =
      mlir::parseSourceString<mlir::ModuleOp>(head(2048) + "}", &context);
  auto checkpoint = Checkpoint::open(this->tiny.write());
  ASSERT_TRUE(module && checkpoint);
  auto message = [&](const std::string &program) {
    auto file = AtomicFile::create(this->tiny.directory.file("out"), {});
    return llvm::toString(
        writeProgram(program, *module, **checkpoint, {}, {}, **file));
  };
  EXPECT_EQ(message(linked<Elf>()), "");
  EXPECT_NE(message("program").find("not in ELF"), std::string::npos);
  EXPECT_NE(
      message(linked<Elf>(PT_LOAD)).find("no program header for .note.tern"),
      std::string::npos);
  auto large = mlir::parseSourceString<mlir::ModuleOp>(
      head(int64_t(5) << 30) + "}", &context);
  if (sizeof(typename Elf::Header) == sizeof(Elf32_Ehdr)) {
    auto file = AtomicFile::create(this->tiny.directory.file("out"), {});
    llvm::Error error =
        writeProgram(linked<Elf>(), *large, **checkpoint, {}, {}, **file);
    EXPECT_NE(llvm::toString(std::move(error)).find("room for 4 GiB"),
              std::string::npos);
  }
  std::string nameless = linked<Elf>();
  nameless.replace(nameless.find(".note.tern"), 10, ".note.best");
  EXPECT_NE(message(nameless).find("no section .note.tern"), std::string::npos);
  std::string other = linked<Elf>();
  other[EI_DATA] = ELFDATA2MSB;
  EXPECT_NE(message(other).find("not in ELF, little endian"),
            std::string::npos);
  for (size_t size = 0; size < linked<Elf>().size(); ++size)
    EXPECT_NE(message(linked<Elf>().substr(0, size)), "") << size;
}
