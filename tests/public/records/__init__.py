"""Records of calls: storage, counts, moves, and deletion, independent of the tables of a store."""
