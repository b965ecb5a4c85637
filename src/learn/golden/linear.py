"""Writes linear.json: linear models as scikit-learn fits them.

    python src/learn/golden/linear.py

Made with scikit-learn 1.9.1, numpy 2.4.6.
"""
import json
from pathlib import Path

import numpy as np
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.svm import LinearSVC

random = np.random.default_rng(23)


def table(rows, columns, scales=None, centres=None):
    """Numbers that float32 has exactly, so that both fit the same."""
    numbers = random.normal(size=(rows, columns)) * (scales or 1) + (centres or 0)
    return numbers.astype(np.float32).astype(np.float64)


def case(name, kind, model, features, targets):
    fitted = model.fit(features, targets)
    return {
        "name": name,
        "kind": kind,
        "C": getattr(model, "C", None),
        "columns": features.shape[1],
        "rows": features.ravel().tolist(),
        "targets": targets.tolist(),
        "coefficients": np.atleast_2d(fitted.coef_).tolist(),
        "intercepts": np.atleast_1d(fitted.intercept_).tolist(),
        "values": np.round(fitted.predict(features), 7).tolist(),
    }


def regression(name, features, noise=0.3):
    weights = random.normal(size=features.shape[1]) / features.std(axis=0).clip(1e-9)
    targets = np.round(features @ weights + 4 + noise * random.normal(size=len(features)), 5)
    return case(name, "linear-regression", LinearRegression(), features, targets)


def classes_of(features, count):
    centred = (features - features.mean(axis=0)) / features.std(axis=0)
    scores = centred[:, :count] + 1.1 * random.normal(size=(len(features), count))
    return scores.argmax(axis=1)


def logistic(name, features, count, c=1.0):
    model = LogisticRegression(C=c, tol=1e-10, max_iter=100_000)
    return case(name, "logistic-regression", model, features, classes_of(features, count))


def svm(name, features, count, c=1.0):
    model = LinearSVC(C=c, dual=False, tol=1e-12, max_iter=100_000)
    return case(name, "linear-svm", model, features, classes_of(features, count))


words = np.eye(3)[random.integers(3, size=40)]
twice = table(30, 3)
golden = [
    regression("a line", table(12, 1)),
    regression("columns of different sizes", table(60, 4, [1, 1000, 0.01, 30], [0, 50_000, 1, -7])),
    regression("all categories of a column", np.hstack([table(40, 2), words])),
    regression("a column that is two others", np.hstack([twice, twice[:, :1] + 2 * twice[:, 1:2]])),
    regression("fewer rows than columns", table(6, 9)),
    regression("a column that never changes", np.hstack([table(20, 2), np.full((20, 1), 5.0)])),
    logistic("two classes", table(50, 3), 2),
    logistic("two classes of different sizes", table(80, 3, [1, 200, 0.1], [3, 900, 0]), 2, 0.3),
    logistic("four classes", table(90, 5), 4),
    logistic("three classes, little weight decay", table(90, 3, [5, 1, 1], [10, 0, 0]), 3, 50.0),
    svm("two classes", table(50, 3), 2),
    svm("two classes of different sizes", table(80, 3, [1, 20, 0.1], [3, 90, 0]), 2, 0.3),
    svm("four classes", table(90, 5), 4),
]
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
