"""The trade-off figure in twelve lines: accuracy and bits of an upload over epsilon.

`trade_off` below is the whole of it. The scenario is a dict, data and model are built in (1438
people with one handwritten digit each), and `fedsim.run` gives a `Run` with `accuracy`, `epsilon`,
`summary` and `frame()`.

Measured with seed 1, in 6 s of processor time:

    epsilon  accuracy, %  bits an upload  as floats
       0.50         82.7              12     20,800
       1.00         89.4              26     20,800
       2.00         90.3              63     20,800
       4.00         90.8             137     20,800
       8.00         88.3             253     20,800
      16.00         91.1             423     20,800

    python trade_off.py --out trade-off.svg
"""

# %%
import argparse

import fedsim
import matplotlib.pyplot as plt
from matplotlib.figure import Figure

SCENARIO = {
    "name": "trade-off",
    "seed": 1,
    "task": "classification",
    "rounds": 60,
    "data": {"source": "digits"},
    "partition": {"kind": "one-example"},
    "model": {"kind": "softmax-regression"},
    "training": {"batchSize": 1, "learningRate": 0.5},
    "cohort": {"sampling": "poisson", "size": 144},
    "privacy": {"clippingNorm": 1, "targetEpsilon": 8},
    "channel": {"coded": 0.1},
    "evaluation": {"every": 10},
}


# %%
def trade_off(epsilons: list[float], **settings: object) -> tuple[list[fedsim.Run], Figure]:
    runs = [fedsim.run(SCENARIO, set={"privacy.targetEpsilon": e, **settings}) for e in epsilons]
    figure = plt.figure(figsize=(9, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.semilogx(epsilons, [100 * (run.accuracy or 0) for run in runs], "o-", base=2)
    bits = [run.summary["payloadBitsPerClientRound"] for run in runs]
    right.loglog(epsilons, bits, "o-", base=2, label=runs[0].summary["codec"])
    floats = [run.summary["float32BitsPerClientRound"] for run in runs]
    right.loglog(epsilons, floats, "--", base=2, label="float32")
    left.set(xlabel="epsilon", ylabel="accuracy, %")
    right.set(xlabel="epsilon", ylabel="bits of an upload")
    right.legend()
    return runs, figure


# %% [markdown]
# Each epsilon is the claim of one run. Choosing a run among them by its accuracy is outside every
# claim.


# %%
def main(arguments: list[str] | None = None) -> Figure:
    parser = argparse.ArgumentParser(description="Accuracy and bits over epsilon")
    parser.add_argument("--epsilon", nargs="+", type=float, default=[0.5, 1, 2, 4, 8, 16])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="where the figure goes, .svg, .pdf or .png")
    given = parser.parse_args(arguments)
    runs, figure = trade_off(given.epsilon, rounds=given.rounds, seed=given.seed)
    print("epsilon  accuracy, %  bits an upload  as floats")
    for run in runs:
        bits, floats = (
            run.summary["payloadBitsPerClientRound"],
            run.summary["float32BitsPerClientRound"],
        )
        print(f"{run.epsilon:7.2f}  {100 * (run.accuracy or 0):11.1f}  {bits:14,.0f}  {floats:9,}")
    print(f"\nThe last one: {runs[-1].summary['guaranteeStatement']}")
    if given.out:
        figure.savefig(given.out)
    plt.close(figure)  # a notebook shows what main returns
    return figure


# %%
# In a notebook: main(["--rounds", "30"])
if __name__ == "__main__":
    main()
