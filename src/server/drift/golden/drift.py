"""Golden values of drift measures: `python drift.py > drift.json`. Needs numpy and scipy."""
import json

import numpy as np
from scipy import stats

random = np.random.default_rng(7)


def psi(reference, current, bins=10, floor=1e-4):
    """Over bins of equal shares of the reference, as textbooks on credit scoring have it."""
    ordered = np.sort(reference)
    places = np.ceil(np.arange(1, bins) * len(ordered) / bins).astype(int) - 1
    edges = [edge for edge in np.unique(ordered[places]) if edge != ordered[-1]]
    shares = [
        np.maximum(np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1) / len(values), floor)
        for values in (reference, current)
    ]
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def mmd(one, other):
    """Squared, unbiased, Gaussian kernel with the median distance."""
    every = np.concatenate([one, other]).astype(np.float64)
    distances = np.sqrt(((every[:, None] - every[None]) ** 2).sum(-1))
    sigma = np.median(distances[np.triu_indices(len(every), 1)])
    kernel = np.exp(-(distances**2) / (2 * sigma**2))
    n, m = len(one), len(other)
    a, b, c = kernel[:n, :n], kernel[n:, n:], kernel[:n, n:]
    within = (a.sum() - np.trace(a)) / (n * (n - 1)) + (b.sum() - np.trace(b)) / (m * (m - 1))
    return float(within - 2 * c.mean())


def numbers(n, shift, scale, digits=4):
    return np.round(random.normal(shift, scale, n), digits)


cases = []
for n, m, shift, scale, digits in [
    (50, 40, 0, 1, 4),
    (100, 60, 0.5, 1, 4),
    (200, 100, 0, 1.8, 4),
    (80, 80, 3, 1, 4),
    (60, 50, 0.2, 1, 0),
]:
    one, other = numbers(n, 0, 1, digits), numbers(m, shift, scale, digits)
    statistic = float(stats.ks_2samp(one, other, method="asymp").statistic)
    size = n * m / (n + m)
    cases.append(
        {
            "one": one.tolist(),
            "other": other.tolist(),
            "psi": psi(one, other),
            "statistic": statistic,
            "pValue": float(stats.kstwobign.sf(np.sqrt(size) * statistic)),
            "scipyPValue": float(stats.ks_2samp(one, other, method="asymp").pvalue),
        }
    )

vectors = []
for n, m, size, shift in [(10, 12, 3, 0.0), (12, 9, 5, 0.7), (20, 20, 2, 2.0)]:
    one = np.round(random.normal(0, 1, (n, size)), 3).astype(np.float32)
    other = np.round(random.normal(shift, 1, (m, size)), 3).astype(np.float32)
    vectors.append(
        {"one": one.astype(float).round(3).tolist(), "other": other.astype(float).round(3).tolist(), "squared": mmd(one, other)}
    )

chance = [
    {"bins": bins, "sizes": [n, m], "significance": p, "index": float((1 / n + 1 / m) * stats.chi2.isf(p, bins - 1))}
    for bins, n, m, p in [(10, 500, 150, 1e-6), (10, 500, 150, 0.05), (4, 100, 100, 1e-3), (2, 50, 60, 0.01)]
]

print(json.dumps({"chance": chance, "numbers": cases, "vectors": vectors}))
