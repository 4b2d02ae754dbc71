"""edgeskip: video networks whose frames cost only what changed."""

from pathlib import Path

__version__ = "0.1.0"

# In a source checkout calibration/ and demos/ lie beside this package; in the wheel they are inside it.
_root = Path(__file__).resolve().parent.parent
if (_root / "pyproject.toml").is_file() and (_root / "plugins").is_dir():
    __path__.append(str(_root))
