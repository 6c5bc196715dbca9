"""The exercise's questions about the long chain: for each gradient a hint, the answer, and wrong ones with their reasons."""

from __future__ import annotations

_UPSTREAM = "this is the local slope alone; times the upstream gradient it would be the share."
_NO_SUM = "a sum is missing: it was broadcast forward, so its shares are summed backward."
_AXIS = "the sum runs over the wrong axis."

# asked: (hint, solution, why, wrong ones)
CHAIN: dict[str, tuple[str, str, str, tuple[tuple[str, str], ...]]] = {
    "logprobs": (
        "The loss is minus the mean of n numbers, one of each row. What is the slope for those, and for all others?",
        "-one_hot(targets, V) / n",
        "−1/n at each target, 0 elsewhere: the loss looks at the true characters only.",
        (
            ("-one_hot(targets, V)", "a mean of n numbers gives each of them the slope 1/n."),
            ("one_hot(targets, V) / n", "the sign: the loss is minus the mean."),
            ("-ones_like(logprobs) / n", "only the target of each row enters the loss; the rest gets 0."),
        ),
    ),
    "probs": (
        "The slope of log(p) is 1/p. Multiply it with what comes from behind.",
        "dlogprobs / probs",
        "A true character with a small probability gets a large push: 1/p.",
        (
            ("dlogprobs * probs", "the slope of log(p) is 1/p, not p."),
            ("1 / probs", _UPSTREAM),
            ("-dlogprobs / probs", "the sign: log rises with p, so its slope is positive."),
        ),
    ),
    "inv_sums": (
        "probs = counts · inv_sums. The slope by one factor is the other. One number of inv_sums serves a whole row.",
        "(counts * dprobs).sum(1, keepdim=True)",
        "Broadcast forward means summed backward.",
        (
            ("counts * dprobs", _NO_SUM),
            ("(counts * dprobs).sum(0, keepdim=True)", _AXIS),
            ("(inv_sums * dprobs).sum(1, keepdim=True)", "the slope by one factor of a product is the other factor."),
        ),
    ),
    "sums": (
        "The power rule: the slope of s⁻¹ is −s⁻².",
        "-(sums ** -2) * dinv_sums",
        "The power rule times the upstream gradient, number by number.",
        (
            ("sums ** -2 * dinv_sums", "the sign: 1/s falls as s grows."),
            ("-(sums ** -2)", _UPSTREAM),
            ("-(sums ** -1) * dinv_sums", "the power rule takes one off the exponent: −1 becomes −2."),
        ),
    ),
    "counts": (
        "counts is used twice: in probs and in sums. Each use gives a share; a sum hands its gradient on to all it added.",
        "inv_sums * dprobs + dsums",
        "Two uses, two shares, added. dsums is broadcast along the row, since forward the row was summed.",
        (
            ("inv_sums * dprobs", "the second use is missing: counts also made sums."),
            ("counts * dprobs + dsums", "the slope of probs by counts is the other factor, inv_sums."),
            ("dsums * ones_like(counts)", "the first use is missing: counts also made probs."),
        ),
    ),
    "shifted": (
        "exp is its own slope, and its result has a name already.",
        "counts * dcounts",
        "exp is its own slope: nothing new has to be worked out.",
        (
            ("shifted * dcounts", "the slope of exp(x) is exp(x), which is counts, not x."),
            ("dcounts / counts", "that would be the way back through log."),
            ("-counts * dcounts", "the sign: exp rises everywhere."),
        ),
    ),
    "maxes": (
        "shifted = logits − maxes, and each row has one maximum for all its characters.",
        "-dshifted.sum(1, keepdim=True)",
        "All of these are 0 but for rounding: shifting a row does not change its softmax. (So any other zero of this shape "
        "would pass as well.)",
        (
            ("-dshifted", _NO_SUM),
            ("-dshifted.sum(0, keepdim=True)", _AXIS),
            ("-dshifted.sum()", "each row has a maximum of its own: sum within rows, not over everything."),
        ),
    ),
    "logits": (
        "logits is used twice: it is shifted, and its largest number of each row becomes that row's maximum.",
        "dshifted + one_hot(argmax(logits), V) * dmaxes",
        "The share through maxes goes to the largest number of each row, and it is 0 but for rounding.",
        (
            ("-dshifted + one_hot(argmax(logits), V) * dmaxes", "the sign: shifted grows as logits grows."),
            ("one_hot(argmax(logits), V) * dmaxes", "the first use is missing: shifted = logits − maxes."),
            ("dshifted * one_hot(argmax(logits), V)", "the shift passes every number on, not only the largest."),
        ),
    ),
    "h": (
        "logits = h @ W2 + b2. Shapes decide: h is (n, H), dlogits (n, V), W2 (H, V).",
        "dlogits @ W2.T",
        "A matrix product sends back a matrix product, and the shapes leave only one way to write it.",
        (
            ("dlogits @ W2", "the shapes do not meet: W2 has to be turned over."),
            ("W2 @ dlogits.T", "the numbers are there, but with units as rows: it has to be turned over."),
            ("dlogits.sum(1, keepdim=True) * W2.sum(1)", "sums of products are not products of sums."),
        ),
    ),
    "W2": (
        "Shapes decide again: W2 is (H, V), h is (n, H), dlogits (n, V).",
        "h.T @ dlogits",
        "The product sums over the examples: each of them used the same W2.",
        (
            ("dlogits.T @ h", "the numbers are there, but turned over."),
            ("h.T @ dlogits / n", "the division by n is in dlogits already, since the loss is a mean."),
            ("h.T @ logits", "gradients are made of the upstream gradient, dlogits, not of the value."),
        ),
    ),
    "b2": (
        "b2 was added to every row.",
        "dlogits.sum(0)",
        "Broadcast over the examples forward, summed over them backward.",
        (
            ("dlogits", _NO_SUM),
            ("dlogits.sum(1)", _AXIS),
            ("dlogits.mean(0)", "shares add; the mean was taken in the loss already."),
        ),
    ),
    "scaled": (
        "The slope of tanh is 1 minus the square of its result.",
        "(1 - h ** 2) * dh",
        "A unit with h near ±1 passes almost nothing on: it is saturated.",
        (
            ("(1 - scaled ** 2) * dh", "the slope of tanh is written with its result h, not with its input."),
            ("(1 + h ** 2) * dh", "the sign: tanh gets flatter towards ±1."),
            ("(1 - h) ** 2 * dh", "1 − h² is not (1 − h)²."),
        ),
    ),
    "gain": (
        "scaled = gain · normed + bias, and one gain serves the whole batch.",
        "(normed * dscaled).sum(0, keepdim=True)",
        "The other factor times upstream, summed over the examples.",
        (
            ("normed * dscaled", _NO_SUM),
            ("dscaled.sum(0, keepdim=True)", "that is the gradient of bias; gain is multiplied with normed."),
            ("(gain * dscaled).sum(0, keepdim=True)", "the slope by one factor is the other one, normed."),
        ),
    ),
    "bias": (
        "bias was added to every example and has the shape (1, H).",
        "dscaled.sum(0, keepdim=True)",
        "As b2, with a dimension of size 1 to keep.",
        (
            ("dscaled", _NO_SUM),
            ("dscaled.sum(0)", "bias has the shape (1, H): keep the summed dimension."),
            ("dscaled.mean(0, keepdim=True)", "shares add; the mean was taken in the loss already."),
        ),
    ),
    "normed": (
        "scaled = gain · normed + bias.",
        "gain * dscaled",
        "gain is broadcast over the examples as it was forward; normed itself was not, so there is nothing to sum.",
        (
            ("normed * dscaled", "the slope by one factor is the other one, gain."),
            ("gain * dscaled + bias", "bias was added, so it does not appear in the slope."),
            ("(gain * dscaled).sum(0, keepdim=True)", "normed was not broadcast: nothing is summed."),
        ),
    ),
    "inv_std": (
        "normed = centred · inv_std, and one inv_std serves the whole batch.",
        "(centred * dnormed).sum(0, keepdim=True)",
        "One number per unit, so the shares of all examples are summed.",
        (
            ("centred * dnormed", _NO_SUM),
            ("(normed * dnormed).sum(0, keepdim=True)", "the other factor is centred, before it was divided."),
            ("(centred * dnormed).sum(1, keepdim=True)", _AXIS),
        ),
    ),
    "var": (
        "The power rule again: the exponent −0.5 comes down, and one is taken off it.",
        "-0.5 * (var + 1e-5) ** -1.5 * dinv_std",
        "More variance makes 1/σ smaller: the slope is negative.",
        (
            ("0.5 * (var + 1e-5) ** -1.5 * dinv_std", "the sign: the exponent that comes down is −0.5."),
            ("-0.5 * (var + 1e-5) ** -0.5 * dinv_std", "one is taken off the exponent: −0.5 becomes −1.5."),
            ("-0.5 * var ** -1.5 * dinv_std", "the 1e-5 is missing: nearly right, and a lamp with numbers sees it."),
        ),
    ),
    "squared": (
        "var sums squared over the batch and divides by n − 1. One gradient for all examples of a unit.",
        "dvar / (n - 1) * ones_like(squared)",
        "Summed forward means broadcast backward: every example gets the same.",
        (
            ("dvar / (n - 1)", "each example needs its number: the shape is that of squared."),
            ("dvar / n * ones_like(squared)", "the variance was divided by n − 1 (Bessel's correction)."),
            ("dvar * ones_like(squared)", "the division by n − 1 is missing."),
        ),
    ),
    "centred": (
        "centred is used twice: in normed and in squared. The slope of x² is 2x.",
        "inv_std * dnormed + 2 * centred * dsquared",
        "Two uses, two shares.",
        (
            ("inv_std * dnormed", "the second use is missing: centred was also squared, for the variance."),
            ("2 * centred * dsquared", "the first use is missing: normed = centred · inv_std."),
            ("inv_std * dnormed + centred * dsquared", "the slope of x² is 2x."),
        ),
    ),
    "mu": (
        "centred = pre − mu, and one mean serves the whole batch.",
        "-dcentred.sum(0, keepdim=True)",
        "Minus, because mu is subtracted; summed, because it was broadcast.",
        (
            ("dcentred.sum(0, keepdim=True)", "the sign: mu is subtracted."),
            ("-dcentred", _NO_SUM),
            ("-dcentred.mean(0, keepdim=True)", "shares add; the mean that made mu comes in the next step back."),
        ),
    ),
    "pre": (
        "pre is used twice: it is centred, and it makes the mean, which divides by n.",
        "dcentred + dmu / n",
        "Through the mean every example of a batch reaches every other one.",
        (
            ("dcentred", "the second use is missing: pre also made mu."),
            ("dcentred + dmu", "the mean divides by n, so each example's slope is 1/n."),
            ("dcentred - dmu / n", "the sign is in dmu already."),
        ),
    ),
    "joined": (
        "pre = joined @ W1 + b1. It is the same form as for h.",
        "dpre @ W1.T",
        "The second matrix product is no different from the first.",
        (
            ("dpre @ W1", "the shapes do not meet: W1 has to be turned over."),
            ("W1 @ dpre.T", "the numbers are there, but turned over."),
            ("dscaled @ W1.T", "BatchNorm lies between: upstream is dpre."),
        ),
    ),
    "W1": (
        "The same form as for W2.",
        "joined.T @ dpre",
        "Input turned over, times upstream.",
        (
            ("dpre.T @ joined", "the numbers are there, but turned over."),
            ("joined.T @ pre", "gradients are made of the upstream gradient, dpre, not of the value."),
            ("joined.T @ dscaled", "BatchNorm lies between: upstream is dpre."),
        ),
    ),
    "b1": (
        "b1 was added to every row, as b2 was. Look at the numbers when you have it.",
        "dpre.sum(0)",
        "All of these are 0 but for rounding: BatchNorm takes the mean away, so b1 changes nothing. A layer before "
        "BatchNorm needs no bias.",
        (
            ("dpre", _NO_SUM),
            ("dpre.sum(0, keepdim=True)", "b1 has the shape (H,): one dimension, so none is kept."),
            ("dscaled.sum(0)", "BatchNorm lies between: upstream is dpre."),
        ),
    ),
    "emb": (
        "joined holds the same numbers in another shape.",
        "djoined.reshape(emb.shape)",
        "Reshaping moves nothing: the gradient is reshaped back.",
        (
            ("djoined", "each number needs its place: the shape is that of emb, (n, 3, d)."),
            ("djoined.T.reshape(emb.shape)", "turning over first mixes up the examples."),
            ("djoined.reshape(emb.shape) / n", "the division by n was in the loss, long ago."),
        ),
    ),
    "C": (
        "Looking up a row is a product with one-hot rows: emb = one_hot(ids, V) @ C. A character that stands in many "
        "places adds up their gradients.",
        "one_hot(ids, V).reshape(-1, V).T @ demb.reshape(-1, d)",
        "Rows of characters that are not in the batch stay 0: they learn nothing from it.",
        (
            ("demb.reshape(-1, d)", "one row a place; the rows of the same character have to be added."),
            ("one_hot(ids, V).reshape(-1, V).T @ demb.reshape(-1, d) / n", "the division by n was in the loss."),
            ("demb.sum(0)", "this adds the examples of each place, whatever their characters are."),
        ),
    ),
}
