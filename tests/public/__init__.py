"""Observable behavior, checked only through public names, the command line, and files.

These tests must stay green through any move, rename, or rewrite of the library's modules. All other tests reach inside
the library: they carry the marker `movable`, and a change of structure may move or rewrite them.
"""
