"""A table of learned vectors as a place: who is near whom, which kinds of symbols lie apart, and maps of it in a plane.

scikit-learn is imported by the functions that need it: it takes two seconds, which no other page should wait for.

Shapes: V vocabulary, N rows of a table, C channels.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from explorer.inspection.arithmetic import CellArithmetic, dot_product, number

Measure = Literal["cosine", "dot product", "distance"]
MEASURES: dict[Measure, str] = {
    "cosine": "the angle between two vectors, whatever their lengths: 1 is the same direction, 0 a right angle",
    "dot product": "grows with both lengths: what attention and the last layer compute",
    "distance": "the straight line from one point to the other: 0 is the same place",
}
KINDS = ("vowel", "consonant", "capital", "digit", "punctuation", "white space", "longer piece")
SLICE = 4096  # rows compared at a time: all pairs of 50,000 would be 20 GB
MOST_MAPPED = 256  # tokens that t-SNE is given: it takes seconds already, and no picture holds more labels
MOST_DRAWN = 2000  # points of a map; of a larger table only MOST_MAPPED are drawn


@dataclass(frozen=True)
class Neighbours:
    """The tokens most like one token, the nearest first, itself left out. ids: (k,). scores: (k,), by the measure."""

    ids: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class Projection:
    """places: (V, k), a coordinate an axis. variance: each axis's share of the whole variance, (k,); empty where the axes
    have no meaning of their own, as in t-SNE."""

    places: np.ndarray
    variance: np.ndarray


@dataclass(frozen=True)
class KindGroup:
    """How far one kind of tokens keeps to itself.

    tokens: how many. agreement: the share of them whose nearest neighbour is of the same kind; chance: that share if
    neighbours were drawn blindly. silhouette: −1 to 1, above 0 where a token is on average nearer to its own kind than
    to the rest.
    """

    kind: str
    tokens: int
    agreement: float
    chance: float
    silhouette: float


def similarities(table: np.ndarray, measure: Measure) -> np.ndarray:
    """Every row against every row, (N, N) from (N, C), in float64. A row of zeros has cosine 0 with all.

    Raises ValueError for an unknown measure.
    """
    return _compare(table, table, measure)


def _compare(some: np.ndarray, others: np.ndarray, measure: Measure) -> np.ndarray:
    """Every row of one against every row of the other, (M, N) from (M, C) and (N, C), in float64."""
    a, b = (np.asarray(one, dtype=np.float64) for one in (some, others))
    if measure == "distance":
        return np.stack([np.sqrt(((b - row) ** 2).sum(axis=1)) for row in a])
    if measure == "cosine":
        a, b = _of_length_one(a), _of_length_one(b)
    elif measure != "dot product":
        raise ValueError(f"Expected a measure among {', '.join(MEASURES)}, got {measure!r}.")
    products: np.ndarray = a @ b.T
    return products


def _of_length_one(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)


def _similar_to(table: np.ndarray, token: int, measure: Measure) -> np.ndarray:
    """One row of `similarities`, (V,), a slice of a large table at a time."""
    one, starts = table[token : token + 1], range(0, len(table), SLICE)
    return np.concatenate([_compare(one, table[start : start + SLICE], measure)[0] for start in starts])


def neighbours(table: np.ndarray, token: int, measure: Measure, count: int) -> Neighbours:
    """The `count` tokens nearest to a token: the largest cosine or dot product, the smallest distance.

    Fewer where the table (V, C) has fewer. Raises ValueError for a token that is not in the table.
    """
    if not 0 <= token < len(table):
        raise ValueError(f"The table has tokens 0 to {len(table) - 1}, got {token}.")
    scores = _similar_to(table, token, measure)
    order = np.argsort(scores if measure == "distance" else -scores, kind="stable")
    nearest = order[order != token][:count]
    return Neighbours(nearest, scores[nearest])


def open_neighbour(
    table: np.ndarray, pair: tuple[int, int], measure: Measure, labels: Sequence[str], shown: float
) -> CellArithmetic:
    """How alike two rows of a table are, channel by channel; `shown` is the number in the figure."""
    a, b = (np.asarray(table[i], dtype=np.float64) for i in pair)
    names = (f"“{labels[pair[0]]}”", f"“{labels[pair[1]]}”")
    heading = f"{measure.capitalize()} of {names[0]} and {names[1]}"
    if measure != "distance":
        cell = dot_product(a, b, shown=shown, heading=heading, names=names, symbol=r"a \cdot b")
        lengths = float(np.linalg.norm(a) * np.linalg.norm(b))
        if measure == "dot product" or lengths == 0:
            return cell
        cosine = cell.recomputed / lengths
        formula = rf"\frac{{a \cdot b}}{{|a|\,|b|}} = \frac{{{number(cell.recomputed)}}}{{{number(lengths)}}}"
        return CellArithmetic(heading, rf"{formula} = {number(cosine)}", cell.columns, cell.rows, shown, cosine)
    squares = (a - b) ** 2
    rows = zip(a.tolist(), b.tolist(), squares.tolist(), squares.cumsum().tolist(), strict=True)
    total = float(squares.sum())
    return CellArithmetic(
        heading,
        rf"\sqrt{{\sum_c (a_c - b_c)^2}} = \sqrt{{{number(total)}}} = {number(total**0.5)}",
        ("channel", *names, "difference squared", "running sum"),
        tuple((str(i), *values) for i, values in enumerate(rows)),
        shown,
        total**0.5,
    )


def kind_of(text: str) -> str:
    """The kind of a token, one of KINDS: a vowel is a, e, i, o or u, with any accent.

    >>> [kind_of(text) for text in ("é", "y", "A", "7", "!", " ", "the")]
    ['vowel', 'consonant', 'capital', 'digit', 'punctuation', 'white space', 'longer piece']
    """
    if text and text.isspace():
        return "white space"
    if len(text) != 1:
        return "longer piece"
    if text.isalpha():
        if text.isupper() or text.istitle():
            return "capital"
        return "vowel" if unicodedata.normalize("NFD", text)[0] in "aeiou" else "consonant"
    return "digit" if text.isnumeric() else "punctuation"


def _principal(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All principal components: coordinates (V, k) and each one's share of the variance (k,)."""
    from sklearn.decomposition import PCA

    fitted = PCA(svd_solver="full")
    with np.errstate(invalid="ignore"):  # equal rows have no variance to share out
        places = fitted.fit_transform(np.asarray(table, dtype=np.float64))
    return places, np.nan_to_num(fitted.explained_variance_ratio_)


def principal_components(table: np.ndarray) -> Projection:
    """The table turned so that its first axes vary most (Pearson, 1901; Hotelling, 1933), (V, C) to (V, k).

    k is at most C and below V. Raises ValueError for fewer than 3 tokens: 2 points lie on a line, whatever they are.
    """
    _check_size(table)
    places, shares = _principal(table)
    k = min(table.shape[1], len(table) - 1)
    return Projection(places[:, :k], shares[:k])


def mapped_tokens(table: np.ndarray, token: int) -> np.ndarray:
    """The rows of a table (V, C) that t-SNE is given, in order: all, or the token and those nearest to it by cosine."""
    if len(table) <= MOST_MAPPED:
        return np.arange(len(table))
    return np.sort(np.append(neighbours(table, token, "cosine", MOST_MAPPED - 1).ids, token))


def highest_perplexity(tokens: int) -> int:
    """The largest perplexity that t-SNE can be asked for: below the number of tokens, and 50 is plenty."""
    return max(1, min(50, tokens - 1))


def neighbour_map(table: np.ndarray, perplexity: float, seed: int) -> Projection:
    """t-SNE: a plane in which near tokens stay near (van der Maaten & Hinton, 2008), (V, C) to (V, 2).

    perplexity: about how many neighbours each token tries to keep. It starts from the first two principal components,
    so that only ties are left to the seed. Raises ValueError for fewer than 3 tokens, for a perplexity of V or more,
    and for a seed that is no whole number from 0 to 2³² − 1.
    """
    from sklearn.manifold import TSNE

    _check_size(table)
    if not 1 <= perplexity < len(table):
        raise ValueError(
            f"Perplexity counts neighbours: with {len(table)} tokens choose 1 to {len(table) - 1}, got {perplexity:g}."
        )
    if not 0 <= seed < 2**32:
        raise ValueError(f"The seed must be a whole number from 0 to 4294967295, got {seed}.")
    rows = np.asarray(table, dtype=np.float64)
    # All rows equal: there is nothing to spread, and the start from principal components would divide by zero.
    start = "pca" if np.ptp(rows, axis=0).any() and rows.shape[1] > 1 else "random"
    fitted = TSNE(2, perplexity=float(perplexity), init=start, random_state=seed, max_iter=500, n_jobs=1)
    return Projection(fitted.fit_transform(rows).astype(np.float64), np.empty(0))


def _check_size(table: np.ndarray) -> None:
    if len(table) < 3:
        raise ValueError(
            f"A map needs at least 3 tokens: this vocabulary has {len(table)}. Its vectors are in the matrices above."
        )


def group_kinds(table: np.ndarray, kinds: Sequence[str], measure: Measure = "cosine") -> tuple[KindGroup, ...]:
    """How far each kind keeps to itself in a table (V, C), for kinds of at least 2 tokens; V kinds, in KINDS' order.

    The silhouette is scikit-learn's, of this kind against all the rest (Rousseeuw, 1987). Raises ValueError where there
    is not one kind a row.
    """
    from sklearn.metrics import silhouette_samples

    if len(kinds) != len(table):
        raise ValueError(f"Expected a kind for each of {len(table)} tokens, got {len(kinds)}.")
    V = len(table)
    if V < 3:
        return ()
    scores = similarities(table, measure)
    scores = -scores if measure == "distance" else scores
    np.fill_diagonal(scores, -np.inf)
    nearest = scores.argmax(axis=1)
    metric = "cosine" if measure == "cosine" else "euclidean"
    every = np.array(kinds)
    groups = []
    for kind in (one for one in KINDS if int((every == one).sum()) > 1):
        own = every == kind
        n = int(own.sum())
        silhouette = float(silhouette_samples(table, own, metric=metric)[own].mean()) if n < V else float("nan")
        groups.append(KindGroup(kind, n, float(own[nearest[own]].mean()), (n - 1) / (V - 1), silhouette))
    return tuple(groups)
