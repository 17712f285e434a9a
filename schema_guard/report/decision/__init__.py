# SPDX-License-Identifier: Apache-2.0
"""A verdict as a document, and as a page with plots."""

from schema_guard.report.decision.document import document_of

__all__ = ["document_of"]
