"""Observable behavior, checked only through public names, the command line, and files.

These tests must pass after any move, rename, or rewrite of the library's modules. All other tests use the library's
internals. They carry the marker `movable`, and a change of structure may move or rewrite them.
"""
