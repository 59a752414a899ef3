import pytest

from live.streams import Small, small


@pytest.fixture(scope="session")
def head16() -> Small:
    return small()
