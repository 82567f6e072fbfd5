//===- Project.cpp - A folder that builds a program -----------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Project.h"

#include "Paths.h"

#include "tern/Artifact/Children.h"
#include "tern/Artifact/TemporaryDirectory.h"
#include "tern/Artifact/Toolchain.h"
#include "tern/Driver/OutputFiles.h"
#include "tern/tokenizer.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <cstring>
#include <optional>

using namespace tern;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
using llvm::Triple;
namespace fs = llvm::sys::fs;

static Error failure(const llvm::Twine &message) {
  return llvm::createStringError(message);
}

//===----------------------------------------------------------------------===//
// Boards
//===----------------------------------------------------------------------===//

namespace {

/// An example and the variables of its Makefile.
struct Board {
  StringRef folder; ///< of examples
  std::vector<StringRef> files;
  std::string start, script, machine, run;
  std::string count; ///< flags of a program that counts its instructions
  std::string compiler = "clang";
};

} // namespace

/// To standard output, where qemu's own default is the error output.
static constexpr llvm::StringLiteral semihosting =
    " -display none -serial none -monitor none -chardev stdio,id=text "
    "-semihosting-config enable=on,chardev=text -kernel";

static Board makeCortexM(const Triple &triple, TargetAttr target) {
  bool hasMve = triple.getSubArch() == Triple::ARMSubArch_v8_1m_mainline;
  std::string machine = "-mthumb -mcpu=" + target.getCpu().str();
  if (hasMve) // in which compilers flush subnormal floats
    machine += "+nomve";
  machine += triple.getEnvironment() == Triple::EABIHF ? " -mfloat-abi=hard"
                                                       : " -mfloat-abi=softfp";
  StringRef script = hasMve ? "mps3-an547.ld" : "mps2-an386.ld";
  return {"baremetal",
          {"main.c", "board.h", "memory.c", "only_bpe.c", "start_arm.c",
           "cortexm.ld", script, "Makefile", "README"},
          "start_arm.c",
          script.str(),
          machine,
          ("qemu-system-arm -M " + script.drop_back(3) + semihosting).str(),
          // Clocks of 32 and of 25 MHz.
          hasMve ? "-DCOUNT -DTICK_EIGHTHS=250" : "-DCOUNT -DTICK_EIGHTHS=320"};
}

/// "rv32imafdc" of "+a,+c,..."
static std::string isaOf(const Triple &triple, TargetAttr target) {
  std::string isa = triple.isArch64Bit() ? "rv64i" : "rv32i";
  for (StringRef letter : {"m", "a", "f", "d", "c", "v"})
    if (target.hasFeature(letter))
      isa += letter;
  return isa;
}

static Board makeRiscV(const Triple &triple, TargetAttr target) {
  std::string isa = isaOf(triple, target);
  std::string abi = triple.isArch64Bit() ? "lp64" : "ilp32";
  if (target.hasFeature("d"))
    abi += "d";
  else if (target.hasFeature("f"))
    abi += "f";
  return {"baremetal",
          {"main.c", "board.h", "memory.c", "only_bpe.c", "start_riscv.c",
           "virt.ld", "Makefile", "README"},
          "start_riscv.c",
          "virt.ld",
          "-march=" + isa + " -mabi=" + abi + " -mcmodel=medany",
          (llvm::Twine("qemu-system-") +
           (triple.isArch64Bit() ? "riscv64" : "riscv32") +
           " -M virt -bios none" + semihosting)
              .str(),
          "-DCOUNT"};
}

static Board makeHosted(const Triple &triple) {
  Board board = {"baremetal",
                 {"main.c", "board.h", "start_hosted.c", "Makefile", "README"},
                 "start_hosted.c",
                 "",
                 "",
                 ""};
  board.compiler = "cc";
  if (Toolchain::isNative(triple))
    return board;
  std::string architecture = Triple::getArchTypeName(triple.getArch()).str();
  board.compiler =
      architecture + "-linux-" + triple.getEnvironmentName().str() + "-gcc";
  board.run = "qemu-" + architecture;
  return board;
}

static std::optional<Board> findBoard(TargetAttr target) {
  Triple triple(target.getTriple());
  if (triple.isWasm() && triple.isOSUnknown())
    return Board{
        "wasm",
        {"main.c", "tern.js", "index.html", "run.mjs", "Makefile", "README"},
        "",
        "",
        target.hasFeature("simd128") ? "-msimd128" : "",
        "node"};
  if (triple.isOSLinux())
    return makeHosted(triple);
  bool isBare = triple.isOSUnknown() || triple.getOSName() == "none";
  if (triple.isThumb() && triple.isArmMClass() && isBare)
    return makeCortexM(triple, target);
  if (triple.isRISCV() && isBare)
    return makeRiscV(triple, target);
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

static constexpr StringRef firstLine = "# Written by tern compile for ";

Error tern::beginProject(StringRef folder, TargetAttr target) {
  if (!findBoard(target))
    return failure("there is no example of a program for " +
                   target.getTriple() +
                   ", only for Linux, Cortex-M, RISC-V without an operating "
                   "system and WebAssembly; --emit=obj makes an object");
  if (std::error_code code = fs::create_directories(folder))
    return failure("cannot make the folder " + folder + ": " + code.message());
  std::error_code code;
  if (fs::directory_iterator(folder, code) == fs::directory_iterator())
    return Error::success();
  auto known = llvm::MemoryBuffer::getFile(inside(folder, "target.mk"));
  if (known && (*known)->getBuffer().starts_with(firstLine))
    return Error::success();
  return failure("the folder " + folder +
                 " has files that are no project of tern's; name another one");
}

static Error copyFile(StringRef from, StringRef to, const InputFiles &inputs) {
  auto buffer = llvm::MemoryBuffer::getFile(from);
  if (!buffer)
    return failure("cannot read " + from + ": " + buffer.getError().message() +
                   "; build or install all of tern");
  return writeFile(to, (*buffer)->getBuffer(), inputs);
}

/// All C files of `part`, a folder in the runtime, to the same in `folder`.
static Error copyFolder(StringRef runtime, StringRef folder, StringRef part,
                        const InputFiles &inputs) {
  std::string to = inside(folder, part);
  if (std::error_code code = fs::create_directories(to))
    return failure("cannot make the folder " + to + ": " + code.message());
  std::error_code code;
  for (fs::directory_iterator at(inside(runtime, part), code), end;
       !code && at != end; at.increment(code)) {
    StringRef file = llvm::sys::path::filename(at->path());
    if (Error error = copyFile(at->path(), inside(to, file), inputs))
      return error;
  }
  return code ? failure("cannot read " + inside(runtime, part) + ": " +
                        code.message())
              : Error::success();
}

/// Without a FPU for doubles, code for another kind would need a library.
static StringRef tokenizerKind(llvm::ArrayRef<uint8_t> tokenizer) {
  tern_tokenizer_header header;
  std::memcpy(&header, tokenizer.data(), sizeof(header));
  return header.kind == TERN_TOKENIZER_BPE ? "bpe" : "unigram";
}

Error tern::writeProject(StringRef folder, TargetAttr target, StringRef runtime,
                         llvm::ArrayRef<uint8_t> tokenizer, bool embedded,
                         const InputFiles &inputs) {
  Board board = *findBoard(target);
  for (StringRef part : {"include/tern", "src/core", "src/tokenizer"})
    if (Error error = copyFolder(runtime, folder, part, inputs))
      return error;
  std::string examples = inside(runtime, "examples");
  if (board.folder == "wasm")
    if (Error error = copyFile(inside(examples, "baremetal/memory.c"),
                               inside(folder, "memory.c"), inputs))
      return error;
  for (StringRef file : board.files)
    if (Error error = copyFile(inside(examples, board.folder + "/" + file),
                               inside(folder, file), inputs))
      return error;
  std::string text =
      (firstLine + target.getTriple() + ", " + target.getCpu() + "\n").str();
  text += "TRIPLE = " + target.getTriple().str() + "\n";
  for (auto [name, value] :
       {std::pair<StringRef, StringRef>{"MACHINE", board.machine},
        {"START", board.start},
        {"SCRIPT", board.script},
        {"TOKENIZER", tokenizerKind(tokenizer)},
        {"MODEL", embedded ? "model.o" : "model.o model-weights.S"},
        {"WEIGHTS", embedded ? "" : "model.weights"},
        {"RUN", board.run},
        {"COUNT", board.count}})
    text += (name + " = " + value).str() + "\n";
  text += "ifeq ($(origin CC),default)\nCC = " + board.compiler + "\nendif\n";
  return writeFile(inside(folder, "target.mk"), text, inputs);
}

//===----------------------------------------------------------------------===//
// Counting
//===----------------------------------------------------------------------===//

/// "3492160 to 3570680 instructions for a token", a line of some.
static bool readCounts(StringRef text, TokenInstructions &counts) {
  for (StringRef line : llvm::split(text, '\n'))
    if (line.consume_back(" instructions for a token")) {
      auto [least, most] = line.split(" to ");
      return !least.getAsInteger(10, counts.least) &&
             !most.getAsInteger(10, counts.most);
    }
  return false;
}

Expected<std::optional<TokenInstructions>>
tern::countInstructions(StringRef folder, TargetAttr target) {
  if (findBoard(target)->count.empty())
    return std::nullopt;
  llvm::ErrorOr<std::string> make = llvm::sys::findProgramByName("make");
  if (!make)
    return failure("there is no make");
  Expected<TemporaryDirectory> scratch = TemporaryDirectory::create();
  if (!scratch)
    return scratch.takeError();
  std::string said = scratch->path("said"), log = scratch->path("log"), reason;
  constexpr unsigned seconds = 300;
  runChild(*make, {*make, "-s", "-C", folder, "--no-print-directory", "count"},
           {StringRef("/dev/null"), StringRef(said), StringRef(log)}, seconds,
           reason);
  auto text = llvm::MemoryBuffer::getFile(said);
  auto complaints = llvm::MemoryBuffer::getFile(log);
  TokenInstructions counts;
  if (text && readCounts((*text)->getBuffer(), counts))
    return counts;
  if (reason.empty() && complaints)
    reason = (*complaints)->getBuffer().split('\n').first.trim().str();
  return failure("make -C " + folder + " count failed: " + reason);
}
