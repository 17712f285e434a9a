# SPDX-License-Identifier: Apache-2.0
"""The tools whose exports can be imported, one file each."""
