"""What answers at a master's address, and is not the master."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from loadlab.errors import LaunchError
from loadlab.launch.master_api import MasterApi, look_at


@pytest.mark.parametrize("body", [b"[1]", b"[]", b"1", b"null", b'"ended"', b'{"ok": true}', b"<html>"])
def test_a_foreign_server_at_the_port_is_no_master(answer_with: Callable[[bytes], int], body: bytes) -> None:
    url = f"http://127.0.0.1:{answer_with(body)}"
    assert look_at(url, "token") is None
    with pytest.raises(LaunchError, match="is not loadlab's"):
        MasterApi(url, "token").status()
