# SPDX-License-Identifier: Apache-2.0
"""What several commands share: their options, how they are found by their names, and how far they are."""
