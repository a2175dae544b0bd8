"""The guards of conftest.py themselves: a cache of its own, and no way out of this machine."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from replicate.storage.files import cache_dir


def test_nothing_of_the_users_own_is_seen(isolated_cache):
    assert cache_dir() == isolated_cache
    assert not {"REPLICATE_WEIGHTS", "REPLICATE_IMAGES", "REPLICATE_DEVICE"} & set(os.environ)


@pytest.mark.real_weights
def test_real_weights_are_seen_where_a_test_is_marked(weights_folder):
    assert Path(os.environ["REPLICATE_WEIGHTS"]) == weights_folder


@pytest.mark.parametrize("address", ["192.0.2.1", "example.org"])
def test_other_machines_are_out_of_reach(address):
    with socket.socket() as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for attempt in (
            lambda: socket.create_connection((address, 80), timeout=1),
            lambda: socket.getaddrinfo(address, 443),
            lambda: tcp.connect((address, 80)),
            lambda: tcp.connect_ex((address, 80)),
            lambda: udp.sendto(b"hello", (address, 53)),
        ):
            with pytest.raises(pytest.fail.Exception, match=f"'{address}'.*not use the network"):
                attempt()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_within_reach(host):
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = threading.Thread(target=lambda: server.accept()[0].sendall(b"here"))
        answer.start()
        with socket.create_connection((host, server.getsockname()[1]), timeout=5) as client:
            assert client.recv(4) == b"here"
        answer.join()
