# SPDX-License-Identifier: Apache-2.0
"""Records that leave a store and come into one: as files, and from other stores."""
