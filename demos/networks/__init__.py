"""HRNet with a pose head and EfficientDet, full size and small, and the data that the small ones learn from.

`python -m edgeskip.demos.networks.train --help` (needs `pip install "edgeskip[networks]"`).
"""
