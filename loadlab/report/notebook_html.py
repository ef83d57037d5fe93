"""An executed notebook as one HTML file that needs no network."""

from __future__ import annotations

from pathlib import Path

from loadlab.report.notebook_file import read_notebook
from loadlab.report.policy import CONTENT_POLICY, write_page

_TEMPLATES = Path(__file__).parent / "templates"


def export_html(notebook: str | Path, output: str | Path | None = None, *, show_code: bool = False) -> Path:
    """Write an executed notebook as HTML: text and outputs, the code only with `show_code`.

    The page is self-contained: require.js, MathJax and the widget loader, which nbconvert would have the browser
    fetch, are left out, and its content policy forbids everything from elsewhere. `output` is the notebook's path with
    ``.html`` if not given.

    Raises:
        ReportError: the notebook cannot be read or the page cannot be written.
    """
    from nbconvert import HTMLExporter

    source = Path(notebook)
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="notebook",
        extra_template_basedirs=[str(_TEMPLATES)],
        exclude_input=not show_code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
    )
    resources = {"metadata": {"name": source.stem, "path": str(source.parent)}, "loadlab_policy": CONTENT_POLICY}
    page, _ = exporter.from_notebook_node(read_notebook(source), resources=resources)
    return write_page(page, Path(output) if output is not None else source.with_suffix(".html"))
