"""Credentials of a connection to the Kubernetes API that have ended, and new ones in their place."""

from __future__ import annotations

from typing import Any

UNAUTHORIZED = 401


async def renew(api: Any) -> None:
    """Read the kubeconfig, or the token of the pod, anew; what is asked next is asked with what was found.

    The program that the kubeconfig names is run again. Requests and connections under way go on with what they have.
    `api` is a kr8s Api, which does this itself only for requests whose status it is to raise.
    """
    await api.auth.reauthenticate()
    api._session = None
    await api._create_session()
