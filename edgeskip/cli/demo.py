"""`edgeskip demo`: a video, live, with what was skipped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgeskip.cli.options import (
    BUNDLED,
    DEFAULT_TOLERANCE,
    Backend,
    FrameThreshold,
    Json,
    Labels,
    Precision,
    Size,
    Source,
    Start,
    TaskName,
    Threads,
    Tolerance,
    engine_options,
    examples,
    read_size,
    thread_count,
)

if TYPE_CHECKING:
    from edgeskip.cli.networks import Network

DEFAULT_FILE = Path("edgeskip-demo.mp4")


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    lines = examples(
        "edgeskip demo",
        "edgeskip demo --camera 0",
        "edgeskip demo --source street.mp4 --model yolox.skip.onnx --save street-skip.mp4",
        "edgeskip demo --source 'synthetic:plaza?seed=7&size=640x384' --frames 200 --no-window",
    )
    app.command("demo", epilog=lines)(demo)


def demo(
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="A skip model, a dense .onnx network, or "
                                       "`bundled`.")] = BUNDLED,
    source: Source = None,
    camera: Annotated[int | None, typer.Option(min=0, help="Number of a camera.", show_default=False)] = None,
    save: Annotated[
        Path | None, typer.Option(metavar="F.mp4", help="Write the annotated video here.", show_default=False)
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many frames.", show_default="all; 300 into a file of an "
                                 "endless source")
    ] = None,
    start: Start = 0,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again where the source ends.")] = False,
    no_window: Annotated[bool, typer.Option("--no-window", help="Terminal only, and the file of --save.")] = False,
    masks: Annotated[bool, typer.Option("--masks/--no-masks", help="Light what was computed, calm the rest.")] = True,
    dense_every: Annotated[
        int, typer.Option(min=0, help="Run the dense network on every so many frames, for comparison; 0 never.")
    ] = 15,
    backend: Backend = "auto",
    precision: Precision = "f32",
    threads: Threads = None,
    json: Json = False,
    tolerance: Tolerance = DEFAULT_TOLERANCE,
    frame_threshold: FrameThreshold = None,
    task: TaskName = "auto",
    labels: Labels = None,
    size: Size = None,
) -> None:  # fmt: skip
    """Run a model on a video and show, live, which parts of the picture were skipped.

    In the window: q or Escape ends, space pauses, m switches the masks. Without a display an MP4 is written.
    """
    if source is not None and camera is not None:
        raise typer.BadParameter("choose one of --source and --camera", param_hint="--camera")
    from edgeskip.cli.console import print_json
    from edgeskip.cli.networks import ExportChoices, open_network
    from edgeskip.cli.play import Player
    from edgeskip.cli.sources import picture_preparation, shown_scene_uri

    options = engine_options(precision)
    output = choose_output(save, no_window)
    choices = ExportChoices(
        tolerance, frame_threshold, size=read_size(size), task=task, labels=labels,
        video=source if model != BUNDLED else None,
    )  # fmt: skip
    network = open_network(model, choices)
    uri = source if camera is None else str(camera)
    if uri is None:
        uri = shown_scene_uri(picture_preparation(network.model))
    player = Player(network, uri, backend, thread_count(threads), masks, dense_every, options)
    interrupted = player.run(start, frames, loop, output.window, output.file)
    record = {**_about(network, uri, player), **player.tally.summary()}
    if json:
        print_json(record | {"saved": str(output.file) if output.file else None})
    else:
        _print_summary(record, output.file)
    if interrupted:
        raise typer.Exit(130)


@dataclass(frozen=True)
class Output:
    """Where the pictures go: a window, a file, both or neither."""

    window: bool
    file: Path | None


def choose_output(save: Path | None, no_window: bool) -> Output:
    """A window where one works; without one, and without --no-window, a file.

    Raises:
        OutputError: the file can't be written.
    """
    from edgeskip.cli.console import say
    from edgeskip.cli.outputs import require_writable

    if save is not None and save.suffix:  # a path without one is a folder of pictures
        require_writable(save)
    if no_window:
        return Output(False, save)
    from edgeskip.demos.overlay.window import window_works

    if window_works():
        return Output(True, save)
    if save is None:
        save = DEFAULT_FILE
        require_writable(save)
        say(f"no display: writing {save} instead of opening a window")
    return Output(False, save)


def _about(network: Network, uri: str, player: Any) -> dict[str, Any]:
    return {
        "model": network.model.file,
        "source": uri,
        "backend": player.backend,
        "level": player.level,
        "precision": player.precision,
        "threads": player.threads,
    }


def _print_summary(record: dict[str, Any], file: Path | None) -> None:
    from edgeskip.cli.console import percent, print_facts, say

    if not record["frames"]:
        say("no frame was shown")
        return
    level = f" ({record['level']}, {record['precision']})" if record["level"] else ""
    own, dense = record["edgeskip"], record["onnxruntime"]
    rows = [
        ("source", f"{record['source']}, {record['frames']} frames"),
        ("backend", f"{record['backend']}{level}, {record['threads']} threads"),
        (
            "frame",
            f"{own['ms_median']:.2f} ms median, {own['ms_p95']:.2f} ms p95; {record['fps']:.0f} frames per second",
        ),
        ("MACs computed", percent(record["active_mac_fraction"])),
    ]
    if dense is not None:
        rows.append(
            ("dense", f"{dense['ms_median']:.2f} ms median in ONNX Runtime, on {dense['frames']} of the frames")
        )
        rows.append(("speedup", f"{record['speedup']:.2f} x on these, agreement {record['agreement']:.3f}"))
    if file is not None and file.exists():
        rows.append(("video", str(file)))
    print_facts(record["model"], rows)
