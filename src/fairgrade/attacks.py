"""Attacks on the walls, one function each: what a hostile submission would try.

Each takes `at`, the things of the teacher that `doctor.py` made to be attacked, and
either returns a few words on what it got, or raises. Outside the sandbox each must
succeed, or it proves nothing; so none does lasting harm even there.
"""

import ctypes
import mmap
import os
import resource
import signal
import socket
import subprocess
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
ATTACKS = {}  # wall -> [function]; filled by `against`


def against(wall):
    """Register a function as an attack on `wall`."""

    def register(function):
        ATTACKS.setdefault(wall, []).append(function)
        return function

    return register


def _call(name, *arguments):
    if (result := getattr(libc, name)(*arguments)) == -1:
        raise OSError(number := ctypes.get_errno(), f"{name}: {os.strerror(number)}")
    return result


def _system_call(by_machine, *arguments):
    number = by_machine
    if isinstance(by_machine, dict):
        number = by_machine[os.uname().machine]
    return _call("syscall", ctypes.c_long(number), *arguments)


def _read(path):
    with open(path) as file:
        return f"read {file.read(12)!r}"


# Files


@against("files")
def read_a_secret_file(at):
    return _read(at.secret)


@against("files")
def list_the_teachers_folder(at):
    return f"saw {os.listdir(at.folder)[:3]}"


@against("files")
def follow_a_link(at):
    os.symlink(at.secret, "link")
    return _read("link")


@against("files")
def give_a_file_a_second_name(at):
    os.link(at.secret, "second")
    return _read("second")


@against("files")
def climb_out_of_the_folder(at):
    return _read("../" * 30 + at.secret)


@against("files")
def read_through_proc(at):
    return _read("/proc/self/root" + at.secret)


@against("files")
def list_the_users(at):
    return _read("/etc/passwd")


@against("files")
def leave_by_a_root_of_ones_own(at):
    os.mkdir("cell")
    os.chroot("cell")
    os.chdir("../" * 30)
    os.chroot(".")
    return _read(at.secret)


# Disk


@against("disk")
def write_into_the_teachers_folder(at):
    with open(f"{at.folder}/written", "w") as file:
        file.write("by a learner")
    return "wrote a file"


@against("disk")
def write_into_shared_memory(at):
    name = f"/dev/shm/{os.path.basename(at.folder)}"
    with open(name, "w") as file:
        os.unlink(name)
        if os.fstat(file.fileno()).st_dev != at.shared_memory:
            raise PermissionError("it is the learner's own folder")
    return "wrote a file"


@against("disk")
def change_a_file_of_the_teachers(at):
    os.truncate(at.spare, 3)
    return "changed a file"


@against("disk")
def fill_the_disk(at):
    for i in range(2 * at.scratch // at.file_size + 1):
        with open(f"part{i}", "wb") as file:
            file.write(bytes(at.file_size))
    return f"wrote {i + 1} files of {at.file_size >> 10} kB"


@against("disk")
def write_one_huge_file(at):
    with open("huge", "wb") as file:
        file.write(bytes(at.file_size + 1))
    return "wrote more than allowed"


# Network


@against("network")
def connect_to_a_server(at):
    with socket.create_connection(("127.0.0.1", at.tcp), timeout=2):
        return "connected"


@against("network")
def send_a_datagram(at):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(b"answers", ("127.0.0.1", at.udp))
    return "sent"


@against("network")
def listen_for_others(at):
    # Where this machine has no network there is a server, but nobody to reach it.
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname(), timeout=2).close()
    return "somebody connected"


@against("network")
def ask_a_name_server(at):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", at.udp))
        question = (
            bytes([7]) + b"answers" + bytes([3]) + b"org" + bytes([0, 0, 1, 0, 1])
        )
        udp.send(bytes([1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + question)
    return "asked"


@against("network")
def talk_to_an_abstract_socket(at):
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect("\0" + at.abstract)
    return "connected"


@against("network")
def talk_to_a_socket_in_a_folder(at):
    with socket.socket(socket.AF_UNIX) as unix:
        unix.connect(at.unix)
    return "connected"


@against("network")
def write_to_an_address_from_a_pair(at):
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    one.sendto(b"answers", "\0" + at.datagram)
    return "sent"


# Processes


@against("processes")
def list_processes(at):
    if not (seen := [name for name in os.listdir("/proc") if name.isdigit()]):
        raise ProcessLookupError("there is none to see")
    return f"saw {len(seen)}"


@against("processes")
def signal_a_process(at):
    os.kill(at.victim, 0)
    return "could signal it"


@against("processes")
def signal_the_parent(at):
    if (parent := os.getppid()) == 0:
        raise ProcessLookupError("there is no parent")
    os.kill(parent, 0)
    return "could signal it"


@against("processes")
def signal_a_classmates_sandbox(at):
    os.kill(at.sibling, 0)
    return "could signal it"


@against("processes")
def signal_everybody(at):
    os.kill(-1, 0)
    return "could signal them"


@against("processes")
def hold_a_process_by_descriptor(at):
    os.close(os.pidfd_open(at.victim))
    return "held it"


@against("processes")
def read_anothers_environment(at):
    with open(f"/proc/{at.victim}/environ", "rb") as file:
        return f"read {len(file.read())} bytes"


@against("processes")
def read_the_parents_memory(at):
    with open(f"/proc/{os.getppid()}/mem", "rb"):
        return "opened it"


@against("processes")
def trace_a_process(at):
    seize = 0x4206
    _call("ptrace", ctypes.c_long(seize), ctypes.c_long(at.victim), None, None)
    return "traced it"


@against("processes")
def slow_a_process_down(at):
    os.sched_setaffinity(at.victim, os.sched_getaffinity(at.victim))
    return "chose its processors"


# Programs


@against("programs")
def run_a_program(at):
    subprocess.run(["/bin/true"], check=True)
    return "ran it"


@against("programs")
def become_a_program(at):
    os.dup2(at.channel, 9)  # shells know numbers of one digit
    os.execv("/bin/sh", ["/bin/sh", "-c", """echo '{"got": "became it"}' >&9"""])


@against("programs")
def run_a_program_of_ones_own(at):
    handle = os.memfd_create("program", 0)
    with open("/bin/true", "rb") as file:
        os.write(handle, file.read())
    child = os.posix_spawn(f"/proc/self/fd/{handle}", ["program"], {})
    if os.waitpid(child, 0)[1] != 0:
        raise OSError("it failed")
    return "ran it"


@against("programs")
def fork(at):
    child = libc.fork()
    if child == 0:
        os._exit(0)
    if child < 0:
        raise OSError(ctypes.get_errno(), "fork: refused")
    os.waitpid(child, 0)
    return "forked"


@against("programs")
def fork_by_number(at):
    clone = {"x86_64": 56, "aarch64": 220}
    child = _system_call(clone, ctypes.c_long(signal.SIGCHLD), None, None, None, None)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "forked"


# The kernel


@against("kernel")
def mount_a_folder(at):
    _call("mount", b"tmpfs", b".", b"tmpfs", ctypes.c_ulong(0), None)
    _call("umount2", b".", 2)
    return "mounted"


@against("kernel")
def change_the_root(at):
    os.chroot(".")
    return "changed"


@against("kernel")
def make_a_user_namespace(at):
    _call("unshare", 0x10000000)
    return "made"


@against("kernel")
def make_a_network_namespace(at):
    _call("unshare", 0x40000000)
    return "made"


@against("kernel")
def change_the_personality(at):
    _call("personality", ctypes.c_ulong(0x0040000))  # addresses not random
    return "changed"


@against("kernel")
def use_io_uring(at):
    os.close(_system_call(425, 4, ctypes.create_string_buffer(120)))
    return "made a ring"


@against("kernel")
def add_a_key(at):
    number = {"x86_64": 248, "aarch64": 217}
    _system_call(number, b"user", b"fairgrade-doctor", b"x", ctypes.c_size_t(1), -1)
    return "added"


@against("kernel")
def use_userfaultfd(at):
    os.close(_system_call({"x86_64": 323, "aarch64": 282}, 1))
    return "opened"


@against("kernel")
def load_a_bpf_program(at):
    number = {"x86_64": 321, "aarch64": 280}
    array = (ctypes.c_uint32 * 18)(2, 4, 4, 1)  # an array map of one number
    os.close(_system_call(number, 0, array, ctypes.sizeof(array)))
    return "made a map"


@against("kernel")
def count_the_machines_events(at):
    number = {"x86_64": 298, "aarch64": 241}
    attributes = (ctypes.c_uint32 * 28)(1, 112)  # software: the processor's clock
    os.close(_system_call(number, attributes, 0, -1, -1, ctypes.c_ulong(0)))
    return "opened"


@against("kernel")
def use_the_32_bit_door(at):
    if os.uname().machine != "x86_64":
        raise OSError("this machine has none")
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex("b814000000cd80c3"))  # getpid, by int 0x80
    start = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if (number := ctypes.CFUNCTYPE(ctypes.c_int)(start)()) < 0:
        raise OSError(-number, os.strerror(-number))
    return f"the kernel answered {number}"


@against("kernel")
def gain_rights_by_a_setuid_program(at):
    if libc.prctl(39, 0, 0, 0, 0) == 1:
        raise PermissionError("no new privileges")
    return "could gain them"


# The user


@against("user")
def be_root(at):
    if os.geteuid() != 0:
        raise PermissionError("an ordinary user")
    return "is root"


@against("user")
def become_root_again(at):
    os.setuid(0)
    return "is root"


@against("user")
def give_a_folder_away(at):
    os.chown(".", 0, 0)
    return "gave a folder away"


@against("user")
def hold_rights_of_the_kernel(at):
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    _call("capget", header, sets)
    if not any(sets[i] for i in (0, 1, 3, 4)):  # effective and permitted
        raise PermissionError("none")
    return f"holds {sets[0].bit_count() + sets[3].bit_count()}"


# Memory, time, threads


@against("memory")
def take_much_memory(at):
    return f"took {len(bytearray(at.memory + (64 << 20))) >> 20} MB"


@against("memory")
def map_much_memory(at):
    with mmap.mmap(-1, at.memory + (64 << 20)) as taken:
        return f"took {len(taken) >> 20} MB"


@against("time")
def burn_the_processor(at):
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    stop = time.process_time() + at.seconds + 0.2
    while time.process_time() < stop:
        pass
    return f"burnt {time.process_time():.1f} s"


@against("time")
def ask_for_more_time(at):
    resource.setrlimit(resource.RLIMIT_CPU, (at.seconds + 60, at.seconds + 60))
    return "got it"


@against("threads")
def start_many_threads(at):
    threading.stack_size(1 << 16)  # small, so that memory is not what stops them
    done = threading.Event()
    started = []
    try:
        for _ in range(at.threads + 10):
            started.append(threading.Thread(target=done.wait, daemon=True))
            started[-1].start()
    finally:
        done.set()
    return f"started {len(started)}"


# Leftovers


@against("leftovers")
def leave_shared_memory(at):
    name = _call("shmget", 0x66677264, ctypes.c_size_t(4096), 0o1600)
    _call("shmctl", name, 0, None)
    return "made some"


@against("leftovers")
def leave_a_message_queue(at):
    number = {"x86_64": 240, "aarch64": 180}
    name = os.path.basename(at.folder).encode()
    os.close(_system_call(number, name, os.O_CREAT | os.O_RDWR, 0o600, None))
    _system_call({"x86_64": 241, "aarch64": 181}, name)
    return "made one"


@against("leftovers")
def outlive_the_parent(at):
    held = ctypes.c_int()
    # Asked of the kernel: which signal comes when the parent dies.
    _call("prctl", 2, ctypes.byref(held), 0, 0, 0)
    if held.value != signal.SIGKILL:
        return "would go on"
    raise ProcessLookupError("dies with its parent")


@against("leftovers")
def leave_a_process(at):
    child = libc.fork()
    if child == 0:
        os.setsid()
        os._exit(0)
    if child < 0:
        raise OSError(ctypes.get_errno(), "fork: refused")
    os.waitpid(child, 0)
    if os.getpid() == 1:
        raise ProcessLookupError("it would end with this one, number 1 of its world")
    return "left one"


# Secrets


@against("secrets")
def read_the_teachers_environment(at):
    return f"read {os.environ[at.variable]!r}"


@against("secrets")
def read_the_environment_in_memory(at):
    environment = ctypes.POINTER(ctypes.c_char_p).in_dll(libc, "environ")
    for i in range(1000):
        entry = environment[i]
        if entry is None:
            raise KeyError(at.variable)
        if entry.startswith(at.variable.encode()):
            return f"read {entry!r}"


@against("secrets")
def use_an_inherited_descriptor(at):
    return f"read {os.pread(at.inherited, 12, 0)!r}"


@against("secrets")
def write_to_the_teachers_terminal(at):
    if os.fstat(2).st_rdev == os.stat("/dev/null").st_rdev:
        raise PermissionError("it leads to /dev/null")
    os.write(2, b"")
    return "could write"
