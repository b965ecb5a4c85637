"""What explains the models of `make.py`: scikit-learn's own coefficients, and permutation importance with its metrics.

Writes `../golden/explanations.json`. The shuffles are made of random numbers that JavaScript has too; `permutation_importance`
of scikit-learn draws its own, and is compared with here, by its mean over many repeats.
"""
import json

import numpy as np
import onnxruntime as ort
from make import GOLDEN, THREE, TWO, VALUE, X
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

REPEATS, SEED, ROWS = 3, 9, 60


def mulberry32(seed):
    state = seed & 0xFFFFFFFF
    while True:
        state = (state + 0x6D2B79F5) & 0xFFFFFFFF
        mixed = ((state ^ (state >> 15)) * (state | 1)) & 0xFFFFFFFF
        mixed ^= (mixed + ((mixed ^ (mixed >> 7)) * (mixed | 61) & 0xFFFFFFFF)) & 0xFFFFFFFF
        yield (mixed ^ (mixed >> 14)) / 2**32


def shuffle(count, stream):
    places = np.arange(count)
    for last in range(count - 1, 0, -1):
        other = int(next(stream) * (last + 1))
        places[[last, other]] = places[[other, last]]
    return places


class Exported(BaseEstimator):
    """A converted model, asked by onnxruntime."""

    def __init__(self, name, metric):
        self.name, self.metric = name, metric

    def fit(self, *_):
        return self

    def predict(self, rows):
        session = ort.InferenceSession((GOLDEN / f"{self.name}.onnx").read_bytes())
        return session.run(None, {session.get_inputs()[0].name: np.asarray(rows, np.float32)})[0].ravel()

    def score(self, rows, truth):
        return self.metric(truth, self.predict(rows))


def importance(name, truth, metric):
    model, rows, truth = Exported(name, metric), X[:ROWS], truth[:ROWS]
    whole, columns = model.score(rows, truth), []
    for column in range(rows.shape[1]):
        stream = mulberry32(SEED + (column + 1) * 0x9E3779B1)
        losses = []
        for _ in range(REPEATS):
            changed = rows.copy()
            changed[:, column] = rows[shuffle(ROWS, stream), column]
            losses.append(float(whole - model.score(changed, truth)))
        columns.append({"losses": losses, "mean": float(np.mean(losses)), "deviation": float(np.std(losses))})
    theirs = permutation_importance(model, rows, truth, n_repeats=50, random_state=0).importances_mean
    assert np.argsort(theirs)[-2:].tolist() == np.argsort([each["mean"] for each in columns])[-2:].tolist(), theirs
    return {"rows": rows.tolist(), "truth": truth.tolist(), "score": float(whole), "repeats": REPEATS, "seed": SEED, "columns": columns}


def coefficients():
    found = {}
    for name, model, target in [
        ("linear", LinearRegression(), VALUE),
        ("ridge-two", Ridge(), np.stack([VALUE, 2 * VALUE + X[:, 2]], 1)),
        ("logistic-three", LogisticRegression(), THREE),
        ("logistic-two", LogisticRegression(), TWO),
    ]:
        model.fit(X, target)
        found[name] = {"coefficients": np.atleast_2d(model.coef_).tolist(), "intercepts": np.atleast_1d(model.intercept_).tolist()}
    scaler, model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, THREE)
    found["scaled"] = {"coefficients": (model.coef_ / scaler.scale_).tolist(),
                       "intercepts": (model.intercept_ - model.coef_ @ (scaler.mean_ / scaler.scale_)).tolist()}
    return found


answers = {
    "importance": {
        "forest": importance("forest", THREE, accuracy_score),
        "boosting-value": importance("boosting-value", VALUE, r2_score),
        "linear": importance("linear", VALUE, r2_score),
    },
    "coefficients": coefficients(),
}
(GOLDEN / "explanations.json").write_text(json.dumps(answers, separators=(",", ":"), default=float))
