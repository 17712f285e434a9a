# SPDX-License-Identifier: Apache-2.0
"""The rules of the verdict, and the order in which they apply."""
