"""The guards of conftest.py themselves: a cache of its own, and no way out of this machine."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from replicate.storage.files import cache_dir


def test_the_cache_is_the_sessions_own(isolated_cache: Path) -> None:
    assert cache_dir() == isolated_cache


def test_nothing_of_the_users_own_is_seen() -> None:
    for name in ("REPLICATE_WEIGHTS", "REPLICATE_IMAGES", "REPLICATE_DEVICE"):
        assert name not in os.environ


@pytest.mark.real_weights
def test_real_weights_are_seen_where_a_test_is_marked(weights_folder: Path) -> None:
    assert Path(os.environ["REPLICATE_WEIGHTS"]) == weights_folder


@pytest.mark.parametrize("address", ["192.0.2.1", "example.org", "8.8.8.8"])
def test_other_machines_are_out_of_reach(address: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"reach '{address}'.*not use the network"):
        socket.create_connection((address, 80), timeout=1)
    with socket.socket() as direct:
        for connect in (direct.connect, direct.connect_ex):
            with pytest.raises(pytest.fail.Exception, match="must not use the network"):
                connect((address, 80))
    datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with datagram, pytest.raises(pytest.fail.Exception, match="must not use the network"):
        datagram.sendto(b"hello", (address, 53))


def test_names_are_not_looked_up() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"reach 'example\.org'"):
        socket.getaddrinfo("example.org", 443)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_within_reach(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = threading.Thread(target=lambda: server.accept()[0].sendall(b"here"))
        answer.start()
        with socket.create_connection((host, server.getsockname()[1]), timeout=5) as client:
            assert client.recv(4) == b"here"
        answer.join()


def test_socket_files_are_within_reach() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"here")
        assert other.recv(4) == b"here"
