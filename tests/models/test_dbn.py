"""The deep belief network: layers that fit, labels held fast, guesses by free energy."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.models.dbn import DBN
from explorer.models.rbm import RBM


def blank(n_visible: int, n_hidden: int) -> RBM:
    return RBM(np.zeros((n_visible, n_hidden)), np.zeros(n_visible), np.zeros(n_hidden))


def labelled() -> DBN:
    """Two pixels, two features, two labels: the top ties label 0 to both features on, label 1 to both off; each feature
    drives its pixel."""
    bottom = RBM(np.eye(2) * 20, np.full(2, -10.0), np.full(2, -10.0))
    weights = np.array([[12.0], [12.0], [12.0], [-12.0]])
    top = RBM(weights, np.array([-6.0, -6, -6, 6]), np.array([-12.0]))
    return DBN((bottom, top), 2)


def test_a_held_label_decides_what_is_written() -> None:
    pictures = labelled().generate(np.array([0, 1]), 20, np.random.default_rng(1))
    np.testing.assert_array_equal(pictures.round(), [[1, 1], [0, 0]])


def test_the_guess_is_the_label_of_lowest_free_energy() -> None:
    np.testing.assert_array_equal(labelled().predict(np.array([[1.0, 1], [0, 0]])), [0, 1])


def test_features_are_the_probabilities_of_the_layer_below_the_top() -> None:
    network = DBN((blank(4, 3), blank(3, 2), blank(2 + 10, 5)), 10)
    np.testing.assert_array_equal(network.encode(np.ones((6, 4))), np.full((6, 2), 0.5))
    assert network.generate(np.arange(10), 1, np.random.default_rng(1)).shape == (10, 4)


def test_layers_that_do_not_fit_and_labels_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="Layer 2 needs 13 visible units, those below it and the labels; it has 3"):
        DBN((blank(4, 3), blank(3, 2)), 10)
    with pytest.raises(ValueError, match="at least 2 layers"):
        DBN((blank(4, 3),), 10)
    with pytest.raises(ValueError, match="labels from 0 to 1, got 0 to 2"):
        labelled().generate(np.array([0, 2]), 1, np.random.default_rng(1))
