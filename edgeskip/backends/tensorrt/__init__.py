"""TensorRT: the contract lowered to its parser, engines built and run with edgeskip's plugins."""
