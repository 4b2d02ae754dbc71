"""Synthetic fixed-camera scenes: moving objects on a static background, with true boxes."""

from edgeskip.video.synthetic.place import Place
from edgeskip.video.synthetic.routes import CLASS_NAMES, FRAMES_PER_SECOND
from edgeskip.video.synthetic.scene import PLACES, SCENE_NAMES, Scene

__all__ = ["CLASS_NAMES", "FRAMES_PER_SECOND", "PLACES", "SCENE_NAMES", "Place", "Scene"]
