"""Writes heads.json: heads, neighbours and evaluations as scikit-learn and scipy compute them.

    python src/learn/golden/heads.py

Made with scikit-learn 1.9.1, scipy 1.17.1, numpy.
"""
import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import binom, binomtest
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
)
from sklearn.neighbors import KNeighborsClassifier

random = np.random.default_rng(7)


def rounded(array, digits=9):
    return np.round(np.asarray(array, dtype=float), digits).tolist()


def blobs(counts, dimensions, spread):
    """Classes around centres of their own, off the origin, on scales that differ by column."""
    scales = np.exp(random.normal(size=dimensions))
    rows, classes = [], []
    for number, count in enumerate(counts):
        centre = random.normal(size=dimensions) + 3
        rows.append((centre + spread * random.normal(size=(count, dimensions))) * scales)
        classes += [number] * count
    order = random.permutation(len(classes))
    return np.vstack(rows)[order].astype(np.float32), np.array(classes)[order]


def head(name, counts, dimensions, spread, c, balanced=False):
    features, classes = blobs(counts, dimensions, spread)
    model = LogisticRegression(
        C=c, tol=1e-10, max_iter=100_000, class_weight="balanced" if balanced else None
    )
    model.fit(features.astype(np.float64), classes)
    # Of two classes scikit-learn fits one vector, which is not this objective: see the case of two below.
    assert len(counts) > 2
    weights, biases = model.coef_, model.intercept_
    query = features[:7].astype(np.float64) + 0.5
    neighbours = KNeighborsClassifier(5, metric="cosine", weights="distance", algorithm="brute")
    neighbours.fit(features.astype(np.float64), classes)
    return {
        "name": name,
        "classes": classes.tolist(),
        "dimensions": dimensions,
        "features": [float(x) for x in features.ravel()],
        "c": c,
        "balanced": balanced,
        "weights": rounded(weights.ravel()),
        "biases": rounded(biases - biases.mean()),
        "probabilities": rounded(model.predict_proba(features.astype(np.float64))),
        "queries": rounded(query),
        "neighbours": rounded(neighbours.predict_proba(query)),
    }


def scaled(name, counts, scales, c):
    """Columns of very different sizes, on which L-BFGS as it comes does not arrive."""
    features, classes = blobs(counts, len(scales), 1.0)
    features = (features * np.array(scales)).astype(np.float32)
    model = LogisticRegression(C=c, tol=1e-12, max_iter=1000, solver="newton-cholesky")
    model.fit(features.astype(np.float64), classes)
    probabilities = model.predict_proba(features.astype(np.float64))
    # Newton's method gave the minimum: nothing slopes in the columns' own units.
    errors = probabilities - np.eye(len(counts))[classes]
    slopes = errors.T @ features + model.coef_ / c
    assert np.abs(slopes / (np.abs(features).sum(axis=0) + 1 / c)).max() < 1e-9
    return {
        "name": name,
        "classes": classes.tolist(),
        "dimensions": len(scales),
        "features": [float(x) for x in features.ravel()],
        "c": c,
        "balanced": False,
        "weights": model.coef_.ravel().tolist(),
        "biases": rounded(model.intercept_ - model.intercept_.mean()),
        "probabilities": rounded(probabilities),
        "queries": [],
        "neighbours": [],
    }


def two(counts, dimensions, spread, c):
    """Two classes: softmax with two rows w and -w is the logistic of 2w, at twice the penalty."""
    features, classes = blobs(counts, dimensions, spread)
    model = LogisticRegression(C=2 * c, tol=1e-10, max_iter=100_000)
    model.fit(features.astype(np.float64), classes)
    return {
        "name": "two classes",
        "classes": classes.tolist(),
        "dimensions": dimensions,
        "features": [float(x) for x in features.ravel()],
        "c": c,
        "balanced": False,
        "weights": rounded(np.vstack([-model.coef_ / 2, model.coef_ / 2]).ravel()),
        "biases": rounded(np.array([-model.intercept_[0] / 2, model.intercept_[0] / 2])),
        "probabilities": rounded(model.predict_proba(features.astype(np.float64))),
        "queries": [],
        "neighbours": [],
    }


def evaluation(name, examples, count, sureness, missing=None):
    truth = random.integers(count, size=examples)
    if missing is not None:
        truth[truth == missing] = (missing + 1) % count
    logits = random.normal(size=(examples, count))
    logits[np.arange(examples), truth] += 1.2
    logits = np.round(logits * sureness, 6)
    probabilities = softmax(logits, axis=1)
    taken = probabilities.argmax(axis=1)
    labels = list(range(count))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, taken, labels=labels, zero_division=0
    )
    best = probabilities.max(axis=1)
    right = (taken == truth).astype(int)
    share, mean = calibration_curve(right, best, n_bins=15, strategy="uniform")
    edges = np.linspace(0, 1, 16)
    sizes = np.histogram(best, bins=edges)[0]
    sizes = sizes[sizes > 0]
    interval = binomtest(int(right.sum()), examples).proportion_ci(0.95, method="wilson")
    found = minimize_scalar(
        lambda t: -log_softmax(logits / t, axis=1)[np.arange(examples), truth].mean(),
        bounds=(0.05, 20),
        method="bounded",
        options={"xatol": 1e-10},
    )
    other = np.where(random.random(examples) < 0.15, random.integers(count, size=examples), taken)
    first = (taken == truth) & (other != truth)
    second = (taken != truth) & (other == truth)
    b, c = int(first.sum()), int(second.sum())
    return {
        "name": name,
        "labels": count,
        "truth": truth.tolist(),
        "logits": logits.tolist(),
        "accuracy": accuracy_score(truth, taken),
        "interval": [interval.low, interval.high],
        "balancedAccuracy": balanced_accuracy_score(truth, taken),
        "confusion": confusion_matrix(truth, taken, labels=labels).tolist(),
        "precision": precision.tolist(),
        "recall": recall.tolist(),
        "f1": f1.tolist(),
        "support": support.tolist(),
        "logLoss": log_loss(truth, probabilities, labels=labels),
        "calibrationError": float((np.abs(share - mean) * sizes).sum() / examples),
        "temperature": float(found.x),
        "other": other.tolist(),
        "onlyFirst": b,
        "onlySecond": c,
        "pValue": binomtest(b, b + c, 0.5).pvalue if b + c else 1.0,
    }


golden = {
    "heads": [
        head("more columns than rows", [8, 6, 7], 40, 1.5, 1.0),
        head("more rows than columns", [30, 25, 35, 20], 6, 2.0, 10.0),
        head("nearly no decay", [12, 14, 10], 12, 3.0, 100.0),
        head("balanced", [30, 5, 12], 8, 2.5, 1.0, balanced=True),
        two([14, 11], 9, 2.0, 1.0),
    ],
    "evaluations": [
        evaluation("too sure", 240, 4, 3.0),
        evaluation("too unsure", 90, 3, 0.5),
        evaluation("a class without examples", 60, 5, 1.0, missing=2),
        evaluation("two classes", 40, 2, 1.0),
    ],
    "tails": [
        {"least": k, "tries": n, "chance": p, "tail": float(binom.sf(k - 1, n, p))}
        for k, n, p in [(0, 5, 0.3), (5, 5, 0.3), (18, 20, 0.1), (3, 40, 0.1), (30, 100, 0.001), (260, 500, 0.5)]
    ],
}
golden["heads"] += [
    scaled("columns of their own sizes", [12, 9, 14], [3000, 0.001, 1, 0.01, 300, 20], 20.0),
    scaled("columns of their own sizes, more than rows", [4, 3, 4], [100, 1, 0.1, 3, 20, 0.5] * 3, 1.0),
    scaled("tiny features", [12, 9, 5], [1e-9, 1e-9, 1e-9], 1.0),
]
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
