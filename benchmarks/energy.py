"""The energy models against outside truths: scikit-learn's RBM, raw pixels, and the theory of the Hopfield network.

    python -m benchmarks.energy            some minutes on two cores
    python -m benchmarks.energy --smoke    some seconds: does it still run?

Four measurements. (1) Mean pseudo-likelihood of held-out digits, in nats a picture, of our RBM and scikit-learn's
BernoulliRBM of the same size, on the same black-and-white digits, with the same epochs, batch and learning rate; both
measured by turning every pixel once. (2) The same logistic regression on our features and on the raw pixels, over four
splits of the digits. (3) The same on each layer of a deep belief network. (4) The load at which a Hopfield network by
Hebb's rule has lost one random pattern in ten, for networks of several sizes; theory, for endless ones: 0.138.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from explorer.models.hopfield import CAPACITY
from explorer.models.rbm import RBM
from explorer.training.dbn import DBNConfig, train_dbn
from explorer.training.hopfield import CapacityConfig, collapse, measure_capacity
from explorer.training.rbm import Digits, RBMConfig, linear_accuracy, load_digits, train_rbm

SPLITS = 4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="small, short and few")
    smoke = parser.parse_args().smoke
    for hidden in (64,) if smoke else (64, 256):
        compare_with_scikit_learn(hidden, epochs=3 if smoke else 30)
    compare_with_raw_pixels(hidden=64 if smoke else 256, epochs=3 if smoke else 60, splits=1 if smoke else SPLITS)
    measure_layers(units=64 if smoke else 256, depth=2 if smoke else 3, epochs=2 if smoke else 30)
    for units, trials in ((100, 2),) if smoke else ((100, 40), (200, 20), (400, 8), (800, 3)):
        measure_collapse(units, trials)


def compare_with_scikit_learn(hidden: int, epochs: int) -> None:
    """Print both pseudo-likelihoods and times."""
    from sklearn.neural_network import BernoulliRBM

    digits = load_digits()
    config = RBMConfig(hidden, epochs=epochs)
    started = time.perf_counter()
    theirs = BernoulliRBM(
        hidden,
        learning_rate=config.learning_rate,
        batch_size=config.batch_size,
        n_iter=epochs,
        random_state=config.seed,
    ).fit(digits.train)
    seconds = time.perf_counter() - started
    same = RBM(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)
    started = time.perf_counter()
    ours = train(digits, config)
    print(f"RBM, {hidden} hidden units, {epochs} epochs: pseudo-likelihood of test digits")
    print(
        f"  ours           {mean_likelihood(ours, digits):8.3f} nats   {time.perf_counter() - started:6.1f} s, measured too"
    )
    print(
        f"  scikit-learn   {mean_likelihood(same, digits):8.3f} nats   {seconds:6.1f} s   (ours should be at least as high)"
    )


def compare_with_raw_pixels(hidden: int, epochs: int, splits: int) -> None:
    """Print the accuracies of the same linear model on features and pixels, split by split."""
    found = []
    for split in range(splits):
        digits = load_digits(split)
        machine = train(digits, RBMConfig(hidden, epochs=epochs))
        features = machine.hidden_probabilities(digits.train), machine.hidden_probabilities(digits.test)
        found.append(
            (
                linear_accuracy(features[0], digits.train_labels, features[1], digits.test_labels),
                linear_accuracy(digits.train, digits.train_labels, digits.test, digits.test_labels),
            )
        )
    print(f"Logistic regression on test digits, {hidden} features learned in {epochs} epochs; splits: {splits}")
    for name, values in zip(("features", "raw pixels"), np.array(found).T, strict=True):
        print(f"  {name:12} mean {values.mean():.4f}   {'  '.join(f'{value:.4f}' for value in values)}")


def measure_layers(units: int, depth: int, epochs: int) -> None:
    """Print the accuracy of the same linear model on every layer's features."""
    for progress in train_dbn(DBNConfig((units,) * depth, 128, epochs)):
        if progress.layer > depth:  # the top learns now: all layers below it have been measured
            shares = "  ".join(f"layer {i}: {layer.accuracy:.4f}" for i, layer in enumerate(progress.finished, start=1))
            print(f"Logistic regression on a deep belief network's layers of {units}, {epochs} epochs each: {shares}")
            return


def measure_collapse(units: int, trials: int) -> None:
    """Print the load at which one pattern in ten is lost."""
    measured = list(measure_capacity(CapacityConfig(units, trials=trials)))[-1]
    place = collapse(measured.loads, measured.recalled)
    shares = "  ".join(f"{load:.2f}:{share:.2f}" for load, share in zip(measured.loads, measured.recalled, strict=True))
    found = "nowhere" if place is None else f"at {place:.3f} N"
    print(f"Hopfield, N = {units}: one pattern in ten lost {found} (theory {CAPACITY} N)   {shares}")


def train(digits: Digits, config: RBMConfig) -> RBM:
    """The machine after its last update."""
    return list(train_rbm(digits.train, digits.test, config))[-1].snapshot.machine


def mean_likelihood(machine: RBM, digits: Digits) -> float:
    """Mean pseudo-likelihood of all test digits, in nats."""
    return float(machine.pseudo_likelihood(digits.test).mean())


if __name__ == "__main__":
    main()
