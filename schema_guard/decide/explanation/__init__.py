# SPDX-License-Identifier: Apache-2.0
"""What a verdict says beside its rule: the arithmetic of its costs, reasons, assumptions, gaps, what to do next."""
