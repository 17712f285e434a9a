"""Records of calls: what is stored, counted, moved, and deleted, whatever the tables of a store are."""
