# SPDX-License-Identifier: Apache-2.0
"""The store on a server, for many machines."""
