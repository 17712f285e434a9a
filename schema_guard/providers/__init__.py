# SPDX-License-Identifier: Apache-2.0
"""The providers whose replies are read: one file each, with all that is known of what it sends."""
