/*===- cpu.c - what the CPU can do -----------------------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif
#elif (defined(__aarch64__) || defined(__arm__)) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__riscv) && defined(__linux__)
#include <sys/auxv.h>
#endif

typedef struct feature {
  const char *architecture;
  unsigned bit;
  const char *name;
} feature;

static const feature features[] = {
#define TERN_CPU_FEATURE(architecture, bit, name) {#architecture, bit, name},
#include "tern/cpu_features.def"
};
#define FEATURE_COUNT (sizeof(features) / sizeof(features[0]))

#if defined(__x86_64__)
static const char here[] = "x86_64";

enum { EBX, ECX, EDX, EAX };
/* Registers that the operating system must save: bits of XCR0. */
enum { NO_STATE = 0, YMM = 0x6, ZMM = 0xE6, TILES = 0x60000 };

static const struct detection {
  const char *name;
  uint32_t leaf, subleaf, reg, bit, state;
} detections[] = {
    {"sse3", 1, 0, ECX, 0, NO_STATE},
    {"ssse3", 1, 0, ECX, 9, NO_STATE},
    {"sse4.1", 1, 0, ECX, 19, NO_STATE},
    {"sse4.2", 1, 0, ECX, 20, NO_STATE},
    {"popcnt", 1, 0, ECX, 23, NO_STATE},
    {"avx", 1, 0, ECX, 28, YMM},
    {"avx2", 7, 0, EBX, 5, YMM},
    {"fma", 1, 0, ECX, 12, YMM},
    {"bmi", 7, 0, EBX, 3, NO_STATE},
    {"bmi2", 7, 0, EBX, 8, NO_STATE},
    {"f16c", 1, 0, ECX, 29, YMM},
    {"movbe", 1, 0, ECX, 22, NO_STATE},
    {"lzcnt", 0x80000001u, 0, ECX, 5, NO_STATE},
    {"avx512f", 7, 0, EBX, 16, ZMM},
    {"avx512bw", 7, 0, EBX, 30, ZMM},
    {"avx512cd", 7, 0, EBX, 28, ZMM},
    {"avx512dq", 7, 0, EBX, 17, ZMM},
    {"avx512vl", 7, 0, EBX, 31, ZMM},
    {"avx512vnni", 7, 0, ECX, 11, ZMM},
    {"avx512vbmi", 7, 0, ECX, 1, ZMM},
    {"avxvnni", 7, 1, EAX, 4, YMM},
    {"avx512fp16", 7, 0, EDX, 23, ZMM},
    {"amx-tile", 7, 0, EDX, 24, TILES},
    {"amx-int8", 7, 0, EDX, 25, TILES},
    {"sse4a", 0x80000001u, 0, ECX, 6, NO_STATE},
};

static uint64_t enabled_state(void) {
  uint32_t a, b, c, d, low, high;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & (1u << 27))) /* OSXSAVE */
    return 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static int has_feature(const char *name) {
  uint64_t state = enabled_state();
  for (size_t i = 0; i < sizeof(detections) / sizeof(detections[0]); ++i) {
    const struct detection *d = &detections[i];
    uint32_t r[4] = {0};
    if (strcmp(d->name, name) != 0)
      continue;
    if ((state & d->state) != d->state)
      return 0;
    /* Sub-leaf 0 of leaf 7 says in eax how many sub-leaves there are. */
    if (d->subleaf != 0 &&
        (!__get_cpuid_count(d->leaf, 0, &r[EAX], &r[EBX], &r[ECX], &r[EDX]) ||
         r[EAX] < d->subleaf))
      return 0;
    return __get_cpuid_count(d->leaf, d->subleaf, &r[EAX], &r[EBX], &r[ECX],
                             &r[EDX]) &&
           (r[d->reg] >> d->bit & 1u);
  }
  return 0;
}
#elif defined(__aarch64__)
static const char here[] = "aarch64";

static int has_feature(const char *name) {
#ifdef __linux__
  if (strcmp(name, "neon") == 0)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMD) != 0;
  if (strcmp(name, "dotprod") == 0)
    return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  if (strcmp(name, "i8mm") == 0)
    return (getauxval(AT_HWCAP2) & (1ul << 13)) != 0; /* HWCAP2_I8MM */
#endif
  return 0;
}
#elif defined(__arm__)
static const char here[] = "arm";

static int has_feature(const char *name) {
#ifdef __linux__
  if (strcmp(name, "hwdiv-arm") == 0)
    return (getauxval(AT_HWCAP) & HWCAP_IDIVA) != 0;
  if (strcmp(name, "vfp4d16") == 0)
    return (getauxval(AT_HWCAP) & HWCAP_VFPv4) != 0;
#endif
  return 0;
}
#elif defined(__riscv) && __riscv_xlen == 64
static const char here[] = "riscv64";

/* Linux has a bit for each letter. */
static int has_feature(const char *name) {
#ifdef __linux__
  return name[1] == 0 && (getauxval(AT_HWCAP) >> (name[0] - 'a') & 1u);
#else
  return 0;
#endif
}
#else
static const char here[] = "";
static int has_feature(const char *name) {
  (void)name;
  return 0;
}
#endif

uint64_t tern_cpu_features(void) {
  uint64_t found = 0;
  for (size_t i = 0; i < FEATURE_COUNT; ++i)
    if (strcmp(features[i].architecture, here) == 0 &&
        has_feature(features[i].name))
      found |= 1ull << features[i].bit;
  return found;
}

/* Linux keeps room for tiles for a process that asked. Returns 0 or errno. */
static int ask_for_tiles(void) {
#if defined(__x86_64__) && defined(__linux__)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  if (syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) != 0)
    return errno;
#endif
  return 0;
}

static int needs_tiles(const tern_model *model) {
  for (size_t i = 0; i < FEATURE_COUNT; ++i)
    if (strcmp(features[i].architecture, here) == 0 &&
        strncmp(features[i].name, "amx-", 4) == 0 &&
        (model->cpu_features >> features[i].bit & 1))
      return 1;
  return 0;
}

/* The best --cpu= this CPU would run. */
static const char *advice(uint64_t have) {
  static const uint64_t v2 = 0x1F, v3 = v2 | 0x1FE0, v4 = v3 | 0x3E000;
  if (strcmp(here, "x86_64") != 0)
    return "generic";
  return (have & v4) == v4   ? "x86-64-v4"
         : (have & v3) == v3 ? "x86-64-v3"
         : (have & v2) == v2 ? "x86-64-v2"
                             : "x86-64";
}

/* "avx512f, avx512vnni" */
static void name_features(uint64_t bits, char *out, size_t size) {
  size_t used = 0;
  out[0] = 0;
  for (unsigned bit = 0; bit < 64 && used < size; ++bit) {
    char unknown[32];
    const char *name = unknown;
    if (!(bits >> bit & 1))
      continue;
    snprintf(unknown, sizeof(unknown), "feature number %u", bit);
    for (size_t i = 0; i < FEATURE_COUNT; ++i)
      if (features[i].bit == bit)
        name = features[i].name;
    int n = snprintf(out + used, size - used, "%s%s", used ? ", " : "", name);
    used += n > 0 ? (size_t)n : 0;
  }
}

const tern_model *tern_cpu_pick(const tern_model *const *models, unsigned count,
                                uint64_t have, tern_error *error) {
  int refusal = 0;
  for (unsigned i = count; i-- > 0;)
    if ((models[i]->cpu_features & ~have) == 0 &&
        (!needs_tiles(models[i]) || (refusal = ask_for_tiles()) == 0))
      return models[i];
  char names[256];
  if (count == 0)
    host_fail(error, "this program holds no model");
  else if (refusal)
    host_fail(error,
              "this program needs amx-tile, which the operating system does "
              "not let it use: %s; compile with --cpu=%s",
              strerror(refusal), advice(have));
  else {
    name_features(models[0]->cpu_features & ~have, names, sizeof(names));
    if (strcmp(here, "arm") == 0)
      host_fail(
          error,
          "this program needs %s, which this CPU does not have; of 32-bit "
          "ARM, a Cortex-A7 and later ones run models",
          names);
    else
      host_fail(error,
                "this program needs %s, which this CPU does not have; compile "
                "with --cpu=%s",
                names, advice(have));
  }
  return NULL;
}
