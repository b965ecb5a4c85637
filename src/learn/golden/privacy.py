"""Writes privacy.json: epsilons as Google's dp-accounting finds them, for the same Rényi orders.

    pip install dp-accounting && python src/learn/golden/privacy.py

Made with dp-accounting 0.6.0.
"""
import json
from pathlib import Path

from dp_accounting import GaussianDpEvent, PoissonSampledDpEvent, SelfComposedDpEvent
from dp_accounting.rdp import RdpAccountant

ORDERS = [*range(2, 64), 80, 96, 128, 256, 512, 1024]


def spent(noise, rounds, rate, delta):
    event = GaussianDpEvent(noise)
    if rate < 1:
        event = PoissonSampledDpEvent(rate, event)
    epsilons = []
    # The library's own orders, with fractions, show how much the whole ones give away.
    for orders in (ORDERS, None):
        accountant = RdpAccountant(orders).compose(SelfComposedDpEvent(event, rounds))
        epsilons.append(float(accountant.get_epsilon(delta)))
    epsilon, best = epsilons
    return {
        "noiseMultiplier": noise,
        "rounds": rounds,
        "samplingRate": rate,
        "delta": delta,
        "epsilon": epsilon,
        "best": best,
    }


golden = [
    spent(1.0, 1, 1, 1e-5),
    spent(0.5, 1, 1, 1e-5),
    spent(4.0, 50, 1, 1e-6),
    spent(20.0, 1, 1, 1e-3),
    spent(1.1, 1000, 0.01, 1e-5),
    spent(0.8, 100, 0.1, 1e-5),
    spent(2.0, 30, 0.5, 1e-4),
    spent(5.0, 20_000, 0.005, 1e-6),
]
Path(__file__).with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n")
