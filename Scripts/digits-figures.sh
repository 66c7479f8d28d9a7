#!/usr/bin/env bash
# The figures of scenarios/README.md: digits over five seeds with each codec and without privacy.
#
#   Scripts/digits-figures.sh          four minutes on two cores
set -euo pipefail
cd "$(dirname "$0")/.."

swift build -c release --product fedsim >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

row() {
  local name=$1
  shift
  for seed in 1 2 3 4 5; do
    .build/release/fedsim run scenarios/digits.json --quiet --format json --set "seed=$seed" "$@" \
      --out "$folder/run" --force 2>/dev/null >"$folder/$seed.json"
  done
  python3 - "$name" "$folder"/[1-5].json <<'PYTHON'
import json, statistics, sys
runs = [json.load(open(path)) for path in sys.argv[2:]]
mean = lambda key: statistics.mean(run[key] or 0 for run in runs)
accuracy = [run["finalAccuracy"] for run in runs]
error = statistics.stdev(accuracy) / len(runs) ** 0.5
private = runs[0]["epsilon"] is not None
epsilon = f"{runs[0]['epsilon']:.3f}" if private else "none"
ideal = f"{mean('idealBitsPerClientRound'):,.0f}" if private else "-"
print(f"| {sys.argv[1]} | {100 * mean('finalAccuracy'):.1f} +- {100 * error:.1f} % | {epsilon} "
      f"| {mean('payloadBitsPerClientRound'):,.0f} | {100 * mean('payloadBitsPerClientRound') / mean('float32BitsPerClientRound'):.3f} % "
      f"| {ideal} |")
PYTHON
}

echo "| run | accuracy | epsilon | bits a client and round | of float32 | Gaussian I(X;Y) |"
echo "|---|---|---|---|---|---|"
row "\`polar\` (\`auto\`)"
row "\`pfr\` at 100 draws" --set channel.codec=pfr
row "\`layered\`" --set channel.codec=layered
row "\`float32\`" --set channel.codec=float32
row "no privacy, same settings" --set privacy=null --set channel.codec=float32
row "no privacy, 600 rounds at half the rate" --set privacy=null --set channel.codec=float32 --set rounds=600 --set training.learningRate=0.5
