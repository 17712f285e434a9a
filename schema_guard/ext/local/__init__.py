# SPDX-License-Identifier: Apache-2.0
"""Models on this machine: the local model, its weights and its server, models of `outlines`, and their grammars."""
