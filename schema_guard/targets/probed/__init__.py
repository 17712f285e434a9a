# SPDX-License-Identifier: Apache-2.0
"""What a probe found of a server, read from its file, and the rules of a target as it says them."""
