"""Synthetic fixed-camera scenes: moving objects on a static background, with true boxes."""

from edgeskip.video.synthetic.hall import Hall
from edgeskip.video.synthetic.plaza import Plaza
from edgeskip.video.synthetic.routes import CLASS_NAMES, FRAMES_PER_SECOND
from edgeskip.video.synthetic.scene import Place, Scene
from edgeskip.video.synthetic.street import Street

PLACES: dict[str, type[Place]] = {"street": Street, "plaza": Plaza, "hall": Hall}
SCENE_NAMES = tuple(PLACES)

__all__ = ["CLASS_NAMES", "FRAMES_PER_SECOND", "PLACES", "SCENE_NAMES", "Place", "Scene"]
