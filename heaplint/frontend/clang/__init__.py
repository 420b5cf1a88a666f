"""The exact front end: libclang's cursors → the same IR that the default one makes.

`client` runs in heaplint's own process and never loads libclang; `worker` is the child process that does, within
limits of time and memory. What goes to the child is made in `sources` (files as one view sees them), `prelude` (what
Python's headers and C's declare) and `compile_flags`; what the child makes of it in `tolerance` and `lowering`.
"""
