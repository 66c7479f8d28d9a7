#!/usr/bin/env python3
"""Writes census.csv and census-test.csv: an invented census, like the well-known one, with what tables of people commonly have.

    Scripts/census.py FOLDER [--compare]

20,000 people, of whom the last 4,000 are for the test: age, workclass, education, hours, income, hospital, label. 1 in 18 has no workclass (`?`), 1 in 50 no
income (`NA`). The numbers come from SplitMix64 with the seed 20 and whole-number arithmetic, so any language can make the same bytes: the test
CSVCensusStatistics does. With --compare, scikit-learn's logistic regression is trained on the one and tried on the other: numbers have the mean where
they are missing and are standardised, categories are one-hot with `?` as one of them.
"""

import sys

PEOPLE, TEST = 20_000, 4_000
MASK = (1 << 64) - 1

WORK = [("Private", 690), ("Self-emp", 110), ("Local-gov", 70), ("State-gov", 45), ("Federal-gov", 30), ("?", 55)]
WORK_SCORE = [0, 300, 100, 0, 700, -500]
SCHOOL = [
    ("7th-8th", 40), ("11th", 100), ("HS-grad", 320), ("Some-college", 220), ("Assoc", 75), ("Bachelors", 165),
    ("Masters", 55), ("Doctorate", 25),
]
SCHOOL_SCORE = [-1500, -1000, 0, 300, 600, 1800, 2400, 3200]


class Draws:
    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 33) % bound

    def choice(self, weights):
        left = self.below(1000)
        for i, (_, weight) in enumerate(weights):
            if left < weight:
                return i
            left -= weight
        return len(weights) - 1


def row(draws):
    age = 17 + draws.below(37) + draws.below(37)
    work, school = draws.choice(WORK), draws.choice(SCHOOL)
    hours = 15 + draws.below(26) + draws.below(26)
    income = 9_000 + 25 * draws.below(800) + 100 * draws.below(120) + 5 * (SCHOOL_SCORE[school] + 1500)
    noise = sum(draws.below(1200) for _ in range(6)) - 3600
    score = 45 * age + 50 * hours + income // 12 + WORK_SCORE[work] + SCHOOL_SCORE[school] + noise
    lacks_income = draws.below(50) == 0
    return ",".join([
        str(age), WORK[work][0], SCHOOL[school][0], str(hours), "NA" if lacks_income else str(income),
        f"H{draws.below(20):02d}", ">50K" if score > 7_600 else "<=50K",
    ])


def write(folder):
    draws = Draws(20)
    rows = [row(draws) for _ in range(PEOPLE)]
    header = "age,workclass,education,hours,income,hospital,label"
    for name, part in [("census.csv", rows[:-TEST]), ("census-test.csv", rows[-TEST:])]:
        with open(f"{folder}/{name}", "w", newline="") as file:
            file.write("\n".join([header] + part) + "\n")


def compare(folder):
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    train, test = (pd.read_csv(f"{folder}/{name}") for name in ["census.csv", "census-test.csv"])
    numbers, categories = ["age", "hours", "income"], ["workclass", "education"]
    model = make_pipeline(
        ColumnTransformer([
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ]),
        LogisticRegression(max_iter=1000))
    model.fit(train[numbers + categories], train["label"])
    print("majority", (test["label"] == train["label"].mode()[0]).mean())
    print("accuracy", model.score(test[numbers + categories], test["label"]))
    scaler = model[0].named_transformers_["numbers"][1]
    print("means", list(scaler.mean_), "deviations", list(scaler.scale_))


if __name__ == "__main__":
    write(sys.argv[1])
    if "--compare" in sys.argv:
        compare(sys.argv[1])
