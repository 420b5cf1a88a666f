"""What runs in the interpreter under test: needs its standard library only, CPython 3.9 and newer."""
