# SPDX-License-Identifier: Apache-2.0
"""A server on loopback that speaks the wire formats of providers."""
