"""Writes Sources/Clients/Data/DigitsImages.swift from scikit-learn's copy of the UCI handwritten digits.

    pip download --no-deps scikit-learn
    python3 Scripts/make-digits.py scikit_learn-*.whl > Sources/Clients/Data/DigitsImages.swift
"""
import gzip
import sys
import zipfile

wheel = zipfile.ZipFile(sys.argv[1])
table = gzip.decompress(wheel.read("sklearn/datasets/data/digits.csv.gz")).decode()
print("// Made by Scripts/make-digits.py; see Digits.swift for the source and its licence. A line an image.")
print("extension Digits {")
print('  static let text: StaticString = """')
for line in table.splitlines():
    *pixels, label = [int(float(value)) for value in line.split(",")]
    assert len(pixels) == 64 and all(0 <= p <= 16 for p in pixels) and 0 <= label <= 9
    print("    " + str(label) + "".join(chr(ord("a") + p) for p in pixels))
print('    """')
print("}")
