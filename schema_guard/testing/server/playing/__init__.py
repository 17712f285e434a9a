# SPDX-License-Identifier: Apache-2.0
"""Models that do with what they are asked what servers do, known to the last request."""
