//===- Device.cpp - The one device of this libcuda
//--------------------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Device.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace tern::ptx;

/// Between allocations, so that no address is of two.
static constexpr size_t kGap = 512;

Device &Device::get() {
  static Device device;
  return device;
}

static uint64_t numberOf(const char *variable, uint64_t otherwise) {
  const char *text = std::getenv(variable);
  return text && *text ? std::strtoull(text, nullptr, 0) : otherwise;
}

cuda_result Device::initialize() {
  count = unsigned(numberOf("TERN_PTX_DEVICES", 1));
  totalBytes = numberOf("TERN_PTX_MEMORY", uint64_t(8) << 30);
  capability = unsigned(numberOf("TERN_PTX_CAPABILITY", 90));
  const char *text = std::getenv("TERN_PTX_REFUSE");
  refusal = text ? text : "";
  text = std::getenv("TERN_PTX_REPLACE");
  replacement = text ? text : "";
  isVerbose = numberOf("TERN_PTX_VERBOSE", 0) != 0;
  auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  seed = numberOf("TERN_PTX_SEED", uint64_t(now) % 1000000007);
  if (count == 0)
    return CUDA_NO_DEVICE;
  isInitialized = true;
  return CUDA_OK;
}

Device::~Device() {
  if (isVerbose)
    std::fprintf(stderr,
                 "libcuda: %llu launches, %llu instructions of warps, %llu "
                 "waits, %llu of them with more to do\n",
                 static_cast<unsigned long long>(launches),
                 static_cast<unsigned long long>(machine.executed),
                 static_cast<unsigned long long>(waits),
                 static_cast<unsigned long long>(busyWaits));
}

cuda_result Device::guard(const std::function<cuda_result()> &call) {
  if (!isInitialized)
    return CUDA_NOT_INITIALIZED;
  if (failure != CUDA_OK)
    return failure;
  try {
    return call();
  } catch (const Fault &fault) {
    std::fprintf(stderr, "libcuda: %s\n", fault.what());
    return failure = CUDA_LAUNCH_FAILED;
  }
}

void Device::enqueue(Stream *stream, Operation operation) {
  Stream &to = stream ? *stream : defaultStream;
  (to.capture ? to.capture->operations : to.waiting)
      .push_back(std::move(operation));
}

cuda_result Device::wait(Stream &stream) {
  return waitUntil(stream, [] { return false; });
}

cuda_result Device::waitUntil(Stream &stream,
                              const std::function<bool()> &isDone) {
  if (stream.capture)
    return CUDA_CAPTURE_UNSUPPORTED;
  ++waits;
  while (!stream.waiting.empty()) {
    if (isDone()) {
      ++busyWaits;
      break;
    }
    Operation operation = std::move(stream.waiting.front());
    stream.waiting.pop_front();
    operation();
  }
  return CUDA_OK;
}

cuda_result Device::waitForAll(bool blockingOnly) {
  cuda_result result = wait(defaultStream);
  for (Stream *stream : streams)
    if (result == CUDA_OK && !stream->capture &&
        (stream->isBlocking || !blockingOnly))
      result = wait(*stream);
  return result;
}

void Device::launch(const Launch &launch) {
  machine.run(launch, seed + ++launches);
}

/// Memory of a device holds whatever it holds.
uint64_t Device::allocate(size_t bytes, bool isOfHost) {
  if (!isOfHost && bytes > totalBytes - usedBytes)
    return 0;
  void *block = std::aligned_alloc(256, (bytes + kGap + 255) / 256 * 256);
  if (!block)
    return 0;
  std::memset(block, seed % 2 ? 0xFF : 0xCD, bytes);
  uint64_t at = reinterpret_cast<uint64_t>(block);
  blocks[at] = {block, bytes, isOfHost};
  memory.add(at, bytes);
  if (!isOfHost)
    usedBytes += bytes;
  return at;
}

bool Device::release(uint64_t at, bool isOfHost) {
  auto found = blocks.find(at);
  if (found == blocks.end() || found->second.isOfHost != isOfHost)
    return false;
  if (!isOfHost)
    usedBytes -= found->second.bytes;
  memory.remove(at);
  std::free(found->second.memory);
  blocks.erase(found);
  return true;
}
