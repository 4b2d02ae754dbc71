"""What exists in which TensorRT, in one place: 8.6 (JetPack 6.0), 10.3 to 10.16, 11.x.

Every name here was looked up in NVIDIA's own bindings of 8.6.1, 10.3.0, 10.13.3, 10.15.1 and 11.4.0, and a test does it
again where the wheels are. Numbers of enums moved between major versions, so none is written down.
"""

from __future__ import annotations

import re
from typing import Any

from edgeskip.backends.tensorrt import errors

HARDWARE = ("none", "ampere+", "same-capability")
VERBOSITY = ("layers", "detailed", "none")

# module attribute to members that all supported versions have
COMMON: dict[str, tuple[str, ...]] = {
    "Builder": ("create_network", "create_builder_config", "create_optimization_profile", "build_serialized_network",
                "max_threads"),
    "IBuilderConfig": ("set_flag", "clear_flag", "set_memory_pool_limit", "set_preview_feature", "set_tactic_sources",
                       "builder_optimization_level", "profiling_verbosity", "create_timing_cache", "set_timing_cache",
                       "get_timing_cache", "add_optimization_profile", "hardware_compatibility_level",
                       "avg_timing_iterations", "max_aux_streams"),
    "BuilderFlag": ("TF32", "VERSION_COMPATIBLE", "EXCLUDE_LEAN_RUNTIME", "SPARSE_WEIGHTS"),
    "OnnxParser": ("parse", "num_errors", "get_error"),
    "ParserError": ("desc", "node", "code"),
    "IPluginRegistry": ("load_library",),
    "INetworkDefinition": ("get_input", "get_output", "num_inputs", "num_outputs", "num_layers",
                           "get_layer"),
    "ILayer": ("type", "get_output", "num_outputs"),
    "LayerType": ("PLUGIN_V2",),
    "DataType": ("FLOAT", "HALF"),
    "ITensor": ("name", "shape", "allowed_formats"),
    "IOptimizationProfile": ("set_shape",),
    "TensorFormat": ("LINEAR",),
    "MemoryPoolType": ("WORKSPACE",),
    "TacticSource": ("EDGE_MASK_CONVOLUTIONS", "JIT_CONVOLUTIONS"),
    "HardwareCompatibilityLevel": ("NONE", "AMPERE_PLUS"),
    "ProfilingVerbosity": ("LAYER_NAMES_ONLY", "DETAILED", "NONE"),
    "ITimingCache": ("serialize",),
    "Runtime": ("deserialize_cuda_engine",),
    "ICudaEngine": ("num_io_tensors", "get_tensor_name", "get_tensor_mode", "get_tensor_shape", "get_tensor_dtype",
                    "create_execution_context"),
    "IExecutionContext": ("set_input_shape", "get_tensor_shape", "set_tensor_address", "execute_async_v3", "profiler"),
    "IProfiler": ("report_layer_time",),
    "TensorIOMode": ("INPUT",),
}  # fmt: skip
# members that only some have: (module attribute, member) to the first version that has it and the first that has not
SOME: dict[tuple[str, str], tuple[tuple[int, int], tuple[int, int] | None]] = {
    ("NetworkDefinitionCreationFlag", "EXPLICIT_BATCH"): ((8, 0), (11, 0)),
    ("NetworkDefinitionCreationFlag", "STRONGLY_TYPED"): ((10, 0), None),
    ("BuilderFlag", "FP16"): ((8, 0), (11, 0)),
    ("BuilderFlag", "PREFER_PRECISION_CONSTRAINTS"): ((8, 0), (11, 0)),
    ("ILayer", "precision"): ((8, 0), (11, 0)),
    ("ILayer", "set_output_type"): ((8, 0), (11, 0)),
    ("IPluginRegistry", "get_creator"): ((10, 0), None),
    ("IPluginRegistry", "get_plugin_creator"): ((8, 0), (11, 0)),
    ("IBuilderConfig", "progress_monitor"): ((10, 0), None),
    ("HardwareCompatibilityLevel", "SAME_COMPUTE_CAPABILITY"): ((10, 13), None),
    ("PreviewFeature", "ALIASED_PLUGIN_IO_10_03"): ((10, 3), None),
    ("ParserError", "node_name"): ((10, 0), None),
}


def parse_version(text: str) -> tuple[int, int, int]:
    """(10, 13, 3) of "10.13.3.9.post1"."""
    numbers = [int(part) for part in re.findall(r"\d+", text)[:3]]
    return (*numbers, 0, 0, 0)[:3]  # type: ignore[return-value]


def require_supported(text: str) -> tuple[int, int, int]:
    """The version as numbers. Raises TensorRTError where edgeskip has no plugin for it."""
    version = parse_version(text)
    if version[:2] == (8, 6) or (10, 3) <= version[:2] < (12, 0):
        return version
    raise errors.unsupported_version(text)


def member(trt: Any, owner: str, name: str) -> Any:
    """`trt.<owner>.<name>`, None where this version has not got it."""
    return getattr(getattr(trt, owner, None), name, None)


def network_flags(trt: Any) -> int:
    """Explicit batch on 8.6, strong types on 10; 11 has nothing else."""
    major = parse_version(trt.__version__)[0]
    wanted = {8: "EXPLICIT_BATCH", 10: "STRONGLY_TYPED"}.get(major)
    return 1 << int(member(trt, "NetworkDefinitionCreationFlag", wanted)) if wanted else 0


def may_compute_half(trt: Any) -> Any:
    """The flag without which 8.6 computes in float32 whatever the types say; None where types alone decide.

    It must not be given to a strongly typed network.
    """
    return member(trt, "BuilderFlag", "FP16") if parse_version(trt.__version__)[0] < 10 else None


def prefer_types(trt: Any) -> Any:
    """The flag with which 8.6 heeds the precision that a layer asks for; None where types alone decide."""
    return None if has_strong_types(trt) else member(trt, "BuilderFlag", "PREFER_PRECISION_CONSTRAINTS")


def has_strong_types(trt: Any) -> bool:
    """Whether the types of the file are what is computed in."""
    return parse_version(trt.__version__)[0] >= 10


def hardware_level(trt: Any, name: str) -> Any:
    """The hardware compatibility level called `name`. Raises TensorRTError where this version has not got it."""
    names = {"none": "NONE", "ampere+": "AMPERE_PLUS", "same-capability": "SAME_COMPUTE_CAPABILITY"}
    level = member(trt, "HardwareCompatibilityLevel", names[name])
    if level is None:
        raise errors.missing_feature(f"hardware compatibility {name!r}", trt.__version__, "10.13")
    return level


def verbosity(trt: Any, name: str) -> Any:
    """How much of its layers the engine keeps for the inspector."""
    names = {"layers": "LAYER_NAMES_ONLY", "detailed": "DETAILED", "none": "NONE"}
    return member(trt, "ProfilingVerbosity", names[name])


def alias_feature(trt: Any) -> Any:
    """The preview feature with which a plugin may alias state in and out. Raises TensorRTError where it is absent."""
    feature = member(trt, "PreviewFeature", "ALIASED_PLUGIN_IO_10_03")
    if feature is None:
        raise errors.missing_feature("aliased state (--alias-state)", trt.__version__, "10.3")
    return feature


def sources_without_cudnn(trt: Any) -> int:
    """Tactic sources that need no library beside TensorRT's own."""
    return 1 << int(trt.TacticSource.EDGE_MASK_CONVOLUTIONS) | 1 << int(trt.TacticSource.JIT_CONVOLUTIONS)


def plugin_creator(registry: Any, name: str, version: str, namespace: str) -> Any:
    """The creator of a plugin, None where the registry has none."""
    find = getattr(registry, "get_creator", None) or registry.get_plugin_creator
    return find(name, version, namespace)
