# SPDX-License-Identifier: Apache-2.0
"""Models that use the SDKs of their providers, one file each."""
