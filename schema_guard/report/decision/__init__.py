"""A verdict as a document, and as a page with plots."""
