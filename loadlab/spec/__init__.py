"""What a load test is: validated values. Nothing here starts anything or talks to a network."""

from loadlab.spec.command_line import option_name, read_criteria, read_duration, read_options, read_pairs, write_options
from loadlab.spec.criteria import Criteria
from loadlab.spec.criterion import Criterion, Quantity, fold_name
from loadlab.spec.criterion_writer import write_quantity, write_value
from loadlab.spec.division import divide_number, divide_test
from loadlab.spec.durations import format_duration, parse_duration, write_duration
from loadlab.spec.files import check_folder, in_project, is_url, project_folder, writable_file, yaml_document
from loadlab.spec.guard import GuardRails, missing_guard_rails, origins, read_guard_rails
from loadlab.spec.kinds import split_pairs
from loadlab.spec.kubernetes import KubernetesOptions
from loadlab.spec.loadtest import LoadTest, check_locustfile
from loadlab.spec.locust_options import is_owned_variable
from loadlab.spec.secrets import hide_credentials, hide_host, hide_text, hide_words
from loadlab.spec.shown import FONT, rows_html
from loadlab.spec.specification import Field
from loadlab.spec.stage import Stage

__all__ = [
    "FONT",
    "Criteria",
    "Criterion",
    "Field",
    "GuardRails",
    "KubernetesOptions",
    "LoadTest",
    "Quantity",
    "Stage",
    "check_folder",
    "check_locustfile",
    "divide_number",
    "divide_test",
    "fold_name",
    "format_duration",
    "hide_credentials",
    "hide_host",
    "hide_text",
    "hide_words",
    "in_project",
    "is_owned_variable",
    "is_url",
    "missing_guard_rails",
    "option_name",
    "origins",
    "parse_duration",
    "project_folder",
    "read_criteria",
    "read_duration",
    "read_guard_rails",
    "read_options",
    "read_pairs",
    "rows_html",
    "split_pairs",
    "writable_file",
    "write_duration",
    "write_options",
    "write_quantity",
    "write_value",
    "yaml_document",
]
