# SPDX-License-Identifier: Apache-2.0
"""What several commands share: how they are found by their names, and how far they are."""
