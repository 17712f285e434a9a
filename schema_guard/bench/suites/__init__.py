# SPDX-License-Identifier: Apache-2.0
"""How suites are read: one module for each form, and what they share."""
