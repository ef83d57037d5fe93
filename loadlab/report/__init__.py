"""What a run says to people and machines: the HTML report, the terminal summary, summary.json, executed notebooks."""

from loadlab.report.data import FIGURES, ReportData
from loadlab.report.formats import FORMATS, render, write_junit_failure
from loadlab.report.fragments import TABLES, render_table, render_verdict
from loadlab.report.html import render_report, write_report
from loadlab.report.junit import render_junit_failure
from loadlab.report.markdown import LONGEST_COMMENT
from loadlab.report.notebook import (
    RUN_MIMETYPE,
    NotebookResult,
    find_notebook,
    notebook_folders,
    notebook_parameters,
    run_notebook,
)
from loadlab.report.notebook_html import export_html
from loadlab.report.parameters import Parameter, convert_parameters
from loadlab.report.policy import write_page
from loadlab.report.summary import STATISTICS, summary_dict
from loadlab.report.text import render_table_text, render_text, run_line
from loadlab.report.verdict import Verdict, judge

__all__ = [
    "FIGURES",
    "FORMATS",
    "LONGEST_COMMENT",
    "RUN_MIMETYPE",
    "STATISTICS",
    "TABLES",
    "NotebookResult",
    "Parameter",
    "ReportData",
    "Verdict",
    "convert_parameters",
    "export_html",
    "find_notebook",
    "judge",
    "notebook_folders",
    "notebook_parameters",
    "render",
    "render_junit_failure",
    "render_report",
    "render_table",
    "render_table_text",
    "render_text",
    "render_verdict",
    "run_line",
    "run_notebook",
    "summary_dict",
    "write_junit_failure",
    "write_page",
    "write_report",
]
