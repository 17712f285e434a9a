# SPDX-License-Identifier: Apache-2.0
"""Python annotations as schemas: the document, and the values of the type."""
