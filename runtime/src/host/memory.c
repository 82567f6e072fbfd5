/*===- memory.c - memory in large pages, and how much there is -------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A stream through pages of 4 KiB stops at each of them for an address; one of
 * 2 MiB is 512 of those. Linux gives them to memory that asks for them; other
 * systems choose by themselves.
 */
#include "control_groups.h"
#include "host.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Larger ones, of systems whose pages are 64 KiB, would hold mostly nothing. */
#define LARGEST_PAGE ((uint64_t)32 << 20)

/* The first line of root/path; 0 when there is none. */
static int read_line(const char *root, const char *path, char *line, int room) {
  return host_group_line(root, path, line, room);
}

uint64_t tern_huge_page_bytes(const char *root) {
  char line[64];
  uint64_t bytes = 0;
  /* "always [madvise] never" */
  if (!read_line(root, "/sys/kernel/mm/transparent_hugepage/enabled", line,
                 sizeof(line)) ||
      strstr(line, "[never]") ||
      !read_line(root, "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size",
                 line, sizeof(line)) ||
      sscanf(line, "%" SCNu64, &bytes) != 1)
    return 0;
  return bytes <= LARGEST_PAGE && (bytes & (bytes - 1)) == 0 ? bytes : 0;
}

void *tern_memory_map(size_t bytes) {
  uint64_t huge = tern_huge_page_bytes("");
  size_t more = huge && bytes >= 2 * huge ? (size_t)huge : 0;
  if (bytes == 0 || bytes > SIZE_MAX - more)
    return NULL;
  uint8_t *at = mmap(NULL, bytes + more, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED)
    return NULL;
#ifdef MADV_HUGEPAGE
  if (more) {
    /* All but what begins at a multiple goes back. */
    size_t before = (size_t)(-(uintptr_t)at & (more - 1));
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t whole = (bytes + page - 1) & ~(page - 1);
    if (before)
      munmap(at, before);
    at += before;
    munmap(at + whole, more - before);
    madvise(at, bytes, MADV_HUGEPAGE);
  }
#endif
  return at;
}

void tern_memory_unmap(void *at, size_t bytes) {
  if (at)
    munmap(at, bytes);
}

int tern_memory_pages(const void *from, uint64_t bytes, tern_pages *pages) {
  FILE *in = fopen("/proc/self/smaps", "r");
  uint64_t low = (uint64_t)(uintptr_t)from, a, b, kilobytes;
  char line[512], name[32];
  int is_within = 0;
  memset(pages, 0, sizeof(*pages));
  while (in && fgets(line, sizeof(line), in)) {
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &a, &b) == 2) {
      is_within = a < low + bytes && low < b;
      continue;
    }
    if (!is_within ||
        sscanf(line, "%31[^:]: %" SCNu64 " kB", name, &kilobytes) != 2)
      continue;
    int is_huge = strcmp(name, "AnonHugePages") == 0 ||
                  strcmp(name, "ShmemPmdMapped") == 0 ||
                  strcmp(name, "FilePmdMapped") == 0;
    /* Of a file in hugetlbfs, which Rss leaves out. */
    int is_both = strcmp(name, "Shared_Hugetlb") == 0 ||
                  strcmp(name, "Private_Hugetlb") == 0;
    if (is_both || strcmp(name, "Rss") == 0)
      pages->resident_bytes += kilobytes << 10;
    if (is_both || is_huge)
      pages->huge_bytes += kilobytes << 10;
  }
  if (!in)
    return -1;
  fclose(in);
  return 0;
}

#ifdef __linux__
/* Of PAGEMAP_SCAN in linux/fs.h, which is younger than many a C library. */
typedef struct scan {
  uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages,
      inverted, mask, any_of, returned;
} scan;
#define SCAN _IOWR('f', 16, scan)
#define SCAN_HUGE ((uint64_t)1 << 6)

int host_is_huge(int pagemap, const void *at, size_t bytes) {
  uint64_t start = (uint64_t)(uintptr_t)at, region[3] = {0, 0, 0};
  scan s = {.size = sizeof(s),
            .start = start,
            .end = start + bytes,
            .regions = (uint64_t)(uintptr_t)region,
            .region_count = 1,
            .mask = SCAN_HUGE,
            .returned = SCAN_HUGE};
  int found = pagemap < 0 ? -1 : ioctl(pagemap, SCAN, &s);
  return found < 0
             ? -1
             : found == 1 && region[0] == start && region[1] == start + bytes;
}
#else
int host_is_huge(int pagemap, const void *at, size_t bytes) {
  (void)pagemap, (void)at, (void)bytes;
  return -1;
}
#endif

/* Bytes that a control group could still take: a file's clean pages give way.
 */
static void read_group(void *least, const char *directory, int is_unified) {
  const char *names[2][2] = {
      {"/memory.limit_in_bytes", "/memory.usage_in_bytes"},
      {"/memory.max", "/memory.current"}};
  char line[128], *end;
  if (!host_group_line(directory, names[is_unified][0], line, sizeof(line)))
    return;
  long long limit = host_group_number(line, &end), used = -1;
  if (limit < 0)
    return;
  if (host_group_line(directory, names[is_unified][1], line, sizeof(line)))
    used = host_group_number(line, &end);
  long long file =
      host_group_field(directory, "/memory.stat",
                       is_unified ? "inactive_file" : "total_inactive_file");
  long long rest = limit - (used > 0 ? used : 0) + (file > 0 ? file : 0);
  uint64_t available = rest > 0 ? (uint64_t)rest : 0;
  if (available < *(uint64_t *)least)
    *(uint64_t *)least = available;
}

uint64_t tern_memory_available(const char *root) {
  uint64_t least = UINT64_MAX;
  long long kilobytes =
      host_group_field(root, "/proc/meminfo", "MemAvailable:");
  if (kilobytes >= 0)
    least = (uint64_t)kilobytes << 10;
  host_each_group(root, "memory", read_group, &least);
  return least;
}
