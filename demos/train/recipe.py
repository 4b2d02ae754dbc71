"""What training, evaluation and the file beside the network agree on. Needs no torch."""

from __future__ import annotations

from edgeskip.core.contract import Preparation

INPUT_SIZE = (384, 224)  # width, height
STRIDES = (8, 16, 32)
NMS_THRESHOLD = 0.5
PREPARATION = Preparation(
    size=INPUT_SIZE, color="BGR", resize="letterbox", pad_value=114.0, mean=(114.0,) * 3, scale=(1 / 64,) * 3
)

# Seeds of scenes are disjoint: the demo and the tests use 0 to 999, the evaluation 1,000 to 1,999, the choice of
# the score threshold 2,000 to 2,999, and training 100,000 and above.
EVALUATION_SEEDS = range(1_000, 2_000)
TUNING_SEEDS = range(2_000, 3_000)
TRAINING_SEEDS = range(100_000, 1_000_000)
