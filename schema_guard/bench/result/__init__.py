# SPDX-License-Identifier: Apache-2.0
"""The result of a benchmark: from a finished run to figures, a document, a file, and a page."""
