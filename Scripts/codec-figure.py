"""Markdown tables and an SVG figure from `fedsim channel bench --format json`; see codec-table.sh."""

import json
import math
import sys

base, hybrid, figure = sys.argv[1:]
SERIES = [
    ("polar", "#0b6e99", ""),
    ("polar, effort 3", "#d1495b", ""),
    ("pfr", "#6a994e", "6 3"),
    ("layered", "#777777", "2 3"),
]
cell = {}
for path, suffix in ((base, ""), (hybrid, ", effort 3")):
    with open(path) as file:
        for row in json.load(file)["results"]:
            cell[row["codec"] + suffix, row["snr"], row["dimension"]] = row
dimensions = sorted({key[2] for key in cell})
signals = sorted({key[1] for key in cell})

print("| snr | codec | " + " | ".join(f"2^{d.bit_length() - 1}" for d in dimensions) + " | encode, ns at 2^16 | decode |")
print("|---|---|" + "---|" * (len(dimensions) + 2))
for snr in signals:
    for name, _, _ in SERIES:
        ratios = ["%.3g" % cell[name, snr, d]["ratio"] for d in dimensions]
        at = cell[name, snr, 65536]
        times = "%.0f | %.0f" % (at["encodeNanosecondsPerCoordinate"], at["decodeNanosecondsPerCoordinate"])
        print(f"| {snr:g} | `{name.split(',')[0]}`{name[5:]} | " if "," in name else f"| {snr:g} | `{name}` | ", end="")
        print(" | ".join(ratios) + f" | {times} |")

WIDTH, HEIGHT, LEFT, TOP = 250, 190, 46, 74
TICKS = [1, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200]
parts = []


def text(x, y, words, anchor="middle", size=11, color="#333333"):
    parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{color}">{words}</text>')


for i, snr in enumerate(signals):
    x0 = LEFT + (i % 3) * (WIDTH + 40)
    y0 = TOP + (i // 3) * (HEIGHT + 60)
    values = [cell[name, snr, d]["ratio"] for name, _, _ in SERIES for d in dimensions]
    top, bottom = math.log(max(values) * 1.08), 0.0
    x = lambda d: x0 + (math.log2(d) - 10) / 10 * WIDTH
    y = lambda r: y0 + HEIGHT * (top - math.log(r)) / (top - bottom)
    text(x0 + WIDTH / 2, y0 - 8, f"snr {snr:g}", size=12)
    last = 1e9
    for tick in TICKS:
        if math.log(tick) <= top and last - y(tick) >= 14:
            last = y(tick)
            parts.append(f'<path d="M{x0} {last:.1f}h{WIDTH}" stroke="#dddddd"/>')
            text(x0 - 6, last + 4, f"{tick:g}", "end")
    for d in dimensions:
        text(x(d), y0 + HEIGHT + 16, f'2<tspan dy="-4" font-size="8">{d.bit_length() - 1}</tspan>')
    if i // 3 == 1:
        text(x0 + WIDTH / 2, y0 + HEIGHT + 34, "coordinates d")
    for name, color, dashes in SERIES:
        points = [(x(d), y(cell[name, snr, d]["ratio"])) for d in dimensions]
        line = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes}"/>')
        for (a, b), d in zip(points, dimensions):
            ratio = cell[name, snr, d]["ratio"]
            parts.append(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3" fill="{color}"><title>{name}, d = {d}, snr {snr:g}: {ratio:.3g}</title></circle>')
full = LEFT + 3 * (WIDTH + 40)
text(12, 20, "Bits of a payload over I(X;Y), 100 candidates a block", "start", 14)
at = 12
for name, color, dashes in SERIES:
    parts.append(f'<path d="M{at} 38h26" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes}"/>')
    text(at + 32, 42, name, "start", 12)
    at += 60 + 8 * len(name)
height = TOP + 2 * (HEIGHT + 60)
with open(figure, "w") as file:
    file.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full} {height}" font-family="sans-serif" role="img">'
        "<title>Bits over mutual information of polar, pfr and layered by dimension and signal</title>"
        f'<rect width="{full}" height="{height}" fill="#ffffff"/>' + "\n".join(parts) + "</svg>\n"
    )
