/*===- plain_locale.c - numbers with points, months in English -------------===
 *
 * Part of tern, under the Apache License v2.0 with LLVM Exceptions.
 * SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 *===------------------------------------------------------------------------===*/
#include "plain_locale.h"

#include <stdatomic.h>

locale_t template_use_plain_locale(void) {
  /* Made once; whoever comes second drops its own. */
  static _Atomic(locale_t) shared;
  locale_t plain = atomic_load(&shared);
  if (!plain) {
    locale_t made = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (atomic_compare_exchange_strong(&shared, &plain, made))
      plain = made;
    else if (made)
      freelocale(made);
  }
  return uselocale(plain);
}
