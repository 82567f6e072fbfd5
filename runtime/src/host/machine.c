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
#include <unistd.h>
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

/* Opens a file about cache `index` of a CPU. */
static FILE *open_cache(const char *root, int cpu, int index,
                        const char *name) {
  char path[512];
  int n = snprintf(path, sizeof(path),
                   "%s/sys/devices/system/cpu/cpu%d/cache/index%d/%s", root,
                   cpu, index, name);
  return n > 0 && (size_t)n < sizeof(path) ? fopen(path, "r") : NULL;
}

/* Bytes of a cache that holds data: "32K"; 0 of one for code; -1: none. */
static int64_t read_cache(const char *root, int cpu, int index) {
  char type[32] = "", unit = 0;
  unsigned long long size = 0;
  FILE *in = open_cache(root, cpu, index, "type");
  if (in) {
    if (!fgets(type, sizeof(type), in))
      type[0] = 0;
    fclose(in);
  }
  if (!(in = open_cache(root, cpu, index, "size")))
    return -1;
  int found = fscanf(in, "%9llu%c", &size, &unit);
  fclose(in);
  if (found < 1 || strncmp(type, "Instruction", 11) == 0)
    return 0;
  return (int64_t)(size << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0));
}

/* The first of the CPUs that share a cache: "0-3,8-11". */
static int read_sharer(const char *root, int cpu, int index) {
  int first = cpu;
  FILE *in = open_cache(root, cpu, index, "shared_cpu_list");
  if (in) {
    if (fscanf(in, "%9d", &first) != 1)
      first = cpu;
    fclose(in);
  }
  return first;
}

uint64_t host_cache_bytes(void) {
  int64_t largest = 0, bytes;
  for (int index = 0; (bytes = read_cache("", 0, index)) >= 0; ++index)
    largest = bytes > largest ? bytes : largest;
  return (uint64_t)largest;
}

uint64_t tern_cache_bytes(const char *root) {
  uint64_t all = 0;
  long cpus = sysconf(_SC_NPROCESSORS_CONF);
  for (int cpu = 0; cpu < cpus; ++cpu) {
    int64_t bytes;
    for (int index = 0; (bytes = read_cache(root, cpu, index)) >= 0; ++index)
      if (bytes && read_sharer(root, cpu, index) == cpu)
        all += (uint64_t)bytes;
  }
  return all;
}
