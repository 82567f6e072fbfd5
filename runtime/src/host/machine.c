/*===- machine.c - the machine's name and caches ----------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Copies what may stand between quotes in CSV, JSON and a table, with one blank
 * for many; nothing else. */
static void copy_plain(char *to, size_t room, const char *from, size_t bytes) {
  size_t used = 0;
  for (size_t i = 0; i < bytes && from[i] && used + 1 < room; ++i) {
    char c = from[i];
    if (c < ' ' || c > '~' || c == '"' || c == '\\' || c == '|')
      c = ' ';
    if (c != ' ' || (used && to[used - 1] != ' '))
      to[used++] = c;
  }
  while (used && to[used - 1] == ' ')
    --used;
  to[used] = 0;
}

#if defined(__x86_64__)
static void read_name(char *name, size_t room) {
  unsigned words[12], highest = __get_cpuid_max(0x80000000u, NULL);
  name[0] = 0;
  if (highest < 0x80000004u)
    return;
  for (size_t i = 0; i < 3; ++i)
    __get_cpuid(0x80000002u + (unsigned)i, &words[4 * i], &words[4 * i + 1],
                &words[4 * i + 2], &words[4 * i + 3]);
  copy_plain(name, room, (const char *)words, sizeof(words));
}
#else
/* The first line of /proc/cpuinfo that names a kind of CPU. */
static void read_name(char *name, size_t room) {
  static const char *const keys[] = {"model name", "Model", "cpu model",
                                     "uarch", "Hardware"};
  char line[256];
  name[0] = 0;
  FILE *in = fopen("/proc/cpuinfo", "r");
  while (in && !name[0] && fgets(line, sizeof(line), in)) {
    const char *value = strchr(line, ':');
    for (size_t k = 0; value && k < sizeof(keys) / sizeof(keys[0]); ++k)
      if (strncmp(line, keys[k], strlen(keys[k])) == 0)
        copy_plain(name, room, value + 1, strlen(value + 1));
  }
  if (in)
    fclose(in);
}
#endif

void host_cpu_name(char *name, size_t room) {
  struct utsname system;
  read_name(name, room);
  if (!name[0] && uname(&system) == 0)
    copy_plain(name, room, system.machine, sizeof(system.machine));
}

uint64_t host_cache_bytes(void) {
  uint64_t largest = 0;
  for (int index = 0; index < 8; ++index) {
    char path[80], unit = 0;
    unsigned long long size = 0;
    snprintf(path, sizeof(path),
             "/sys/devices/system/cpu/cpu0/cache/index%d/size", index);
    FILE *in = fopen(path, "r");
    if (!in)
      break;
    if (fscanf(in, "%9llu%c", &size, &unit) >= 1) {
      uint64_t bytes = size << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0);
      largest = bytes > largest ? bytes : largest;
    }
    fclose(in);
  }
  return largest;
}
