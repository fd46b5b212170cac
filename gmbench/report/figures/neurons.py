"""The figure of a first layer's neurons, as pictures."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.figure import Figure

from gmbench.report.figures.style import WIDE, drawn, show, titled
from gmbench.report.text.markdown import number
from gmbench.results.pictures import Pictures


@drawn
def pictures(blocks: Mapping[str, Mapping[str, Pictures]], title: str) -> Figure | None:
    """Blocks of pictures side by side: a row for each quantity, of one scale in all blocks, a column for each neuron.

    :param blocks: for each of them its quantities, with the same ones in the same order
    """
    names = list(dict.fromkeys(name for block in blocks.values() for name in block))
    if not names:
        return None
    alike = {name: [block[name] for block in blocks.values() if name in block] for name in names}
    ends = {name: (min(row.low for row in rows), max(row.high for row in rows)) for name, rows in alike.items()}
    columns = max(len(row.images) for block in blocks.values() for row in block.values())
    width = WIDE / 12.4
    figure = Figure(
        figsize=(width * (columns + 0.2) * len(blocks) + 0.3, width * len(names) + 0.9), layout="constrained"
    )
    figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    for part, (said, block) in zip(figure.subfigures(1, len(blocks), squeeze=False)[0], blocks.items(), strict=True):
        part.suptitle(said, fontsize=10)
        grid = part.subplots(len(names), columns, squeeze=False)
        for line, name in zip(grid, names, strict=True):
            for axes in line:
                axes.set_axis_off()
            if name not in block:
                continue
            low, high = ends[name]
            for axes, image in zip(line, block[name].images, strict=False):
                show(axes, image, low, high)
            line[0].set_axis_on()
            line[0].set(xticks=[], yticks=[])
            line[0].set_ylabel(f"{name}\n{number(low, 2)} to {number(high, 2)}", fontsize=8)
    titled(figure, title)
    return figure
