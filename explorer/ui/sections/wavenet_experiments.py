"""What the WaveNet page offers to try; each claim stands in `tests/pages/test_wavenet.py`."""

from explorer.ui.frame import Experiment

EXPERIMENTS: list[Experiment] = [
    Experiment(
        "Join all eight at once",
        "Fusion 8: one level, one node, 8 × 24 numbers into 128 channels. That is the flat MLP with BatchNorm; the "
        "tree is what happens when the same window is joined in more steps.",
        {"wavenet_net": "fresh", "wavenet_fusion": 8, "wavenet_context": 8},
    ),
    Experiment(
        "Read sixteen",
        "One level more, and the root sees 16 letters. The learned numbers grow by 33,024, whatever the context was.",
        {"wavenet_net": "fresh", "wavenet_fusion": 2, "wavenet_context": 16, "wavenet_channels": 128},
    ),
    Experiment(
        "Make the mistake",
        "The statistics of level 1 become (1, 4, C): each mean averages 32 numbers instead of 128, and strays further "
        "from batch to batch. And the tree is no convolution any more: every position has its own statistics.",
        {"wavenet_net": "fresh", "wavenet_fusion": 2, "wavenet_context": 8, "wavenet_over": False},
    ),
    Experiment(
        "A context that cannot be joined",
        "12 letters two at a time are 6, then 3, and 3 cannot be paired: the page says so and offers 8 and 16.",
        {"wavenet_net": "fresh", "wavenet_fusion": 2, "wavenet_context": 12},
    ),
    Experiment(
        "A learning rate that is too high",
        "Press Train: with steps a thousand times as long the loss explodes within a few hundred of them; the run is "
        "stopped, and its last good snapshot stays.",
        {"wavenet_net": "fresh", "wavenet_context": 8, "wavenet_fusion": 2, "wavenet_rate": 3.0},
    ),
]
