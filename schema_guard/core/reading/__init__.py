"""Reply text -> the JSON texts that it may mean, and their values."""
