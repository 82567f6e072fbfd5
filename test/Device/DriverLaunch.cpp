//===- DriverLaunch.cpp - libcuda without a GPU: modules, launches
//----------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Device.h"
#include "Export.h"

#include <algorithm>
#include <cstring>
#include <regex>

using namespace tern::ptx;

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

/// Writes to the log that the options name, if they do.
static void writeLog(const std::string &text, unsigned count,
                     const int *options, void **values) {
  char *log = nullptr;
  size_t bytes = 0;
  for (unsigned i = 0; i < count; ++i) {
    if (options[i] == CUDA_ERROR_LOG)
      log = static_cast<char *>(values[i]);
    if (options[i] == CUDA_ERROR_LOG_BYTES)
      bytes = reinterpret_cast<size_t>(values[i]);
  }
  if (!log || bytes == 0)
    return;
  std::strncpy(log, text.c_str(), bytes - 1);
  log[bytes - 1] = 0;
}

/// The text with a fault that somebody wants, or as it is.
static std::string changed(const std::string &text,
                           const std::string &replacement) {
  size_t arrow = replacement.find("=>");
  if (arrow == std::string::npos)
    return text;
  std::regex from(replacement.substr(0, arrow));
  if (!std::regex_search(text, from))
    throw Fault("TERN_PTX_REPLACE: there is no " +
                replacement.substr(0, arrow));
  return std::regex_replace(text, from, replacement.substr(arrow + 2));
}

EXPORTED cuModuleLoadDataEx(cuda_handle *module, const void *image,
                            unsigned count, int *options, void **values) {
  Device &device = Device::get();
  return device.guard([&]() -> cuda_result {
    const char *text = static_cast<const char *>(image);
    if (std::memcmp(text,
                    "\x7f"
                    "ELF",
                    4) == 0)
      return CUDA_INVALID_IMAGE;
    auto loaded = std::make_unique<LoadedModule>();
    try {
      if (!device.refusal.empty())
        throw Fault(device.refusal);
      parse(loaded->module, changed(text, device.replacement));
      if (loaded->module.target > device.capability)
        throw Fault("PTX of sm_" + std::to_string(loaded->module.target) +
                    " on a device of sm_" + std::to_string(device.capability));
    } catch (const Fault &fault) {
      writeLog(fault.what(), count, options, values);
      return CUDA_INVALID_PTX;
    }
    for (auto &[name, kernel] : loaded->module.kernels)
      loaded->functions[name].kernel = &kernel;
    for (auto &[name, variable] : loaded->module.variables)
      if (!variable.storage.empty())
        device.memory.add(variable.offset, variable.bytes,
                          variable.space == Space::Constant);
    *module = loaded.release();
    return CUDA_OK;
  });
}

EXPORTED cuModuleUnload(cuda_handle module) {
  Device &device = Device::get();
  return device.guard([&] {
    device.waitForAll(false);
    std::unique_ptr<LoadedModule> loaded(static_cast<LoadedModule *>(module));
    for (auto &[name, variable] : loaded->module.variables)
      if (!variable.storage.empty())
        device.memory.remove(variable.offset);
    return CUDA_OK;
  });
}

EXPORTED cuModuleGetFunction(cuda_handle *function, cuda_handle module,
                             const char *name) {
  auto &functions = static_cast<LoadedModule *>(module)->functions;
  auto found = functions.find(name);
  if (found == functions.end())
    return CUDA_NOT_FOUND;
  *function = &found->second;
  return CUDA_OK;
}

EXPORTED cuModuleGetGlobal_v2(cuda_address *at, size_t *bytes,
                              cuda_handle module, const char *name) {
  auto &variables = static_cast<LoadedModule *>(module)->module.variables;
  auto found = variables.find(name);
  if (found == variables.end() || found->second.storage.empty())
    return CUDA_NOT_FOUND;
  *at = found->second.offset;
  *bytes = found->second.bytes;
  return CUDA_OK;
}

EXPORTED cuFuncGetAttribute(int *value, int attribute, cuda_handle handle) {
  auto *function = static_cast<Function *>(handle);
  switch (attribute) {
  case CUDA_MOST_THREADS:
    *value = int(function->kernel->mostThreads);
    return CUDA_OK;
  case CUDA_SHARED_BYTES:
    *value = int(function->kernel->sharedBytes);
    return CUDA_OK;
  case CUDA_LOCAL_BYTES:
    *value = int(function->kernel->localBytes);
    return CUDA_OK;
  case CUDA_REGISTERS:
    *value = int(function->kernel->registerCount);
    return CUDA_OK;
  }
  return CUDA_INVALID_VALUE;
}

static uint32_t mostSharedBytes() {
  int bytes = 0;
  cuDeviceGetAttribute(&bytes, CUDA_MOST_SHARED_BYTES, 0);
  return uint32_t(bytes);
}

EXPORTED cuFuncSetAttribute(cuda_handle handle, int attribute, int value) {
  auto *function = static_cast<Function *>(handle);
  if (attribute != CUDA_MOST_DYNAMIC_SHARED_BYTES || value < 0 ||
      uint32_t(value) + function->kernel->sharedBytes > mostSharedBytes())
    return CUDA_INVALID_VALUE;
  function->dynamicSharedBytes = unsigned(value);
  return CUDA_OK;
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

EXPORTED cuLaunchKernelEx(const cuda_launch_config *config, cuda_handle handle,
                          void **parameters, void **) {
  Device &device = Device::get();
  return device.guard([&]() -> cuda_result {
    auto *function = static_cast<Function *>(handle);
    const Kernel &kernel = *function->kernel;
    Launch launch;
    launch.kernel = &kernel;
    for (unsigned i = 0; i < 3; ++i) {
      launch.grid[i] = config->grid[i];
      if (config->grid[i] == 0 ||
          (i != 0 && (config->grid[i] > 65535 || config->block[i] != 1)))
        return CUDA_INVALID_VALUE;
    }
    launch.threads = config->block[0];
    launch.sharedBytes = config->shared_bytes;
    for (unsigned i = 0; i < config->attribute_count; ++i)
      if (config->attributes[i].id == CUDA_LAUNCH_EARLY)
        launch.isEarly = config->attributes[i].value.allowed != 0;
    if (launch.sharedBytes > function->dynamicSharedBytes)
      return CUDA_INVALID_VALUE;
    if (kernel.sharedBytes > 48 * 1024 ||
        launch.sharedBytes + kernel.sharedBytes > mostSharedBytes() ||
        launch.threads > kernel.mostThreads)
      return CUDA_LAUNCH_OUT_OF_RESOURCES;
    launch.parameters.resize(kernel.parameterBytes);
    for (size_t i = 0; i < kernel.parameters.size(); ++i)
      std::memcpy(&launch.parameters[kernel.parameters[i].offset],
                  parameters[i], kernel.parameters[i].bytes);
    device.enqueue(static_cast<Stream *>(config->stream),
                   [launch] { Device::get().launch(launch); });
    return CUDA_OK;
  });
}

//===----------------------------------------------------------------------===//
// Streams and graphs
//===----------------------------------------------------------------------===//

EXPORTED cuStreamCreate(cuda_handle *handle, unsigned flags) {
  return Device::get().guard([&] {
    auto *stream = new Stream;
    stream->isBlocking = !(flags & CUDA_STREAM_NON_BLOCKING);
    Device::get().streams.insert(stream);
    *handle = stream;
    return CUDA_OK;
  });
}

static Stream &streamOf(cuda_handle handle) {
  return handle ? *static_cast<Stream *>(handle) : Device::get().defaultStream;
}

EXPORTED cuStreamSynchronize(cuda_handle handle) {
  return Device::get().guard(
      [&] { return Device::get().wait(streamOf(handle)); });
}

EXPORTED cuStreamDestroy_v2(cuda_handle handle) {
  return Device::get().guard([&] {
    cuda_result result = Device::get().wait(streamOf(handle));
    Device::get().streams.erase(static_cast<Stream *>(handle));
    delete static_cast<Stream *>(handle);
    return result;
  });
}

EXPORTED cuEventCreate(cuda_handle *handle, unsigned) {
  return Device::get().guard([&] {
    *handle = new Event;
    return CUDA_OK;
  });
}

EXPORTED cuEventRecord(cuda_handle handle, cuda_handle stream) {
  return Device::get().guard([&]() -> cuda_result {
    auto *event = static_cast<Event *>(handle);
    if (streamOf(stream).capture)
      return CUDA_CAPTURE_UNSUPPORTED;
    event->stream = &streamOf(stream);
    uint64_t number = ++event->recorded;
    event->stream->waiting.push_back([=] { event->passed = number; });
    return CUDA_OK;
  });
}

EXPORTED cuEventSynchronize(cuda_handle handle) {
  return Device::get().guard([&]() -> cuda_result {
    auto *event = static_cast<Event *>(handle);
    return event->stream ? Device::get().waitUntil(
                               *event->stream,
                               [&] { return event->passed == event->recorded; })
                         : CUDA_OK;
  });
}

EXPORTED cuEventDestroy_v2(cuda_handle handle) {
  return Device::get().guard([&] {
    auto *event = static_cast<Event *>(handle);
    cuda_result result =
        event->stream ? Device::get().wait(*event->stream) : CUDA_OK;
    delete event;
    return result;
  });
}

EXPORTED cuStreamBeginCapture_v2(cuda_handle handle, int) {
  return Device::get().guard([&]() -> cuda_result {
    if (!handle || streamOf(handle).capture)
      return CUDA_CAPTURE_UNSUPPORTED;
    streamOf(handle).capture = new Graph;
    return CUDA_OK;
  });
}

EXPORTED cuStreamEndCapture(cuda_handle handle, cuda_handle *graph) {
  return Device::get().guard([&]() -> cuda_result {
    *graph = streamOf(handle).capture;
    streamOf(handle).capture = nullptr;
    return *graph ? CUDA_OK : CUDA_INVALID_VALUE;
  });
}

EXPORTED cuGraphInstantiateWithFlags(cuda_handle *instance, cuda_handle graph,
                                     uint64_t) {
  return Device::get().guard([&] {
    *instance = new Graph(*static_cast<Graph *>(graph));
    return CUDA_OK;
  });
}

EXPORTED cuGraphLaunch(cuda_handle instance, cuda_handle stream) {
  return Device::get().guard([&] {
    for (const Operation &operation :
         static_cast<Graph *>(instance)->operations)
      Device::get().enqueue(static_cast<Stream *>(stream), operation);
    return CUDA_OK;
  });
}

EXPORTED cuGraphGetNodes(cuda_handle graph, cuda_handle *nodes, size_t *count) {
  size_t all = static_cast<Graph *>(graph)->operations.size();
  for (size_t i = 0; nodes && i < std::min(all, *count); ++i)
    nodes[i] = &static_cast<Graph *>(graph)->operations[i];
  *count = all;
  return CUDA_OK;
}

EXPORTED cuGraphExecDestroy(cuda_handle instance) {
  delete static_cast<Graph *>(instance);
  return CUDA_OK;
}

EXPORTED cuGraphDestroy(cuda_handle graph) {
  delete static_cast<Graph *>(graph);
  return CUDA_OK;
}
