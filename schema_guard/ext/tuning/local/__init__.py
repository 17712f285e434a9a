# SPDX-License-Identifier: Apache-2.0
"""Tuning on this machine: a LoRA for the local model, trained in a separate process."""
