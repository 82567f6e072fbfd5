//===- EmbeddedData.cpp - Weights in an object ----------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "tern/Artifact/EmbeddedData.h"

#include "llvm/Object/Archive.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Object/Wasm.h"

using namespace tern;
using namespace llvm::object;
using llvm::Expected;
using llvm::StringRef;

std::string tern::dataSymbol(StringRef part, StringRef model) {
  return ("tern_" + part + "_" + model).str();
}

bool tern::canEmbedData(const llvm::Triple &triple) {
  return triple.isOSBinFormatELF() || triple.isOSBinFormatWasm();
}

/// The bytes of a defined symbol as they lie in its file; empty if it has none.
static Expected<StringRef> readData(const ObjectFile &file,
                                    const SymbolRef &symbol) {
  Expected<uint32_t> flags = symbol.getFlags();
  if (!flags)
    return flags.takeError();
  if (*flags & BasicSymbolRef::SF_Undefined)
    return "";
  if (auto *wasm = llvm::dyn_cast<WasmObjectFile>(&file)) {
    const WasmSymbol &data = wasm->getWasmSymbol(symbol);
    if (!data.isTypeData())
      return "";
    const llvm::wasm::WasmDataReference &place = data.Info.DataRef;
    llvm::ArrayRef<WasmSegment> segments = wasm->dataSegments();
    if (place.Segment >= segments.size())
      return "";
    return llvm::toStringRef(segments[place.Segment].Data.Content)
        .substr(place.Offset, place.Size);
  }
  if (!llvm::isa<ELFObjectFileBase>(file))
    return "";
  Expected<section_iterator> section = symbol.getSection();
  if (!section)
    return section.takeError();
  Expected<uint64_t> address = symbol.getAddress();
  if (!address)
    return address.takeError();
  if (*section == file.section_end())
    return "";
  Expected<StringRef> contents = (*section)->getContents();
  if (!contents)
    return contents.takeError();
  return contents->substr(*address - (*section)->getAddress(),
                          ELFSymbolRef(symbol).getSize());
}

/// Those of the first symbol of that name; empty if there is none.
static Expected<StringRef> findBytes(const ObjectFile &file,
                                     StringRef symbolName) {
  for (const SymbolRef &symbol : file.symbols()) {
    Expected<StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    if (*name == symbolName)
      return readData(file, symbol);
  }
  return "";
}

static Expected<StringRef> findInMembers(const Archive &archive,
                                         StringRef symbol) {
  llvm::Error error = llvm::Error::success();
  StringRef found;
  for (const Archive::Child &child : archive.children(error)) {
    Expected<std::unique_ptr<Binary>> member = child.getAsBinary();
    if (!member) {
      llvm::consumeError(std::move(error));
      return member.takeError();
    }
    auto *object = llvm::dyn_cast<ObjectFile>(member->get());
    Expected<StringRef> bytes = object ? findBytes(*object, symbol) : "";
    if (!bytes) {
      llvm::consumeError(std::move(error));
      return bytes.takeError();
    }
    found = found.empty() ? *bytes : found;
  }
  if (error)
    return std::move(error);
  return found;
}

Expected<uint64_t> tern::findData(llvm::MemoryBufferRef file, StringRef symbol,
                                  uint64_t bytes) {
  Expected<std::unique_ptr<Binary>> binary = createBinary(file);
  if (!binary)
    return binary.takeError();
  auto *archive = llvm::dyn_cast<Archive>(binary->get());
  auto *object = llvm::dyn_cast<ObjectFile>(binary->get());
  Expected<StringRef> found = archive  ? findInMembers(*archive, symbol)
                              : object ? findBytes(*object, symbol)
                                       : "";
  if (!found)
    return found.takeError();
  if (found->size() != bytes)
    return llvm::createStringError("the object has " +
                                   llvm::Twine(found->size()) + " of the " +
                                   llvm::Twine(bytes) + " bytes of " + symbol);
  return bytes ? static_cast<uint64_t>(found->data() - file.getBufferStart())
               : 0;
}

uint64_t tern::countEmbeddedData(const ObjectFile &file) {
  uint64_t count = 0;
  for (const SymbolRef &symbol : file.symbols()) {
    Expected<StringRef> name = symbol.getName();
    if (!name) {
      llvm::consumeError(name.takeError());
      continue;
    }
    if (!name->starts_with("tern_weights_") &&
        !name->starts_with("tern_tokenizer_"))
      continue;
    if (Expected<StringRef> data = readData(file, symbol))
      count += data->size();
    else
      llvm::consumeError(data.takeError());
  }
  return count;
}
