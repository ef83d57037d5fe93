from collections.abc import Iterator

import pytest
from fake_master import FakeMaster


@pytest.fixture
def master() -> Iterator[FakeMaster]:
    fake = FakeMaster()
    yield fake
    fake.close()
