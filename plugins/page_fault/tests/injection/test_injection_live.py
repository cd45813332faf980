"""What an injection gives, which thread it takes, and that nothing is left of it."""

from __future__ import annotations

import fcntl
import os
import signal
import struct

import pytest

from damon_page_fault import injection, threads
from damon_page_fault.injection import Injected, inject_userfaultfd

pytestmark = pytest.mark.live

UFFDIO_API = 0xC018AA3F
UFFD_API = 0xAA


def shake_hands(injected: Injected) -> None:
    """Only a userfaultfd that nobody has used yet answers."""
    fcntl.ioctl(injected.fd, UFFDIO_API, bytearray(struct.pack("=QQQ", UFFD_API, 0, 0)))
    os.close(injected.fd)


@pytest.mark.parametrize("mode", ["busy", "sleep", "epoll", "fibre", "storm", "seccomp-allow"])
def test_a_process_gives_a_fresh_userfaultfd_and_does_not_notice(victim, mode) -> None:
    target = victim(mode, nr_threads=1)
    before = target.traits()
    for _ in range(10):
        injected = inject_userfaultfd(target.target)
        assert injected.stop_ns > 0
        assert injected.tid in target.tids()
        assert not os.get_inheritable(injected.fd)
        shake_hands(injected)
    assert target.works()
    assert target.settles_to(before)
    assert target.count("eintr") == 0


def test_threads_that_wait_for_a_lock_are_preferred_to_the_event_loop(victim) -> None:
    target = victim("futex-and-epoll", nr_threads=2)
    target.wait_until(lambda: [t.call for t in threads.threads_of(target.pid)].count(202) == 2)
    injected = inject_userfaultfd(target.target)
    assert injected.tid in target.tids()[1:]
    assert injected.thread_state.endswith(", restarted by the kernel")
    shake_hands(injected)


def test_a_wait_for_events_is_made_again_instead_of_failing(victim) -> None:
    target = victim("epoll-for-ever", nr_threads=1)

    def waits() -> bool:
        (main,) = (thread for thread in threads.threads_of(target.pid) if thread.tid == target.pid)
        return threads.call_name(main.call) == "epoll_wait" and main.state == "S"

    for _ in range(10):
        target.wait_until(waits)
        answer = run(target, target.pid)
        assert answer.interruption is injection.Interruption.REPEATED
        assert threads.call_name(answer.call) == "epoll_wait"
    assert target.works()
    assert target.count("eintr") == 0


def run(target, tid: int, *, own_files: bool = True):
    command = injection.injector_command()
    answer = injection.run_injector(command, target.target, tid, own_files=own_files)
    if answer.fd >= 0:
        os.close(answer.fd)
    return answer


def test_every_thread_on_a_stack_of_its_own_will_do(victim) -> None:
    target = victim("busy", nr_threads=3)
    for tid in target.tids():
        assert run(target, tid).error == 0
    assert target.works()


def test_a_thread_on_a_stack_from_the_heap_is_not_used_but_another_is(victim) -> None:
    target = victim("fibre-thread")
    fibre = target.tids()[-1]
    assert run(target, fibre).stage is injection.Stage.STACK
    injected = inject_userfaultfd(target.target)
    assert injected.tid != fibre
    shake_hands(injected)
    assert target.works()


def test_a_stopped_process_stays_stopped(victim) -> None:
    target = victim("sleep", nr_threads=1)
    os.kill(target.pid, signal.SIGSTOP)
    target.wait_until(lambda: target.states() == {"T"})
    before = target.traits()
    for _ in range(3):
        shake_hands(inject_userfaultfd(target.target))
    target.wait_until(lambda: target.states() == {"T"})
    assert target.settles_to(before)
    os.kill(target.pid, signal.SIGCONT)
    assert target.works()


def test_a_process_without_a_free_file_descriptor_needs_none(victim) -> None:
    target = victim("no-files")
    before = target.traits()
    shake_hands(inject_userfaultfd(target.target))
    assert target.settles_to(before)
    assert target.works()


@pytest.mark.parametrize("mode", ["busy", "sleep", "epoll"])
def test_where_threads_have_no_pidfds_the_file_table_is_shared(victim, mode) -> None:
    target = victim(mode)
    before = target.traits()
    for _ in range(5):
        assert run(target, target.pid, own_files=False).error == 0
    assert target.settles_to(before)
    assert target.works()


def test_no_privilege_is_needed_for_a_process_of_ones_own(victim, injector_as_nobody) -> None:
    target = victim("sleep", nr_threads=1, user=injector_as_nobody)
    assert run(target, target.pid).error == 0
    assert target.works()


def test_memory_of_the_stack_is_as_it_was(victim) -> None:
    """Also the bytes that were written to for the way home, as far as they can be told apart."""
    target = victim("futex")
    os.kill(target.pid, signal.SIGSTOP)
    target.wait_until(lambda: target.states() == {"T"})
    before = stack_of(target.pid)
    assert run(target, target.pid).error == 0
    target.wait_until(lambda: target.states() == {"T"})
    assert stack_of(target.pid) == before


def stack_of(pid: int) -> bytes:
    with open(f"/proc/{pid}/maps") as maps:
        line = next(line for line in maps if line.rstrip().endswith("[stack]"))
    start, end = (int(word, 16) for word in line.split()[0].split("-"))
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:
        mem.seek(start)
        return mem.read(end - start)
