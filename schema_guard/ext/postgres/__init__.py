# SPDX-License-Identifier: Apache-2.0
"""The store that is a server, for many machines."""
