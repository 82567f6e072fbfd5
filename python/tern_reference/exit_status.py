# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""How a command of these packages ends: a status, and one sentence for what went wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable


def exit_status(name: str, work: Callable[[], None], interrupted: str = "interrupted") -> int:
    """Of `python -m NAME`, which does `work`: 0 done, 1 failed, 130 interrupted.

    argparse exits with 2 on wrong usage.
    """
    try:
        work()
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        words, status = " ".join(str(error).split()) or type(error).__name__, 1
    except KeyboardInterrupt:
        words, status = interrupted, 130
    else:
        return 0
    print(f"python -m {name}: {words}", file=sys.stderr)
    return status
