"""Small models of tables, fitted by scikit-learn on made-up rows, converted by skl2onnx, and what scikit-learn predicts.

Writes `../golden/<name>.onnx` and `../golden/answers.json`.
"""
import json
from pathlib import Path

import numpy as np
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

GOLDEN = Path(__file__).resolve().parent / "../golden"
random = np.random.default_rng(5)
X = random.normal(size=(240, 4)).astype(np.float32)
VALUE = (X @ [1.5, -2.0, 0.3, 0.0] + 0.2 * X[:, 0] * X[:, 1] + 0.1 * random.normal(size=240)).astype(np.float32)
THREE = np.where(VALUE < -1, "low", np.where(VALUE < 1, "middle", "high"))
TWO = (VALUE > 0).astype(int)
TEST = np.round(random.normal(size=(24, 4)), 3).astype(np.float32)
FRAME = pd.DataFrame({"age": random.integers(18, 80, 240).astype(np.float32), "income": random.normal(40, 9, 240).round(1).astype(np.float32),
                      "city": random.choice(["Bonn", "Rome", "Oslo"], 240), "plan": random.choice(["free", "paid"], 240)})
STAYS = np.where(FRAME.age + 20 * (FRAME.city == "Rome") - 15 * (FRAME.plan == "free") > 50, "stays", "leaves")
PEOPLE = pd.DataFrame({"age": np.float32([20, 45, 70, 33]), "income": np.float32([30.5, 51.0, 44.4, 20.0]),
                       "city": ["Rome", "Oslo", "Bonn", "Lima"], "plan": ["free", "paid", "paid", "free"]})


def rows(frame):
    return json.loads(frame.to_json(orient="records"))


def more(answers):
    """Scores in one output for each class."""
    for name, target in {"columns-two": TWO, "columns-three": THREE}.items():
        model = LogisticRegression().fit(X, target)
        (GOLDEN / f"{name}.onnx").write_bytes(to_onnx(model, X[:1], options={id(model): {"zipmap": "columns"}}, target_opset=17).SerializeToString())
        answers[name] = {"rows": TEST.tolist(), "classes": [str(each) for each in model.classes_], "labels": [str(each) for each in model.predict(TEST)],
                         "scores": model.predict_proba(TEST).tolist()}


def main():
    GOLDEN.mkdir(exist_ok=True)
    answers = {}
    regressors = {"linear": LinearRegression(), "ridge-two": Ridge(), "svr": SVR(C=5), "tree-value": DecisionTreeRegressor(max_depth=5, random_state=0),
                  "forest-value": RandomForestRegressor(8, max_depth=5, random_state=0), "boosting-value": GradientBoostingRegressor(n_estimators=20, random_state=0)}
    for name, model in regressors.items():
        target = np.stack([VALUE, 2 * VALUE + X[:, 2]], 1) if name == "ridge-two" else VALUE
        model.fit(X, target)
        (GOLDEN / f"{name}.onnx").write_bytes(to_onnx(model, X[:1], target_opset=17).SerializeToString())
        answers[name] = {"rows": TEST.tolist(), "values": np.asarray(model.predict(TEST), np.float64).reshape(len(TEST), -1).tolist()}
    classifiers = {"logistic-two": (LogisticRegression(), TWO), "logistic-three": (LogisticRegression(), THREE), "linear-svc": (LinearSVC(), THREE),
                   "svc": (SVC(probability=True, random_state=0), TWO), "tree": (DecisionTreeClassifier(max_depth=5, random_state=0), THREE),
                   "forest": (RandomForestClassifier(8, max_depth=5, random_state=0), THREE), "boosting": (GradientBoostingClassifier(n_estimators=12, random_state=0), THREE),
                   "boosting-two": (HistGradientBoostingClassifier(max_iter=12, random_state=0), TWO), "bayes": (GaussianNB(), THREE),
                   "neighbours": (KNeighborsClassifier(5), TWO), "scaled": (make_pipeline(StandardScaler(), LogisticRegression()), THREE),
                   "perceptron": (MLPClassifier((6,), max_iter=400, random_state=0), THREE)}
    for name, (model, target) in classifiers.items():
        model.fit(X, target)
        (GOLDEN / f"{name}.onnx").write_bytes(to_onnx(model, X[:1], target_opset=17).SerializeToString())
        scores = model.predict_proba(TEST) if hasattr(model, "predict_proba") else model.decision_function(TEST)
        answers[name] = {"rows": TEST.tolist(), "classes": [str(each) for each in model.classes_], "labels": [str(each) for each in model.predict(TEST)],
                         "scores": np.asarray(scores, np.float64).tolist()}
    pipeline = make_pipeline(
        ColumnTransformer([("numbers", make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
                           ("words", OneHotEncoder(handle_unknown="ignore"), ["city", "plan"])]), LogisticRegression())
    pipeline.fit(FRAME, STAYS)
    inputs = [(name, StringTensorType([None, 1]) if FRAME[name].dtype == object or str(FRAME[name].dtype) == "str" else FloatTensorType([None, 1])) for name in FRAME]
    (GOLDEN / "people.onnx").write_bytes(to_onnx(pipeline, initial_types=inputs, target_opset=17).SerializeToString())
    answers["people"] = {"rows": rows(PEOPLE), "classes": list(pipeline.classes_), "labels": list(pipeline.predict(PEOPLE)), "scores": pipeline.predict_proba(PEOPLE).tolist()}
    # The same with what comes before the regression in the manifest: a plain matrix.
    steps = pipeline[0]
    inner = pipeline[1]
    (GOLDEN / "inner.onnx").write_bytes(to_onnx(inner, steps.transform(FRAME[:1]).astype(np.float32), target_opset=17).SerializeToString())
    imputer, scaler = steps.named_transformers_["numbers"]
    words = steps.named_transformers_["words"]
    answers["inner"] = {"scaler": {"mean": scaler.mean_.tolist(), "scale": scaler.scale_.tolist()}, "imputer": imputer.statistics_.tolist(),
                        "categories": [list(each) for each in words.categories_]}
    more(answers)
    (GOLDEN / "answers.json").write_text(json.dumps(answers, separators=(",", ":"), default=str))


if __name__ == "__main__":
    main()
