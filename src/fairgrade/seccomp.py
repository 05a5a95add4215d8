"""Seccomp: the kernel answers only the system calls that computing needs.

The list says what is allowed, not what is forbidden: a call that nobody thought of, or
that a later kernel brings, is refused. `libseccomp` translates it for the machine.
"""

import contextlib
import ctypes
import errno
import struct
import tempfile

from . import kernel


def _names(text):
    return text.split()


# Calls that computing, importing and plotting make. Names that a machine does not know
# (`open` on arm64) are left out there.
ALLOWED = _names("""
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek _llseek
close close_range dup dup2 dup3 pipe pipe2 eventfd2 sendfile copy_file_range
open openat openat2 creat access faccessat faccessat2 stat lstat fstat newfstatat statx
statfs fstatfs getdents getdents64 getcwd chdir fchdir readlink readlinkat umask
mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 link linkat
truncate ftruncate fallocate fadvise64 flock fsync fdatasync sync_file_range readahead
chmod fchmod fchmodat fchmodat2 utime utimes utimensat futimesat
mmap munmap mremap mprotect madvise mincore msync brk mlock munlock mlock2
membarrier get_mempolicy pkey_alloc pkey_free pkey_mprotect
futex futex_waitv set_robust_list get_robust_list rseq set_tid_address
arch_prctl sched_yield sched_getaffinity sched_getparam sched_getscheduler
sched_get_priority_max sched_get_priority_min getcpu getpriority
exit exit_group rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend
rt_sigtimedwait sigaltstack restart_syscall pause signalfd4 wait4 waitid
alarm setitimer getitimer nanosleep clock_nanosleep clock_gettime clock_getres
gettimeofday time times timerfd_create timerfd_settime timerfd_gettime
timer_create timer_settime timer_gettime timer_getoverrun timer_delete
select pselect6 poll ppoll epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait
epoll_pwait2 recvfrom shutdown getsockopt getsockname getpeername
getpid getppid gettid getuid geteuid getgid getegid getresuid getresgid getgroups
getpgrp getpgid getsid capget getrlimit getrusage setrlimit uname sysinfo getrandom
""")

# Calls allowed only with these values of one argument.
FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1031, 1032)  # not: signal an owner
IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # ask; nothing is pushed
PRCTL = (2, 3, 15, 16, 21, 39, 0x53564D41)  # names and questions
THREAD, SPACES, UNIX, STREAM = 0x00010000, 0x7E020000, 1, 1

# Refused with "not permitted", in words that a learner understands. Everything else
# "does not exist" (ENOSYS), so that C libraries fall back on what they used before.
REFUSED = _names("""
socket connect bind listen accept accept4 sendmsg sendmmsg recvmsg recvmmsg
execve execveat fork vfork kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo ptrace
process_vm_readv process_vm_writev mount umount2 chroot pivot_root unshare setns
setuid setgid setreuid setregid setresuid setresgid setgroups capset chown fchown
lchown fchownat symlink symlinkat mknod mknodat shmget shmat semget msgget
keyctl add_key request_key personality setpriority sched_setaffinity
sched_setscheduler sched_setparam setsid setpgid reboot
""")


def program():
    """Return the filter in the machine's own instructions (BPF), from libseccomp.

    They lie in memory as `install` hands them over: each child only has to say where.
    """
    import pyseccomp as library  # raises where libseccomp itself is not installed

    rules = library.SyscallFilter(library.ERRNO(errno.ENOSYS))
    rules.set_attr(library.Attr.ACT_BADARCH, library.KILL_PROCESS)
    with contextlib.suppress(AttributeError, OSError):  # an older libseccomp: a list
        rules.set_attr(library.Attr.CTL_OPTIMIZE, 2)  # a tree, which is faster

    def add(action, name, *conditions):
        # A name unknown on this machine, or to this libseccomp, "does not exist".
        with contextlib.suppress(OSError):
            rules.add_rule(action, name, *conditions)

    def equal(argument, value):
        return library.Arg(argument, library.EQ, value)

    def masked(argument, mask, value):
        return library.Arg(argument, library.MASKED_EQ, mask, value)

    for name in ALLOWED:
        add(library.ALLOW, name)
    for name in REFUSED:
        add(library.ERRNO(errno.EPERM), name)
    for name, values in (("fcntl", FCNTL), ("ioctl", IOCTL)):
        for value in values:
            add(library.ALLOW, name, equal(1, value))
    for value in PRCTL:
        add(library.ALLOW, "prctl", equal(0, value))
    add(library.ALLOW, "clone", masked(0, THREAD | SPACES, THREAD))
    add(library.ERRNO(errno.EPERM), "clone", masked(0, THREAD, 0))
    # A pair of streams is a pipe with two ends (asyncio wakes itself with one). A
    # datagram socket could still send to anybody's address, so could `sendto` with one.
    add(library.ALLOW, "socketpair", equal(0, UNIX), masked(1, 0xF, STREAM))
    add(library.ALLOW, "sendto", equal(4, 0))
    add(library.ALLOW, "prlimit64", equal(0, 0))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        size = file.tell()
        file.seek(0)
        instructions = ctypes.create_string_buffer(file.read(), size)
    head = struct.pack("HxxxxxxP", size // 8, ctypes.addressof(instructions))
    return ctypes.create_string_buffer(head), instructions


def install(program):
    """Put the filter that `program` returned around this thread, for ever."""
    head, _ = program
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    kernel.call("prctl", kernel.PR_SET_SECCOMP, 2, head, 0, 0)
