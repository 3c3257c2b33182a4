"""Runs 32-bit x86 programs: by the kernel, or by qemu-i386 if the kernel cannot (tests/executes-32-bit)."""
import platform
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EXECUTED = platform.machine() == "x86_64" and subprocess.run([ROOT / "tests/executes-32-bit"], check=False).returncode == 0
# Debian's gcc-multilib provides /usr/include/asm, but cannot be installed together with cross compilers.
GCC_FLAGS = ["-m32", "-idirafter", "/usr/include/x86_64-linux-gnu"]
QEMU = shutil.which("qemu-i386")

# Twin programs of calls that qemu-user does not pass on as the kernel does, with or without the library (tried with 7.2).
QEMU_DIFFERS = {
    **dict.fromkeys(["late_inherited_and_read", "late_inherited_and_written", "late_inherited_by_a_plain_program",
                     "late_inherited_keeps_its_state", "late_received_over_a_unix_socket", "tcp_info"],
                    "tells 4 bytes of TCP_INFO"),
    **dict.fromkeys(["bind_to_device", "connect_after_dropping_privileges", "ioctls", "mark", "options_of_the_socket_level",
                     "options_of_the_tcp_level", "options_set_at_the_socket_level", "options_set_at_the_tcp_level",
                     "send_zero_copy", "timestamps"], "knows not every option and request of a socket"),
    **dict.fromkeys(["option_sizes", "option_sizes_set"], "changes the length of a socket's option"),
    "connect_after_the_main_thread_ended": "makes up /proc/self/exe, by which the program sees the thread's end",
    "connect_in_vfork_children_beside_threads": "makes vfork() a fork()",
    "recvmmsg_many": "sets errno where recvmmsg() succeeds",
    "select_high_numbers": "ends itself where a set has more than FD_SETSIZE descriptors",
    "sigio_tells_the_descriptor": "does not tell si_fd",
}

# Skip reason for tests in which another program starts the 32-bit one.
NEEDS_THE_KERNEL = "this kernel executes no 32-bit program, and another program cannot start one under qemu-i386"


def altered_by_qemu(program):
    """Why a twin program says nothing about the library under qemu-i386; None if it does, or if the kernel executes it."""
    differs = None if EXECUTED else QEMU_DIFFERS.get(program)
    return differs and f"this kernel executes no 32-bit program, and qemu-i386 {differs}"


def emulated(words, environment):
    """The command line and environment that run a 32-bit program: as given, or with qemu-i386 first, which must not load the
    program's preloads itself."""
    if EXECUTED:
        return words, environment
    environment = dict(environment)
    preload = environment.pop("LD_PRELOAD", None)
    return [QEMU, "-L", "/", *(["-E", f"LD_PRELOAD={preload}"] if preload else []), *words], environment
