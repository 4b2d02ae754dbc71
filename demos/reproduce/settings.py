"""How much is trained and measured: part of every result. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

# 1 / 3.5 is what is claimed; the scenes of the test move more than those of the fit, EfficientDet's by a tenth
BUDGETS = {"hrnet_pose_small": 0.262, "efficientdet_small": 0.25}


@dataclass(frozen=True)
class Settings:
    """`budget`: share of the dense MACs that the gates are fitted to, on tuning seeds; None: that of `BUDGETS`.

    `dense_steps` 0: those of the network's recipe. `gumbel_steps`: of the training of Gumbel gates with block 1,
    `warm_steps`: of the other blocks, which begin with its gates; `window` frames in each of `training_clips` clips.
    `evaluated_clips`, `evaluated_frames`: what chooses the best checkpoint, and what residual sums are fitted on.
    `search_clips`, `search_frames`: what a sweep of the search looks at; `sweeps`: of norm gates and block 1,
    `warm_sweeps`: of the other blocks. `tuning_clips`, `tuning_frames`: what the budget is fitted on in the end.
    `test_clips`, `test_frames`: what the tables measure; the first frame of a clip is its reference
    and not counted. `timed_clips`, `timed_frames`: the wall clock's. `drift_streams`: scenes of the long clip, of
    residual sums only `residual_streams`, since torch runs them; `drift_at`: frames after the reference; each is the
    mean of that frame and the `drift_window` - 1 before it, without the reference.
    """

    budget: float | None = None
    seed: int = 1
    dense_steps: int = 0
    gumbel_steps: int = 100
    warm_steps: int = 100
    batch: int = 2
    window: int = 3
    training_clips: int = 2000
    evaluated_clips: int = 10
    evaluated_frames: int = 6
    search_clips: int = 20
    search_frames: int = 8
    sweeps: int = 3
    warm_sweeps: int = 2
    tuning_clips: int = 40
    tuning_frames: int = 16
    test_clips: int = 120
    test_frames: int = 16
    timed_clips: int = 16
    timed_frames: int = 15
    drift_streams: int = 8
    residual_streams: int = 2
    drift_at: tuple[int, ...] = (4, 30, 300, 3000)
    drift_window: int = 16

    def of(self, network: str) -> Settings:
        """These with the network's own budget, where none is given."""
        return replace(self, budget=BUDGETS[network]) if self.budget is None else self


# looks whether everything runs; its figures mean nothing
QUICK = Settings(
    dense_steps=20, gumbel_steps=4, batch=1, window=2, training_clips=8, evaluated_clips=1, evaluated_frames=3,
    search_clips=1, search_frames=2, sweeps=0, warm_sweeps=0, tuning_clips=1, tuning_frames=3, test_clips=2,
    test_frames=3, timed_clips=1, timed_frames=4, drift_streams=1, residual_streams=1, drift_at=(2, 4), drift_window=2,
)  # fmt: skip
