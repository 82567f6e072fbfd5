//===- Driver.cpp - libcuda without a GPU: devices and memory
//---------------===//
//
// Part of tern, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

//
// The functions of the driver that a runtime calls. Device memory is memory of
// the process that only kernels and these functions touch.
//
//===----------------------------------------------------------------------===//

#include "Device.h"
#include "Export.h"

#include <algorithm>
#include <cstring>

using namespace tern::ptx;

//===----------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------===//

EXPORTED cuInit(unsigned flags) {
  return flags ? CUDA_INVALID_VALUE : Device::get().initialize();
}

EXPORTED cuDriverGetVersion(int *version) {
  *version = 13000;
  return CUDA_OK;
}

EXPORTED cuDeviceGetCount(int *count) {
  *count = int(Device::get().count);
  return CUDA_OK;
}

EXPORTED cuDeviceGet(cuda_device *device, int number) {
  return Device::get().guard([&]() -> cuda_result {
    if (number < 0 || unsigned(number) >= Device::get().count)
      return CUDA_INVALID_DEVICE;
    *device = number;
    return CUDA_OK;
  });
}

EXPORTED cuDeviceGetName(char *name, int bytes, cuda_device) {
  std::strncpy(name, "PTX interpreter", size_t(bytes));
  return CUDA_OK;
}

EXPORTED cuDeviceGetAttribute(int *value, int attribute, cuda_device) {
  Device &device = Device::get();
  switch (attribute) {
  case CUDA_PROCESSOR_COUNT:
    *value = 4;
    return CUDA_OK;
  case CUDA_CAPABILITY_MAJOR:
    *value = int(device.capability / 10);
    return CUDA_OK;
  case CUDA_CAPABILITY_MINOR:
    *value = int(device.capability % 10);
    return CUDA_OK;
  case CUDA_MOST_SHARED_BYTES:
    *value = device.capability >= 90 ? 227 * 1024 : 99 * 1024;
    return CUDA_OK;
  }
  return CUDA_INVALID_VALUE;
}

EXPORTED cuDeviceTotalMem_v2(size_t *bytes, cuda_device) {
  *bytes = Device::get().totalBytes;
  return CUDA_OK;
}

EXPORTED cuDevicePrimaryCtxRetain(cuda_handle *context, cuda_device) {
  return Device::get().guard([&] {
    *context = &Device::get();
    return CUDA_OK;
  });
}

EXPORTED cuDevicePrimaryCtxRelease_v2(cuda_device) { return CUDA_OK; }

EXPORTED cuCtxSetCurrent(cuda_handle context) {
  return context == &Device::get() || !context ? CUDA_OK : CUDA_INVALID_CONTEXT;
}

EXPORTED cuCtxSynchronize() {
  return Device::get().guard([] { return Device::get().waitForAll(false); });
}

static const std::pair<cuda_result, std::pair<const char *, const char *>>
    results[] = {
        {CUDA_OK, {"CUDA_SUCCESS", "no error"}},
        {CUDA_INVALID_VALUE, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
        {CUDA_OUT_OF_MEMORY, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
        {CUDA_NOT_INITIALIZED,
         {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
        {CUDA_NO_DEVICE,
         {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
        {CUDA_INVALID_DEVICE,
         {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
        {CUDA_INVALID_IMAGE,
         {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
        {CUDA_INVALID_PTX,
         {"CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed"}},
        {CUDA_INVALID_HANDLE,
         {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
        {CUDA_NOT_FOUND, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
        {CUDA_LAUNCH_OUT_OF_RESOURCES,
         {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES",
          "too many resources requested for launch"}},
        {CUDA_LAUNCH_FAILED,
         {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
        {CUDA_CAPTURE_UNSUPPORTED,
         {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
          "operation not permitted when stream is capturing"}}};

static cuda_result nameResult(cuda_result result, const char **text,
                              bool isName) {
  for (auto &[number, texts] : results)
    if (number == result) {
      *text = isName ? texts.first : texts.second;
      return CUDA_OK;
    }
  *text = nullptr;
  return CUDA_INVALID_VALUE;
}

EXPORTED cuGetErrorName(cuda_result result, const char **name) {
  return nameResult(result, name, true);
}

EXPORTED cuGetErrorString(cuda_result result, const char **text) {
  return nameResult(result, text, false);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

EXPORTED cuMemGetInfo_v2(size_t *free, size_t *total) {
  return Device::get().guard([&] {
    *total = Device::get().totalBytes;
    *free = *total - Device::get().usedBytes;
    return CUDA_OK;
  });
}

EXPORTED cuMemAlloc_v2(cuda_address *at, size_t bytes) {
  return Device::get().guard([&]() -> cuda_result {
    if (bytes == 0)
      return CUDA_INVALID_VALUE;
    *at = Device::get().allocate(bytes, false);
    return *at ? CUDA_OK : CUDA_OUT_OF_MEMORY;
  });
}

EXPORTED cuMemFree_v2(cuda_address at) {
  return Device::get().guard([&]() -> cuda_result {
    Device::get().waitForAll(false);
    return Device::get().release(at, false) ? CUDA_OK : CUDA_INVALID_VALUE;
  });
}

EXPORTED cuMemHostAlloc(void **at, size_t bytes, unsigned) {
  return Device::get().guard([&]() -> cuda_result {
    *at = reinterpret_cast<void *>(Device::get().allocate(bytes, true));
    return *at ? CUDA_OK : CUDA_OUT_OF_MEMORY;
  });
}

EXPORTED cuMemFreeHost(void *at) {
  return Device::get().guard([&]() -> cuda_result {
    Device::get().waitForAll(false);
    return Device::get().release(reinterpret_cast<uint64_t>(at), true)
               ? CUDA_OK
               : CUDA_INVALID_VALUE;
  });
}

/// A copy that waits, behind all that is on blocking streams.
static cuda_result copyNow(void *to, const void *from, uint64_t device,
                           size_t bytes) {
  return Device::get().guard([&]() -> cuda_result {
    if (!Device::get().holds(device, bytes))
      return CUDA_INVALID_VALUE;
    cuda_result result = Device::get().waitForAll(true);
    std::memcpy(to, from, bytes);
    return result;
  });
}

EXPORTED cuMemcpyHtoD_v2(cuda_address to, const void *from, size_t bytes) {
  return copyNow(reinterpret_cast<void *>(to), from, to, bytes);
}

EXPORTED cuMemcpyDtoH_v2(void *to, cuda_address from, size_t bytes) {
  return copyNow(to, reinterpret_cast<const void *>(from), from, bytes);
}

static cuda_result copyLater(uint64_t to, uint64_t from, bool isToDevice,
                             bool isFromDevice, size_t bytes,
                             cuda_handle stream) {
  Device &device = Device::get();
  return device.guard([&]() -> cuda_result {
    if ((isToDevice && !device.holds(to, bytes)) ||
        (isFromDevice && !device.holds(from, bytes)))
      return CUDA_INVALID_VALUE;
    device.enqueue(static_cast<Stream *>(stream), [=] {
      std::memmove(reinterpret_cast<void *>(to),
                   reinterpret_cast<const void *>(from), bytes);
    });
    return CUDA_OK;
  });
}

EXPORTED cuMemcpyHtoDAsync_v2(cuda_address to, const void *from, size_t bytes,
                              cuda_handle stream) {
  return copyLater(to, reinterpret_cast<uint64_t>(from), true, false, bytes,
                   stream);
}

EXPORTED cuMemcpyDtoHAsync_v2(void *to, cuda_address from, size_t bytes,
                              cuda_handle stream) {
  return copyLater(reinterpret_cast<uint64_t>(to), from, false, true, bytes,
                   stream);
}

EXPORTED cuMemcpyDtoDAsync_v2(cuda_address to, cuda_address from, size_t bytes,
                              cuda_handle stream) {
  return copyLater(to, from, true, true, bytes, stream);
}

EXPORTED cuMemsetD8Async(cuda_address at, unsigned char byte, size_t bytes,
                         cuda_handle stream) {
  Device &device = Device::get();
  return device.guard([&]() -> cuda_result {
    if (!device.holds(at, bytes))
      return CUDA_INVALID_VALUE;
    device.enqueue(static_cast<Stream *>(stream), [=] {
      std::memset(reinterpret_cast<void *>(at), byte, bytes);
    });
    return CUDA_OK;
  });
}
