"""Reproduces the claims of Habibian et al., Skip-Convolutions, CVPR 2021, on HRNet and EfficientDet at a small size.

`python -m edgeskip.demos.reproduce --help` (needs `pip install "edgeskip[export,networks]"`).
"""
