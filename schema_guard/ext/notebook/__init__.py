# SPDX-License-Identifier: Apache-2.0
"""Results in notebooks."""
