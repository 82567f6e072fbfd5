/*===- cuda.h - the driver of NVIDIA GPUs ----------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * Declarations of our own of what is used of libcuda.so.1: neither its headers
 * nor the library is needed to build. Handles are pointers, sizes size_t, all
 * enumerations int.
 */
#ifndef TERN_SRC_HOST_CUDA_H
#define TERN_SRC_HOST_CUDA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef int cuda_result;
typedef int cuda_device;
typedef uint64_t cuda_address; /* of the device's memory */
typedef void *cuda_handle;     /* a context, module, function, stream, ... */

enum {
  CUDA_OK = 0,
  CUDA_INVALID_VALUE = 1,
  CUDA_OUT_OF_MEMORY = 2,
  CUDA_NOT_INITIALIZED = 3,
  CUDA_NO_DEVICE = 100,
  CUDA_INVALID_DEVICE = 101,
  CUDA_INVALID_IMAGE = 200,
  CUDA_INVALID_CONTEXT = 201,
  CUDA_INVALID_PTX = 218,
  CUDA_INVALID_HANDLE = 400,
  CUDA_NOT_FOUND = 500,
  CUDA_LAUNCH_OUT_OF_RESOURCES = 701,
  CUDA_LAUNCH_FAILED = 719,
  CUDA_CAPTURE_UNSUPPORTED = 900
};

/* Of cuDeviceGetAttribute. */
enum {
  CUDA_PROCESSOR_COUNT = 16,
  CUDA_CAPABILITY_MAJOR = 75,
  CUDA_CAPABILITY_MINOR = 76,
  CUDA_MOST_SHARED_BYTES = 97
};

/* Of cuFuncGetAttribute and cuFuncSetAttribute. */
enum {
  CUDA_MOST_THREADS = 0,
  CUDA_SHARED_BYTES = 1,
  CUDA_LOCAL_BYTES = 3,
  CUDA_REGISTERS = 4,
  CUDA_MOST_DYNAMIC_SHARED_BYTES = 8
};

/* Of cuModuleLoadDataEx; values are pointers, and numbers written as such. */
enum { CUDA_ERROR_LOG = 5, CUDA_ERROR_LOG_BYTES = 6 };

enum { CUDA_STREAM_NON_BLOCKING = 1, CUDA_CAPTURE_THREAD_LOCAL = 1 };

enum { CUDA_EVENT_NO_TIMING = 2 };

/* Of a launch: it may begin while the one before ends. */
enum { CUDA_LAUNCH_EARLY = 6 };

typedef struct cuda_launch_attribute {
  int id;
  char padding[4];
  union {
    char bytes[64];
    int allowed; /* CUDA_LAUNCH_EARLY */
  } value;
} cuda_launch_attribute;

typedef struct cuda_launch_config {
  unsigned grid[3], block[3];
  unsigned shared_bytes;
  cuda_handle stream;
  cuda_launch_attribute *attributes;
  unsigned attribute_count;
} cuda_launch_config;

/* The functions, by the names that the library has them under:
 * CUDA_FUNCTION(name, parameters). All answer a cuda_result. */
#define CUDA_FUNCTIONS(CUDA_FUNCTION)                                          \
  CUDA_FUNCTION(cuInit, (unsigned flags))                                      \
  CUDA_FUNCTION(cuDriverGetVersion, (int *version))                            \
  CUDA_FUNCTION(cuGetErrorName, (cuda_result result, const char **name))       \
  CUDA_FUNCTION(cuGetErrorString, (cuda_result result, const char **text))     \
  CUDA_FUNCTION(cuDeviceGetCount, (int *count))                                \
  CUDA_FUNCTION(cuDeviceGet, (cuda_device * device, int number))               \
  CUDA_FUNCTION(cuDeviceGetName, (char *name, int bytes, cuda_device device))  \
  CUDA_FUNCTION(cuDeviceGetAttribute,                                          \
                (int *value, int attribute, cuda_device device))               \
  CUDA_FUNCTION(cuDeviceTotalMem_v2, (size_t * bytes, cuda_device device))     \
  CUDA_FUNCTION(cuDevicePrimaryCtxRetain,                                      \
                (cuda_handle * context, cuda_device device))                   \
  CUDA_FUNCTION(cuDevicePrimaryCtxRelease_v2, (cuda_device device))            \
  CUDA_FUNCTION(cuCtxSetCurrent, (cuda_handle context))                        \
  CUDA_FUNCTION(cuCtxSynchronize, (void))                                      \
  CUDA_FUNCTION(cuMemGetInfo_v2, (size_t * free, size_t * total))              \
  CUDA_FUNCTION(cuMemAlloc_v2, (cuda_address * at, size_t bytes))              \
  CUDA_FUNCTION(cuMemFree_v2, (cuda_address at))                               \
  CUDA_FUNCTION(cuMemHostAlloc, (void **at, size_t bytes, unsigned flags))     \
  CUDA_FUNCTION(cuMemFreeHost, (void *at))                                     \
  CUDA_FUNCTION(cuMemcpyHtoD_v2,                                               \
                (cuda_address to, const void *from, size_t bytes))             \
  CUDA_FUNCTION(cuMemcpyDtoH_v2, (void *to, cuda_address from, size_t bytes))  \
  CUDA_FUNCTION(cuMemcpyHtoDAsync_v2, (cuda_address to, const void *from,      \
                                       size_t bytes, cuda_handle stream))      \
  CUDA_FUNCTION(cuMemcpyDtoHAsync_v2, (void *to, cuda_address from,            \
                                       size_t bytes, cuda_handle stream))      \
  CUDA_FUNCTION(cuMemcpyDtoDAsync_v2, (cuda_address to, cuda_address from,     \
                                       size_t bytes, cuda_handle stream))      \
  CUDA_FUNCTION(cuMemsetD8Async, (cuda_address at, unsigned char byte,         \
                                  size_t bytes, cuda_handle stream))           \
  CUDA_FUNCTION(cuModuleLoadDataEx,                                            \
                (cuda_handle * module, const void *image, unsigned count,      \
                 int *options, void **values))                                 \
  CUDA_FUNCTION(cuModuleUnload, (cuda_handle module))                          \
  CUDA_FUNCTION(cuModuleGetFunction, (cuda_handle * function,                  \
                                      cuda_handle module, const char *name))   \
  CUDA_FUNCTION(cuModuleGetGlobal_v2, (cuda_address * at, size_t * bytes,      \
                                       cuda_handle module, const char *name))  \
  CUDA_FUNCTION(cuFuncGetAttribute,                                            \
                (int *value, int attribute, cuda_handle function))             \
  CUDA_FUNCTION(cuFuncSetAttribute,                                            \
                (cuda_handle function, int attribute, int value))              \
  CUDA_FUNCTION(cuLaunchKernelEx,                                              \
                (const cuda_launch_config *config, cuda_handle function,       \
                 void **parameters, void **extra))                             \
  CUDA_FUNCTION(cuStreamCreate, (cuda_handle * stream, unsigned flags))        \
  CUDA_FUNCTION(cuStreamSynchronize, (cuda_handle stream))                     \
  CUDA_FUNCTION(cuStreamDestroy_v2, (cuda_handle stream))                      \
  CUDA_FUNCTION(cuEventCreate, (cuda_handle * event, unsigned flags))          \
  CUDA_FUNCTION(cuEventRecord, (cuda_handle event, cuda_handle stream))        \
  CUDA_FUNCTION(cuEventSynchronize, (cuda_handle event))                       \
  CUDA_FUNCTION(cuEventDestroy_v2, (cuda_handle event))                        \
  CUDA_FUNCTION(cuStreamBeginCapture_v2, (cuda_handle stream, int mode))       \
  CUDA_FUNCTION(cuStreamEndCapture, (cuda_handle stream, cuda_handle * graph)) \
  CUDA_FUNCTION(cuGraphInstantiateWithFlags,                                   \
                (cuda_handle * instance, cuda_handle graph, uint64_t flags))   \
  CUDA_FUNCTION(cuGraphLaunch, (cuda_handle instance, cuda_handle stream))     \
  CUDA_FUNCTION(cuGraphGetNodes,                                               \
                (cuda_handle graph, cuda_handle * nodes, size_t * count))      \
  CUDA_FUNCTION(cuGraphExecDestroy, (cuda_handle instance))                    \
  CUDA_FUNCTION(cuGraphDestroy, (cuda_handle graph))

typedef struct cuda_driver {
#define CUDA_FIELD(name, parameters) cuda_result(*name) parameters;
  CUDA_FUNCTIONS(CUDA_FIELD)
#undef CUDA_FIELD
} cuda_driver;

#ifdef __cplusplus
}
#endif

#endif /* TERN_SRC_HOST_CUDA_H */
