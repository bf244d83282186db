"""The cost of a frame against the number of objects, everybody in one picture."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trackers.speed import COUNTS, Speed

#: Okabe and Ito's colours, which most people can tell apart
_COLOURS = {
    "sort": "#0072B2",
    "bytetrack": "#D55E00",
    "ocsort": "#009E73",
    "botsort": "#CC79A7",
    "deepsort": "#E69F00",
    "adaptive": "#000000",
}
_OTHER = "#56B4E9"


def draw(results: list[Speed], path: Path) -> None:
    """Ours as thick lines, their references as dashes in the same colour, the peers as a grey crowd."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 5.6))
    labelled = False
    for result in results:
        package, _, name = result.contestant.key.partition(".")
        counts = [count for count in COUNTS if result.best(count)]
        costs = [1000 * cost for count in COUNTS if (cost := result.best(count))]
        colour = _COLOURS.get(name, _OTHER)
        if package == "ours":
            axes.plot(counts, costs, color=colour, lw=2.6, marker="o", ms=5, label=name, zorder=3)
        elif package == "references":
            axes.plot(counts, costs, color=colour, lw=1.4, ls="--", label=f"{name}, reference", zorder=2)
        else:
            label = None if labelled else "other packages"
            labelled = True
            axes.plot(counts, costs, color="#999999", lw=0.9, alpha=0.7, label=label, zorder=1)
    axes.set(xscale="log", yscale="log", xlabel="objects", ylabel="ms per frame, one thread")
    axes.set_xticks(COUNTS, [str(count) for count in COUNTS])
    axes.minorticks_off()
    axes.grid(which="major", color="#dddddd", lw=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100, pil_kwargs={"optimize": True})
    plt.close(figure)
