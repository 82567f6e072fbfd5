/*===- quota.c - CPU time that control groups allow ------------------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===
 *
 * A container that may use two CPUs still sees all of them in its affinity
 * mask: its limit is a quota of time.
 */
#include "control_groups.h"
#include "tern/host.h"

#include <limits.h>

/* Rounded up: with 1.5 CPUs two threads get three halves of one's work done. */
static void note_quota(unsigned *cpus, long long quota, long long period) {
  if (quota <= 0 || period <= 0)
    return;
  long long whole = quota / period + (quota % period != 0);
  if (whole <= INT_MAX && (*cpus == 0 || whole < *cpus))
    *cpus = (unsigned)whole;
}

static void read_group(void *cpus, const char *directory, int is_unified) {
  char line[128], *end;
  if (is_unified) {
    /* "150000 100000" or "max 100000" */
    if (host_group_line(directory, "/cpu.max", line, sizeof(line))) {
      long long quota = host_group_number(line, &end), period = 100000;
      if (quota > 0 && *end == ' ')
        period = host_group_number(end, &end);
      note_quota(cpus, quota, period);
    }
    return;
  }
  if (!host_group_line(directory, "/cpu.cfs_quota_us", line, sizeof(line)))
    return;
  long long quota = host_group_number(line, &end);
  if (host_group_line(directory, "/cpu.cfs_period_us", line, sizeof(line)))
    note_quota(cpus, quota, host_group_number(line, &end));
}

unsigned tern_cpu_quota(const char *root) {
  unsigned cpus = 0; /* the least so far */
  host_each_group(root, "cpu", read_group, &cpus);
  return cpus;
}
