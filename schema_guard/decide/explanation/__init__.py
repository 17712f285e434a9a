# SPDX-License-Identifier: Apache-2.0
"""The explanation of a verdict: the arithmetic of its costs, reasons, assumptions, gaps, and the next step."""
