"""Training of gates for a MAC budget: configuration, clips, the loop, and tuning of finished gates."""

from edgeskip.core.lazy import require

require("torch", "export", "edgeskip.training")

from edgeskip.training.config import Config, read_config  # noqa: E402
from edgeskip.training.model import build_model, load_trained  # noqa: E402
from edgeskip.training.progress import Evaluation, Progress, Result  # noqa: E402
from edgeskip.training.run import train_gates  # noqa: E402
from edgeskip.training.tuning import fit_budget  # noqa: E402

__all__ = [
    "Config",
    "Evaluation",
    "Progress",
    "Result",
    "build_model",
    "fit_budget",
    "load_trained",
    "read_config",
    "train_gates",
]
