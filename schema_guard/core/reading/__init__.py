# SPDX-License-Identifier: Apache-2.0
"""Reply text -> the JSON texts that it may mean, and their values."""
