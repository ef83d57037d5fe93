"""What is installed here, what is missing, and how to get it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from loadlab.doctor import machine, notebook, packages, places
from loadlab.doctor.asking import Check, carry_out, look
from loadlab.doctor.checkup import PACKAGES, Checkup, Finding

__all__ = ["Checkup", "Finding", "check", "examine"]

QUICKLY_S = 8.0


def check(runs: str | Path = "runs") -> Checkup:
    """What is ready here for load tests and what is not: in a notebook a table, each red row with what mends it.

    The same as the command ``loadlab doctor``, in a few seconds: what takes longer is told as such. `runs` is where
    runs are to be kept, a folder or ``s3://bucket/prefix``. Nobody is asked over the network but S3, where `runs` is
    there, and the cluster that the kubeconfig names. Raises nothing.
    """
    return examine(runs, within_s=QUICKLY_S)


def examine(runs: str | Path = "runs", *, within_s: float = 60.0) -> Checkup:
    """Look at this machine and this Python for at most about `within_s` seconds; see `check`.

    Starts ``locust --version``, ``jupyter kernelspec list`` and, where there is a kubeconfig, ``loadlab swarms``, and
    writes, and removes, one file beside the runs. Raises nothing.
    """
    patience_s = within_s * 0.9
    here = look(Check("notebook", "this session", notebook.check_this_kernel))  # a thread knows of no cell
    program = machine.check_program
    checks = (
        Check("python", "python", packages.check_python),
        Check(PACKAGES, PACKAGES, packages.check_packages),
        Check("notebook", "notebook kernel", partial(notebook.check_kernel, patience_s)),
        Check("notebook", "figures", notebook.check_figures),
        Check("notebook", "live panel", notebook.check_widgets),
        Check("load", "locust starts", partial(packages.check_locust, patience_s)),
        Check("load", "ports", machine.check_loopback),
        Check("load", "open files", machine.check_open_files),
        Check("load", "CPUs", machine.check_cpus),
        Check("load", "clock", machine.check_clock),
        Check("runs", "runs folder", partial(places.check_runs, runs)),
        Check("runs", "git", partial(program, "git", ("git",), "the revision in a run's provenance")),
        Check("kubernetes", "helm", partial(program, "helm", ("helm",), "load tests on Kubernetes", _HELM)),
        Check("kubernetes", "cluster", partial(places.check_cluster, patience_s)),
        Check("export", "cloudwatch", places.check_cloudwatch),
        Check("tests", "chromium", partial(program, "chromium", _BROWSERS, "the tests that open a page")),
        Check("tests", "nginx", partial(program, "nginx", _NGINX, "the tests that compare with its access log")),
    )
    return Checkup((*here, *carry_out(checks, within_s)))


_HELM = "see https://helm.sh/docs/intro/install"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_NGINX = ("nginx", "/usr/sbin/nginx")
