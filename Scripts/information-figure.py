"""An SVG figure from `fedsim channel bench --format json`: bits over I(X;Y) against I(X;Y), with bounds; see codec-table.sh."""

import json
import math
import sys

source, figure = sys.argv[1:]
COLORS = {
    "polar": "#0b6e99", "polar, effort 6": "#d1495b", "pfr": "#6a994e", "gprs": "#b5838d", "ring-toss": "#e09f3e",
    "fast-gprs": "#5f0f40", "layered": "#777777", "layered-shifted": "#aaaaaa", "universal": "#3d405b", "mrc": "#9a8c98", "orc": "#c9ada7",
}
APPROXIMATE = {"universal", "mrc", "orc"}
series = {}
with open(source) as file:
    for line in file:
        part = json.loads(line)
        for row in part["results"]:
            series.setdefault(row["codec"] + part["suffix"], []).append(row)
WIDTH, HEIGHT, LEFT, TOP = 620, 380, 50, 34
rows = [row for part in series.values() for row in part]
low, high = min(r["informationBits"] for r in rows), max(r["informationBits"] for r in rows)
top = math.log(max(r["ratio"] for r in rows) * 1.1)
parts = []
x = lambda i: LEFT + WIDTH * math.log(i / low) / math.log(high / low)
y = lambda r: TOP + HEIGHT * (top - math.log(r)) / top


def text(at, height, words, anchor="middle", size=11, color="#333333"):
    parts.append(f'<text x="{at:.1f}" y="{height:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{color}">{words}</text>')


def line(points, color, dashes=""):
    words = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    parts.append(f'<polyline points="{words}" fill="none" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes}"/>')


for tick in (1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 200):
    if math.log(tick) <= top:
        parts.append(f'<path d="M{LEFT} {y(tick):.1f}h{WIDTH}" stroke="#dddddd"/>')
        text(LEFT - 6, y(tick) + 4, f"{tick:g}", "end")
for tick in (2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000):
    if low <= tick <= high:
        text(x(tick), TOP + HEIGHT + 16, f"{tick:,}")
text(LEFT + WIDTH / 2, TOP + HEIGHT + 34, "I(X;Y), bits")
text(12, 20, "Bits of a payload over I(X;Y), snr 0.01, 100 candidates a block", "start", 14)
legend = []
for name, part in series.items():
    part.sort(key=lambda r: r["informationBits"])
    label = name + (" (approximate)" if name in APPROXIMATE else "")
    color, dashes = COLORS[name], "2 3" if name in APPROXIMATE else ""
    line([(x(r["informationBits"]), y(r["ratio"])) for r in part], color, dashes)
    for r in part:
        parts.append(f'<circle cx="{x(r["informationBits"]):.1f}" cy="{y(r["ratio"]):.1f}" r="3" fill="{color}">'
                     f'<title>{label}, d = {r["dimension"]}: {r["ratio"]:.3g}</title></circle>')
    legend.append((label, color, dashes))
bounds = sorted({(r["informationBits"], r["lowerBoundBits"]) for r in rows})
line([(x(i), y(max(b / i, 1))) for i, b in bounds], "#000000", "8 4")
legend.append(("one-shot lower bound", "#000000", "8 4"))
grid = [low * (high / low) ** (k / 60) for k in range(61)]
line([(x(i), y(min((i + math.log2(i + 1) + 4) / i, math.exp(top)))) for i in grid], "#000000", "1 4")
legend.append(("I + log2(I + 1) + 4", "#000000", "1 4"))
for k, (label, color, dashes) in enumerate(legend):
    height = TOP + 20 + 20 * k
    parts.append(f'<path d="M{LEFT + WIDTH + 16} {height - 4}h26" stroke="{color}" stroke-width="2" stroke-dasharray="{dashes}"/>')
    text(LEFT + WIDTH + 48, height, label, "start", 12)
with open(figure, "w") as file:
    file.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 230} {TOP + HEIGHT + 50}" font-family="sans-serif" role="img">'
        "<title>Bits over mutual information of all codecs against the information, with bounds</title>"
        f'<rect width="{LEFT + WIDTH + 230}" height="{TOP + HEIGHT + 50}" fill="#ffffff"/>' + "\n".join(parts) + "</svg>\n"
    )
