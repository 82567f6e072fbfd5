//===- StandInsTest.cpp - Other files than wanted -------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "CheckpointTesting.h"

#include "tern/Import/StandIns.h"

#include <unistd.h>

using namespace tern;
using nlohmann::json;

namespace {

const std::string pointer =
    "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2b\nsize 9\n";
const std::string page = "\n<!DOCTYPE html>\n<html><head></head></html>";

struct StandIn {
  std::string bytes;
  const char *part;
};

/// Things that may lie in the place of any file.
std::vector<StandIn> standIns() {
  std::string tar(512, 'x');
  tar.replace(257, 5, "ustar");
  auto zip = [](const std::string &name) {
    std::string bytes = "PK\x03\x04" + std::string(26, '\0') + name + "...";
    bytes[26] = static_cast<char>(name.size());
    return bytes;
  };
  return {
      {"", "the file is empty; download the file again"},
      {pointer, "this is a pointer of Git LFS, not the file itself; run git "
                "lfs pull"},
      {"/annex/objects/SHA256E-s9--4d7a\n", "a pointer of git-annex"},
      {page, "this is a page of HTML"},
      {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
       "this is XML, as a server sends"},
      {R"({"error": "Repository not found"})",
       "what a server sends for an error, '{\"error\": \"Repository not"},
      {"Entry not found", "the text 'Entry not found', as a server sends"},
      {"\x1f\x8b\b\b", "packed by gzip; unpack it"},
      {tar, "a tar archive"},
      {zip("archive/data.pkl"), "a file of PyTorch"},
      {zip("weights.npy"), "arrays of NumPy or MLX"},
      {zip("model/config.json"), "a zip archive"},
      {std::string("\x80\x02\x8a\nl\xfc\x9c", 7), "a pickle, as PyTorch"},
      {"\x89HDF\r\n\x1a\n", "an HDF5 file"},
      {"tjgg\3\0\0\0", "a file of the time before GGUF"},
      {"\x7f"
       "ELF\2\1\1",
       "a program or library"},
  };
}

void expectPart(const std::string &message, const std::string &file,
                const std::string &part) {
  EXPECT_TRUE(isRefusal(message, file)) << message;
  EXPECT_NE(message.find(part), std::string::npos)
      << message << "\nlacks " << part;
}

} // namespace

TEST(StandIns, InThePlaceOfEachFile) {
  for (const StandIn &other : standIns()) {
    TinyCheckpoint tiny;
    std::string directory = tiny.write();
    for (const char *name : {"model.safetensors", "config.json"}) {
      tiny.write();
      tiny.directory.write(name, other.bytes);
      expectPart(openVerdict(directory), tiny.directory.file(name), other.part);
    }
    tiny.directory.write("x.gguf", other.bytes);
    expectPart(openVerdict(tiny.directory.file("x.gguf")),
               tiny.directory.file("x.gguf"), other.part);
  }
}

TEST(StandIns, InThePlaceOfAShardAndItsIndex) {
  TinyCheckpoint tiny;
  tiny.directory.write("config.json", tiny.config.dump());
  tiny.directory.write("model.safetensors.index.json",
                       R"({"weight_map": {"a": "a.safetensors"}})");
  tiny.directory.write("a.safetensors", pointer);
  expectPart(openVerdict(tiny.directory.str()),
             tiny.directory.file("a.safetensors"), "Git LFS");
  tiny.directory.write("model.safetensors.index.json", page);
  expectPart(openVerdict(tiny.directory.str()),
             tiny.directory.file("model.safetensors.index.json"), "HTML");
}

TEST(StandIns, OneFormatForAnother) {
  TinyCheckpoint tiny;
  std::string directory = tiny.write();
  expectPart(openVerdict(tiny.directory.file("model.safetensors")), directory,
             "this is a safetensors file; give tern the directory");
  expectPart(openVerdict(tiny.directory.file("config.json")), directory,
             "this is JSON, not the weights");
  tiny.directory.write("model.safetensors", "GGUF\3");
  expectPart(openVerdict(directory), directory, "this is a GGUF file; give");
}

/// The length of a safetensors header is its first bytes, whatever they look
/// like.
TEST(StandIns, LengthsThatLookLikeSignatures) {
  for (uint64_t length : {0x8b1full, 0x5a4dull, 0x280280ull, 0x685a42ull}) {
    std::string start(16, ' ');
    for (int i = 0; i < 8; ++i)
      start[i] = static_cast<char>(length >> 8 * i);
    start[8] = '{';
    start[9] = '"';
    EXPECT_EQ(recognizeStandIn(start, 1 << 24, FileRole::Safetensors), "");
  }
}

TEST(StandIns, OrdinaryTextIsNone) {
  for (const char *text : {"{{ bos_token }}{% for m in messages %}", "{", "[]",
                           "{\"model_type\": \"llama\", \"error\": 1}"})
    for (FileRole role : {FileRole::Json, FileRole::Text})
      EXPECT_EQ(recognizeStandIn(text, strlen(text), role), "");
  EXPECT_EQ(recognizeStandIn("\n\x0e\n\5<unk>", 9, FileRole::Binary), "");
}

//===----------------------------------------------------------------------===//
// Directories
//===----------------------------------------------------------------------===//

namespace {

/// The refusal of the tiny model with other weights.
std::string weightsVerdict(std::initializer_list<const char *> files) {
  TinyCheckpoint tiny;
  tiny.directory.write("config.json", tiny.config.dump());
  for (const char *file : files)
    tiny.directory.write(file, "x");
  std::string message = openVerdict(tiny.directory.str());
  EXPECT_TRUE(isRefusal(message, tiny.directory.str())) << message;
  return message;
}

void expectWeights(std::initializer_list<const char *> files,
                   const std::string &part) {
  std::string message = weightsVerdict(files);
  EXPECT_NE(message.find(part), std::string::npos) << message;
}

} // namespace

TEST(StandIns, WeightsOfOtherPrograms) {
  expectWeights({}, "neither model.safetensors nor");
  expectWeights({"pytorch_model.bin"},
                "'pytorch_model.bin' is of PyTorch; convert it: from "
                "transformers import");
  expectWeights({"pytorch_model.bin.index.json"}, "is of PyTorch");
  expectWeights({"consolidated.00.pth"}, "is of PyTorch");
  expectWeights({"tf_model.h5"}, "is of Keras");
  expectWeights({"flax_model.msgpack"}, "is of Flax");
  expectWeights({"weights.npz"}, "is of NumPy or MLX");
  expectWeights({"model.onnx"}, "is of ONNX");
  expectWeights({"adapter_model.safetensors"}, "it has an adapter");
  expectWeights({"ggml-model-i2_s.gguf"}, "a GGUF file is a model by itself");
  expectWeights({"bitnet.safetensors"},
                "if 'bitnet.safetensors' has all of the model, rename it");
  expectWeights({"a.safetensors", "b.safetensors"}, "2 other safetensors");
  expectWeights({"model.safetensors.part"}, "its download is not finished");
  expectWeights({"model.safetensors.gz"}, "unpack it");
  expectWeights({"model.safetensors.dvc"}, "run dvc pull");
  EXPECT_EQ(weightsVerdict({"training_args.bin", "optimizer.pt"}).find("PyT"),
            std::string::npos);
}

TEST(StandIns, LinksThatLeadNowhere) {
  TinyCheckpoint tiny;
  tiny.directory.write("config.json", tiny.config.dump());
  std::string file = tiny.directory.file("model.safetensors");
  ASSERT_EQ(symlink("../../blobs/4d7a", file.c_str()), 0);
  expectPart(openVerdict(tiny.directory.str()), tiny.directory.str(),
             "it is a link to '../../blobs/4d7a', which is not there");
  ASSERT_EQ(unlink(file.c_str()), 0);
  ASSERT_EQ(symlink("../.git/annex/objects/x/y", file.c_str()), 0);
  expectPart(openVerdict(tiny.directory.str()), tiny.directory.str(),
             "run git annex get");
}

TEST(StandIns, ShardsThatAreMissing) {
  TinyCheckpoint tiny;
  tiny.directory.write("config.json", tiny.config.dump());
  tiny.directory.write(
      "model.safetensors.index.json",
      R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors",
          "c": "3.safetensors"}})");
  tiny.directory.write("2.safetensors", safetensorsBytes({}));
  expectPart(openVerdict(tiny.directory.str()),
             tiny.directory.file("model.safetensors.index.json"),
             "2 of the 3 files that it names are missing, the first is "
             "'1.safetensors'; is the download complete?");
  tiny.directory.write("1.safetensors.incomplete", "");
  expectPart(openVerdict(tiny.directory.str()), tiny.directory.str(),
             "its download is not finished");
}

TEST(StandIns, ShardsWithoutAnIndex) {
  TinyCheckpoint tiny;
  tiny.directory.write("config.json", tiny.config.dump());
  std::map<std::string, TinyTensor> first = tiny.tensors, second;
  second["model.norm.weight"] = first["model.norm.weight"];
  first.erase("model.norm.weight");
  tiny.directory.write("model-00001-of-00002.safetensors",
                       safetensorsBytes(first));
  expectPart(openVerdict(tiny.directory.str()), tiny.directory.str(),
             "1 of the 2 files that it names are missing, the first is "
             "'model-00002-of-00002.safetensors'");
  tiny.directory.write("model-00002-of-00002.safetensors",
                       safetensorsBytes(second));
  EXPECT_EQ(openVerdict(tiny.directory.str()), "");
}

TEST(StandIns, DirectoriesOneLevelOff) {
  TemporaryDirectory outer;
  std::string inner = outer.file("inner"), nested = inner + "/original";
  expectPart(openVerdict(outer.str()), outer.str(), "the directory is empty");
  llvm::sys::fs::create_directories(nested);
  outer.write("inner/config.json", "{}");
  outer.write("inner/original/params.json", "{}");
  expectPart(openVerdict(outer.str()), outer.str(),
             "the model is one level lower: give tern '" + inner + "'");
  expectPart(openVerdict(nested), nested,
             "the model is one level higher: give tern '" + inner + "'");
  outer.write("inner/original/adapter_config.json", "{}");
  expectPart(openVerdict(nested), nested, "adapter, not a model; merge it");
  expectPart(openVerdict(outer.file("none")), outer.file("none"),
             "there is no such file or directory");
  TemporaryDirectory files;
  files.write("x.gguf", "GGUF");
  expectPart(openVerdict(files.str()), files.str(),
             "give tern '" + files.file("x.gguf") + "'");
}
