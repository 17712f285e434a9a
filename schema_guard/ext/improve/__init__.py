# SPDX-License-Identifier: Apache-2.0
"""`schema-guard improve`: candidates for a better prompt, a race between them, and a proof."""
