# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`sum_results.py DIR`: adds up the JUnit files of a test run.

Lists what failed and what was skipped, and ends with "N passed, N failed". A
file that is missing counts as one failure: its runner did not get to the end.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

# lit is one test of ctest but counts its own tests, when there are any.
EXPECTED = ("ctest.xml", "pytest.xml", "fuzz.xml")


def outcomes(path: Path, skip_name: str | None):
    """(state, name) for each test case of a file; a failure's name with its message."""
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name')}"
        if case.get("name") == skip_name:
            continue
        tags = {child.tag for child in case}
        if "failure" in tags or "error" in tags or case.get("status") == "fail":
            lines = [line for child in case for line in child.get("message", "").splitlines()]
            yield "failed", f"{name}: {lines[0]}" if lines else name
        elif "skipped" in tags or case.get("status") in ("disabled", "notrun"):
            yield "skipped", name
        else:
            yield "passed", name


def main(directory: Path) -> int:
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    by_lit = (directory / "lit.xml").exists()
    for name in EXPECTED + (("lit.xml",) if by_lit else ()):
        path = directory / name
        if not path.exists():
            print(f"failed: no results from {path.stem}")
            counts["failed"] += 1
            continue
        for state, case in outcomes(path, "lit" if by_lit else None):
            counts[state] += 1
            if state != "passed":
                print(f"{state}: {case}")
    print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
