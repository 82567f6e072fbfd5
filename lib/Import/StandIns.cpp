//===- lib/Import/StandIns.cpp - Other files than wanted ------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Import/StandIns.h"

#include "tern/Import/Gguf.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"

#include "nlohmann/json.hpp"

using namespace llvm;
using nlohmann::json;

namespace tern {

namespace {

/// A file that begins like this, whatever it is taken for.
struct Signature {
  StringLiteral bytes;
  size_t at;
  StringLiteral sentence;
};

} // namespace

#define TERN_AGAIN "; download the file again"
#define TERN_UNPACK "; unpack it, and give tern the directory that comes out"
#define TERN_CONVERT                                                           \
  "; tern reads safetensors and GGUF: save the model anew with transformers' " \
  "save_pretrained"
#define TERN_OLD_GGML                                                          \
  "a file of the time before GGUF, whose format tells too little; convert "    \
  "the original checkpoint anew"

static constexpr Signature signatures[] = {
    {"version https://git-lfs.github.com/spec/", 0,
     "a pointer of Git LFS, not the file itself; run git lfs pull in its "
     "directory"},
    {"version https://hawser.github.com/spec/", 0,
     "a pointer of Git LFS, not the file itself; run git lfs pull in its "
     "directory"},
    {"/annex/objects/", 0,
     "a pointer of git-annex, not the file itself; run git annex get"},
    {"../.git/annex/objects/", 0,
     "a pointer of git-annex, not the file itself; run git annex get"},
    {".git/annex/objects/", 0,
     "a pointer of git-annex, not the file itself; run git annex get"},
    {"# xet version", 0,
     "a pointer of Xet, not the file itself; run git xet checkout, or download "
     "the file"},
    {"\x1f\x8b", 0, "packed by gzip" TERN_UNPACK},
    {"\x28\xb5\x2f\xfd", 0, "packed by zstd" TERN_UNPACK},
    {StringLiteral::withInnerNUL("\xfd"
                                 "7zXZ\0"),
     0, "packed by xz" TERN_UNPACK},
    {"BZh", 0, "packed by bzip2" TERN_UNPACK},
    {"7z\xbc\xaf\x27\x1c", 0, "a 7z archive" TERN_UNPACK},
    {"Rar!\x1a\x07", 0, "a rar archive" TERN_UNPACK},
    {"ustar", 257, "a tar archive" TERN_UNPACK},
    {"\x89HDF\r\n\x1a\n", 0, "an HDF5 file, as Keras writes" TERN_CONVERT},
    {"\x93NUMPY", 0, "an array of NumPy" TERN_CONVERT},
    {"TFL3", 4, "a model of TensorFlow Lite" TERN_CONVERT},
    {"lmgg", 0, TERN_OLD_GGML},
    {"fmgg", 0, TERN_OLD_GGML},
    {"tjgg", 0, TERN_OLD_GGML},
    {"algg", 0,
     "a LoRA adapter of the time before GGUF; merge it into its base model"},
    {"\x7f"
     "ELF",
     0, "a program or library, not a checkpoint"},
    {"MZ", 0, "a program of Windows, not a checkpoint"},
    {"%PDF", 0, "a PDF document" TERN_AGAIN},
    {StringLiteral::withInnerNUL("\0\x05\x16\x07"), 0,
     "what macOS keeps beside a file on foreign disks; the file itself is the "
     "one whose name does not begin with '._'"},
};

/// Letters in either case, after white space and a byte order mark.
static bool beginsLike(StringRef start, std::initializer_list<StringRef> tags) {
  start.consume_front("\xef\xbb\xbf");
  start = start.ltrim();
  return any_of(
      tags, [&](StringRef tag) { return start.starts_with_insensitive(tag); });
}

/// PyTorch, NumPy and archives all are zip files.
static std::string recognizeZip(StringRef start) {
  StringRef name;
  if (start.size() >= 30) {
    uint16_t bytes = support::endian::read16le(start.data() + 26);
    name = start.substr(30, bytes);
  }
  if (name.ends_with("data.pkl") || name.ends_with("/version") ||
      name.ends_with(".format_version") || name.contains("/data/"))
    return "a file of PyTorch, which could run code while it is "
           "read" TERN_CONVERT;
  if (name.ends_with(".npy"))
    return "arrays of NumPy or MLX" TERN_CONVERT;
  return "a zip archive" TERN_UNPACK;
}

/// Two bytes say that this is a pickle of protocol 2 to 5, and its first
/// instructions are few.
static bool isPickle(StringRef start) {
  return start.size() > 3 && start[0] == '\x80' && start[1] >= 2 &&
         start[1] <= 5 && StringRef("}](ccK\x8a\x95X\x8c").contains(start[2]);
}

static bool isSafetensors(StringRef start, uint64_t fileBytes) {
  return start.size() > 9 && start[8] == '{' &&
         support::endian::read64le(start.data()) <= fileBytes - 8;
}

/// A few words as messages quote them.
static std::string quoted(StringRef text) {
  std::string line;
  for (char c : text.trim().take_front(60))
    line += isSpace(c) ? ' ' : c;
  return "'" + line + (text.trim().size() > 60 ? "...'" : "'");
}

/// An answer of a server instead of the object that was asked for.
static std::string serverError(StringRef text) {
  json root = json::parse(text.begin(), text.end(), nullptr, false);
  if (!root.is_object() || root.size() > 6)
    return "";
  for (const char *name : {"error", "message", "detail", "errors"})
    if (root.contains(name) && !root.contains("model_type") &&
        !root.contains("version"))
      return "what a server sends for an error, " + quoted(text) + TERN_AGAIN;
  return "";
}

/// A file of a few words where numbers are expected.
static std::string recognizeWords(StringRef start, uint64_t fileBytes) {
  if (fileBytes > standInBytes || !isUtf8(start) || start.trim().size() < 3 ||
      any_of(start, [](char c) { return c == '\0' || c == '\x7f'; }))
    return "";
  return "the text " + quoted(start) +
         ", as a server sends for an error" TERN_AGAIN;
}

/// In the place of JSON: an object of a server's, or words without one.
static std::string recognizeAnswer(StringRef start, uint64_t fileBytes) {
  if (fileBytes > start.size())
    return "";
  bool isSentence = isAlpha(start.front()) && start.trim().contains(' ');
  return isSentence ? recognizeWords(start, fileBytes) : serverError(start);
}

static std::string recognizeUnpacked(StringRef start, uint64_t fileBytes,
                                     FileRole role) {
  if (role != FileRole::Gguf && start.starts_with("GGUF"))
    return "a GGUF file; give tern its own path as the model, it needs no "
           "other file";
  if (role != FileRole::Safetensors && isSafetensors(start, fileBytes))
    return "a safetensors file; give tern the directory that holds it and "
           "config.json";
  if (isPickle(start))
    return "a pickle, as PyTorch writes, which could run code while it is "
           "read" TERN_CONVERT;
  if (role == FileRole::Text)
    return "";
  if (role == FileRole::Json)
    return recognizeAnswer(start, fileBytes);
  if (beginsLike(start, {"{\"", "{ ", "{\n", "{\r", "{}", "[\""})) {
    std::string error = serverError(start);
    return error.empty()
               ? "JSON, not the weights of a model; a model of several files "
                 "is given by its directory"
               : error;
  }
  if (start.size() >= 64 && all_of(start, [](char c) { return c == '\0'; }))
    return "zeros where its header should be; its download was not "
           "finished" TERN_AGAIN;
  return role == FileRole::Binary ? "" : recognizeWords(start, fileBytes);
}

static std::string recognize(StringRef start, uint64_t fileBytes,
                             FileRole role) {
  // The length of a header may begin like anything else.
  if (role == FileRole::Safetensors
          ? isSafetensors(start, fileBytes)
          : role == FileRole::Gguf && start.starts_with("GGUF"))
    return "";
  for (const Signature &one : signatures)
    if (start.substr(one.at).starts_with(one.bytes))
      return one.sentence.str();
  if (start.starts_with("PK\x03\x04"))
    return recognizeZip(start);
  if (beginsLike(start, {"<!doctype html", "<html"}))
    return "a page of HTML, as a server sends for an error or a "
           "login" TERN_AGAIN;
  if (beginsLike(start, {"<?xml", "<error>"}))
    return "XML, as a server sends for an error" TERN_AGAIN;
  return recognizeUnpacked(start, fileBytes, role);
}

std::string recognizeStandIn(StringRef start, uint64_t fileBytes,
                             FileRole role) {
  if (fileBytes == 0)
    return "the file is empty" TERN_AGAIN;
  std::string text = recognize(start.take_front(standInBytes), fileBytes, role);
  return text.empty() ? "" : "this is " + text;
}

} // namespace tern
