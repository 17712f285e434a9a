# SPDX-License-Identifier: Apache-2.0
"""Python types as schemas: their documents, their values, and what they convert."""
