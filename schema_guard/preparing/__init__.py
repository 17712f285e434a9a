# SPDX-License-Identifier: Apache-2.0
"""The decorator: what it is told, what it prepares, and the function that it makes."""
