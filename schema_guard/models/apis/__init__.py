# SPDX-License-Identifier: Apache-2.0
"""Models through the packages of their providers, a file each."""
