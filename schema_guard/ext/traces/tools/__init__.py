# SPDX-License-Identifier: Apache-2.0
"""The tools whose exports are read, a file each."""
