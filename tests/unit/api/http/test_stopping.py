"""Signals are heard, and passed on to the server."""

from __future__ import annotations

import signal
import threading

from api.http.stopping import Stopping


def test_what_stops_the_server_is_heard_and_passed_on() -> None:
    stopping, heard = Stopping(), list[int]()
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        servers = signal.getsignal(signal.SIGTERM)
        with stopping.listening():
            assert not stopping()
            signal.raise_signal(signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is servers
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stopping()
    assert heard == [signal.SIGTERM]


def test_a_server_in_a_thread_hears_nothing_and_runs() -> None:
    ran: list[bool] = []

    def run() -> None:
        with Stopping().listening():
            ran.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ran == [True]


def test_what_nobody_handles_is_left_to_the_system() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        with Stopping().listening():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
