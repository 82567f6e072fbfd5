# Part of tern, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Pictures as SVG, for pictures.py and benchmarks.py."""

from __future__ import annotations

from html import escape

INK, SOFT, LINE, PAPER = "#1f2933", "#52606d", "#cbd2d9", "#ffffff"
HUES = ("#2f6fab", "#c8553d", "#3c8d63", "#b7892b", "#7a5195", "#4a8fa8")
SANS = "ui-sans-serif, system-ui, Helvetica, Arial, sans-serif"
MONO = "ui-monospace, Menlo, Consolas, monospace"


class Picture:
    """An SVG that grows; coordinates are pixels from the top left corner."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>',
        ]

    def box(self, x, y, w, h, fill=PAPER, stroke=LINE, rx=4) -> None:
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{rx}" '
            f'fill="{fill}" stroke="{stroke}"/>'
        )

    def text(self, x, y, words, size=12, fill=INK, mono=False, bold=False, anchor="start") -> None:
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:g}" y="{y:g}" font-family="{MONO if mono else SANS}" '
            f'font-size="{size}" fill="{fill}" text-anchor="{anchor}"{weight}>'
            f"{escape(words)}</text>"
        )

    def line(self, x1, y1, x2, y2, stroke=SOFT, dashed=False) -> None:
        dash = ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}"{dash}/>'
        )

    def curve(self, points, stroke=INK) -> None:
        """Through points (x, y), each with a dot."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{stroke}" stroke-width="2"/>'
        )
        for x, y in points:
            self.parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="3.5" fill="{stroke}"/>')

    def arrow(self, x1, y1, x2, y2) -> None:
        """To the right or downwards."""
        self.line(x1, y1, x2, y2)
        side = ((-5, -4), (-5, 4)) if y1 == y2 else ((-4, -5), (4, -5))
        points = " ".join(f"{x2 + dx:g},{y2 + dy:g}" for dx, dy in (side[0], (0, 0), side[1]))
        self.parts.append(f'<polyline points="{points}" fill="none" stroke="{SOFT}"/>')

    def finish(self) -> str:
        return "\n".join([*self.parts, "</svg>", ""])
