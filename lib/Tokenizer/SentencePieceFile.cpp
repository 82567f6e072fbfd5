//===- SentencePieceFile.cpp - tokenizer.model ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The file is one message of protocol buffers. Of that format this reads what a
// message is made of: numbers, and runs of bytes that are texts or messages.
//
//===----------------------------------------------------------------------===//

#include "TokenizerReader.h"

#include <cstring>

namespace tern {
namespace {

/// The fields of a message, one after the other.
class Message {
public:
  Message(const char *at, const char *end) : at(at), end(end) {}

  /// Moves to the next field; false at the end or at what is no field.
  bool next();
  bool isBroken() const { return broken; }

  uint64_t field = 0;
  uint64_t number = 0;         ///< of a field that is one
  const char *bytes = nullptr; ///< of one that is a run of bytes
  size_t count = 0;
  Message message() const { return Message(bytes, bytes + count); }
  std::string text() const { return bytes ? std::string(bytes, count) : ""; }
  float real() const {
    float value;
    auto bits = static_cast<uint32_t>(number);
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }

private:
  uint64_t varint();
  uint64_t fixed(size_t size);

  const char *at, *end;
  bool broken = false;
};

uint64_t Message::varint() {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
    auto byte = static_cast<uint8_t>(*at++);
    value |= uint64_t(byte & 0x7F) << shift;
    if (byte < 0x80)
      return value;
  }
  broken = true;
  return 0;
}

uint64_t Message::fixed(size_t size) {
  uint64_t value = 0;
  broken |= static_cast<size_t>(end - at) < size;
  for (size_t i = 0; i < size && !broken; ++i)
    value |= uint64_t(static_cast<uint8_t>(*at++)) << (8 * i);
  return value;
}

bool Message::next() {
  if (at == end || broken)
    return false;
  uint64_t key = varint();
  field = key >> 3;
  number = 0;
  bytes = nullptr;
  count = 0;
  switch (key & 7) {
  case 0:
    number = varint();
    break;
  case 1:
    number = fixed(8);
    break;
  case 5:
    number = fixed(4);
    break;
  case 2: {
    uint64_t length = varint();
    broken |= length > static_cast<size_t>(end - at);
    if (broken)
      break;
    bytes = at;
    count = static_cast<size_t>(length);
    at += count;
    break;
  }
  default:
    broken = true;
  }
  return !broken;
}

class FileReader {
public:
  explicit FileReader(std::string &error) : error(error) {}
  bool read(Message file);
  SentencePieces out;

private:
  void readPiece(Message message);
  void readTraining(Message message);
  void readNormalization(Message message);
  void fail(const std::string &what) {
    if (error.empty())
      error = "tokenizer.model: " + what;
  }
  void refuse(const std::string &what) {
    fail(what + " is not supported; save the tokenizer as tokenizer.json");
  }
  void finish(const Message &message) {
    if (message.isBroken())
      fail("not a model of SentencePiece");
  }

  bool isKnown = false; ///< which model it is
  std::string &error;
};

void FileReader::readPiece(Message message) {
  SentencePieces::Piece piece;
  while (message.next()) {
    if (message.field == 1)
      piece.text = message.text();
    if (message.field == 2)
      piece.score = message.real();
    if (message.field == 3)
      piece.type = static_cast<int64_t>(message.number);
  }
  finish(message);
  out.pieces.push_back(std::move(piece));
}

void FileReader::readTraining(Message message) {
  enum { Unigram = 1, Bpe = 2 };
  int64_t model = Unigram;
  out.bos = 1;
  out.eos = 2;
  while (message.next()) {
    switch (message.field) {
    case 3:
      model = static_cast<int64_t>(message.number);
      break;
    case 24:
      if (message.number)
        refuse("treat_whitespace_as_suffix");
      break;
    case 41:
      out.bos = static_cast<int32_t>(message.number);
      break;
    case 42:
      out.eos = static_cast<int32_t>(message.number);
      break;
    default: // says how it was trained, or repeats what the pieces say
      break;
    }
  }
  finish(message);
  if (model != Unigram && model != Bpe)
    refuse("model_type " + std::to_string(model));
  out.isUnigram = model == Unigram;
  isKnown = true;
}

void FileReader::readNormalization(Message message) {
  bool escapes = true;
  while (message.next()) {
    if (message.field == 2)
      out.charsmap = message.text();
    if (message.field == 3)
      out.addsSpace = message.number != 0;
    if (message.field == 4)
      out.removesSpaces = message.number != 0;
    if (message.field == 5)
      escapes = message.number != 0;
  }
  finish(message);
  if (!escapes)
    refuse("escape_whitespaces: false");
}

bool FileReader::read(Message file) {
  out.removesSpaces = out.addsFloats = true;
  while (error.empty() && file.next()) {
    if (file.field == 1)
      readPiece(file.message());
    if (file.field == 2)
      readTraining(file.message());
    if (file.field == 3)
      readNormalization(file.message());
  }
  finish(file);
  if (out.pieces.empty() || !isKnown)
    fail("not a model of SentencePiece");
  return error.empty();
}

} // namespace

std::optional<SentencePieces> parseSentencePiece(const std::string &bytes,
                                                 std::string &error) {
  FileReader reader(error);
  if (!reader.read(Message(bytes.data(), bytes.data() + bytes.size())))
    return std::nullopt;
  return std::move(reader.out);
}

} // namespace tern
