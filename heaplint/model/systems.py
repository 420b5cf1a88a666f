"""Which systems a unit can be compiled for, as far as the system headers that it includes say."""

from __future__ import annotations

from typing import Final

from heaplint import lazy_re as re
from heaplint.capi.scalars import SYSTEMS, System
from heaplint.model.unit import Unit

_WINDOWS: Final = re.compile(r"[<\"](?:windows|winsock2?|ws2tcpip|winbase|winternl|tlhelp32|process|io|direct)\.h", re.I)
_UNIX: Final = re.compile(
    r"[<\"](?:unistd|pthread|dlfcn|poll|pwd|grp|termios|semaphore|spawn|syslog|mach|libproc|utmpx?|kvm|ifaddrs|netdb|"
    r"(?:sys|arpa|net|netinet|linux|mach|mach-o|CoreFoundation|IOKit)/(?!types|stat|timeb)[\w/]+)(?:\.h)?[>\"]"
)


def systems(unit: Unit) -> frozenset[System]:
    """Both, but for a unit that includes headers of one of them and none of the other."""
    windows = unix = only_windows = False
    for text in unit.texts:
        for _, written, in_branch in text.reading.includes:
            if _WINDOWS.match(written):
                windows = True
                only_windows = only_windows or not in_branch
            elif _UNIX.match(written):
                unix = True
    if unix and not windows:
        return frozenset({"unix"})
    return frozenset({"windows"}) if only_windows and not unix else SYSTEMS
